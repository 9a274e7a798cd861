"""Contracts from a table: the published example, dates, covariates, hold-out, cohorts, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.domain.errors import AlamoError, InputError, UsageError
from alamo.inference.lifetime_value import ContractResult, ContractSpec
from alamo.inference.lifetime_value import analyze_contracts as analyze_on
from alamo.inference.lifetime_value.contract_retention import wilson

COUNTED = ContractSpec(periods="seen", left="gone")
DATED = ContractSpec(start="began", end="ended", until=date(2021, 12, 31))
TODAY = date(2026, 11, 27)


def analyze_contracts(table: pa.Table, spec: ContractSpec) -> ContractResult:
    return analyze_on(table, spec, TODAY)


def published() -> pa.Table:
    """The high-end segment of Fader & Hardie (2007), table 1: 1,000 customers, seven renewals."""
    ended = [1] * 131 + [2] * 126 + [3] * 90 + [4] * 60 + [5] * 42 + [6] * 34 + [7] * 26
    gone = [True] * len(ended) + [False] * (1_000 - len(ended))
    return pa.table({"seen": ended + [7] * (1_000 - len(ended)), "gone": gone})


def dated(n: int, seed: int, *, effect: float = 0.0, spike: float = 0.0) -> pa.Table:
    """Monthly contracts begun in 2019–2020; chances to leave are Beta(0.8, 4), moved by `plan` and a first spike."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2019-01-01") + rng.integers(0, 700, n)
    basic = rng.random(n) < 0.5
    p = rng.beta(0.8, 4.0, n)
    odds = p / (1.0 - p) * np.exp(effect * basic)
    p = odds / (1.0 + odds)
    life = rng.geometric(np.maximum(p, 1e-9))
    life = np.where(rng.random(n) < spike, 1, life)  # leaves at the first renewal
    month = start.astype("datetime64[M]") + np.minimum(life, 600)
    last = (month + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    end = np.minimum(month.astype("datetime64[D]") + (start - start.astype("datetime64[M]")), last) - np.timedelta64(
        1, "D"
    )
    gone = end <= np.datetime64("2021-12-31")
    ended = [str(day) if left else None for day, left in zip(end, gone, strict=True)]
    plan = np.where(basic, "basic", "plus")
    return pa.table(
        {"id": [f"c{i}" for i in range(n)], "began": start, "ended": ended, "plan": plan, "fee": 10.0 + basic}
    )


def test_the_published_segment_gives_the_published_parameters_and_retention():
    found = analyze_contracts(published(), COUNTED)
    assert found.model == "shifted-beta-geometric"
    assert [round(row.estimate, 3) for row in found.parameters] == [0.668, 3.806]
    assert found.rows[0].retention == pytest.approx(0.869)
    assert found.rows[6].survival == pytest.approx(0.491)
    assert found.rows[6].survival_model == pytest.approx(0.491, abs=0.01)
    assert found.fit_p_value > 0.001
    assert (found.n_customers, found.n_active) == (1_000, 491)
    assert all(row.lower < row.retention < row.upper for row in found.rows)


@pytest.fixture(scope="module")
def months():
    judged = replace(DATED, calibrate_until=date(2020, 12, 31), cohorts="quarter")
    return analyze_contracts(dated(6_000, 1), replace(judged, customer="id", margin="fee", discount=0.01))


def test_dates_give_the_parameters_they_were_drawn_from(months):
    for row, true in zip(months.parameters, (0.8, 4.0), strict=True):
        assert abs(row.estimate - true) < 4.0 * row.se
    assert months.rows[0].at_risk > 5_900


def test_the_hold_out_counts_renewals_the_model_had_not_seen(months):
    held = months.holdout
    assert held.predicted.lower < held.actual < held.predicted.upper
    assert abs(held.aggregate_error) < 0.02
    assert held.due > held.actual > 0.6 * held.due


def test_value_is_margin_times_discounted_renewals_of_those_who_are_here(months):
    table = months.customers_table()
    assert table.num_rows == months.n_active
    assert pc.sum(table["value_money"]).as_py() == pytest.approx(months.value_money)
    expected, value = table["expected_renewals"].to_numpy(), table["value_money"].to_numpy()
    assert (value < 11.0 * expected).all()
    assert (value > 10.0 * expected / 1.01**11).all()
    assert pc.sum(table["expected_renewals"]).as_py() == pytest.approx(months.total.mean)
    loyal = table["renewals"].to_numpy()
    assert np.corrcoef(loyal, table["p_renews"].to_numpy())[0, 1] > 0.5  # the loyal are left


def test_cohorts_hold_only_ages_that_all_of_them_have_reached(months):
    table = months.cohorts
    first = table.filter(pc.equal(table["cohort"], date(2019, 1, 1)))
    assert first["renewal"].to_pylist() == list(
        range(34)
    )  # until December 2021 who began in March 2019 renews 33 times
    assert first["active"][0].as_py() == first["customers"][0].as_py()
    assert (np.diff(first["active"].to_numpy()) <= 0).all()
    last = table.filter(pc.equal(table["cohort"], date(2020, 10, 1)))
    assert max(last["renewal"].to_pylist()) == 13  # the last of them began on 30 November 2020


def test_a_covariate_that_moves_leaving_is_found():
    found = analyze_contracts(dated(6_000, 2, effect=0.8), replace(DATED, covariates=("plan",), margin=20.0))
    assert found.model == "hazard"
    basic = found.parameters[0]
    assert basic.parameter in {"plan=basic", "plan=plus"}
    sign = 1.0 if basic.parameter == "plan=basic" else -1.0
    assert sign * basic.estimate > 4.0 * basic.se
    assert found.total.lower is None
    assert any("interval" in item.what for item in found.refusals)
    assert found.value_money == pytest.approx(20.0 * found.total.mean)


def test_ages_that_do_not_leave_as_the_model_says_get_chances_of_their_own():
    """A third leave at the first renewal: retention jumps more than the shifted beta-geometric can."""
    spiked = dated(6_000, 3, spike=0.35)
    found = analyze_contracts(spiked, DATED)
    assert found.model == "hazard"
    assert "every age has a chance to leave of its own" in found.refusals[0].reason
    for row in found.rows[:5]:
        assert row.retention_model == pytest.approx(row.retention, abs=1e-4)
    told = analyze_contracts(spiked, replace(DATED, model="shifted-beta-geometric"))
    assert told.model == "shifted-beta-geometric"
    assert told.fit_p_value < 1e-3


def test_too_few_leavers_give_the_counts_and_no_model():
    few = pa.table({"seen": [1] * 30, "gone": [True] * 3 + [False] * 27})
    found = analyze_contracts(few, COUNTED)
    assert (found.model, found.total, found.rows[0].left) == (None, None, 3)
    assert found.rows[0].retention_model is None
    assert found.refusals[0].what == "retention model and forecasts"
    assert found.customers_table()["p_renews"].null_count == 27


def test_customers_who_have_not_been_up_for_a_renewal_are_forecast_all_the_same():
    new = pa.concat_tables([published(), pa.table({"seen": [0] * 50, "gone": [False] * 50})])
    with_new, without = analyze_contracts(new, COUNTED), analyze_contracts(published(), COUNTED)
    assert with_new.parameters == without.parameters
    assert with_new.n_active == without.n_active + 50
    assert with_new.customers_table()["renewals"].to_pylist().count(0) == 50


def test_wilson_is_the_interval_that_inverts_the_test_of_a_share():
    lower, upper = wilson(np.array([0.9]), np.array([200.0]), 0.9)
    for end in (lower[0], upper[0]):
        assert abs(0.9 - end) / np.sqrt(end * (1.0 - end) / 200.0) == pytest.approx(1.6449, abs=1e-4)


def test_dates_that_have_not_come_are_plans_and_the_last_one_that_has_is_told():
    open_ended = replace(DATED, until=None)
    known = dated(2_000, 5)
    last = max(pc.max(known["began"]).as_py(), date.fromisoformat(pc.max(known["ended"]).as_py()))
    planned = pa.table(
        {
            "began": pa.chunked_array([[*known["began"].to_pylist(), date(2021, 6, 1), date(2027, 1, 1)]]),
            "ended": [*known["ended"].to_pylist(), "9999-12-31", None],
        }
    )
    plain, found = analyze_contracts(known, open_ended), analyze_contracts(planned, open_ended)
    assert (plain.until, found.until) == (last, last)
    assert (found.n_customers, found.n_active) == (plain.n_customers + 1, plain.n_active + 1)
    assert not plain.refusals
    assert found.refusals[-1].reason.startswith(f"ends after {last} have not come (1 contracts go on)")
    assert found.refusals[-1].cure.endswith("--until DATE")
    on_the_day = analyze_on(planned, open_ended, date(2021, 1, 31))
    assert on_the_day.until <= date(2021, 1, 31)
    with pytest.raises(UsageError, match="--until 2018-12-31 lies before the first contract begins"):
        analyze_on(known, open_ended, date(2018, 12, 31))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"began": ["2020-01-01"] * 2, "ended": ["2020-03-01", "2019-12-31"]},
            "row 2: the contract ends on 2019-12-31",
        ),
        ({"began": ["2020-01-01", "soon"], "ended": [None, None]}, "'began', row 2: 'soon'"),
        ({"began": ["2020-01-01"] * 2, "ended": ["", "soon"]}, "'soon' is not a time"),
    ],
)
def test_a_row_that_cannot_be_is_named(change, says):
    with pytest.raises(InputError, match=says):
        analyze_contracts(pa.table(change), ContractSpec(start="began", end="ended"))


@pytest.mark.parametrize(
    ("table", "spec", "code"),
    [
        ({"seen": [0], "gone": [True]}, COUNTED, "contracts.left_before"),
        ({"seen": [1.5], "gone": [True]}, COUNTED, "lifetime.bad_contract_value"),
        ({"seen": ["two"], "gone": [True]}, COUNTED, "lifetime.bad_contract_value"),
        ({"seen": [1], "gone": ["maybe"]}, COUNTED, "lifetime.bad_contract_value"),
        ({"seen": [1, None], "gone": [True, True]}, COUNTED, "lifetime.bad_contract_value"),
        ({"seen": [1]}, COUNTED, "usage.unknown_column"),
        ({"seen": [], "gone": []}, COUNTED, "contracts.empty"),
        ({"seen": [1], "gone": [False], "fee": [None]}, ContractSpec("seen", "gone", margin="fee"), "contracts.margin"),
        (
            {"seen": [1], "gone": [False], "age": [None]},
            ContractSpec("seen", "gone", covariates=("age",)),
            "contracts.missing_covariate",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(table, spec, code):
    floats = {name: pa.array(values, pa.float64()) for name, values in table.items() if values == [None]}
    with pytest.raises(AlamoError) as caught:
        analyze_contracts(pa.table(table | floats), spec)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "contracts.columns"),
        ({"start": "a"}, "contracts.columns"),
        ({"start": "a", "end": "b", "periods": "c", "left": "d"}, "contracts.columns"),
        ({"periods": "a", "left": "b", "cohorts": "month"}, "contracts.needs_dates"),
        ({"start": "a", "end": "b", "every": "day"}, "contracts.wrong_option"),
        ({"start": "a", "end": "b", "model": "magic"}, "contracts.wrong_option"),
        ({"start": "a", "end": "b", "horizon": 0}, "contracts.wrong_option"),
        ({"start": "a", "end": "b", "covariates": ("x",), "model": "shifted-beta-geometric"}, "contracts.wrong_option"),
        ({"start": "a", "end": "b", "discount": -1.0}, "contracts.wrong_option"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_next_step(given, code):
    with pytest.raises(UsageError) as caught:
        ContractSpec(**given)
    assert caught.value.code == code
    assert "--" in caught.value.hint
