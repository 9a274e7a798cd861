"""The universal control: its share, who follows whom, and the washout in between."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.domain.settings import ControlSettings
from alamo.numerics.hashing import uniforms, unit_keys
from alamo.steering.control import UniversalControl, stint_of, universal_control, washout_of

KEYS = unit_keys(f"c{i}" for i in range(100_000))
EVERY_THREE = ControlSettings(universal_share=0.02, universal_cycles=3)


def groups(control: ControlSettings, cycles: int, washout: int = 1):
    """Return the control of each cycle and who waits, from cycle 1 on."""
    held = [universal_control("s", cycle, control, washout).held_out(KEYS) for cycle in range(1, cycles + 1)]
    return [out & ~waits for out, waits in held], [waits for _, waits in held]


def test_the_first_period_is_what_it_was_before_groups_were_handed_over():
    for cycle in (1, 2, 3):
        assert universal_control("s", cycle, EVERY_THREE, 1) == UniversalControl("s/universal/0", 0.02)
    held, waits = UniversalControl("s/universal/0", 0.02).held_out(KEYS)
    assert np.array_equal(held, uniforms(KEYS, "s/universal/0") < 0.02)
    assert not waits.any()


def test_nobody_is_held_out_at_a_share_of_nil():
    none = ControlSettings(universal_share=0.0, universal_cycles=2)
    assert not any(group.any() for both in groups(none, 7) for group in both)


def test_at_a_hand_over_the_old_group_counts_until_the_new_one_has_waited():
    control, waits = groups(EVERY_THREE, 10)
    for cycle in range(1, 11):
        assert waits[cycle - 1].any() == (cycle in (4, 7, 10))
    assert all(np.array_equal(control[0], control[i]) for i in (1, 2, 3))  # cycle 4 is the hand-over
    assert np.array_equal(waits[3], control[4])
    assert np.array_equal(control[4], control[6])
    assert np.array_equal(waits[6], control[7])
    assert not (control[0] & control[4]).any()
    assert not (control[4] & control[7]).any()


@pytest.mark.parametrize("washout", [1, 2, 5])
def test_nobody_counts_as_control_within_a_washout_of_having_been_open_to_actions(washout):
    control, waits = groups(EVERY_THREE, 16, washout)
    held = [counts | waiting for counts, waiting in zip(control, waits, strict=True)]
    for i in range(1, 16):
        enters = control[i] & ~control[i - 1]
        for back in range(1, min(washout, 3) + 1):
            assert held[i - back][enters].all()


def test_the_share_of_the_control_is_that_of_the_settings_in_every_cycle():
    for share in (0.02, 0.3):
        control, waits = groups(ControlSettings(universal_share=share, universal_cycles=2), 12)
        for group in (*control, *(one for one in waits if one.any())):
            assert abs(group.mean() - share) < 4 * np.sqrt(share * (1 - share) / len(KEYS))


def test_everybody_is_held_out_once_before_anybody_is_twice():
    control, _ = groups(ControlSettings(universal_share=0.25, universal_cycles=1), 9)
    times = np.sum(control[1:5], axis=0)
    assert times.min() == times.max() == 1


def test_more_than_half_cannot_be_disjoint_and_the_old_group_wins():
    held, waits = UniversalControl("u", 0.6, 0.0, 0.6).held_out(KEYS)
    assert held.all()
    assert abs(waits.mean() - 0.4) < 0.01


def test_a_washout_takes_the_cycles_of_an_outcome_window():
    assert [washout_of(days, 28) for days in (1, 28, 29, 84)] == [1, 1, 2, 3]


@pytest.mark.parametrize("washout", [1, 2, 3, 9])
def test_a_stint_is_the_time_of_one_control_group(washout):
    cycles = np.arange(1, 14)
    stints = stint_of(cycles, EVERY_THREE, washout)
    starts = [universal_control("s", int(cycle), EVERY_THREE, washout).start for cycle in cycles]
    assert stints.tolist() == [round(start / 0.02) for start in starts]
