from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import InputError, UsageError
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.numerics.confidence_sequence import half_width

KEYS = list(ExperimentResult.columns)


def _file(n: int = 4000, seed: int = 1, lift: float = 0.1) -> pa.Table:
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, 2, n)
    past = rng.exponential(50.0, n)
    order = rng.random(n) < 0.1 + lift * arm
    return pa.table(
        {
            "customer": [f"c{i}" for i in range(n)],
            "arm": np.where(arm == 1, "mail", "none"),
            "past_spend": past,
            "town": np.array(["north", "south", "west"])[rng.integers(0, 3, n)],
            "visited": order | (rng.random(n) < 0.1 + 0.1 * arm),
            "ordered": order.astype(int),
            "spend": np.where(order, 10.0 + 0.25 * rng.integers(0, 80, n), 0.0),
            "steady": past + rng.normal(5.0, 35.0, n) + 4.0 * arm,
        }
    )


def _run(table: pa.Table, ridge, *outcomes: str, **options) -> ExperimentResult:
    spec = ExperimentSpec("arm", "none", outcomes or ("spend",), **options)
    return analyze_experiment(table, spec, ridge)


def _difference(table: pa.Table, outcome: str) -> float:
    treated = np.array(table["arm"].to_pylist()) == "mail"
    values = table[outcome].to_numpy()
    return float(values[treated].mean() - values[~treated].mean())


def _reasons(result: ExperimentResult) -> str:
    return " | ".join(f"{r.what}: {r.reason}" for r in result.refusals)


def test_the_json_object_has_the_keys_of_its_schema(ridge):
    found = json.loads(json.dumps(_run(_file(), ridge).to_dict()))
    assert found["schema"] == "alamo.experiment/1"
    assert " ".join(found["rows"][0]) == (
        "action segment outcome mean se lower upper anytime_lower anytime_upper n n_control baseline method found"
    )
    beside = {"ratio_check", "between_segment_sd", "units", "level", "intervals_shown", "refusals"}
    assert beside <= set(found)
    assert found["ratio_check"]["p_value"] is None
    assert sum(found["ratio_check"]["counts"].values()) == found["units"] == 4000


def test_where_adjustment_buys_nothing_the_effect_is_the_difference_in_means(ridge):
    table = _file()
    row = _run(table, ridge).rows[0]
    assert row.method == "difference in means"
    assert row.mean == pytest.approx(_difference(table, "spend"))
    assert row.found
    assert row.anytime_lower < row.lower


def test_where_adjustment_buys_much_it_is_used_and_says_how_much(ridge):
    result = _run(_file(), ridge, "steady")
    row = result.rows[0]
    assert row.method == "doubly robust"
    assert result.variance_removed["steady"] == pytest.approx(50**2 / (50**2 + 35**2), abs=0.08)
    assert row.lower < 4.0 < row.upper
    assert row.anytime_upper - row.anytime_lower < 1.6 * (row.upper - row.lower)


def test_auto_features_leave_out_what_happened_after_the_draw_and_copies_and_say_so(ridge):
    result = _run(_file(), ridge, "spend", features="auto")
    assert {"past_spend", "town"} <= set(result.features)
    assert {"visited", "ordered", "customer"}.isdisjoint(result.features)
    for name in ("visited", "ordered", "customer"):
        assert repr(name) in _reasons(result)


def test_a_column_that_came_after_the_draw_is_left_out_even_when_named(ridge):
    assert _run(_file(), ridge, "spend", features=("visited", "past_spend")).features == ("past_spend",)


def test_costs_come_off_money_outcomes_only(ridge):
    table = _file()
    free = _run(table, ridge, "spend", "ordered")
    paid = _run(table, ridge, "spend", "ordered", costs={"mail": 0.7})
    assert free.rows[0].mean - paid.rows[0].mean == pytest.approx(0.7)
    assert free.rows[1].mean == pytest.approx(paid.rows[1].mean)


def test_rows_of_a_unit_are_summed_before_any_variance(ridge):
    table = _file(1500)
    twice = pa.concat_tables([table, table])
    once, doubled = (_run(t, ridge, unit="customer", features="none") for t in (table, twice))
    assert doubled.units == once.units == 1500
    assert doubled.rows[0].mean == pytest.approx(2 * once.rows[0].mean)
    assert doubled.rows[0].mean / doubled.rows[0].se == pytest.approx(once.rows[0].mean / once.rows[0].se)


def test_a_unit_whose_arm_changes_keeps_its_decisions_and_one_variance(ridge):
    rng = np.random.default_rng(2)
    customer = np.repeat(np.arange(500), 4)
    arm = rng.integers(0, 2, 2000)
    table = pa.table(
        {
            "c": customer.astype(str),
            "arm": np.where(arm, "mail", "none"),
            "spend": 1.5 * arm + rng.normal(size=500)[customer] + 0.5,
        }
    )
    result = _run(table, ridge, unit="c", features="none")
    assert result.units == 500
    # 4 decisions a unit: the mean per unit is four effects of 1.5
    assert result.rows[0].lower < 6.0 < result.rows[0].upper


def test_clusters_widen_the_interval(ridge):
    rng = np.random.default_rng(3)
    account = np.repeat(np.arange(200), 10)
    arm = rng.permutation(np.arange(200) % 2)[account]
    spend = rng.normal(5.0, 2.0, 200)[account] + rng.normal(size=2000)
    table = pa.table({"arm": np.where(arm, "mail", "none"), "account": account.astype(str), "spend": spend})
    alone, together = (_run(table, ridge, features="none", cluster=c).rows[0] for c in (None, "account"))
    assert together.mean == pytest.approx(alone.mean)
    assert together.se > 2.0 * alone.se
    assert together.anytime_upper > together.upper


@pytest.mark.parametrize("unit", [None, "customer"])  # from sums of the arms, and from rows that may recur
def test_the_always_valid_interval_is_tightest_where_planned(ridge, unit):
    widths = {}
    for planned in (None, 100, 4000, 100_000):
        row = _run(_file(), ridge, features="none", planned=planned, unit=unit).rows[0]
        widths[planned] = (row.anytime_upper - row.anytime_lower) / (row.upper - row.lower)
    for planned, width in widths.items():
        fixed = half_width(4000, 4000.0, alpha=0.05, n_opt=planned or 4000) / 1.959964
        assert width == pytest.approx(fixed, rel=0.01)  # the floor is never below the sample variance
    assert widths[4000] == widths[None] < 1.6 < widths[100] < widths[100_000]


def test_no_planned_units_are_refused_with_the_option_to_give():
    with pytest.raises(UsageError, match="0 planned units") as refused:
        ExperimentSpec("arm", "none", ("spend",), planned=0)
    assert "--planned N" in refused.value.hint


def test_bunched_outcomes_count_once_a_cluster_before_an_always_valid_interval_is_given(ridge):
    account = np.repeat(np.arange(400), 10)
    names = {"arm": np.where(account % 2, "mail", "none"), "account": account.astype(str)}

    def run(buyers: int, cluster: str | None) -> ExperimentResult:
        bought = (account < 2 * buyers) * 1.0  # ten orders of each buying account, as many accounts in either arm
        return _run(pa.table(names | {"spend": bought}), ridge, features="none", cluster=cluster)

    assert run(3, None).rows[0].anytime_lower is not None
    assert run(19, "account").rows[0].anytime_lower is None
    assert run(21, "account").rows[0].anytime_lower is not None
    assert "19 clusters with a non-zero one in the smaller arm" in _reasons(run(19, "account"))


def test_few_accounts_in_control_borrow_the_spread_between_accounts_of_the_others(ridge):
    rng = np.random.default_rng(8)
    account = np.repeat(np.arange(1000), 5)
    arm, own = account >= 30, 1.0 + rng.normal(size=1000)
    own[:30] = 1.0 + 0.01 * rng.normal(size=30)  # the thirty of the control group happen to be alike
    names = {"arm": np.where(arm, "mail", "none"), "p": np.where(arm, 0.97, 0.03), "account": account.astype(str)}
    table = pa.table(names | {"spend": own[account]})
    row = _run(table, ridge, features="none", propensity="p", cluster="account").rows[0]
    honest = 1.959964 * np.sqrt(1.0 / 30 + 1.0 / 970)
    assert row.upper - row.mean < 0.3 * honest
    assert row.anytime_upper - row.mean > 1.5 * honest


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_a_cluster_counts_as_one_draw_when_the_ratio_of_logged_probabilities_is_checked(ridge, p):
    found, lost = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        account = np.repeat(np.arange(1000), rng.geometric(0.2, 1000))
        arm = (rng.random(1000) < p)[account]
        spend = rng.normal(5.0, 2.0, len(account))
        names = {"arm": np.where(arm, "mail", "none"), "p": np.where(arm, p, 1 - p), "account": account.astype(str)}
        table = pa.table(names | {"spend": spend})
        keep = pa.array(arm | (account % 2 == 0))  # every other account of the control group is missing
        for kept, results in ((table, found), (table.filter(keep), lost)):
            results.append(_run(kept, ridge, features="none", propensity="p", cluster="account").ratio_p_value)
    # valid at .01 per file: more than 2 of 20 would have a chance below 1e-3
    assert sum(value <= 0.01 for value in found) <= 2
    assert sum(value <= 0.01 for value in lost) >= 15


def test_logged_propensities_undo_the_targeting(ridge):
    rng = np.random.default_rng(4)
    n = 20_000
    rich = rng.random(n) < 0.5
    p = np.where(rich, 0.9, 0.3)
    arm = rng.random(n) < p
    table = pa.table(
        {
            "arm": np.where(arm, "mail", "none"),
            "p": np.where(arm, p, 1 - p),
            "spend": 10.0 * rich + 1.0 * arm + rng.normal(size=n),
        }
    )
    result = _run(table, ridge, propensity="p", features="none")
    assert result.ratio_p_value > 0.01
    assert result.rows[0].lower < 1.0 < result.rows[0].upper
    assert _difference(table, "spend") > 3.0


def test_units_with_next_to_no_chance_of_the_action_take_the_always_valid_interval_away_with_a_reason(ridge):
    rng = np.random.default_rng(5)
    p = np.where(rng.random(4000) < 0.02, 1e-9, 0.5)
    arm = rng.random(4000) < p
    spend = 5.0 + arm + rng.normal(size=4000)
    table = pa.table({"arm": np.where(arm, "mail", "none"), "p": np.where(arm, p, 1 - p), "spend": spend})
    result = _run(table, ridge, propensity="p", features="none")
    assert (result.rows[0].anytime_lower, result.rows[0].anytime_upper) == (None, None)
    assert "a chance of only 1e-09" in _reasons(result)


def test_a_nil_campaign_comes_out_as_nothing_found(ridge):
    result = _run(_file(lift=0.0, seed=6), ridge, "spend", "ordered", segments="auto", features=("past_spend", "town"))
    assert not any(row.found for row in result.rows)
    assert len({row.segment for row in result.rows}) <= 51


def test_segments_by_columns_are_shrunk_and_have_no_always_valid_interval(ridge):
    result = _run(_file(8000), ridge, "ordered", segments=("town", "past_spend"))
    segments = [row for row in result.rows if row.segment is not None]
    assert len(segments) == 12
    assert all(row.anytime_lower is None and row.lower <= row.mean <= row.upper for row in segments)
    assert result.to_dict()["between_segment_sd"]["mail"]["ordered"] is not None


def test_design_shares_that_do_not_fit_the_counts_refuse_all_effects(ridge):
    result = _run(_file(), ridge, shares={"mail": 0.8, "none": 0.2})
    assert result.rows == ()
    assert result.ratio_p_value < 0.01
    assert "sample-ratio mismatch" in _reasons(result)
    assert _run(_file(), ridge, shares={"mail": 1, "none": 1}).rows


def test_one_arm_only_is_a_refusal_not_a_zero(ridge):
    table = _file(100)
    only = table.filter(pa.array([arm == "none" for arm in table["arm"].to_pylist()]))
    result = _run(only, ridge)
    assert result.rows == ()
    assert "one arm only" in _reasons(result)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_constant_outcome_is_refused(ridge, value):
    table = _file(200).append_column("flat", pa.array([value] * 200))
    result = _run(table, ridge, "flat", "spend")
    assert f"{value:g} in every row" in _reasons(result)
    assert {row.outcome for row in result.rows} == {"spend"}


def test_an_arm_without_a_single_event_has_no_known_spread(ridge):
    table = _file(400)
    zero = np.where(np.array(table["arm"].to_pylist()) == "none", 0, table["ordered"].to_numpy())
    result = _run(table.append_column("rare", pa.array(zero)), ridge, "rare")
    assert result.rows == ()
    assert "spread is unknown" in _reasons(result)


def test_rare_outcomes_get_no_always_valid_interval_but_the_rows_that_are_missing(ridge):
    rng = np.random.default_rng(7)
    table = _file(2000).append_column("rare", pa.array((rng.random(2000) < 0.005).astype(int)))
    result = _run(table, ridge, "rare")
    assert result.rows[0].anytime_lower is None
    assert any("more rows" in refusal.cure for refusal in result.refusals)


def test_a_segment_of_three_people_is_refused_by_name(ridge):
    towns = ["tiny"] * 3 + [f"t{i % 7}" for i in range(3997)]
    result = _run(_file().append_column("place", pa.array(towns)), ridge, "ordered", segments=("place",))
    assert "place tiny" in _reasons(result)
    assert "place tiny" not in {row.segment for row in result.rows}


def test_rows_without_a_usable_propensity_are_left_out_and_named(ridge):
    table = _file(1000)
    p = [0.5] * 1000
    p[3], p[8], p[9] = 0.0, None, 1.0
    result = _run(table.append_column("p", pa.array(p)), ridge, propensity="p")
    assert result.units == 997
    assert "row 4, 9" in _reasons(result)
    assert "no other arm had a chance" in _reasons(result)


def test_immature_rows_are_left_out_unless_the_arms_lack_them_unequally(ridge):
    table = _file(2000)
    spend = table["spend"].to_numpy()
    late = np.arange(2000) % 10 == 0
    result = _run(table.append_column("late", pa.array(spend, mask=late)), ridge, "late")
    assert "200 of 2,000 units" in _reasons(result)
    assert result.rows
    biased = late & (np.array(table["arm"].to_pylist()) == "mail")
    refused = _run(table.append_column("late", pa.array(spend, mask=biased)), ridge, "late")
    assert refused.rows == ()
    assert "more often in some arms" in _reasons(refused)


def test_a_wrong_name_lists_the_near_ones(ridge):
    with pytest.raises(UsageError, match="no column 'spent'") as error:
        _run(_file(50), ridge, "spent")
    assert "'spend'" in error.value.hint
    with pytest.raises(UsageError, match="control value 'nobody'"):
        analyze_experiment(_file(50), ExperimentSpec("arm", "nobody", ("spend",)), ridge)


def test_text_as_an_outcome_an_empty_file_and_impossible_designs_are_errors(ridge):
    with pytest.raises(UsageError, match="not a number"):
        _run(_file(50), ridge, "town")
    with pytest.raises(InputError, match="no rows"):
        _run(_file(50).slice(0, 0), ridge)
    with pytest.raises(UsageError, match="leaves"):
        _run(_file(50), ridge, propensity=1.0)
    with pytest.raises(UsageError, match="--shares"):
        _run(_file(50), ridge, shares={"mail": 1.0})


def test_three_arms_with_one_constant_each_are_a_known_design(ridge):
    rng = np.random.default_rng(8)
    arm = rng.choice(["a", "b", "none"], 3000, p=[0.2, 0.3, 0.5])
    p = np.select([arm == "a", arm == "b"], [0.2, 0.3], 0.5)
    table = pa.table({"arm": arm, "p": p, "x": rng.normal(size=3000), "spend": rng.exponential(size=3000)})
    result = _run(table, ridge, propensity="p")
    assert [row.action for row in result.rows] == ["a", "b"]
    assert result.features == ("x",)
    varied = table.set_column(1, "p", pa.array(np.clip(p + rng.uniform(-0.02, 0.02, 3000), 0.01, 1)))
    careful = _run(varied, ridge, propensity="p")
    assert careful.features == ()
    assert "only the probability of the arm drawn" in _reasons(careful)
    assert len(careful.rows) == 2


def test_the_readable_form_and_the_table_hold_the_same_rows(ridge):
    result = _run(_file(300), ridge)
    assert "ExperimentResult" in repr(result)
    assert result.to_arrow().column_names == KEYS
