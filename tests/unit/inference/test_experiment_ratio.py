"""Ratio outcomes: what is compared, what is left out, and when there is no answer."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

from alamo.domain.errors import UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec, ratios_among


def orders_file(n: int = 4000, seed: int = 1, *, rate: float = 1.0, basket_lift: float = 2.0) -> pa.Table:
    """Mail brings no more orders, but raises the basket by `basket_lift`; the basket follows the past one."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    past = rng.gamma(4.0, 5.0, n)
    orders = rng.poisson(rate * np.exp(0.3 * rng.normal(size=n)))
    return pa.table(
        {
            "customer": [f"c{i}" for i in range(n)],
            "arm": np.where(arm == 1, "mail", "none"),
            "past_basket": past,
            "orders": orders,
            "spend": orders * (past + 5.0 + basket_lift * arm + rng.normal(0.0, 2.0, n)),
        }
    )


def run(table: pa.Table, ridge, *outcomes: str, **options) -> ExperimentResult:
    return analyze_experiment(table, ExperimentSpec("arm", "none", outcomes or ("spend/orders",), **options), ridge)


def ratio_difference(table: pa.Table) -> float:
    mail = np.array(table["arm"].to_pylist()) == "mail"
    spend, orders = table["spend"].to_numpy(), table["orders"].to_numpy()
    return float(spend[mail].sum() / orders[mail].sum() - spend[~mail].sum() / orders[~mail].sum())


def reasons(result: ExperimentResult) -> str:
    return " | ".join(f"{r.what}: {r.reason} ({r.cure})" for r in result.refusals)


def test_without_features_the_effect_is_the_difference_of_the_ratios_of_sums(ridge) -> None:
    table = orders_file()
    result = run(table, ridge, features="none")
    (row,) = result.rows
    assert row.outcome == "spend/orders"
    assert row.method == "difference in ratios"
    assert row.mean == pytest.approx(ratio_difference(table))
    mail = np.array(table["arm"].to_pylist()) == "mail"
    assert row.baseline == pytest.approx(
        table["spend"].to_numpy()[~mail].sum() / table["orders"].to_numpy()[~mail].sum()
    )
    assert row.lower < 2.0 < row.upper
    assert row.anytime_lower < row.lower


def test_features_shorten_the_interval_of_a_ratio(ridge) -> None:
    table = orders_file()
    plain, adjusted = (run(table, ridge, features=choice) for choice in ("none", "auto"))
    assert adjusted.rows[0].method == "doubly robust ratio"
    assert adjusted.variance_removed["spend/orders"] > 0.15
    assert adjusted.rows[0].se < 0.95 * plain.rows[0].se
    assert adjusted.rows[0].mean == pytest.approx(plain.rows[0].mean, abs=3 * plain.rows[0].se)
    assert {"spend", "orders"}.isdisjoint(adjusted.features)


def test_rows_of_a_unit_are_one_ratio_and_costs_stay_out_of_it(ridge) -> None:
    table = orders_file(1500)
    twice = pa.concat_tables([table, table])
    once, doubled = (run(t, ridge, unit="customer", features="none") for t in (table, twice))
    assert doubled.rows[0].mean == pytest.approx(once.rows[0].mean)
    assert doubled.rows[0].se == pytest.approx(once.rows[0].se)
    paid = run(table, ridge, "spend/orders", "spend", features="none", costs={"mail": 1.0})
    assert paid.rows[0].mean == pytest.approx(once.rows[0].mean)


def test_units_whose_arm_changes_are_compared_by_decision_not_by_unit(ridge) -> None:
    table = orders_file(4000)
    decisions = table.set_column(0, "customer", pa.array([f"c{i // 4}" for i in range(4000)]))
    result = run(decisions, ridge, unit="customer", features="none")
    assert result.units == 1000
    assert result.rows[0].mean == pytest.approx(ratio_difference(table))


def test_clusters_widen_the_interval_of_a_ratio(ridge) -> None:
    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(200), 10)
    arm = rng.permutation(np.arange(200) % 2)[account]
    orders = rng.poisson(2.0, 2000)
    spend = orders * (20.0 + 5.0 * rng.normal(size=200)[account])
    table = pa.table({"arm": np.where(arm, "mail", "none"), "account": account, "orders": orders, "spend": spend})
    alone, together = (run(table, ridge, features="none", cluster=c).rows[0] for c in (None, "account"))
    assert together.mean == pytest.approx(alone.mean)
    assert together.se > 2.0 * alone.se


def test_a_denominator_near_nil_is_refused_with_the_units_that_are_missing(ridge) -> None:
    few = run(orders_file(600, rate=0.02), ridge, features="none")
    assert few.rows == ()
    assert "the denominator 'orders' is near nil" in reasons(few)
    assert "more units in that arm" in reasons(few)
    none = orders_file(600)
    nil = none.set_column(3, "orders", pa.array(np.where(np.array(none["arm"].to_pylist()) == "mail", 0, 1)))
    assert "its mean is not above 0" in reasons(run(nil, ridge, features="none"))


def test_segments_of_a_ratio_are_refused_and_its_parts_offered(ridge) -> None:
    table = orders_file().append_column("town", pa.array(["north", "south"] * 2000))
    result = run(table, ridge, "spend/orders", "spend", segments=("town",))
    assert {row.outcome for row in result.rows if row.segment is not None} == {"spend"}
    assert "--outcome spend,orders" in reasons(result)


def test_missing_parts_leave_their_rows_out_and_a_constant_ratio_is_refused(ridge) -> None:
    table = orders_file(2000)
    gaps = table.set_column(3, "orders", pa.array(table["orders"].to_numpy(), mask=np.arange(2000) % 10 == 0))
    assert "200 of 2,000 units on 'spend/orders'" in reasons(run(gaps, ridge))
    fixed = table.set_column(4, "spend", pa.array(0.1 * table["orders"].to_numpy()))
    assert "the outcome is 0.1 for all" in reasons(run(fixed, ridge))


def test_a_column_of_that_name_is_no_ratio_and_a_missing_part_lists_the_near_ones(ridge) -> None:
    columns = ["spend", "orders", "a/b", "c"]
    assert ratios_among(["spend/orders", "a/b", "a/b/c", "spend/x", "spend", "/c"], columns) == {
        "spend/orders": ("spend", "orders"),
        "a/b/c": ("a/b", "c"),
        "spend/x": ("spend", "x"),
    }
    with pytest.raises(UsageError, match="no column 'order'") as error:
        run(orders_file(50), ridge, "spend/order")
    assert "'orders'" in error.value.hint
