"""The largest outcome, read off the sums of cells, matters as much as the rows say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_spec import ExperimentSpec


def _file(n: int = 3000) -> pa.Table:
    rng = np.random.default_rng(2)
    arm = rng.integers(0, 3, n)
    spend = np.where(rng.random(n) < 0.4, np.round(rng.lognormal(3.0, 1.5, n), 2), 0.0)
    columns = {"arm": np.array(["none", "mail", "post"])[arm], "town": rng.choice(["n", "s"], n), "spend": spend}
    return pa.table({**columns, "bought": (spend > 0).astype(int), "profit": spend - 5.0})


@pytest.mark.parametrize("segments", ["none", ("town",)])
def test_without_the_row_of_the_largest_outcome_the_effect_is_that_of_the_other_rows(ridge, segments) -> None:
    table = _file()
    spec = ExperimentSpec("arm", "none", ("spend",), features="none", segments=segments, propensity=1 / 3)
    result = analyze_experiment(table, spec, ridge)
    spend, arms = table["spend"].to_numpy(), np.array(table["arm"].to_pylist())
    for largest in result.largest_units:
        compared = np.isin(arms, ["none", largest.action])
        row = int(np.flatnonzero(compared)[spend[compared].argmax()])
        rest = analyze_experiment(table.filter(pa.array(np.arange(len(spend)) != row)), spec, ridge)
        expected = next(found for found in rest.rows if found.action == largest.action)
        assert (largest.value, largest.arm) == (spend[row], arms[row])
        assert largest.share == pytest.approx(spend[row] / spend[compared].sum())
        assert largest.mean_without == pytest.approx(expected.mean)
        assert largest.upper_without == pytest.approx(expected.upper)
    assert {found.action for found in result.largest_units} == {"mail", "post"}


def test_flags_have_none_and_of_outcomes_below_nought_the_rows_tell(ridge) -> None:
    spec = ExperimentSpec("arm", "none", ("bought", "profit"), features="none")
    table = _file()
    mail, _ = analyze_experiment(table, spec, ridge).largest_units
    profit, arms = table["profit"].to_numpy(), np.array(table["arm"].to_pylist())
    compared = np.isin(arms, ["none", "mail"])
    assert (mail.outcome, mail.value) == ("profit", np.abs(profit[compared]).max())


def test_a_false_discovery_rate_and_effects_worth_finding_are_answered_from_sums_too(ridge) -> None:
    spec = ExperimentSpec("arm", "none", ("spend",), features="none", fdr=0.1, detect={"spend": "50%"})
    result = analyze_experiment(_file(), spec, ridge)
    assert [test.action for test in result.multiplicity.tests] == ["mail", "post"]
    assert result.power[0].target == pytest.approx(0.5 * result.rows[0].baseline)
