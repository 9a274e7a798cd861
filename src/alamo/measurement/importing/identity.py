"""Identifiers: of the person, of the row, and whether one was seen before in the file."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.measurement.importing.rows import Fields, Inspection, Mask, Numbers, flags
from alamo.numerics.hashing import content_hash, unit_keys

_PREFIX_LETTERS = 10


def customer_ids(fields: Fields, field: str, inspection: Inspection) -> pa.Array:
    """Return the customer ids; rows without one are quarantined.

    Whole numbers written as ``13085.0`` (a column that once held a gap) become ``13085``.
    """
    ids = fields.text(field)
    pointed = pc.ends_with(ids, ".0")
    if pc.any(pointed).as_py():
        ids = pc.replace_substring_regex(ids, r"^([0-9]+)\.0$", r"\1")
    inspection.reject(flags(pc.is_null(ids)), field, "there is no customer id")
    return ids


def row_ids(source: str, numbers: Numbers) -> pa.Array:
    """Return an identifier per row: the source's hash and the row number, so equal lines stay two rows."""
    return pc.binary_join_element_wise(f"{_prefix(source)}-", pa.array(numbers).cast(pa.string()), "")


def own_ids(source: str, ids: pa.Array) -> pa.Array:
    """Return identifiers made from the file's own, unique over all sources; null stays null."""
    return pc.binary_join_element_wise(f"{_prefix(source)}:", ids, "")


def _prefix(source: str) -> str:
    return content_hash(source)[:_PREFIX_LETTERS]


class SeenIds:
    """Remembers which identifiers occurred, as 64-bit hashes in sorted runs: 8 bytes each.

    Among ten million identifiers the chance that any two share a hash is about 3·10⁻⁶.
    """

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []

    def repeated(self, ids: pa.Array) -> Mask:
        """Return which rows repeat an identifier of an earlier row, shape (n,), and remember them; null never does."""
        rows = np.flatnonzero(flags(pc.is_valid(ids)))
        keys = unit_keys(ids.drop_null().to_pylist())
        distinct, first = np.unique(keys, return_index=True)
        fresh = np.zeros(len(keys), dtype=bool)
        fresh[first] = True
        for run in self._runs:
            fresh &= ~_contained(keys, run)
        self._remember(distinct)
        repeated = np.zeros(len(ids), dtype=bool)
        repeated[rows] = ~fresh
        return repeated

    def _remember(self, run: npt.NDArray[np.uint64]) -> None:
        while self._runs and len(self._runs[-1]) <= len(run):  # like carries: runs shrink, so there are few
            run = np.union1d(self._runs.pop(), run)
        self._runs.append(run)


def _contained(keys: npt.NDArray[np.uint64], run: npt.NDArray[np.uint64]) -> Mask:
    if not len(run):
        return np.zeros(len(keys), dtype=bool)
    at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
    return np.asarray(run[at] == keys)
