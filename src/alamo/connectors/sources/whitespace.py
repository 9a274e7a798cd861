"""Text files in columns of blanks (CDNOW and other fixed-width exports), read whole for an analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.connectors.sources.decoding import TextBytes
from alamo.connectors.sources.text_columns import TextColumns
from alamo.domain.errors import ConfigError, InputError


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file without a header is laid out.

    Attributes
    ----------
    columns
        Names of the columns, in order; the values are separated by blanks.
    """

    columns: tuple[str, ...]

    @staticmethod
    def parse(layout: Mapping[str, Any] | Layout) -> Layout:
        """Return the layout of a mapping file: ``format = "whitespace"`` and ``columns = […]``.

        Raises
        ------
        ConfigError
            If the format is another one or the columns are not distinct names.
        """
        if isinstance(layout, Layout):
            return layout
        names = layout.get("columns")
        distinct = isinstance(names, list | tuple) and bool(names) and len(set(map(str, names))) == len(names)
        if layout.get("format") != "whitespace" or not distinct:
            raise ConfigError(
                f"cannot read a file laid out as {dict(layout)!r}",
                hint='A mapping for such a file has: format = "whitespace" and columns = ["customer", "date", …]',
                code="config.bad_layout",
            )
        return Layout(tuple(str(name) for name in layout["columns"]))


def read_whitespace(
    path: Path, name: str, layout: Layout, encoding: str = "utf-8", text: TextColumns | None = None
) -> pa.Table:
    """Read the file; a column becomes integer or number where every value is one, and stays text otherwise.

    Columns that `text` names stay text in any case (its codes: where a number would lose leading zeros).

    Raises
    ------
    InputError
        If it is empty, or a row has another number of values than the layout names.
    """
    with TextBytes(path, name, encoding) as handle:
        lines = pa.array(handle.read().decode().splitlines(), pa.string())
    trimmed = pc.utf8_trim_whitespace(lines)
    filled = pc.not_equal(trimmed, "")
    fields = pc.utf8_split_whitespace(trimmed)
    wrong = pc.and_(filled, pc.not_equal(pc.list_value_length(fields), len(layout.columns)))
    if pc.any(wrong).as_py():
        row = pc.index(wrong, True).as_py()
        raise InputError(
            f"{name}, row {row + 1}: {len(fields[row])} values, the layout names {len(layout.columns)} columns",
            hint=f"The layout has columns {', '.join(layout.columns)}; correct `columns` in the mapping file.",
            code="input.wrong_layout",
            details={"file": name, "row": row + 1},
        )
    kept = fields.filter(filled)
    if not len(kept):
        raise InputError(f"{name} is empty", hint="Check how the file was exported.", code="input.empty")
    flat = kept.flatten()
    width = len(layout.columns)
    at = pa.array(range(len(kept)), pa.int64())
    columns = {c: flat.take(pc.add(pc.multiply(at, width), j)) for j, c in enumerate(layout.columns)}
    kept_text = text or TextColumns()
    return pa.table({c: values if kept_text.keeps(c, values) else _typed(values) for c, values in columns.items()})


def _typed(values: pa.Array) -> pa.Array:
    for kind in (pa.int64(), pa.float64()):
        try:
            return values.cast(kind)
        except pa.ArrowInvalid:
            continue
    return values
