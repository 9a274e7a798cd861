"""Whether a file writes decimal points or decimal commas; found out from its first rows unless the mapping says so."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.numbers import is_text
from alamo.measurement.importing.rows import Fields, SourceStream, as_text

_NUMBERS = ("quantity", "price", "amount", "margin", "outcome", "cost", "propensity")
_COMMA = r"^[+-]?([0-9]+,([0-9]{1,2}|[0-9]{4,})|[0-9]{1,3}(\.[0-9]{3})+,[0-9]+)$"
_POINT = r"^[+-]?([0-9]+\.([0-9]{1,2}|[0-9]{4,})|[0-9]{1,3}(,[0-9]{3})+\.[0-9]+)$"
"""Numbers whose mark cannot be a thousands separator: not three digits follow it, or it stands right of one."""


def decimal_mark(stream: SourceStream, mapping: ResolvedMapping) -> str | None:
    """Return the mapping's decimal mark, or the one the first batch shows; None where it shows neither.

    The columns of number fields tell; where they hold whole numbers only, the features of an experiment do.
    Assumes one way of writing numbers in a file: one decimal point among the first rows and commas are quarantined.
    """
    if mapping.options.decimal is not None:
        return mapping.options.decimal
    rows = next(iter(stream.scan()), None)
    if rows is None:
        return None
    fields = Fields(rows.data, mapping)
    commas, points = _marks([fields.raw(name) for name in _NUMBERS if name in mapping.columns])
    if mapping.kind == "experiment" and not commas and not points:
        commas, points = _marks([values for name, values in fields.unmapped().items() if mapping.is_feature(name)])
    if not commas and not points:
        return None
    return "," if not points else "."


def _marks(columns: Iterable[pa.Array | None]) -> tuple[int, int]:
    """Return how many numbers have a decimal comma, and how many a decimal point."""
    texts = [as_text(values) for values in columns if values is not None and is_text(values.type)]
    return sum(_matches(text, _COMMA) for text in texts), sum(_matches(text, _POINT) for text in texts)


def _matches(text: pa.Array, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(text, pattern)).as_py() or 0)
