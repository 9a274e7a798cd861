"""Salted hashes: uniform draws without a random generator, stable across machines, versions and row order.

A unit's text is hashed once (BLAKE2b, 64 bit); draws for other salts mix that number with the salt's own hash by the
SplitMix64 finaliser, which numba and NumPy compute identically.

Source: Steele, Lea & Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA, fig. 16 (variant 13).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

_TWO_53 = float(2**53)


def content_hash(value: Any) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of `value`; floats keep their shortest exact representation."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def unit_keys(units: Iterable[str]) -> Keys:
    """Return one 64-bit key per unit, shape (n,)."""
    blake = hashlib.blake2b
    raw = b"".join(blake(unit.encode(), digest_size=8).digest() for unit in units)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)


def salt_key(salt: str) -> np.uint64:
    """Return the 64-bit key of a salt."""
    return np.uint64(int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest(), "little"))


def mix(keys: Keys, salt: str) -> Keys:
    """Return SplitMix64-finalised keys under `salt`, shape (n,); independent across salts for practical purposes."""
    with np.errstate(over="ignore"):
        z = (np.asarray(keys, dtype=np.uint64) ^ salt_key(salt)) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def uniforms(keys: Keys, salt: str) -> npt.NDArray[np.float64]:
    """Return one number in [0, 1) per key, on a grid of 2⁻⁵³, shape (n,)."""
    return (mix(keys, salt) >> np.uint64(11)).astype(np.float64) / _TWO_53


def buckets(keys: Keys, salt: str, n_buckets: int) -> npt.NDArray[np.int64]:
    """Return a bucket in 0 … n_buckets − 1 per key; the way folds and blocks are assigned."""
    return np.minimum((uniforms(keys, salt) * n_buckets).astype(np.int64), n_buckets - 1)
