from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.inference.dr_scores import cycle_dr_scores
from alamo.inference.programme import programme_effect, programme_gain

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)


def test_the_programme_is_judged_against_the_universal_control_by_unit(loop_log):
    log = loop_log(6000, 3, 1, lift=0.3, universal=0.3)
    table, refusals = programme_effect(log, as_of=AS_OF, level=0.95)
    row = table.to_pylist()[0]
    assert (row["action_id"], row["segment"], refusals) == ("*", "*", ())
    assert row["n"] + row["n_control"] == 6000
    # a third of cycle 1, then about .35 of the decisions, get .3 more orders of 20, and .2 of them pay .5
    assert row["lower"] < 0.34 * 0.3 * 20 - 0.12 < row["upper"]
    assert row["found"]


def test_the_future_is_counted_once_a_unit(loop_log):
    log = loop_log(400, 4, 2, universal=0.5)
    flat = log.set_column(log.column_names.index("margin_money"), "margin_money", pa.array(np.zeros(log.num_rows)))
    for name in ("cost_money", "repeat_money"):  # no cost, and nothing expected that could be adjusted for
        flat = flat.set_column(flat.column_names.index(name), name, pa.array(np.zeros(log.num_rows)))
    row = programme_effect(flat, as_of=AS_OF, level=0.95)[0].to_pylist()[0]
    last = flat.filter(pc.and_(pc.equal(flat["cycle"], 4), flat["universal_control"]))
    assert row["baseline_money"] == pytest.approx(pc.mean(last["outcome_money"]).as_py() / 4)


def test_a_small_control_that_happens_to_be_even_gives_no_narrow_interval(loop_log):
    log = loop_log(2000, 1, 6, universal=0.02)
    held = np.asarray(log["universal_control"], dtype=bool)
    outcome = np.where(held, 1.0, log["outcome_money"].to_numpy())
    for name, values in (("outcome_money", outcome), ("margin_money", outcome), ("repeat_money", 0.0 * outcome)):
        log = log.set_column(log.column_names.index(name), name, pa.array(values))
    row = programme_effect(log, as_of=AS_OF, level=0.95)[0].to_pylist()[0]
    spread = np.std(outcome[~held] - log["cost_money"].to_numpy()[~held])
    assert row["se"] > 0.9 * spread / np.sqrt(held.sum())


def handed_over(loop_log):
    """Four cycles, the control handed over after two: a decision of the programme earns 1 and leaves 2 of later value.

    Who leaves the control is in the programme from then on, so the future at its last decision is not the control's.
    """
    log = loop_log(900, 4, 7, universal=0.5)
    unit = np.array([int(name.lstrip("u")) for name in log["unit_id"].to_pylist()])
    cycle = np.asarray(log["cycle"])
    held = (unit % 3) == np.where(cycle <= 2, 0, 1)
    margin = np.where(held, 3.0, 4.0)
    columns = {
        "universal_control": held,
        "margin_money": margin,
        "outcome_money": margin + np.where(held, 5.0, 7.0),
        "cost_money": np.zeros(len(held)),
        "repeat_money": np.zeros(len(held)),
    }
    for name, values in columns.items():
        log = log.set_column(log.column_names.index(name), name, pa.array(values))
    return log, (cycle - 1) // 2


def test_a_control_that_is_handed_over_is_compared_stint_by_stint(loop_log):
    log, stint = handed_over(loop_log)
    found = programme_effect(log, as_of=AS_OF, level=0.95, stint=stint)[0].to_pylist()[0]
    assert found["mean_money"] == pytest.approx(2.0)  # 1 in each of two decisions, and 2 more at their end
    assert found["baseline_money"] == pytest.approx(3.0 + 5.0 / 2)
    mixed = programme_effect(log, as_of=AS_OF, level=0.95)[0].to_pylist()[0]
    assert mixed["mean_money"] == pytest.approx(1.5)  # what leaves the control would take its future with it


def test_one_stint_is_what_no_stint_is(loop_log):
    log = loop_log(300, 2, 8, universal=0.4)
    stint = np.zeros(log.num_rows, dtype=np.int64)
    assert (
        programme_effect(log, as_of=AS_OF, level=0.95, stint=stint)[0]
        == programme_effect(log, as_of=AS_OF, level=0.95)[0]
    )


def test_without_a_universal_control_the_programme_effect_is_refused(loop_log):
    table, refusals = programme_effect(loop_log(100, 1, 3), as_of=AS_OF, level=0.95)
    assert table.num_rows == 0
    assert "universal_share" in refusals[0].cure


def test_the_gain_of_a_cycle_is_in_total_money_and_covers_the_truth(loop_log, ridge):
    log = loop_log(6000, 2, 4)
    scores = pa.concat_tables([cycle_dr_scores(log, cycle, ridge, salt="s") for cycle in (1, 2)])
    gain = programme_gain(scores, log, 2, 0.95)
    p = np.array(log.filter(pc.equal(log["cycle"], 2))["p"].to_pylist())
    truth = float((p[:, 1] * 2.0 - p[:, 2] * 0.5).sum())
    assert gain.lower < truth < gain.upper
    assert gain.n == 6000
    assert gain.upper - gain.lower < 2 * truth


def test_the_gain_ignores_other_cycles(loop_log, ridge):
    log = loop_log(300, 2, 5)
    first = cycle_dr_scores(log, 1, ridge, salt="s")
    both = pa.concat_tables([first, cycle_dr_scores(log, 2, ridge, salt="s")])
    assert programme_gain(both, log, 1, 0.95) == programme_gain(first, log, 1, 0.95)


def priced(log: pa.Table) -> tuple[pa.Table, dict[str, float]]:
    """The log with 15 taken from the outcome of a third of those mailed, and what was taken by decision."""
    mailed = np.asarray(pc.equal(log["action_id"], "mail"))
    taken = np.where(mailed & (np.arange(log.num_rows) % 3 == 0), 15.0, 0.0)
    outcome = pa.array(log["outcome_money"].to_numpy() - taken)
    lower = log.set_column(log.column_names.index("outcome_money"), "outcome_money", outcome)
    paid = {name: money for name, money in zip(log["decision_id"].to_pylist(), taken.tolist(), strict=True) if money}
    return lower, paid


def test_the_effect_of_the_programme_does_not_hold_what_outcomes_were_charged(loop_log):
    log = loop_log(600, 2, 1, universal=0.3)
    lower, paid = priced(log)
    plain = programme_effect(log, as_of=AS_OF, level=0.95)[0].to_pylist()[0]
    back = programme_effect(lower, as_of=AS_OF, level=0.95, charged=paid)[0].to_pylist()[0]
    forgotten = programme_effect(lower, as_of=AS_OF, level=0.95)[0].to_pylist()[0]
    assert back["mean_money"] == pytest.approx(plain["mean_money"])
    assert back["se"] == pytest.approx(plain["se"])
    assert forgotten["mean_money"] < plain["mean_money"] - 0.5


def test_the_gain_of_a_cycle_does_not_hold_what_outcomes_were_charged(loop_log, ridge):
    log = loop_log(3000, 1, 4)
    lower, paid = priced(log)
    plain = programme_gain(cycle_dr_scores(log, 1, ridge, salt="s"), log, 1, 0.95)
    scores = cycle_dr_scores(lower, 1, ridge, salt="s")
    back, forgotten = programme_gain(scores, lower, 1, 0.95, paid), programme_gain(scores, lower, 1, 0.95)
    assert back.mean == pytest.approx(plain.mean, abs=0.5 * plain.se)
    assert forgotten.mean < plain.mean - 3 * plain.se
