from __future__ import annotations

import numpy as np

from alamo.domain.settings import ControlSettings
from alamo.numerics.hashing import unit_keys
from alamo.steering.control import in_universal_control, universal_salt

KEYS = unit_keys(f"c{i}" for i in range(100_000))


def test_the_share_is_held_out_within_four_standard_deviations():
    held = in_universal_control(KEYS, "u", 0.02)
    assert abs(held.mean() - 0.02) < 4 * np.sqrt(0.02 * 0.98 / len(KEYS))
    assert not in_universal_control(KEYS, "u", 0.0).any()


def test_it_is_the_same_for_its_cycles_and_drawn_anew_afterwards():
    control = ControlSettings(universal_cycles=3)
    salts = [universal_salt("s", cycle, control) for cycle in range(1, 8)]
    assert salts[0] == salts[1] == salts[2] != salts[3]
    assert salts[3] == salts[5] != salts[6]
    first, second = (in_universal_control(KEYS, salt, 0.02) for salt in (salts[0], salts[3]))
    assert (first & second).sum() < 4 * 0.02**2 * len(KEYS)
