"""A frozen definition of micro-segments: cuts, names, and identifiers that outlive a refit.

A segment keeps its number as long as it holds mostly the same customers; a number is never given twice. The version is
the hash of the content, and a refitted definition names its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import InputError
from alamo.domain.tables import SEGMENTS
from alamo.inference.micro_segments.features import Feature, bins_of
from alamo.inference.micro_segments.words import leaf_names
from alamo.numerics.hashing import content_hash
from alamo.numerics.partition_tree import PartitionTree

Integers = npt.NDArray[np.int64]

SCHEMA = "alamo.micro_segments/1"


@dataclass(frozen=True, slots=True)
class MicroSegments:
    """A definition of micro-segments.

    Attributes
    ----------
    features
        What is cut, and where it can be.
    tree
        The cuts; a leaf is a segment.
    numbers
        Number of each segment, in the order of the tree's leaves.
    next_number
        The number that the next new segment will get.
    strength
        Shrinkage of predictions, in rows.
    least
        Customers each segment had to have.
    month_days, months
        Step between snapshots, and how many of them outcomes look ahead.
    as_of_day
        Date of the newest profiles it was fitted to.
    parent
        Version it was refitted from; None for a first one.
    """

    features: tuple[Feature, ...]
    tree: PartitionTree
    numbers: tuple[int, ...]
    next_number: int
    strength: float
    least: int
    month_days: int
    months: int
    as_of_day: str
    parent: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each segment, in the order of `numbers`."""
        return leaf_names(self.tree, self.features)

    @property
    def version(self) -> str:
        """Content hash of the definition."""
        return content_hash(self.to_dict())[:16]

    def places(self, profiles: pa.Table) -> Integers:
        """Return the place in `numbers` of the segment of each row of PROFILES, shape (n,)."""
        place = np.full(len(self.tree.column), -1, dtype=np.int64)
        place[list(self.tree.leaves)] = np.arange(len(self.numbers))
        return place[self.tree.leaf_of(bins_of(profiles, self.features))]

    def assign(self, profiles: pa.Table) -> pa.Table:
        """Return SEGMENTS: the segment of every row of PROFILES, by name, as of the same moment."""
        table = pa.table(
            {
                "customer_id": profiles["customer_id"],
                "as_of": profiles["as_of"],
                "as_of_day": profiles["as_of_day"],
                "segment": pa.array(self.names, pa.string()).take(pa.array(self.places(profiles))),
                "segments_version": pa.repeat(self.version, profiles.num_rows),
            }
        )
        return SEGMENTS.check(table)

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as JSON-able values."""
        return {
            "schema": SCHEMA,
            "features": [{"name": feature.name, "cuts": list(feature.cuts)} for feature in self.features],
            "tree": {
                "column": list(self.tree.column),
                "cut": list(self.tree.cut),
                "left": list(self.tree.left),
                "right": list(self.tree.right),
            },
            "numbers": list(self.numbers),
            "next_number": self.next_number,
            "strength": self.strength,
            "least": self.least,
            "month_days": self.month_days,
            "months": self.months,
            "as_of_day": self.as_of_day,
            "parent": self.parent,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MicroSegments:
        """Return the definition that `to_dict` wrote.

        Raises
        ------
        InputError
            If it is none.
        """
        try:
            if values["schema"] != SCHEMA:
                raise KeyError(values["schema"])
            tree = PartitionTree(
                *(tuple(map(int, values["tree"][part])) for part in ("column", "cut", "left", "right"))
            )
            found = cls(
                features=tuple(Feature(str(f["name"]), tuple(map(float, f["cuts"]))) for f in values["features"]),
                tree=tree,
                numbers=tuple(map(int, values["numbers"])),
                next_number=int(values["next_number"]),
                strength=float(values["strength"]),
                least=int(values["least"]),
                month_days=int(values["month_days"]),
                months=int(values["months"]),
                as_of_day=str(values["as_of_day"]),
                parent=None if values["parent"] is None else str(values["parent"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"this is no definition of segments ({SCHEMA}): {error}",
                hint="Write one with: alamo analyze segments FILE --definition-out segments.json",
                code="segments.bad_definition",
            ) from None
        if len(found.numbers) != len(tree.leaves):
            raise InputError(
                f"the definition numbers {len(found.numbers)} segments, its cuts make {len(tree.leaves)}",
                hint="Write it anew with: alamo analyze segments FILE --definition-out segments.json",
                code="segments.bad_definition",
            )
        return found
