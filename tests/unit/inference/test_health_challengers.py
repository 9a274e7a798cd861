"""Champion and challengers by hand: who chooses what, what it is worth, and what cannot be told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference.health import Rivals, challenged, judged

TABLE = pa.table(
    {
        "decision_id": ["d1", "d1", "d2", "d2", "d3"],
        "unit_id": ["a", "a", "b", "b", "a"],
        "action_id": ["mail", "post", "mail", "post", "mail"],
        "drawn": ["post", "post", "none", "none", "mail"],
        "p": [0.25, 0.25, 0.25, 0.25, 0.5],
        "p_none": [0.5, 0.5, 0.5, 0.5, 0.5],
        "bought": [True] * 5,
        "effect_money": [1.0, 4.0, -2.0, -3.0, 6.0],
        "champion": [0.5, 1.5, -1.0, -0.5, 1.0],
        "zero": [0.0, 0.0, 0.0, 0.0, 0.0],
        "one effect": [1.0, -1.0, 1.0, -1.0, 1.0],
        "segments": [1.0, -1.0, 1.0, -1.0, 1.0],
        "last model": pa.nulls(5, pa.float64()),
    }
)


def test_decisions_are_told_apart_and_a_rule_without_values_is_no_challenger():
    rivals = Rivals.of(TABLE)
    assert rivals.start.tolist() == [0, 2, 4]
    assert rivals.unit.tolist() == [0, 1, 0]
    assert rivals.drew_none.tolist() == [False, True, False]
    assert rivals.drawn.tolist() == [False, True, False, False, True]
    assert set(rivals.challengers) == {"zero", "one effect", "segments"}
    assert rivals.weight.tolist() == pytest.approx([1 / 6] * 4 + [0.25])


def test_a_row_without_a_real_chance_or_a_value_of_the_champion_is_left_out():
    table = TABLE.set_column(4, "p", pa.array([1e-9, 0.25, 0.25, 0.25, 0.5]))
    table = table.set_column(8, "champion", pa.array([0.5, 1.5, -1.0, None, 1.0], pa.float64()))
    rivals = Rivals.of(table)
    assert rivals.effect.tolist() == [4.0, -2.0, 6.0]
    assert rivals.start.tolist() == [0, 1, 2]


def many(times: int = 40, table: pa.Table = TABLE) -> Rivals:
    parts = []
    for i in range(times):
        ids = [f"{i:03d}-{name}" for name in table["decision_id"].to_pylist()]
        units = [f"{i:03d}-{name}" for name in table["unit_id"].to_pylist()]
        shift = np.asarray(table["effect_money"]) + np.random.default_rng(i).normal(0.0, 0.1, 5)
        drawn = [table["drawn"].to_pylist(), ["mail"] * 5, ["none"] * 5][i % 3]
        part = table.set_column(3, "drawn", pa.array(drawn))
        part = part.set_column(0, "decision_id", pa.array(ids)).set_column(1, "unit_id", pa.array(units))
        parts.append(part.set_column(7, "effect_money", pa.array(shift)))
    return Rivals.of(pa.concat_tables(parts))


def test_the_lead_is_what_the_champions_choices_earn_more():
    found = {(check.aspect, check.subject): check for check in judged(challenged(many(), 0.95), 0.95)}
    one = found["challenger", "one effect"]
    # champion: post (4), none (0), mail (6); one effect: mail (1), mail (-2), mail (6)
    assert one.found == pytest.approx(10.0 / 3.0, abs=0.05)
    assert one.expected == pytest.approx(5.0 / 3.0, abs=0.05)
    assert one.value == pytest.approx(5.0 / 3.0, abs=0.05)
    assert one.verdict == "keep"
    assert "67%" in one.reason
    zero = found["challenger", "zero"]
    assert (zero.expected, zero.verdict) == (0.0, "keep")
    assert found["challenger", "last model"].verdict == "refused"
    assert "not known then" in found["challenger", "last model"].reason


def test_the_last_model_is_compared_on_the_customers_it_knew():
    table = TABLE.set_column(12, "last model", pa.array([1.0, 1.0, 1.0, None, 1.0], pa.float64()))
    rivals = many(60, table)
    assert len(rivals.start) == 180
    found = {(c.aspect, c.subject): c for c in judged(challenged(rivals, 0.95), 0.95)}
    last = found["challenger", "last model"]
    # champion: post (4), mail (6); last model: mail (1), mail (6); of the second decision, of b, it knew a part
    assert (last.n, last.verdict) == (60, "keep")
    assert last.found == pytest.approx(5.0, abs=0.05)
    assert last.expected == pytest.approx(3.5, abs=0.05)
    assert found["challenger loss", "last model"].n == 60
    assert found["challenger", "one effect"].n == 120


def test_a_cycle_of_which_nothing_is_scored_is_refused_once_with_the_reason():
    checks = challenged(Rivals.of(TABLE.slice(0, 0)), 0.95)
    assert [(check.aspect, check.subject, check.p_value) for check in checks] == [
        ("challenger", "*", None),
        ("challenger loss", "*", None),
    ]
    assert "no decision of the cycle has been scored" in checks[0].reason


def test_the_lead_in_squared_error_is_that_of_the_weighted_losses():
    rivals = many()
    loss = next(c for c in challenged(rivals, 0.95) if (c.aspect, c.subject) == ("challenger loss", "segments"))
    theirs = np.average((rivals.effect - rivals.challengers["segments"]) ** 2, weights=rivals.weight)
    ours = np.average((rivals.effect - rivals.champion) ** 2, weights=rivals.weight)
    assert loss.value == pytest.approx(theirs - ours)


def test_a_challenger_that_would_have_earned_more_replaces_the_champion():
    rivals = many()
    worse = Rivals(
        rivals.effect, rivals.weight, rivals.start, rivals.unit, rivals.drawn, rivals.drew_none, rivals.bought,
        -rivals.effect, {"zero": rivals.champion * 0.0, "one effect": rivals.effect},
    )  # fmt: skip
    verdicts = {(c.aspect, c.subject): c.verdict for c in judged(challenged(worse, 0.95), 0.95)}
    assert verdicts["challenger", "one effect"] == "replace"
    assert verdicts["challenger loss", "one effect"] == "replace"
    assert verdicts["challenger loss", "zero"] == "replace"


def test_rules_that_choose_alike_are_not_compared_by_their_choices():
    rivals = many()
    alike = Rivals(
        rivals.effect, rivals.weight, rivals.start, rivals.unit, rivals.drawn, rivals.drew_none, rivals.bought,
        rivals.champion, {"zero": rivals.champion, "segments": 2.0 * rivals.champion},
    )  # fmt: skip
    found = {(c.aspect, c.subject): c for c in challenged(alike, 0.95)}
    assert "choose differently in 0 decisions" in found["challenger", "zero"].reason
    assert "value everything alike" in found["challenger loss", "zero"].reason
    assert found["challenger loss", "segments"].value is not None


def test_where_few_bought_with_either_choice_nothing_is_told_apart():
    rivals = many()
    few = replace(rivals, bought=np.arange(len(rivals.start)) < 19)
    for check in challenged(few, 0.95):
        assert check.p_value is None
    found = {(c.aspect, c.subject): c.reason for c in challenged(few, 0.95)}
    assert "bought of those who drew the champion's choice" in found["challenger", "one effect"]
    assert "20 of both are needed" in found["challenger loss", "one effect"]
