"""Random streams: one generator per (seed, cycle, purpose), so that a cycle asked for again comes out the same.

Every draw inside a stream has a fixed place for every customer, whatever was decided, so worlds under two policies
share their random numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, cycle: int, purpose: str) -> np.random.Generator:
    """Return the generator of one purpose in one cycle (0 = before the start)."""
    word = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng([seed, cycle, word & 0xFFFFFFFF, word >> 32])
