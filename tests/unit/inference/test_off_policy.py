"""The value of a policy before it runs: formulas by hand, intervals, refusals, and errors that name column and row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.unit.inference.off_policy_logs import behaviour_truth, simulated, truth

from alamo.domain.errors import AlamoError
from alamo.inference.off_policy import PolicyResult, PolicySpec, analyze_policy
from alamo.inference.off_policy.estimators import bias_bound

COLUMNS = {"action": "action", "propensity": "p", "outcome": "y"}
KEYS = ["estimator", "value", "se", "lower", "upper", "ess", "chosen"]


def run(table: pa.Table, ridge: object, **options: object) -> PolicyResult:
    words = {"target_prefix": "P_"} if "target" not in options else {}
    return analyze_policy(table, PolicySpec(**COLUMNS | words | options), ridge)


def by_name(result: PolicyResult) -> dict[str, object]:
    return {row.estimator: row for row in result.rows}


def changed(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_weighted_means_and_their_errors_follow_the_formulas(ridge):
    table = simulated(2_000, 1)
    rows = by_name(run(table, ridge))
    w, y = table["to"].to_numpy() / table["p"].to_numpy(), table["y"].to_numpy()
    assert rows["ips"].value == pytest.approx((w * y).mean(), rel=1e-12)
    assert rows["ips"].se == pytest.approx((w * y).std(ddof=1) / np.sqrt(2_000), rel=1e-12)
    snips = (w * y).sum() / w.sum()
    assert rows["snips"].value == pytest.approx(snips, rel=1e-12)
    delta = np.sqrt(((w * (y - snips)) ** 2).sum() * 2_000 / 1_999) / w.sum()
    assert rows["snips"].se == pytest.approx(delta, rel=1e-12)
    assert [row.ess for row in rows.values()] == pytest.approx([w.sum() ** 2 / (w**2).sum()] * 4, rel=1e-12)


def test_the_object_has_the_keys_of_its_schema(ridge):
    found = run(simulated(3_000, 2), ridge).to_dict()
    assert found["schema"] == "alamo.policy/1"
    assert [list(row) for row in found["rows"]] == [KEYS] * 4
    assert [row["estimator"] for row in found["rows"]] == ["ips", "snips", "dr", "switch-dr"]
    assert {"refusals", "behaviour_value", "overlap"} <= set(found)
    assert sum(row["chosen"] for row in found["rows"]) == 1


def test_a_model_of_context_and_action_shortens_the_interval_and_all_hold_the_truth(ridge):
    result = run(simulated(20_000, 3, slope=4.0), ridge)
    rows = by_name(result)
    assert rows["dr"].se < rows["snips"].se
    for row in rows.values():
        assert abs(row.value - truth(4.0)) < 4.0 * row.se  # 4 sd: once in 16,000 draws
    assert abs(result.behaviour_value - behaviour_truth(4.0)) < 4.0 * result.behaviour_se


def test_a_target_column_alone_gives_the_same_weights_and_a_model_of_the_context(ridge):
    table = simulated(20_000, 4)
    each, alone = by_name(run(table, ridge)), by_name(run(table.drop(["P_a", "P_b", "P_c"]), ridge, target="to"))
    assert alone["ips"].value == each["ips"].value
    assert alone["dr"].value != each["dr"].value
    assert abs(alone["dr"].value - truth()) < 4.0 * alone["dr"].se


def test_differences_are_paired_and_always_valid_intervals_wider(ridge):
    table = simulated(5_000, 5)
    result = run(table, ridge)
    w, y = table["to"].to_numpy() / table["p"].to_numpy(), table["y"].to_numpy()
    gain = {item.estimator: item for item in result.differences}
    assert gain["ips"].mean == pytest.approx((w * y - y).mean(), rel=1e-12)
    assert gain["ips"].se == pytest.approx((w * y - y).std(ddof=1) / np.sqrt(5_000), rel=1e-12)
    for item in (*result.differences, *result.always_valid):
        assert item.anytime_lower < item.lower < item.mean < item.upper < item.anytime_upper
        ratio = (item.anytime_upper - item.anytime_lower) / (item.upper - item.lower)
        assert 1.5 < ratio < 3.0


def test_a_planned_end_fixes_where_always_valid_intervals_are_tightest_and_moves_nothing_else(ridge):
    table = simulated(3_000, 4)
    plain, here, later = (run(table, ridge, planned=planned) for planned in (None, 3_000, 30_000))
    assert here.always_valid == plain.always_valid
    assert here.differences == plain.differences
    for near, far in zip(
        [*here.always_valid, *here.differences], [*later.always_valid, *later.differences], strict=True
    ):
        assert far.anytime_upper - far.anytime_lower > 1.05 * (near.anytime_upper - near.anytime_lower)
        assert (far.mean, far.lower, far.upper) == (near.mean, near.lower, near.upper)
    grown = run(simulated(30_000, 4), ridge, planned=30_000).always_valid
    assert grown == run(simulated(30_000, 4), ridge).always_valid
    with pytest.raises(AlamoError, match="0 planned units are none") as refused:
        run(table, ridge, planned=0)
    assert "--planned N" in refused.value.hint


def test_the_running_policy_judged_as_a_new_one_is_no_better(ridge):
    table = simulated(3_000, 6)
    result = run(changed(table, "to", table["p"]), ridge, target="to", features="none")
    ips = by_name(result)["ips"]
    assert ips.value == pytest.approx(result.behaviour_value, rel=1e-12)
    assert result.differences[0].mean == pytest.approx(0.0, abs=1e-12)
    assert result.overlap.ess == pytest.approx(3_000)


def test_rows_of_one_unit_depend_on_each_other(ridge):
    once = simulated(1_500, 7)
    twice = pa.concat_tables([once, once]).append_column("who", pa.array(np.tile(np.arange(1_500), 2)))
    alone, by_unit = by_name(run(once, ridge)), by_name(run(twice, ridge, unit="who"))
    assert by_unit["ips"].value == pytest.approx(alone["ips"].value, rel=1e-12)
    assert by_unit["ips"].se == pytest.approx(alone["ips"].se, rel=1e-12)
    assert by_name(run(twice, ridge))["ips"].se < 0.75 * alone["ips"].se


def test_a_place_is_context_and_its_weights_are_checked_apart(ridge):
    table = simulated(6_000, 8)
    place = np.arange(6_000) % 2
    table = table.append_column("place", pa.array(place))
    fine = run(table, ridge, position="place")
    assert [part.position for part in fine.overlap.positions] == ["0", "1"]
    assert fine.chosen is not None
    # probabilities that belong to the other place: half and one and a half times what they are, right on average
    wrong = table["p"].to_numpy() * np.where(place == 0, 1.0 / 1.5, 1.0 / 0.5)
    moved = run(changed(table, "p", np.minimum(wrong, 1.0)), ridge, position="place")
    assert moved.chosen is None
    assert any("at place" in refusal.reason for refusal in moved.refusals)


def test_what_came_after_the_draw_is_no_context(ridge):
    table = simulated(4_000, 9)
    late = pc.cast(pc.equal(table["action"], "c"), pa.int64())
    result = run(table.append_column("clicked_c", late), ridge)
    assert result.features == ("x",)
    assert any("'clicked_c'" in refusal.what for refusal in result.refusals)
    assert run(table, ridge, features=("x",)).features == ("x",)
    assert run(table, ridge, features="none").features == ()


def test_too_few_effective_rows_are_refused_and_nothing_is_chosen(ridge):
    result = run(simulated(900, 10), ridge)
    assert result.chosen is None
    assert result.overlap.ess < 1_000
    assert "effective sample size" in result.refusals[0].reason
    assert result.refusals[0].cure.startswith("log about 1,")
    assert by_name(result)["ips"].value is not None


def test_actions_the_log_never_drew_are_refused(ridge):
    table = simulated(5_000, 11)
    table = changed(table, "P_a", table["P_a"].to_numpy() - 0.1).append_column("P_d", pa.array(np.full(5_000, 0.1)))
    result = run(table, ridge)
    assert result.overlap.p_unseen == pytest.approx(0.1)
    assert result.chosen is None
    assert any("never drew" in refusal.reason for refusal in result.refusals)


def test_rare_outcomes_give_no_always_valid_interval(ridge):
    table = simulated(3_000, 12)
    rare = np.zeros(3_000)
    rare[:15] = 1.0
    result = run(changed(table, "y", rare), ridge)
    assert all(item.anytime_lower is None for item in (*result.differences, *result.always_valid))
    assert any("effective non-zero outcomes" in refusal.reason for refusal in result.refusals)


def test_actions_and_targets_may_spell_numbers_differently(ridge):
    table = simulated(2_000, 13).rename_columns(["action", "p", "y", "x", "to", "P_1", "P_2", "P_3"])
    number = pc.add(pc.index_in(table["action"], value_set=pa.array(["a", "b", "c"])), 1).cast(pa.float64())
    assert len(run(changed(table, "action", number.combine_chunks()), ridge).rows) == 4


def _bad(column: str, value: object) -> pa.Table:
    table = simulated(50, 14)
    values = table[column].to_pylist()
    values[2] = values[16] = value
    return changed(table, column, values)


@pytest.mark.parametrize(
    ("table", "options", "code", "says"),
    [
        (_bad("p", 0.0), {}, "policy.propensity", "'p' is 0 in row 3 (2 rows: 3, 17)"),
        (_bad("p", None), {}, "policy.propensity", "'p' is missing in row 3"),
        (_bad("p", 1.2), {}, "policy.propensity", "'p' is 1.2 in row 3"),
        (_bad("y", None), {}, "policy.outcome", "'y' is missing in row 3"),
        (_bad("action", None), {}, "policy.label", "'action' is missing in row 3"),
        (_bad("P_a", 0.9), {}, "policy.target_sum", "in row 3"),
        (_bad("P_a", -0.1), {}, "policy.target", "'P_a' is -0.1 in row 3"),
        (_bad("to", None), {"target": "to"}, "policy.target", "'to' is missing in row 3"),
        (simulated(50, 1).drop(["P_b"]), {}, "policy.target_missing", "no column 'P_b'"),
        (simulated(50, 1), {"target": "tow"}, "usage.unknown_column", "'tow'"),
        (simulated(50, 1), {"target_prefix": "Q_"}, "policy.target_missing", "'Q_a'"),
        (simulated(50, 1), {"outcome": "action"}, "policy.not_numeric", "'action' is string"),
        (simulated(50, 1).slice(0, 0), {}, "input.empty", "no rows"),
        (changed(simulated(50, 1), "y", [1.0] * 50), {}, "policy.constant_outcome", "'y' is 1 in every one of 50 rows"),
        (changed(simulated(50, 1), "action", ["a"] * 50), {}, "policy.one_action", "'action' holds one action only"),
        (changed(simulated(50, 1), "to", [0.0] * 50), {"target": "to"}, "policy.no_overlap", "never does"),
        (changed(simulated(50, 1), "x", [7] * 50), {"unit": "x"}, "policy.one_unit", "'x' names one unit"),
    ],
)
def test_what_cannot_be_used_is_named(ridge, table, options, code, says):
    with pytest.raises(AlamoError) as caught:
        run(table, ridge, **options)
    assert caught.value.code == code
    assert says in caught.value.message
    assert caught.value.hint


def test_a_time_is_no_number(ridge):
    table = simulated(50, 1).append_column("at", pa.array(np.full(50, np.datetime64("2024-01-01T10:00:00"))))
    for role in ("outcome", "propensity", "target"):
        with pytest.raises(AlamoError, match="'at' is a time, not a number"):
            run(table, ridge, **{role: "at"})


@pytest.mark.parametrize("words", [{}, {"target": "to", "target_prefix": "P_"}])
def test_a_policy_is_described_once(words):
    with pytest.raises(AlamoError) as caught:
        PolicySpec(**COLUMNS, **words)
    assert caught.value.code == "policy.target_choice"


def _as(table: pa.Table, names: dict[str, str], columns: dict[str, str]) -> pa.Table:
    """Return the log with other names of actions and of their columns."""
    renamed = table.rename_columns([columns.get(name, name) for name in table.column_names])
    return changed(renamed, "action", [names[name] for name in table["action"].to_pylist()])


@pytest.mark.parametrize(
    ("names", "columns", "says"),
    [
        ({"a": "y", "b": "y ", "c": "n"}, {"P_a": "P_y", "P_b": "P_other", "P_c": "P_n"}, ("'y'", "'y '")),
        ({"a": "7", "b": "007", "c": "n"}, {"P_a": "P_7", "P_b": "P_other", "P_c": "P_n"}, ("'7'", "'007'")),
        ({"a": "1", "b": "1.0", "c": "n"}, {"P_a": "P_01", "P_b": "P_other", "P_c": "P_n"}, ("'1'", "'1.0'")),
        ({"a": "1", "b": "2", "c": "3"}, {"P_a": "P_1.0", "P_b": "P_01", "P_c": "P_3"}, ("'P_1.0'", "'P_01'")),
    ],
)
def test_two_spellings_of_one_action_are_named(ridge, names, columns, says):
    with pytest.raises(AlamoError) as caught:
        run(_as(simulated(500, 15), names, columns), ridge)
    assert caught.value.code == "policy.spelling"
    assert all(label in caught.value.message for label in says)


def test_actions_that_have_a_column_each_may_look_alike(ridge):
    table = simulated(4_000, 16)
    alike = _as(table, {"a": "7", "b": "007", "c": "7.0"}, {"P_a": "P_7", "P_b": "P_007", "P_c": "P_7.0"})
    assert by_name(run(alike, ridge))["ips"].value == by_name(run(table, ridge))["ips"].value


def test_the_bound_of_a_switch_is_what_the_rows_beyond_it_say():
    weight, outcome = np.array([1.0, 1.0, 10.0, 30.0]), np.array([0.0, 0.0, 1.0, 1.0])
    residual = np.array([5.0, 5.0, 2.0, -4.0])
    expected = np.sqrt((10.0 * 4.0 + 30.0 * 16.0) / 40.0) * 40.0 / 4.0
    assert bias_bound(weight, outcome, residual, 2.0) == pytest.approx(expected, rel=1e-12)
    assert bias_bound(weight, outcome, np.zeros(4), 2.0) == pytest.approx(0.5 * 40.0 / 4.0, rel=1e-12)
    assert bias_bound(weight, outcome, residual, np.inf) == 0.0


def test_a_leak_too_small_to_be_seen_by_its_column_is_seen_by_its_value(ridge):
    """What 1 of 250 rows of action b open after the draw decides the outcome: too few to move the column."""
    table = simulated(6_000, 2, slope=0.0)
    opened = (np.random.default_rng(17).random(6_000) < 0.004) & np.asarray(pc.equal(table["action"], "b"))
    late = changed(table, "y", table["y"].to_numpy() + 20.0 * opened).append_column("opened", pa.array(opened * 1))
    result = run(late, ridge)
    assert "opened" in result.features
    assert result.chosen.estimator == "snips"
    said = next(refusal for refusal in result.refusals if refusal.what == "value by an outcome model")
    assert "(x, opened)" in said.reason
    assert run(late, ridge, features=("x",)).chosen.estimator == "dr"
