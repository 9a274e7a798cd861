"""The best of many policies is valued where it was not chosen."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.inference.off_policy_logs import simulated

from alamo.domain.errors import AlamoError
from alamo.inference.off_policy import LoggedDecisions, PolicySpec, TargetPolicy, select_policy
from alamo.inference.off_policy.log import read_log, read_target
from alamo.inference.off_policy.overlap import overlap_of

SPEC = PolicySpec("action", "p", "y", target_prefix="P_")


def always(log: LoggedDecisions, action: int) -> TargetPolicy:
    every = np.tile(np.eye(3)[action], (len(log), 1))
    return TargetPolicy(every[np.arange(len(log)), log.drawn], every)


def test_both_halves_choose_what_is_best_by_far(ridge):
    table = simulated(20_000, 1)
    log = read_log(table, SPEC)
    policies = {"always c": always(log, 2), "mixed": read_target(table, SPEC, log), "always a": always(log, 0)}
    found = select_policy(log, policies, np.asarray(table["x"], float)[:, None], ridge)
    assert found.policy == "always c"
    assert found.value.lower < 2.0 < found.value.upper  # 1 + ½ · 2
    assert found.gain.lower > 0.0
    assert found.value.n == 20_000
    assert len(found.halves) == 2
    again = select_policy(log, policies, np.asarray(table["x"], float)[:, None], ridge)
    assert again == found


def test_the_winner_of_equals_is_not_flattered(ridge):
    """Sixteen policies worth the same: the half that chooses overstates on average, the other does not."""
    flattery, error = [], []
    for seed in range(12):
        table = simulated(6_000, 100 + seed, slope=0.0)
        log = read_log(table, SPEC)
        rng = np.random.default_rng(seed)
        policies = {}
        for name in range(16):
            every = rng.dirichlet(np.full(3, 2.0), len(log))
            policies[str(name)] = TargetPolicy(every[np.arange(len(log)), log.drawn], every)
        found = select_policy(log, policies, np.empty((len(log), 0)), ridge)
        flattery += [half.value_where_chosen - 1.0 for half in found.halves]
        error += [(found.value.mean - 1.0) / found.value.se]
    assert np.mean(flattery) > 2.0 * np.std(flattery) / np.sqrt(24)
    assert abs(np.mean(error)) < 4.0 / np.sqrt(12)


def test_policies_the_log_says_too_little_about_are_left_out(ridge):
    table = simulated(3_000, 2)
    log = read_log(table, SPEC)
    found = select_policy(log, {"a": always(log, 0), "c": always(log, 2)}, np.empty((3_000, 0)), ridge)
    assert (found.halves, found.value, found.policy) == ((), None, None)
    assert {refusal.what for refusal in found.refusals} == {"policy 'a'", "policy 'c'"}


def test_one_policy_is_no_choice_and_few_units_are_not_halved(ridge):
    table = simulated(100, 3)
    log = read_log(table, SPEC)
    with pytest.raises(AlamoError) as caught:
        select_policy(log, {"a": always(log, 0)}, np.empty((100, 0)), ridge)
    assert caught.value.code == "policy.nothing_to_choose"
    few = log.take(np.arange(2))
    with pytest.raises(AlamoError) as caught:
        select_policy(few, {"a": always(few, 0), "b": always(few, 1)}, np.empty((2, 0)), ridge)
    assert caught.value.code == "policy.halves_too_few"


def test_the_cure_of_a_half_speaks_of_the_whole_log(ridge):
    log = read_log(simulated(3_000, 2), SPEC)
    found = select_policy(log, {"a": always(log, 0), "c": always(log, 2)}, np.empty((3_000, 0)), ridge)
    for refusal, action in zip(found.refusals, (0, 2), strict=True):
        rows = int(refusal.cure.split()[2].replace(",", ""))
        whole = 3_000 * 1_000.0 / overlap_of(log, always(log, action)).ess  # rows worth 1,000: two halves need twice
        # a half's effective size is near half of the log's: relative sd about 1/√300 each way, to two digits upwards
        assert rows == pytest.approx(2.0 * whole, rel=0.25)
