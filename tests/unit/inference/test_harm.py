"""Harm: shares of the error rate, what SQL adds up, and why there may be no bound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from alamo.inference.effect_sums import CycleSums
from alamo.inference.harm import METRIC_SHARES, counting, event_harm, outcome_harm, wave_share
from alamo.inference.harm_sums import event_sums
from alamo.numerics.harm_bound import LARGEST_WEIGHT, harm_lower_bound, log_wealth
from alamo.numerics.ratio_check import TILT_FACTORS
from alamo.store import memory_stores
from alamo.testing.samples import sample_rows

NOW = datetime(2026, 6, 1, tzinfo=UTC)
N = 600


def test_all_shares_together_never_exceed_one():
    assert sum(METRIC_SHARES.values()) == pytest.approx(1.0)
    waves = [(1, 5), (2, 1), (3, 40), *((wave, 1) for wave in range(4, 2000))]
    assert 0.99 < sum(n * wave_share(wave, n) for wave, n in waves) < 1.0


@pytest.fixture(scope="module")
def log():
    """A warehouse of N decisions in three cycles, and the same as arrays: drawn, lost, p(mail), p(none), cycle."""
    rng = np.random.default_rng(4)
    p_mail = rng.choice([0.05, 0.3], N)
    p_none = rng.choice([0.02, 0.5], N)
    u = rng.random(N)
    drawn = np.where(u < p_mail, "mail", np.where(u < p_mail + p_none, "none", "post"))
    lost = rng.random(N) < np.where(drawn == "mail", 0.3, 0.05)
    cycle = np.repeat([1, 2, 3], N // 3)
    ids = [f"d{i}" for i in range(N)]
    history = memory_stores().history
    observed = sample_rows(
        "observations", N, decision_id=ids, cycle=cycle.tolist(), action_id=drawn.tolist(),
        permission_lost=lost.tolist(),
        matured_at=[NOW + timedelta(days=3 if i >= N - 10 else -3) for i in range(N)],
    )  # fmt: skip
    history.append("observations", observed, batch="o")
    for action, p in (("mail", p_mail), ("none", p_none), ("post", 1 - p_mail - p_none)):
        scores = sample_rows("dr_scores", N, decision_id=ids, cycle=cycle.tolist(), action_id=action, p=p.tolist())
        history.append("dr_scores", scores, batch=action)
    return history, drawn, lost, p_mail, p_none, cycle


def arrays(log, keep):
    _, drawn, lost, p_mail, p_none, _ = log
    columns = (lost, drawn == "mail", drawn == "none", p_mail, p_none)
    return [np.asarray(column[keep], dtype=np.float64) for column in columns]


@pytest.mark.parametrize(("since", "late"), [(1, ()), (2, ()), (1, (2,))])
def test_sql_adds_up_what_the_arrays_do_and_reads_nothing_of_later(log, since, late):
    keep = (log[5] >= since) & ~np.isin(log[5], late) & (np.arange(N) < N - 10)
    found = event_sums(log[0], "permission_lost", {"mail": since, "letter": 1}, NOW, late)
    assert list(found) == ["mail"]
    mine, happened = found["mail"], arrays(log, keep)
    assert mine.n == keep.sum()
    assert (mine.n_action, mine.n_control) == (happened[1].sum(), happened[2].sum())
    assert (mine.events_action, mine.events_control) == (
        (happened[0] * happened[1]).sum(),
        (happened[0] * happened[2]).sum(),
    )
    assert mine.weight == pytest.approx(np.minimum(happened[4], LARGEST_WEIGHT).sum(), abs=1e-6)
    assert np.allclose(mine.wealth, log_wealth(*happened), atol=1e-6)


def test_decisions_of_a_version_that_did_not_record_an_event_are_left_out(log):
    assert event_sums(log[0], "returned_window", {"mail": 1}, NOW) == {}


def test_harm_by_an_event_is_a_mean_with_its_bound(log):
    sums = event_sums(log[0], "permission_lost", {"mail": 1}, NOW)["mail"]
    harm = event_harm(sums, "mail", "unsubscribes", tolerated=0.01, alpha=0.01)
    assert harm.mean == pytest.approx(sums.harm / sums.weight)
    assert harm.bound == harm_lower_bound(sums.wealth, sums.weight, 0.01)
    assert harm.bound < harm.mean
    assert harm.crossed == (harm.bound > 0.01)
    nothing = event_harm(None, "mail", "returns", tolerated=0.01, alpha=0.01)
    assert (nothing.bound, nothing.crossed) == (None, False)
    assert "not recorded" in nothing.reason


def cycle_sums(n: int = 1000, *, per_decision: float = -1.0, nonzero: float = 200.0) -> CycleSums:
    """Two cycles whose scores have the mean `per_decision` and the variance 4, drawn as the probabilities say."""
    one = np.full(2, 1.0)
    p = np.array([0.3, 0.4])
    tilts = np.array([[n * np.log1p(q * factor) for factor in TILT_FACTORS] for q in p])
    return CycleSums(
        cycle=np.array([1, 2]), decided_at=(NOW, NOW), n=n * one, n_action=n * p[0] * one, n_control=n * p[1] * one,
        nonzero_action=nonzero * one, nonzero_control=nonzero * one, score=per_decision * n * one,
        squares=n * (4.0 + per_decision**2) * one, gamma_none=one, residual=4.0 * n * one, weight=n * one,
        expected=n * p[0] * one, least_chance=0.3 * one, tilt_action=np.tile(tilts[0], (2, 1)),
        tilt_control=np.tile(tilts[1], (2, 1)),
    )  # fmt: skip


def judged(sums, **given):
    terms = {"cost_money": 0.0, "tolerated": 0.0, "alpha": 0.005, "n_opt": 4000.0} | given
    return outcome_harm(sums, "mail", **terms)


def test_a_loss_before_cost_is_harm_and_its_cost_alone_is_none():
    harm = judged(cycle_sums())
    assert harm.mean == pytest.approx(1.0)
    assert harm.crossed
    assert 0.7 < harm.bound < 1.0
    assert judged(cycle_sums(), tolerated=0.9).crossed is False
    cost = judged(cycle_sums(), cost_money=1.0)  # what it costs is all that it loses
    assert cost.mean == pytest.approx(0.0)
    assert not cost.crossed


def test_there_is_no_bound_where_the_data_do_not_support_one():
    assert judged(None).reason == "no matured decision"
    few = judged(cycle_sums(nonzero=9.0))
    assert (few.bound, few.crossed) == (None, False)
    assert few.reason.startswith("18 decisions with an order")
    wrong = replace(cycle_sums(), n_action=np.array([400.0, 400.0]))
    assert "logged probabilities" in judged(wrong).reason
    assert "chance below" in judged(replace(cycle_sums(), least_chance=np.full(2, 1e-9))).reason


def test_only_cycles_from_the_newest_start_on_count():
    later = counting(cycle_sums(), 2)
    assert later.cycle.tolist() == [2]
    assert judged(later).n == 1000
    assert judged(counting(cycle_sums(), 3)).reason == "no matured decision"
