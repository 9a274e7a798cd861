"""`analyze_lifetime_value`: what comes back, and what bad input is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import InputError, UsageError
from alamo.inference.lifetime_value import LifetimeValueSpec, analyze_lifetime_value
from alamo.inference.lifetime_value.holdout import compare
from alamo.inference.lifetime_value.purchase_fit import PARAMETERS
from alamo.inference.lifetime_value.summary import purchase_days, purchases_between, summarise

SPEC = LifetimeValueSpec("who", "day", "paid")
START = date(2024, 1, 1)


def transactions(n=400, seed=1, days=400):
    """A first purchase in the first 90 days, then a Poisson process that some customers leave."""
    rng = np.random.default_rng(seed)
    who, day, paid = [], [], []
    for customer in range(n):
        now, rate, level = rng.uniform(0, 90), rng.gamma(0.8, 1 / 40), rng.gamma(4, 8)
        while now < days:
            who.append(f"c{customer}")
            day.append(START + timedelta(days=int(now)))
            paid.append(round(rng.gamma(5, level / 5), 2))
            if rng.random() < 0.15:
                break
            now += 1 + rng.exponential(1 / rate)
    return pa.table({"who": who, "day": day, "paid": paid})


@pytest.fixture(scope="module")
def table():
    return transactions()


def with_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_purchases_are_distinct_days_and_amounts_of_a_day_are_summed():
    purchases = purchase_days(
        pa.array(["b", "a", "a", "a", "b"]), np.array([9, 3, 3, 8, 12]), np.array([1.0, 2.0, 4.0, 5.0, 7.0])
    )
    summary = summarise(purchases, 10)
    assert purchases.customers.take(pa.array(summary.customer)).to_pylist() == ["b", "a"]
    assert summary.x.tolist() == [0.0, 1.0]
    assert summary.t_x_days.tolist() == [0.0, 5.0]
    assert summary.t_days.tolist() == [1.0, 7.0]
    assert summary.repeat_money.tolist() == [0.0, 5.0]
    assert purchases_between(purchases, summary, 10, 12).tolist() == [1.0, 0.0]


def test_customers_first_seen_after_the_calibration_are_left_out():
    purchases = purchase_days(pa.array(["a", "b"]), np.array([3, 11]), None)
    assert len(summarise(purchases, 10)) == 1
    assert summarise(purchases, 10).repeat_money is None


def test_the_json_object_has_the_documented_keys(table):
    until = START + timedelta(days=200)
    result = analyze_lifetime_value(table, LifetimeValueSpec("who", "day", "paid", calibrate_until=until, horizon=20))
    shown = result.to_dict()
    assert shown["schema"] == "alamo.lifetime_value/1"
    assert [row["parameter"] for row in shown["rows"]] == ["r", "alpha", "a", "b", "p", "q", "v"]
    assert all(set(row) == {"parameter", "estimate", "se"} for row in shown["rows"])
    assert {"model", "log_likelihood", "converged", "identified", "n_customers", "holdout", "out"} <= set(shown)
    assert set(shown["holdout"]) == {
        "mae",
        "rmse",
        "correlation",
        "aggregate_error",
        "gini",
        "top_decile_share",
    }
    assert (shown["model"], shown["n_customers"], shown["converged"]) == ("bg-nbd", 400, True)
    assert 0.2 < shown["holdout"]["correlation"] < 1.0


def test_without_amounts_purchases_are_counted_and_nothing_is_valued(table):
    result = analyze_lifetime_value(table, LifetimeValueSpec("who", "day"))
    assert [row["parameter"] for row in result.records()] == ["r", "alpha", "a", "b"]
    assert result.to_dict()["money"] is None
    assert result.customers_table()["value"].null_count == result.n_customers


def test_the_customers_table_multiplies_purchases_and_money(table):
    customers = analyze_lifetime_value(table, SPEC).customers_table()
    product = customers["expected_purchases"].to_numpy() * customers["expected_money_per_purchase"].to_numpy()
    np.testing.assert_allclose(customers["value"].to_numpy(), product)
    assert customers["p_alive"].to_numpy().max() <= 1.0
    assert sorted(customers["customer"].to_pylist()) == sorted(f"c{i}" for i in range(400))


def test_days_and_weeks_give_the_same_customers_in_other_units(table):
    weeks = analyze_lifetime_value(table, LifetimeValueSpec("who", "day", unit="week", horizon=10))
    days = analyze_lifetime_value(table, LifetimeValueSpec("who", "day", unit="day", horizon=70))
    by_name = [{row["parameter"]: row["estimate"] for row in result.records()} for result in (weeks, days)]
    assert by_name[1]["alpha"] == pytest.approx(7 * by_name[0]["alpha"], rel=1e-5)
    assert by_name[1]["r"] == pytest.approx(by_name[0]["r"], rel=1e-5)
    np.testing.assert_allclose(
        weeks.customers_table()["expected_purchases"].to_numpy(),
        days.customers_table()["expected_purchases"].to_numpy(),
        rtol=1e-5,
    )


def test_the_horizon_defaults_to_what_the_file_holds_after_the_calibration(table):
    until = START + timedelta(days=200)
    last = max(table["day"].to_pylist())
    given = LifetimeValueSpec("who", "day", calibrate_until=until, horizon=(last - until).days, unit="day")
    default = LifetimeValueSpec("who", "day", calibrate_until=until, unit="day")
    assert analyze_lifetime_value(table, given).holdout == analyze_lifetime_value(table, default).holdout


def test_a_horizon_beyond_the_file_refuses_the_holdout(table):
    spec = LifetimeValueSpec("who", "day", calibrate_until=START + timedelta(days=200), horizon=520)
    result = analyze_lifetime_value(table, spec)
    assert result.holdout is None
    assert [refusal.what for refusal in result.refusals] == ["holdout"]


@pytest.mark.parametrize(
    ("as_written", "time_format"),
    [
        (lambda d: d.isoformat(), None),
        (lambda d: f"{d.isoformat()}T23:59:59Z", None),
        (lambda d: d.strftime("%d.%m.%Y"), "%d.%m.%Y"),
        (lambda d: f"{d.month}/{d.day}/{d.year} 8:05", "%m/%d/%Y %H:%M"),
        (lambda d: int(d.strftime("%Y%m%d")), "%Y%m%d"),
        (lambda d: datetime(d.year, d.month, d.day, 13, tzinfo=UTC), None),
    ],
)
def test_times_of_any_kind_are_the_same_days(table, as_written, time_format):
    other = with_column(table, "day", [as_written(d) for d in table["day"].to_pylist()])
    got = analyze_lifetime_value(other, LifetimeValueSpec("who", "day", "paid", time_format=time_format))
    assert got.to_dict() == analyze_lifetime_value(table, SPEC).to_dict()


def test_iso_times_with_different_zones_are_days_in_utc():
    times = ["2024-01-01T23:30:00-05:00", "2024-01-02", "2024-01-02T00:30:00+02:00"]
    many = pa.table({"who": [f"c{i}" for i in range(3)], "day": times})
    assert analyze_lifetime_value(many, LifetimeValueSpec("who", "day")).customers_table()["t_days"].to_pylist() == [
        0.0,
        0.0,
        1.0,
    ]


def test_a_wrong_column_lists_near_names(table):
    with pytest.raises(UsageError, match="'pay' does not exist") as refused:
        analyze_lifetime_value(table, LifetimeValueSpec("who", "day", "pay"))
    assert "paid" in refused.value.hint


def test_a_wrong_time_format_names_the_first_bad_row(table):
    days = [d.strftime("%d.%m.%Y") for d in table["day"].to_pylist()]
    days[41] = "30.02.2024"
    with pytest.raises(InputError, match=r"row 42: '30.02.2024' is not a time in the format %d.%m.%Y"):
        analyze_lifetime_value(with_column(table, "day", days), LifetimeValueSpec("who", "day", time_format="%d.%m.%Y"))


@pytest.mark.parametrize(
    ("column", "row", "value", "complaint"),
    [
        ("day", 2, "soon", "row 3: 'soon' is not a time in ISO 8601"),
        ("day", 2, None, "row 3: None is no time"),
        ("paid", 4, "12,50", "row 5: '12,50' is no number"),
        ("paid", 4, None, "row 5: None is no number"),
    ],
)
def test_a_bad_value_is_named_with_its_row(table, column, row, value, complaint):
    values = [str(item) for item in table[column].to_pylist()]
    values[row] = value
    with pytest.raises(InputError, match=complaint):
        analyze_lifetime_value(with_column(table, column, values), SPEC)


def test_numbers_without_a_format_are_no_times(table):
    with pytest.raises(UsageError, match="no times") as refused:
        analyze_lifetime_value(with_column(table, "day", [20240101] * len(table)), SPEC)
    assert "--time-format" in refused.value.hint


def test_an_empty_file_is_refused(table):
    with pytest.raises(InputError, match="no rows"):
        analyze_lifetime_value(table.slice(0, 0), SPEC)


def test_nobody_named_is_refused(table):
    with pytest.raises(InputError, match="'who' is empty"):
        analyze_lifetime_value(with_column(table, "who", [""] * len(table)), SPEC)


def test_a_calibration_before_the_first_purchase_is_refused(table):
    with pytest.raises(UsageError, match="calibrate-until"):
        analyze_lifetime_value(table, LifetimeValueSpec("who", "day", calibrate_until=date(2023, 12, 31)))


@pytest.mark.parametrize(
    "option",
    [
        {"model": "pareto"}, {"unit": "month"}, {"horizon": 0.0}, {"stages": 0}, {"recalibrate": "yes"}, {"level": 1.0},
        {"cohorts": "decade"}, {"margin": 0.0}, {"discount_rate": -0.1},
    ],
)  # fmt: skip
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(UsageError, match="cannot be used"):
        LifetimeValueSpec("who", "day", **option)


def test_customers_with_one_purchase_each_get_a_refusal_and_no_number(table):
    once = table.take(pa.array(np.unique(np.asarray(table["who"].to_pylist()), return_index=True)[1]))
    result = analyze_lifetime_value(once, SPEC)
    assert [row["estimate"] for row in result.records()] == [None] * 7
    assert result.to_dict()["log_likelihood"] is None
    assert not result.to_dict()["converged"]
    assert "second day" in result.refusals[0].reason
    assert result.customers_table()["expected_purchases"].null_count == 400


def test_nine_customers_get_a_refusal():
    result = analyze_lifetime_value(transactions(n=9), SPEC)
    assert "9 customers are too few" in result.refusals[0].reason


def test_few_repeat_buyers_with_money_refuse_spending_only(table):
    free = with_column(table, "paid", [0.0] * len(table))
    result = analyze_lifetime_value(free, SPEC)
    assert result.purchases is not None
    assert result.spending is None
    assert [row["estimate"] for row in result.records()][4:] == [None] * 3
    assert "money per purchase" in [refusal.what for refusal in result.refusals]


def test_rows_without_a_customer_and_days_of_returns_are_left_out_and_counted(table):
    extra = pa.table({"who": [None, "c1"], "day": [START, START + timedelta(days=1)], "paid": [5.0, -5.0]})
    result = analyze_lifetime_value(pa.concat_tables([table, extra]), SPEC)
    assert result.records() == analyze_lifetime_value(table, SPEC).records()
    assert [refusal.what.split(" ")[0] for refusal in result.refusals][:2] == ["1", "1"]


def test_a_limit_is_told_with_the_estimates_it_costs():
    n = 600
    rng = np.random.default_rng(3)
    first = rng.integers(0, 60, n)
    twice = rng.random(n) < 0.4
    second = first + rng.integers(1, 30, n)
    who = np.concatenate([np.arange(n), np.flatnonzero(twice)])
    day = np.concatenate([first, second[twice]])
    table = pa.table({"who": who, "day": [START + timedelta(days=int(d)) for d in day]})
    result = analyze_lifetime_value(table, LifetimeValueSpec("who", "day"))
    shown = result.to_dict()
    assert shown["converged"]
    assert not shown["identified"]
    assert shown["log_likelihood"] is not None
    assert {row["parameter"] for row in shown["rows"] if row["estimate"] is None} >= {"a", "b"}
    assert "not identified" in result.refusals[0].reason
    assert any("take the limit as known" in refusal.reason for refusal in result.refusals)
    assert result.customers_table()["expected_purchases"].null_count == 0


def test_holdout_measures_are_those_of_a_hand_count():
    predicted, actual = np.array([3.0, 1.0, 1.0, 0.0]), np.array([4.0, 2.0, 0.0, 0.0])
    shown = compare(predicted, actual)
    assert shown.mae == pytest.approx(0.75)
    assert shown.rmse == pytest.approx(np.sqrt(3 / 4))
    assert shown.aggregate_error == pytest.approx(5 / 6 - 1)
    # predicted order: 4, then the two ties share 2, then 0; own order: 4, 2, 0, 0
    assert shown.gini == pytest.approx((4 / 6 + 5 / 6 + 1 + 1 - 0.5 - 2) / (4 / 6 + 1 + 1 + 1 - 0.5 - 2))
    assert shown.top_decile_share == pytest.approx(0.4 * 4 / 6)


def test_equal_predictions_have_no_order_and_no_correlation():
    shown = compare(np.full(4, 0.5), np.array([1.0, 0.0, 0.0, 2.0]))
    assert shown.correlation is None
    assert shown.gini == pytest.approx(0.0)


def test_every_model_names_its_parameters_and_gives_intervals(table):
    for model, names in PARAMETERS.items():
        result = analyze_lifetime_value(table, LifetimeValueSpec("who", "day", model=model, horizon=20))
        assert [row["parameter"] for row in result.records()] == list(names)
        customers = result.customers_table()
        assert (customers["purchases_lower"].to_numpy() <= customers["purchases_upper"].to_numpy()).all()
        shown = result.to_dict()
        assert (shown["model"], shown["choice"]) == (model, [])
        assert shown["total"]["lower"] < shown["total"]["mean"] < shown["total"]["upper"]


def test_value_is_margin_and_discounted_where_asked(table):
    plain, less = (
        analyze_lifetime_value(table, LifetimeValueSpec("who", "day", "paid", model="bg-nbd", **more))
        for more in ({}, {"margin": 0.3, "discount_rate": 0.1})
    )
    ratio = less.customers_table()["value"].to_numpy() / plain.customers_table()["value"].to_numpy()
    assert ((ratio > 0.3 * np.exp(-0.1)) & (ratio < 0.3)).all()


def test_cohorts_are_shown_where_asked(table):
    spec = LifetimeValueSpec("who", "day", model="bg-nbd", cohorts="month")
    shown = analyze_lifetime_value(table, spec).to_dict()["cohorts"]
    assert shown[0] == {"cohort": "2024-01-01", "age": 0} | {key: shown[0][key] for key in list(shown[0])[2:]}
    assert shown[0]["retention"] == 1.0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"model": "bg-nbd", "stages": 2}, "bg-nbd has none"),
        ({"stages": 2}, "auto has none"),
        ({"model": "bg-cnbd-k", "stages": 2.5}, "whole number"),
        ({"model": "bg-cnbd-k", "stages": 9}, "whole number"),
    ],
)
def test_stages_are_whole_and_belong_to_one_model(options, complaint):
    with pytest.raises(UsageError) as caught:
        LifetimeValueSpec("who", "day", **options)
    assert complaint in caught.value.hint
