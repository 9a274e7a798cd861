"""The algebra of calibration: parts, covariance, refusals; and the table the loop writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.domain.action import Action
from alamo.inference import LongEvidence, calibrated_effects, cycle_dr_scores
from alamo.inference.calibration import PairedScores, calibrate

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
ACTIONS = [Action(id=name, name=name, channel="email", level="upsell") for name in ("mail", "post")]


def paired(seed: int, *, n: int = 400, open_from: int = 300, shift: float = -1.0, tie: float = 0.0) -> PairedScores:
    rng = np.random.default_rng(seed)
    proxy = rng.normal(2.0, 1.0, n)
    difference = shift + rng.normal(0.0, 1.0, n) + tie * (proxy - 2.0)
    difference[open_from:] = np.nan
    return PairedScores(proxy, difference, np.arange(n) % 200, np.arange(n) // 100)


def test_the_calibrated_effect_is_proxy_plus_correction():
    scores = paired(1)
    shown = calibrate([scores], 0.95)[0]
    assert shown.proxy.mean == pytest.approx(scores.proxy.mean())
    assert shown.correction.mean == pytest.approx(np.nanmean(scores.difference))
    assert shown.calibrated.mean == pytest.approx(shown.proxy.mean + shown.correction.mean)


def test_where_all_windows_have_closed_it_is_the_long_effect_with_its_own_error():
    scores = paired(2, open_from=400, tie=-0.8)
    shown = calibrate([scores], 0.95)[0]
    whole = scores.proxy + scores.difference
    by_unit = np.bincount(scores.unit, whole - whole.mean())
    assert shown.calibrated.mean == pytest.approx(whole.mean())
    assert shown.calibrated.se == pytest.approx(np.sqrt((by_unit**2).sum() * 200 / 199) / 400)


def test_what_both_parts_share_is_in_the_interval():
    against, with_it = (calibrate([paired(3, tie=tie)], 0.95)[0] for tie in (-0.9, 0.9))
    apart = [float(np.hypot(shown.proxy.se, shown.correction.se)) for shown in (against, with_it)]
    assert against.calibrated.se < apart[0]
    assert with_it.calibrated.se > apart[1]


def test_thin_cycles_are_skipped_when_corrections_of_cycles_are_compared():
    scores = paired(6, n=600, open_from=400)
    one = PairedScores(
        np.append(scores.proxy, 2.0),
        np.append(scores.difference, 500.0),
        np.append(scores.unit, 0),
        np.append(scores.cycle, 9),
    )
    assert calibrate([one], 0.95)[0].between_cycles_sd == calibrate([scores], 0.95)[0].between_cycles_sd


def test_without_a_closed_window_an_effect_stays_a_proxy():
    ready, waiting = calibrate([paired(4), paired(5, open_from=0)], 0.95)
    assert ready.calibrated is not None
    assert waiting.correction is None
    assert waiting.calibrated is None
    assert waiting.proxy.mean == pytest.approx(paired(5, open_from=0).proxy.mean())


def test_a_correction_that_differs_between_cycles_widens_the_interval_by_the_share_still_open():
    calm, moving = paired(6, n=600, open_from=400), paired(6, n=600, open_from=400)
    drift = np.where(calm.cycle < 2, 5.0, -5.0)
    moving = PairedScores(moving.proxy, moving.difference + drift, moving.unit, moving.cycle)
    still, drifting = calibrate([calm], 0.95)[0], calibrate([moving], 0.95)[0]
    assert drifting.between_cycles_sd == pytest.approx(np.std([5, 5, -5, -5], ddof=1), rel=0.1)
    assert still.between_cycles_sd < 0.5
    expected = np.hypot(still.calibrated.se, drifting.between_cycles_sd / 3)  # a third is open
    assert drifting.calibrated.se > 0.9 * expected


def test_four_corrections_are_shrunk_towards_each_other_and_the_sum_still_holds():
    scores = [paired(seed, shift=shift) for seed, shift in ((10, -1.0), (11, -1.1), (12, -0.9), (13, -0.2))]
    alone = [calibrate([one], 0.95)[0] for one in scores]
    together = calibrate(scores, 0.95)
    for shown in together:
        assert shown.calibrated.mean == pytest.approx(shown.proxy.mean + shown.correction.mean)
    spread = [np.ptp([shown.correction.mean for shown in group]) for group in (alone, together)]
    assert spread[1] < spread[0]
    assert all(b.correction.se < a.correction.se * 1.02 for a, b in zip(alone, together, strict=True))


def test_nothing_to_calibrate_is_nothing():
    assert calibrate([], 0.95) == []


def tables(loop_log, ridge, *, long_cycles: int, cycles: int = 4, keeps: float = 0.0):
    """A log in whose first `long_cycles` cycles a share `keeps` of the lift of `mail` is left in the long run."""
    log = loop_log(3000, cycles, 7, lift=0.2)
    scores = pa.concat_tables([cycle_dr_scores(log, cycle, ridge, salt="s") for cycle in range(1, cycles + 1)])
    closed = log.filter(pc.less_equal(log["cycle"], long_cycles))
    rng = np.random.default_rng(8)
    ordered = np.asarray(pc.equal(closed["action_id"], "mail")) * (keeps - 1.0) * 0.2 * 20.0
    difference = pa.array(ordered + rng.normal(0.0, 0.5, closed.num_rows))
    closed = closed.set_column(closed.column_names.index("outcome_money"), "outcome_money", difference)
    long = [cycle_dr_scores(closed, c, ridge, salt="s", overlapping=True) for c in range(1, long_cycles + 1)]
    empty = scores.slice(0, 0)
    until = AS_OF - timedelta(days=3) if long else None
    return scores, log, LongEvidence(pa.concat_tables([empty, *long]), 182, until, 28)


def test_the_table_holds_the_three_side_by_side(loop_log, ridge):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=3)
    table, refusals = calibrated_effects(scores, log, evidence, as_of=AS_OF, actions=ACTIONS, level=0.95)
    mail, post = table.to_pylist()
    assert [mail["action_id"], post["action_id"]] == ["mail", "post"]
    assert mail["label"] == post["label"] == "calibrated"
    assert mail["proxy_money"] == pytest.approx(4.0, abs=0.5)
    assert mail["calibrated_lower"] < 0.0 < mail["calibrated_upper"] < mail["proxy_money"]
    assert mail["calibrated_money"] == pytest.approx(mail["proxy_money"] + mail["correction_money"])
    assert (mail["n"], mail["n_long"], mail["cycles_long"]) == (12000, 9000, 3)
    assert mail["measured_until"] == AS_OF - timedelta(days=3)
    assert mail["days_left"] is None
    assert not refusals


@pytest.mark.parametrize(
    ("cycles", "days"),
    [
        (4, 56 + 182 - 85),
        (1, 56 + 182 - 85),
    ],  # the third cycle begins 56 days after the first, also where it is to come
)
def test_before_enough_windows_have_closed_it_says_for_how_long_it_stays_a_proxy(loop_log, ridge, cycles, days):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=0, cycles=cycles)
    as_of = min(log["decided_at"].to_pylist()) + timedelta(days=84, hours=3)
    table, refusals = calibrated_effects(scores, log, evidence, as_of=as_of, actions=ACTIONS, level=0.95)
    row = table.to_pylist()[0]
    assert (row["label"], row["calibrated_money"], row["measured_until"]) == ("proxy", None, None)
    assert row["days_left"] == days + 1
    assert refusals[0].cure == f"needs about {days + 1} more days"
    assert "no decision about it has seen the 182 days yet" in refusals[0].reason


def test_two_closed_cycles_are_not_enough_to_say_how_much_a_correction_differs(loop_log, ridge):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=2)
    as_of = min(log["decided_at"].to_pylist()) + timedelta(days=28 + 182)
    table, refusals = calibrated_effects(scores, log, evidence, as_of=as_of, actions=ACTIONS, level=0.95)
    row = table.to_pylist()[0]
    assert (row["label"], row["correction_money"], row["cycles_long"], row["days_left"]) == ("proxy", None, 2, 28)
    assert refusals[0].cure == "needs about 28 more days"
    assert "decisions of 2 cycles have seen the 182 days" in refusals[0].reason


def test_a_cycle_with_too_few_decisions_counts_as_open(loop_log, ridge):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=4)
    kept = pc.or_(pc.not_equal(log["cycle"], 2), pc.is_in(log["unit_id"], pc.unique(log["unit_id"]).slice(0, 15)))
    thin = log.filter(kept)
    ids = thin["decision_id"].combine_chunks()
    left = LongEvidence(
        evidence.dr_scores.filter(pc.is_in(evidence.dr_scores["decision_id"], ids)), 182, evidence.measured_until, 28
    )
    scores = scores.filter(pc.is_in(scores["decision_id"], ids))
    row = calibrated_effects(scores, thin, left, as_of=AS_OF, actions=ACTIONS, level=0.95)[0].to_pylist()[0]
    assert (row["label"], row["n"], row["n_long"], row["cycles_long"]) == ("calibrated", 9015, 9000, 3)


def test_an_action_without_spread_in_the_longer_outcome_is_refused_and_the_others_stay(loop_log, ridge):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=3)
    long = evidence.dr_scores
    none = long.filter(pc.equal(long["action_id"], "none")).select(["decision_id", "gamma_money"])
    place = pc.index_in(long["decision_id"], value_set=none["decision_id"].combine_chunks())
    same = pc.if_else(
        pc.equal(long["action_id"], "post"), pc.add(none["gamma_money"].take(place), -1.0), long["gamma_money"]
    )
    constant = LongEvidence(
        long.set_column(long.column_names.index("gamma_money"), "gamma_money", same), 182, evidence.measured_until, 28
    )
    table, refusals = calibrated_effects(scores, log, constant, as_of=AS_OF, actions=ACTIONS, level=0.95)
    mail, still = table.to_pylist()
    assert mail["label"] == "calibrated"
    assert (still["label"], still["calibrated_money"], still["days_left"]) == ("proxy", None, None)
    assert [refusal.what for refusal in refusals] == ["calibrated effect of post"]
    assert "no spread in the longer outcome" in refusals[0].reason


def test_an_action_that_cannot_be_compared_has_no_row(loop_log, ridge):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=1)
    fresh = Action(id="fresh", name="fresh", channel="email", level="upsell")
    table, _ = calibrated_effects(scores, log, evidence, as_of=AS_OF, actions=[fresh], level=0.95)
    assert table.num_rows == 0


def test_imported_experiments_are_not_in_it(loop_log, ridge):
    scores, log, evidence = tables(loop_log, ridge, long_cycles=2)
    back = pa.array(np.asarray(log["cycle"]) - 1)
    moved = log.set_column(log.column_names.index("cycle"), "cycle", back)
    scores = scores.set_column(2, "cycle", pa.array(np.asarray(scores["cycle"]) - 1))
    table, _ = calibrated_effects(scores, moved, evidence, as_of=AS_OF, actions=ACTIONS, level=0.95)
    assert table["n"][0].as_py() == 9000


class Remembers:
    """An outcome model that knows every row it was fitted on by heart, and nothing of any other."""

    def fit(self, features, outcome, weight=None):
        self.known = dict(zip(map(tuple, features[:, :1].tolist()), outcome, strict=True))
        return self

    def fit_parts(self, features, parts):
        return (self.fit(features[rows], outcome) for rows, outcome in parts)

    def predict(self, features):
        return np.array([self.known.get(tuple(row), 0.0) for row in features[:, :1].tolist()])


def test_scores_of_overlapping_windows_never_come_from_a_model_that_saw_the_unit(loop_log):
    """A model that saw a customer's other rows would know what is peculiar to the customer; this one cannot."""
    log = loop_log(400, 2, 9)
    number = np.arange(800) % 400
    peculiar = np.random.default_rng(1).normal(0.0, 100.0, 400)[number]
    keep = ["decision_id", "unit_id", "cycle", "decided_at", "action_id", "eligible", "p", "p_action"]
    known = log.select([*keep, "universal_control"]).append_column("lean", pa.array(number * 1.0))
    known = known.append_column("outcome_money", pa.array(peculiar))

    def predicted(**how) -> np.ndarray:
        scores = cycle_dr_scores(known, 2, Remembers(), salt="s", **how)
        return np.asarray(scores.filter(pc.equal(scores["action_id"], "none"))["mu_money"])

    assert predicted() == pytest.approx(peculiar[400:])
    assert not predicted(overlapping=True).any()
