"""Segments found from differences in effect: where there are some, none elsewhere, estimated on other units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from alamo.connectors.sources import read_table
from alamo.inference import ExperimentSpec, analyze_experiment
from alamo.inference.experiment_found import asks_for_found
from alamo.prediction.learners import boosted_outcome


def trial(n: int, seed: int, effect: float, columns: dict | None = None) -> pa.Table:
    """An experiment whose action adds `effect` where ``visits`` is 5 or more, and takes it away elsewhere."""
    rng = np.random.default_rng(seed)
    visits, arm = rng.integers(0, 10, n), rng.integers(0, 2, n)
    y = rng.normal(size=n) + arm * np.where(visits >= 5, effect, -effect)
    table = {"arm": np.where(arm == 1, "mail", "none"), "visits": visits, "age": rng.normal(size=n), "y": y}
    return pa.table({**table, **(columns or {})})


def analyzed(table: pa.Table, segments: tuple[str, ...] = ("found",)):
    return analyze_experiment(table, ExperimentSpec("arm", "none", ("y",), segments=segments), boosted_outcome())


def test_segments_with_other_effects_are_found_and_named() -> None:
    result = analyzed(trial(6000, 1, 0.6))
    segments = [row for row in result.rows if row.segment is not None]
    assert len(segments) >= 2
    assert all("visits" in row.segment for row in segments)
    high, low = (max if up else min for up in (True, False))
    assert high(row.mean for row in segments) == pytest.approx(0.6, abs=0.2)
    assert low(row.mean for row in segments) == pytest.approx(-0.6, abs=0.2)
    assert sum(row.n + row.n_control for row in segments) == pytest.approx(3000, abs=4 * np.sqrt(6000 / 4))


def test_the_real_mail_that_works_by_what_was_bought_is_parted_there(test_data: Path) -> None:
    table = read_table(test_data / "hillstrom/hillstrom.csv.gz")
    spec = ExperimentSpec("segment", "No E-Mail", ("visit",), segments=("found",))
    rows = [row for row in analyze_experiment(table, spec, boosted_outcome()).rows if row.segment is not None]
    assert {(row.action, row.segment) for row in rows} == {
        ("Womens E-Mail", "womens is 0"), ("Womens E-Mail", "womens is 1"),
    }  # fmt: skip
    by_name = {row.segment: row for row in rows}
    assert by_name["womens is 1"].lower > by_name["womens is 0"].upper


def test_where_the_effect_is_everywhere_the_same_there_are_none() -> None:
    rng = np.random.default_rng(3)
    table = trial(4000, 2, 0.0)
    lifted = table.set_column(3, "y", pa.array(rng.normal(size=4000) + 0.5 * (np.array(table["arm"]) == "mail")))
    result = analyzed(lifted)
    assert [row.segment for row in result.rows] == [None]
    assert [refusal.what for refusal in result.refusals] == ["segments by effect of 'mail' on 'y'"]


def test_too_few_units_find_nothing() -> None:
    assert [row.segment for row in analyzed(trial(300, 4, 0.6)).rows] == [None]


def test_a_column_of_that_name_is_meant_where_there_is_one() -> None:
    assert asks_for_found(("found",), ["arm", "y"])
    assert not asks_for_found(("found",), ["arm", "found"])
    assert not asks_for_found("auto", ["arm"])
    table = trial(2000, 5, 0.6, {"found": np.tile(["here", "there"], 1000)})
    assert {row.segment for row in analyzed(table).rows} == {None, "found here", "found there"}
