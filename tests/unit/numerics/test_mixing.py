from __future__ import annotations

import numpy as np

from alamo.numerics.hashing import salt_key, uniforms, unit_keys
from alamo.numerics.mixing import uniform_of


def test_one_compiled_number_has_the_bits_of_the_vectorised_ones():
    keys = np.concatenate([unit_keys(f"c{i}" for i in range(2_000)), np.array([0, 2**64 - 1], dtype=np.uint64)])
    for salt in ("shop/cycle-1/draw", "", "ü"):
        single = np.array([uniform_of(key, salt_key(salt)) for key in keys])
        assert single.tobytes() == uniforms(keys, salt).tobytes()
