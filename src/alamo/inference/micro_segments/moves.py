"""Who moved between two dates, from which segment to which, and what moved them.

What moved a customer is the first cut on the way to the old segment that the new profile passes on the other side:
"last bought: 35 → 66 days ago, past 60".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.features import STAGE, STAGES, bins_of, feature_values
from alamo.inference.micro_segments.words import BETWEEN
from alamo.numerics.markov import Moves

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Migration:
    """Moves between two dates under one definition.

    Attributes
    ----------
    from_day, to_day
        The last day that counts for the one and for the other: those that ``--from`` and ``--to`` take.
    numbers
        Segments, in the order of rows and columns.
    counts
        Customers that were in the row's segment and are in the column's, shape (k, k).
    joined
        Customers that were not there yet, by the segment they are in, shape (k,).
    movers
        One row per customer who changed segment: ``customer``, ``from_number``, ``to_number``, ``feature``, ``before``,
        ``after``, ``cut`` (of a stage: its place among the lifecycle stages).
    """

    from_day: str
    to_day: str
    numbers: tuple[int, ...]
    counts: Floats
    joined: Floats
    movers: pa.Table

    @property
    def moved_share(self) -> float:
        """Share of those who were there that changed segment."""
        total = self.counts.sum()
        return float(1.0 - np.trace(self.counts) / total) if total else 0.0

    def flows(self) -> list[dict[str, Any]]:
        """Return the moves from one segment to another, the largest first."""
        rows, columns = np.nonzero(self.counts * (1.0 - np.eye(len(self.numbers))))
        order = np.argsort(-self.counts[rows, columns], kind="stable")
        return [
            {
                "from_number": self.numbers[rows[i]],
                "to_number": self.numbers[columns[i]],
                "customers": int(self.counts[rows[i], columns[i]]),
                "share": float(self.counts[rows[i], columns[i]] / self.counts[rows[i]].sum()),
            }
            for i in order
        ]

    def reasons(self) -> list[dict[str, Any]]:
        """Return how many customers each feature moved, the most frequent first."""
        features, counts = np.unique(np.array(self.movers["feature"].to_pylist(), dtype=object), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return [{"feature": str(features[i]), "customers": int(counts[i])} for i in order]


def migration(before: pa.Table, after: pa.Table, definition: MicroSegments) -> Migration:
    """Return who moved between two snapshots of profiles.

    Assumes
    -------
    Whoever is in `before` is in `after`: profiles do not forget anybody.
    """
    counts, joined, stayed = _counted(before, after, definition)
    then, now = definition.places(before), definition.places(after)[stayed]
    moved = np.flatnonzero(then != now)
    movers = _movers(before.take(moved), after.take(stayed[moved]), definition)
    numbers = np.array(definition.numbers)
    movers = movers.add_column(1, "from_number", pa.array(numbers[then[moved]]))
    movers = movers.add_column(2, "to_number", pa.array(numbers[now[moved]]))
    return Migration(_last_day(before), _last_day(after), definition.numbers, counts, joined, movers)


def moves_over(snapshots: Sequence[pa.Table], definition: MicroSegments, months: int, most: int) -> Moves:
    """Return the moves over spans of `months` snapshots, the newest `most`; segments of one stage are a family."""
    first = max(0, len(snapshots) - months - most)
    spans = [_counted(snapshots[m], snapshots[m + months], definition) for m in range(first, len(snapshots) - months)]
    k = len(definition.numbers)
    stage = np.unique([name.partition(BETWEEN)[0] for name in definition.names], return_inverse=True)[1]
    counts = np.stack([span[0] for span in spans]) if spans else np.zeros((0, k, k))
    joined = np.stack([span[1] for span in spans]) if spans else np.zeros((0, k))
    return Moves(counts, joined, stage.astype(np.int64))


def _last_day(snapshot: pa.Table) -> str:
    """Return the last day that a snapshot, taken at midnight, holds."""
    return (date.fromisoformat(snapshot["as_of_day"][0].as_py()) - timedelta(days=1)).isoformat()


def _counted(before: pa.Table, after: pa.Table, definition: MicroSegments) -> tuple[Floats, Floats, Integers]:
    """Return moves (k, k), newcomers (k,), and the row in `after` of each row of `before`."""
    k = len(definition.numbers)
    stayed = np.asarray(
        pc.index_in(before["customer_id"], value_set=after["customer_id"].combine_chunks()).to_numpy(), dtype=np.int64
    )
    then, now = definition.places(before), definition.places(after)
    counts = np.bincount(then * k + now[stayed], minlength=k * k).reshape(k, k).astype(np.float64)
    joined = np.bincount(now, minlength=k).astype(np.float64) - counts.sum(axis=0)
    return counts, joined, stayed


def _movers(before: pa.Table, after: pa.Table, definition: MicroSegments) -> pa.Table:
    """Return which feature moved each customer, its value on both dates, and the cut between them."""
    tree, features = definition.tree, definition.features
    then, now = bins_of(before, features), bins_of(after, features)
    node, place = np.zeros(before.num_rows, np.int64), np.full(before.num_rows, -1, np.int64)
    at, rows = np.zeros(before.num_rows, np.int64), np.arange(before.num_rows)
    column, cut = np.array(tree.column), np.array(tree.cut)
    while (place < 0).any():
        here = np.maximum(column[node], 0)
        was_left, is_left = then[rows, here] <= cut[node], now[rows, here] <= cut[node]
        parted = (place < 0) & (was_left != is_left)
        place[parted], at[parted] = here[parted], cut[node][parted]
        node = np.where(place < 0, np.where(was_left, np.array(tree.left)[node], np.array(tree.right)[node]), node)
    names = [feature.name for feature in features]
    old, new = feature_values(before, names), feature_values(after, names)
    values = [np.array([table[names[j]][i] for i, j in enumerate(place)], dtype=np.float64) for table in (old, new)]
    return pa.table(
        {
            "customer": before["customer_id"],
            "feature": pa.array([names[j] for j in place], pa.string()),
            "before": values[0],
            "after": values[1],
            "cut": np.array([features[j].cuts[c] for j, c in zip(place, at, strict=True)], dtype=np.float64),
        }
    )


def move_words(feature: str, before: float, after: float) -> str:
    """Return the words for what moved a customer, such as ``stage: active → at risk``."""
    if feature == STAGE:
        return f"stage: {STAGES[int(before)]} → {STAGES[int(after)]}"
    return f"{feature.replace('_', ' ').replace(':', ': ')}: {before:,.4g} → {after:,.4g}"
