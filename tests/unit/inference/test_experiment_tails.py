"""Heavy tails: what one unit does to an effect, and capping on request."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec


def file(n: int = 4000, *, whale: float = 0.0) -> pa.Table:
    """Mail brings 1 more in spend; one customer of the mail arm holds the share `whale` of all spend."""
    rng = np.random.default_rng(1)
    arm = np.arange(n) % 2
    spend = np.where(rng.random(n) < 0.3, rng.gamma(2.0, 10.0, n), 0.0) + arm
    spend[1] = whale / (1.0 - whale) * (spend.sum() - spend[1])
    return pa.table(
        {
            "u": np.arange(n),
            "arm": np.where(arm, "mail", "none"),
            "spend": spend,
            "orders": rng.poisson(1.0, n),
            "bought": (spend > 5).astype(int),
            "profit": spend - 20.0 * (rng.random(n) < 0.01),
        }
    )


def run(table: pa.Table, ridge, *outcomes: str, **options) -> ExperimentResult:
    spec = ExperimentSpec("arm", "none", outcomes or ("spend",), features="none", **options)
    return analyze_experiment(table, spec, ridge)


def test_one_unit_that_holds_thirty_per_cent_is_named_with_the_effect_without_it(ridge) -> None:
    table = file(whale=0.3)
    result = run(table, ridge)
    (largest,) = result.largest_units
    rest = run(table.filter(pa.array(np.arange(4000) != 1)), ridge).rows[0]
    assert (largest.action, largest.outcome, largest.arm) == ("mail", "spend", "mail")
    assert largest.share == pytest.approx(0.3)
    assert largest.value == pytest.approx(table["spend"][1].as_py())
    assert largest.mean_without == pytest.approx(rest.mean, abs=0.01 * rest.se)
    assert largest.upper_without == pytest.approx(rest.upper, abs=0.01 * rest.se)
    assert result.rows[0].mean > largest.upper_without
    assert run(file(), ridge).largest_units[0].share < 0.01


def test_the_rows_of_a_unit_are_one_and_a_flag_has_no_largest(ridge) -> None:
    table = pa.concat_tables([file(whale=0.3), file(whale=0.3)])
    assert run(table, ridge, unit="u").largest_units[0].share == pytest.approx(0.3)
    assert run(table, ridge, "bought").largest_units == ()
    assert run(table, ridge, "spend/orders", unit="u").largest_units[0].share == pytest.approx(0.3)


def test_nothing_is_capped_unless_asked_and_then_both_effects_and_the_share_are_told(ridge) -> None:
    table = file(whale=0.3)
    plain, capped = run(table, ridge), run(table, ridge, winsorise=0.999)
    assert plain.winsorised == ()
    (told,) = capped.winsorised
    cap = np.quantile(table["spend"].to_numpy(), 0.999)
    assert told.upper_cap == pytest.approx(cap)
    assert told.units_capped == np.count_nonzero(table["spend"].to_numpy() > cap)
    assert told.mean_uncapped == pytest.approx(plain.rows[0].mean)
    assert told.mean == capped.rows[0].mean < plain.rows[0].mean
    assert 0.28 < told.share_removed < 0.32
    assert capped.rows[0].se < 0.2 * plain.rows[0].se
    by_rows, by_sums = capped.largest_units[0], plain.largest_units[0]
    assert by_rows.upper_without == pytest.approx(by_sums.upper_without)
    assert (by_rows.arm, by_rows.value) == (by_sums.arm, by_sums.value)


def test_losses_are_capped_below_too_and_flags_ratios_and_rare_outcomes_are_left(ridge) -> None:
    capped = run(file(), ridge, "profit", "bought", "spend/orders", winsorise=0.995)
    (told,) = capped.winsorised
    assert told.outcome == "profit"
    assert told.lower_cap < 0.0
    said = " ".join(f"{r.what} {r.reason}" for r in capped.refusals)
    assert "winsorising of 'bought' a flag" in said
    assert "winsorising of 'spend/orders' a ratio" in said
    rare = np.where(np.arange(4000) % 400 < 2, 50.0 + np.arange(4000), 0.0)
    result = run(file().append_column("rare", pa.array(rare)), ridge, "rare", winsorise=0.99)
    assert result.winsorised == ()
    assert "would remove every other one" in result.refusals[0].reason


def test_a_cap_that_is_none_is_refused() -> None:
    for share in (0.5, 1.0, 99.9):
        with pytest.raises(UsageError, match=r"between 0\.5 and 1"):
            ExperimentSpec("arm", "none", ("spend",), winsorise=share)


def test_a_ratio_without_a_unit_that_holds_much_of_its_denominator_is_that_of_the_others(ridge) -> None:
    rng = np.random.default_rng(3)
    arm, orders = rng.integers(0, 2, 6000), rng.poisson(1.0, 6000).astype(float)
    spend = orders * rng.gamma(4.0, 10.0, 6000)
    big = int(np.flatnonzero(arm == 1)[0])
    orders[big], spend[big] = 500.0, 60_000.0
    table = pa.table({"arm": arm.astype(str), "spend": spend, "orders": orders})
    spec = ExperimentSpec("arm", "0", ("spend/orders",), features="none", propensity=0.5)
    (largest,) = analyze_experiment(table, spec, ridge).largest_units
    (rest,) = analyze_experiment(table.filter(pa.array(np.arange(6000) != big)), spec, ridge).rows
    assert (largest.mean_without, largest.upper_without) == pytest.approx((rest.mean, rest.upper))
