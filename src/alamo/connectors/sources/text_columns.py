"""Which columns of a text file stay text although their values look like numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

_LEADING_ZERO = r"^[+-]?0[0-9]"


@dataclass(frozen=True, slots=True)
class TextColumns:
    """Columns that are not to become numbers by the look of their values.

    Attributes
    ----------
    labels
        Ids and names: text as it stands in the file, ``007`` included; an empty field is null.
    codes
        Text only where a number would lose leading zeros; else typed by their values like any other column.
    """

    labels: Collection[str] = ()
    codes: Collection[str] = ()

    def keeps(self, name: str, values: pa.Array | pa.ChunkedArray) -> bool:
        """Say whether the column `name`, whose fields are `values` as text, stays text."""
        return name in self.labels or (name in self.codes and has_leading_zeros(values))


def has_leading_zeros(values: pa.Array | pa.ChunkedArray) -> bool:
    """Say whether a text such as ``007`` is among the values: a code that a number would shorten."""
    return bool(pc.any(pc.match_substring_regex(values, _LEADING_ZERO)).as_py())
