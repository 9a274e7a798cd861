"""Folds for cross-fitting: by unit, never by row, from a salted hash, so that a refit keeps them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from alamo.numerics.hashing import Keys, buckets, mix

Integers = npt.NDArray[np.int64]


def unit_folds(unit_keys: Keys, salt: str, k: int) -> Integers:
    """Return the fold of each row, shape (n,), in 0 … k − 1; rows of one unit share a fold.

    Parameters
    ----------
    unit_keys
        One key per row (`alamo.numerics.hashing.unit_keys` of the unit), shape (n,).
    salt
        Another salt gives independent folds.
    k
        Number of folds, at least 2.

    Raises
    ------
    ValueError
        If `k` is below 2.
    """
    if k < 2:
        raise ValueError(f"cross-fitting needs at least 2 folds, not {k}")
    return buckets(unit_keys, f"fold/{salt}", k)


def fold_splits(folds: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Yield (training rows, held-out rows) for each fold that has rows, in order of the fold's number."""
    for fold in np.unique(folds):
        held_out = folds == fold
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def systematic_rows(n: int, most: int) -> Integers:
    """Return every k-th of `n` rows, with the least k that leaves at most `most`: a sample without chance."""
    return np.arange(0, n, max(1, -(-n // most)), dtype=np.int64)


def hashed_rows(n: int, most: int, salt: str) -> Integers:
    """Return at most `most` of `n` rows, in order, chosen by a hash of their number: no rhythm of the file is kept.

    Every k-th row of a file in which places of a slate or actions take turns may all be of one kind.
    """
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.argsort(mix(np.arange(n, dtype=np.uint64), f"rows/{salt}"), kind="stable")[:most])
