"""The segment of every row of a file: of named columns, of groups of similar features, or one for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.grouping import Grouping
from alamo.prediction.inputs import InputEncoder

SEGMENT = "(segment)"
"""Column under which the segment stands beside a file's own."""
_MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Segmenting:
    """The frozen map from a row to the name of its segment.

    Attributes
    ----------
    columns
        Named columns, whose values joined are the segment; empty where `grouping` or nothing decides.
    encoder, grouping
        Groups of similar features; None without them.
    """

    columns: tuple[str, ...] = ()
    encoder: FeatureEncoder | None = None
    grouping: Grouping | None = None

    @classmethod
    def fit(cls, table: pa.Table, features: tuple[str, ...], segments: str | tuple[str, ...]) -> Segmenting:
        """Learn from the training rows `table`; neither outcomes nor arms are looked at."""
        if isinstance(segments, tuple):
            return cls(segments)
        if segments == "none" or not features:
            return cls()
        unsegmented = table.append_column(SEGMENT, pa.repeat("all", table.num_rows))
        encoder = InputEncoder.fit(unsegmented, features, SEGMENT, scaled=False).tree
        return cls((), encoder, Grouping.fit(encoder.transform(table), encoder.names))

    def names(self, table: pa.Table) -> pa.ChunkedArray:
        """Return the name of each row's segment."""
        if self.columns:
            parts = [pc.fill_null(table.column(name).cast(pa.string()), _MISSING) for name in self.columns]
            joined = pc.binary_join_element_wise(*parts, " · ")
            return pa.chunked_array([joined]) if isinstance(joined, pa.Array) else joined
        if self.encoder is None or self.grouping is None:
            return pa.chunked_array([pa.repeat("all", table.num_rows)])
        group = self.grouping.assign(self.encoder.transform(table))
        return pa.chunked_array([pa.array(self.grouping.labels).take(pa.array(group))])

    def described(self, table: pa.Table) -> pa.Table:
        """Return `table` with the segments' names in column `SEGMENT`."""
        return table.append_column(SEGMENT, self.names(table))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "columns": list(self.columns),
            "encoder": None if self.encoder is None else self.encoder.to_dict(),
            "grouping": None if self.grouping is None else self.grouping.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Segmenting:
        """Return what `to_dict` wrote."""
        encoder, grouping = values["encoder"], values["grouping"]
        return cls(
            columns=tuple(values["columns"]),
            encoder=None if encoder is None else FeatureEncoder.from_dict(encoder),
            grouping=None if grouping is None else Grouping.from_dict(grouping),
        )
