"""Logs at the edge of what can be valued: places with few rows, long files, too many places, tiny probabilities."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.inference.off_policy_logs import simulated

from alamo.domain.errors import AlamoError
from alamo.inference.off_policy import LoggedDecisions, PolicyResult, PolicySpec, TargetPolicy, analyze_policy
from alamo.inference.off_policy import outcome_model as module
from alamo.inference.off_policy.outcome_model import cross_fit
from alamo.inference.off_policy.overlap import overlap_of, refusals_of

N = 6_000


def run(table: pa.Table, ridge: object, **options: object) -> PolicyResult:
    words = {"target_prefix": "P_"} if "target" not in options else {}
    return analyze_policy(table, PolicySpec(action="action", propensity="p", outcome="y", **words, **options), ridge)


def with_column(table: pa.Table, name: str, values: object) -> pa.Table:
    kept = table.drop([name]) if name in table.column_names else table
    return kept.append_column(name, pa.array(values))


def odd_places(second: np.ndarray) -> list[str]:
    """Refusals of a log whose first place is right (weights 0.5 and 5.5, mean 1) and whose second has these weights."""
    first = np.resize(np.r_[np.full(8, 0.5), 5.5, 0.0], 4_000) / 0.95
    weight = np.concatenate([first, second])
    n, place = len(weight), np.repeat([0, 1], [len(first), len(second)])
    log = LoggedDecisions(("a", "b"), np.arange(n) % 2, np.full(n, 0.1), np.arange(n) * 1.0, place, ("1", "2"))
    return [refusal.reason for refusal in refusals_of(overlap_of(log, TargetPolicy(0.1 * weight)))]


def test_a_place_with_a_handful_of_rows_is_no_reason_to_refuse_a_good_log(ridge):
    for seed in range(20):
        table = simulated(N, 30 + seed)
        result = run(with_column(table, "place", np.arange(N) // (N - 6)), ridge, position="place")
        assert result.overlap.positions[1].n == 6
        assert not [refusal for refusal in result.refusals if "at place 1" in refusal.reason]


def test_heavy_rows_that_happened_not_to_come_are_chance_but_a_place_without_any_weight_is_not():
    """Weights up to 5.8 at 1 row in 10: 40 rows without one have the probability .9⁴⁰ = .015, and no spread at all."""
    assert not odd_places(np.full(40, 0.5))
    assert not odd_places(np.zeros(20))
    assert any("0 at place 2" in reason for reason in odd_places(np.zeros(1_000)))


def test_a_model_trained_on_part_of_a_long_file_sees_every_place(ridge, monkeypatch):
    """Slates of four rows: every fourth row is of one place."""
    monkeypatch.setattr(module, "_MOST_ROWS", 400)
    place = np.arange(2_000) % 4
    unit = np.arange(2_000) // 4
    log = LoggedDecisions(("a", "b"), unit % 2, np.full(2_000, 0.5), 10.0 * place, place, tuple("1234"), unit)
    every = np.full((2_000, 2), 0.5)
    model = cross_fit(log, TargetPolicy(np.full(2_000, 0.5), every), np.empty((2_000, 0)), ridge)
    assert model.at_drawn == pytest.approx(10.0 * place, abs=0.1)  # ridge penalty of 1e-6, outcome up to 30


def test_more_than_200_places_are_no_slate(ridge):
    table = simulated(N, 4)
    with pytest.raises(AlamoError) as caught:
        run(with_column(table, "place", np.arange(N) % 201), ridge, position="place")
    assert caught.value.code == "policy.places"
    assert "'place' holds 201 values" in caught.value.message
    assert len(run(with_column(table, "place", np.arange(N) % 20), ridge, position="place").overlap.positions) == 20


@pytest.mark.parametrize("tiny", [1e-300, 5e-324, 9e-13])
def test_a_propensity_next_to_nothing_is_a_slip(ridge, tiny):
    table = simulated(N, 5)
    p = table["p"].to_numpy().copy()
    p[3] = tiny
    with pytest.raises(AlamoError) as caught:
        run(with_column(table, "p", p), ridge)
    assert caught.value.code == "policy.propensity"
    assert f"'p' is {tiny:g} in row 4" in caught.value.message
    assert "not under 1e-12" in caught.value.message


def test_a_small_propensity_is_refused_by_its_weight_not_by_an_overflow(ridge):
    table = simulated(N, 5)
    p = table["p"].to_numpy().copy()
    p[3] = 1e-12
    result = run(with_column(table, "p", p), ridge)
    assert result.chosen is None
    assert "effective sample size" in result.refusals[0].reason


def test_a_number_that_is_nan_is_a_missing_label_and_a_unit_of_its_own(ridge):
    table = simulated(N, 6)
    action = np.where(np.arange(N) == 2, np.nan, 1.0)
    with pytest.raises(AlamoError, match="'action' is missing in row 3"):
        run(with_column(table, "action", action), ridge, target="to")
    place = np.where(np.arange(N) == 2, np.nan, 1.0)
    with pytest.raises(AlamoError, match="'place' is missing in row 3"):
        run(with_column(table, "place", place), ridge, position="place")
    unit = (np.arange(N) // 2).astype(float)
    unit[:4] = np.nan
    result = run(with_column(table, "who", unit), ridge, unit="who")
    assert result.overlap.units == N // 2 + 2  # four rows of their own in the place of two pairs


@pytest.mark.parametrize("values", [pa.nulls(N), pa.nulls(N, pa.string()), pa.array(np.full(N, np.nan))])
def test_a_unit_that_no_row_names_is_an_error(ridge, values):
    with pytest.raises(AlamoError) as caught:
        run(simulated(N, 7).append_column("who", values), ridge, unit="who")
    assert caught.value.code == "policy.unit"
    assert "'who' is missing in every row" in caught.value.message


@pytest.mark.parametrize("role", ["position", "unit"])
def test_a_list_is_no_label(ridge, role):
    table = with_column(simulated(N, 8), "many", [[1, 2]] * N)
    with pytest.raises(AlamoError) as caught:
        run(table, ridge, **{role: "many"})
    assert caught.value.code == "policy.nested"
    assert "'many' is list" in caught.value.message


def test_no_columns_are_no_features(ridge):
    table = simulated(N, 9)
    assert run(table, ridge, features=()).features == ()
    assert run(table, ridge, features=()).rows == run(table, ridge, features="none").rows


def test_a_number_that_does_not_exist_is_null_in_json_however_deep_it_stands(ridge):
    place = np.arange(N) // (N - 1)  # the last place holds one row: no standard error
    found = run(with_column(simulated(N, 1), "place", place), ridge, position="place").to_dict()
    assert found["overlap"]["positions"][1]["mean_weight_se"] is None
    json.dumps(found, allow_nan=False)
