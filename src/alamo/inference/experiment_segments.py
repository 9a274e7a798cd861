"""Segments of an experiment file: the values of named columns, or at most 50 groups of similar units.

Groups look at features alone, never at outcomes or arms, so that they cannot chase noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.encoding import MAX_LEVELS, MISSING_LEVEL, OTHER_LEVEL, FeatureEncoder, column_kind, numbers, texts

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_GROUPS = 50
MOST_LEVELS = 250
"""Levels of a named column that are segments of their own; all rarer ones share one."""
_LEAST_GROUP = 200
_FEW_VALUES = 10
_QUANTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A segment per row: codes, shape (n,), and the names by code."""

    code: Integers
    names: tuple[str, ...]


def segments_by_columns(table: pa.Table, columns: tuple[str, ...], rows: Floats | None = None) -> Segmentation:
    """Return one segment per combination of the columns' values; numbers with many values are cut into quarters.

    `rows` says how many rows each row of `table` stands for; then no number may have many values.
    """
    parts = [_levels(name, table.column(name), MOST_LEVELS, rows) for name in columns]
    code = np.zeros(table.num_rows, dtype=np.int64)
    for part in parts:
        code = code * len(part.names) + part.code
    present, code = np.unique(code, return_inverse=True)
    return Segmentation(code.astype(np.int64).reshape(-1), tuple(_combined(parts, int(place)) for place in present))


def grouped_segments(table: pa.Table, columns: tuple[str, ...], *, least: int = _LEAST_GROUP) -> Segmentation:
    """Return at most `MOST_GROUPS` groups by splitting, again and again, the group whose units differ most.

    Each split halves a number near its median or sets one level of a text apart, whichever reduces the spread of the
    standardised features most; no group has fewer than `least` rows.
    """
    cuts = [cut for name in columns for cut in _cuts(name, table.column(name))]
    spread = FeatureEncoder.fit(table, columns, linear=True).transform(table)
    leaves = [_Leaf(np.arange(table.num_rows), "")]
    best = [_best_split(leaves[0], cuts, spread, least)]
    while len(leaves) < MOST_GROUPS and max(gain for gain, _ in best) > 0.0:
        at = int(np.argmax([gain for gain, _ in best]))
        halves = _split(leaves.pop(at), cuts[best.pop(at)[1]])
        leaves += halves
        best += [_best_split(half, cuts, spread, least) for half in halves]
    code = np.empty(table.num_rows, dtype=np.int64)
    for place, leaf in enumerate(leaves):
        code[leaf.rows] = place
    return Segmentation(code, tuple(leaf.name or "everybody" for leaf in leaves))


@dataclass(frozen=True, slots=True)
class _Cut:
    inside: npt.NDArray[np.bool_]
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class _Leaf:
    rows: Integers
    name: str


def has_few_values(values: pa.ChunkedArray) -> bool:
    """Say whether a column is not a number that would be cut into quarters."""
    if column_kind(values.type) != "number":
        return True
    data = numbers(values)
    return len(np.unique(data[np.isfinite(data)])) <= _FEW_VALUES


def _levels(name: str, values: pa.ChunkedArray, most: int = MAX_LEVELS, rows: Floats | None = None) -> Segmentation:
    if not has_few_values(values):
        data = numbers(values)
        return _quarters(name, data, data[np.isfinite(data)])
    words = pc.dictionary_encode(texts(values).combine_chunks())
    levels = words.dictionary.to_pylist()
    counts = np.bincount(words.indices, weights=rows, minlength=len(levels)).tolist()
    ranked = sorted(zip(counts, levels, strict=True), key=lambda c: (-c[0], c[1]))
    kept = tuple(level for _, level in ranked[:most])
    names = kept if len(ranked) <= most else (*kept, OTHER_LEVEL)
    place = np.asarray(pc.fill_null(pc.index_in(words.dictionary, value_set=pa.array(kept, pa.string())), len(kept)))
    code = place.astype(np.int64)[np.asarray(words.indices)]
    return Segmentation(code, tuple(f"{name} {level}" for level in names))


def _quarters(name: str, data: Floats, known: Floats) -> Segmentation:
    edges = np.unique(np.quantile(known, _QUANTILES))
    code = np.where(np.isfinite(data), np.searchsorted(edges, data, side="left"), len(edges) + 1)
    shown = [f"{edge:.4g}" for edge in edges]
    between = [f"{name} {low}–{high}" for low, high in pairwise(shown)]
    names = (f"{name} ≤ {shown[0]}", *between, f"{name} > {shown[-1]}", f"{name} {MISSING_LEVEL}")
    return Segmentation(code.astype(np.int64), names)


def _combined(parts: list[Segmentation], place: int) -> str:
    words: list[str] = []
    for part in reversed(parts):
        place, level = divmod(place, len(part.names))
        words.append(part.names[level])
    return " · ".join(reversed(words))


def _cuts(name: str, values: pa.ChunkedArray) -> list[_Cut]:
    """Return the splits a column offers: near its quartiles, or each of its frequent levels against the rest."""
    if column_kind(values.type) == "text":
        levels = _levels(name, values)
        return [_Cut(levels.code == at, level, f"not {level}") for at, level in enumerate(levels.names)]
    data = numbers(values)
    known = data[np.isfinite(data)]
    if not len(known):
        return []
    edges = [edge for edge in np.unique(np.quantile(known, _QUANTILES)) if edge < known.max()]
    return [_Cut(data <= edge, f"{name} ≤ {edge:.4g}", f"{name} > {edge:.4g}") for edge in edges]


def _best_split(leaf: _Leaf, cuts: list[_Cut], spread: Floats, least: int) -> tuple[float, int]:
    """Return the largest reduction of the sum of squares and the cut that brings it; (0, −1) if none is allowed."""
    data = spread[leaf.rows]
    total = data.sum(axis=0)
    best = (0.0, -1)
    for at, cut in enumerate(cuts):
        inside = cut.inside[leaf.rows]
        n = int(inside.sum())
        rest = len(inside) - n
        if min(n, rest) < least:
            continue
        left = data[inside].sum(axis=0)
        gap = left / n - (total - left) / rest
        gain = float(gap @ gap) * n * rest / len(inside)
        best = max(best, (gain, at))
    return best


def _split(leaf: _Leaf, cut: _Cut) -> list[_Leaf]:
    inside = cut.inside[leaf.rows]
    prefix = f"{leaf.name} · " if leaf.name else ""
    return [_Leaf(leaf.rows[inside], prefix + cut.yes), _Leaf(leaf.rows[~inside], prefix + cut.no)]
