"""Whether a file writes decimal points or decimal commas; found out from its first rows unless the mapping says so."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.rows import Fields, SourceStream, as_text

_NUMBERS = ("quantity", "price", "amount", "margin", "outcome", "cost", "propensity")
_COMMA = r"^[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]{1,2}$"
_POINT = r"^[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)\.([0-9]{1,2}|[0-9]{4,})$"
"""Numbers whose mark cannot be a thousands separator: fewer than three digits follow it, or it stands right of one."""


def decimal_mark(stream: SourceStream, mapping: ResolvedMapping) -> str:
    """Return the mapping's decimal mark, or a comma where the first batch holds decimal commas and no decimal point.

    Assumes one way of writing numbers in a file: one decimal point among the first rows and commas are quarantined.
    """
    if mapping.options.decimal is not None:
        return mapping.options.decimal
    commas = points = 0
    for rows in stream.scan():
        fields = Fields(rows.data, mapping)
        for values in (fields.raw(name) for name in _NUMBERS):
            if values is not None and (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
                text = as_text(values)
                commas += _matches(text, _COMMA)
                points += _matches(text, _POINT)
        break
    return "," if commas and not points else "."


def _matches(text: pa.Array, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(text, pattern)).as_py() or 0)
