from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.domain.action import Action
from alamo.domain.settings import InferenceSettings
from alamo.domain.tables import EFFECTS
from alamo.inference.dr_scores import cycle_dr_scores
from alamo.inference.effect_sums import effect_sums
from alamo.inference.effects import LoopEffects, loop_effects
from alamo.inference.scored_log import ScoredLog
from alamo.store import MemoryHistory

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)


def _actions(*names: str) -> list[Action]:
    return [Action(id=name, name=name, channel="email", level="upsell") for name in names]


def _effects(log: pa.Table, ridge, names=("mail", "post"), planned: int | None = None) -> LoopEffects:
    cycles = sorted(set(log["cycle"].to_pylist()))
    scores = pa.concat_tables([cycle_dr_scores(log, cycle, ridge, salt="s") for cycle in cycles])
    return loop_effects(
        effect_sums(ScoredLog.of(MemoryHistory(), log, scores=scores)),
        as_of=AS_OF,
        actions=_actions(*names),
        inference=InferenceSettings(),
        planned_rows=planned or log.num_rows,
    )


def _pooled(effects: LoopEffects, action: str) -> dict:
    rows = [r for r in effects.table.to_pylist() if r["action_id"] == action and r["segment"] == "*"]
    assert len(rows) == 1
    return rows[0]


def test_a_useful_action_is_found_and_one_that_only_costs_is_not_called_useful(loop_log, ridge):
    effects = _effects(loop_log(4000, 3, 1), ridge)
    EFFECTS.check(effects.table)
    mail, post = _pooled(effects, "mail"), _pooled(effects, "post")
    assert mail["found"]
    assert mail["anytime_lower"] < 2.0 < mail["anytime_upper"]  # .10 more orders of 20
    assert post["anytime_lower"] < -0.5 < post["anytime_upper"]
    assert mail["anytime_upper"] - mail["anytime_lower"] < 1.8 * (mail["upper"] - mail["lower"])
    assert mail["baseline_money"] == pytest.approx(2.0 + 30.0 * np.exp(0.125), rel=0.05)


def test_the_universal_control_never_enters_an_actions_effect(loop_log, ridge):
    log = loop_log(2000, 2, 2, universal=0.3)
    pooled = _pooled(_effects(log, ridge), "mail")
    scored = log.filter(pc.invert(log["universal_control"]))
    assert pooled["n_control"] == pc.sum(pc.equal(scored["action_id"], "none")).as_py()
    assert pooled["n"] == pc.sum(pc.equal(scored["action_id"], "mail")).as_py()


def test_an_action_never_drawn_is_refused_with_a_cure(loop_log, ridge):
    effects = _effects(loop_log(300, 1, 3), ridge, names=("mail", "voucher"))
    refusal = next(r for r in effects.refusals if r.what == "effect of voucher")
    assert "cycle" in refusal.cure
    assert "voucher" not in effects.table["action_id"].to_pylist()


def test_too_few_orders_give_no_always_valid_interval_but_a_reason(loop_log, ridge):
    log = loop_log(500, 1, 4)
    log = log.set_column(log.column_names.index("orders_window"), "orders_window", pa.array([0] * 495 + [1] * 5))
    effects = _effects(log, ridge)
    row = _pooled(effects, "mail")
    assert row["anytime_lower"] is None
    assert not row["found"]
    assert any("more cycle" in r.cure and "too few outcomes" in r.reason for r in effects.refusals)


@pytest.mark.parametrize("chance", [1e-8, 1e-300])
def test_decisions_with_next_to_no_chance_of_an_action_are_left_out_and_counted(loop_log, ridge, chance):
    log = loop_log(3000, 2, 9)
    hardly = np.flatnonzero(np.asarray(pc.equal(log["action_id"], "none")))[::50]
    p = np.array(log["p"].to_pylist())
    p[hardly, 0] += p[hardly, 1] - chance
    p[hardly, 1] = chance
    drawn = np.asarray(pc.index_in(log["action_id"], value_set=pa.array(["none", "mail", "post"])))
    log = log.set_column(log.column_names.index("p"), "p", pa.array(p.tolist()))
    log = log.set_column(log.column_names.index("p_action"), "p_action", pa.array(p[np.arange(len(p)), drawn]))
    effects = _effects(log.set_column(log.column_names.index("segment"), "segment", _six(log.num_rows)), ridge)
    row = _pooled(effects, "mail")
    kept = _pooled(_effects(log.filter(pa.array(~np.isin(np.arange(len(p)), hardly))), ridge), "mail")
    assert row["anytime_upper"] - row["anytime_lower"] == pytest.approx(
        kept["anytime_upper"] - kept["anytime_lower"], rel=0.05
    )
    assert any(f"in {len(hardly)} decisions" in r.reason and "floor_minimum" in r.cure for r in effects.refusals)
    shown = [r["se"] for r in effects.table.to_pylist() if r["action_id"] == "mail" and r["segment"] != "*"]
    assert len(shown) == 6
    assert np.isfinite(shown).all()


def _six(n: int) -> pa.Array:
    return pa.array([f"s{i % 6}" for i in range(n)])


def test_lost_decisions_show_as_a_ratio_mismatch_and_no_effect_is_given(loop_log, ridge):
    log = loop_log(6000, 1, 5)
    lost = pc.and_(pc.equal(log["action_id"], "mail"), pc.equal(log["orders_window"], 0))
    effects = _effects(log.filter(pc.invert(lost)), ridge)
    assert effects.ratio_checks["mail"]["p_value"] < 0.01
    assert any("first seen in cycle 1, decided on 2025-01-06" in r.reason for r in effects.refusals)
    assert "mail" not in effects.table["action_id"].to_pylist()


def test_a_mismatch_names_the_cycle_in_which_it_was_first_seen_and_does_not_heal(loop_log, ridge):
    log = loop_log(4000, 4, 12)
    lost = pc.and_(pc.equal(log["action_id"], "mail"), pc.equal(log["orders_window"], 0))
    in_third = pc.and_(lost, pc.equal(log["cycle"], 3))
    checks = _effects(log.filter(pc.invert(in_third)), ridge).ratio_checks
    assert (checks["mail"]["tripped_cycle"], checks["mail"]["tripped_on"]) == (3, "2025-03-03")
    assert checks["mail"]["p_value"] < 0.01
    before = _effects(log.filter(pc.less(log["cycle"], 3)), ridge).ratio_checks
    assert before["mail"]["tripped_cycle"] is None
    assert before["mail"]["p_value"] > 0.01


def test_a_segment_of_three_people_is_refused_and_named(loop_log, ridge):
    log = loop_log(1000, 1, 6)
    names = [f"s{i % 6}" for i in range(997)] + ["tiny"] * 3
    effects = _effects(log.set_column(log.column_names.index("segment"), "segment", pa.array(names)), ridge)
    assert any("tiny" in r.what for r in effects.refusals)
    assert "tiny" not in effects.table["segment"].to_pylist()
    assert {"s0", "s5"} <= set(effects.table["segment"].to_pylist())


def test_with_two_segments_each_shows_the_pooled_effect(loop_log, ridge):
    effects = _effects(loop_log(1000, 1, 7), ridge)
    rows = [r for r in effects.table.to_pylist() if r["action_id"] == "mail"]
    assert len({r["mean_money"] for r in rows}) == 1
    assert effects.between_segment_sd["mail"] is None


def test_scaling_the_money_scales_effects_and_intervals(loop_log, ridge):
    log = loop_log(800, 2, 8)
    scaled = log.set_column(
        log.column_names.index("outcome_money"), "outcome_money", pc.multiply(log["outcome_money"], 100.0)
    )
    one, hundred = _pooled(_effects(log, ridge), "mail"), _pooled(_effects(scaled, ridge), "mail")
    for key in ("mean_money", "se", "anytime_lower", "anytime_upper"):
        assert hundred[key] == pytest.approx(100 * one[key], rel=1e-6)


def test_a_horizon_further_away_widens_the_always_valid_interval_now(loop_log, ridge):
    log = loop_log(800, 1, 9)
    near, far = (_pooled(_effects(log, ridge, planned=planned), "mail") for planned in (800, 80_000))
    assert far["anytime_upper"] - far["anytime_lower"] > near["anytime_upper"] - near["anytime_lower"]
    assert (far["lower"], far["upper"]) == (near["lower"], near["upper"])
