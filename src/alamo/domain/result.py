"""What an analysis returns: a frozen dataclass that can become Arrow, pandas, JSON, or something to read."""

from __future__ import annotations

import html
import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import pyarrow as pa

from alamo.domain.errors import MissingExtraError


def json_value(value: object) -> Any:
    """Return `value` as plain JSON: NumPy scalars unwrapped, tuples as lists, NaN and infinities as null."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = cast("Any", value).item()
    if hasattr(value, "to_dict"):
        return cast("Any", value).to_dict()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [json_value(item) for item in value]
    if hasattr(value, "isoformat"):
        return cast("Any", value).isoformat()
    return value


class Result:
    """Mixin of every result: a child is ``@dataclass(frozen=True, repr=False)`` with `schema`, `columns`, `records`.

    Attributes
    ----------
    schema
        Name and version of the JSON object, such as ``"alamo.experiment/1"``.
    columns
        Keys of a row, all always present, `None` where one does not apply.
    """

    __slots__ = ()
    schema: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries with the keys `columns`."""
        raise TypeError(f"{type(self).__name__} has no rows")  # a child that forgot: seen by its first test

    def beside(self) -> dict[str, Any]:
        """Return what stands beside ``rows`` in the JSON object."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        rows = [{key: json_value(row.get(key)) for key in self.columns} for row in self.records()]
        return {"schema": self.schema, "rows": rows} | {key: json_value(item) for key, item in self.beside().items()}

    def to_arrow(self) -> pa.Table:
        """Return the rows as a `pyarrow.Table`."""
        rows = [{key: json_value(row.get(key)) for key in self.columns} for row in self.records()]
        return pa.table({key: [row[key] for row in rows] for key in self.columns})

    def to_pandas(self) -> Any:
        """Return the rows as a `pandas.DataFrame`.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        if importlib.util.find_spec("pandas") is None:
            raise MissingExtraError(
                "pandas is not installed", hint="Use .to_arrow(), or: pip install pandas", code="extra.pandas"
            )
        return self.to_arrow().to_pandas()

    def __repr__(self) -> str:
        rows = self.records()
        cells = [list(self.columns), *[[_shown(row.get(key)) for key in self.columns] for row in rows[:40]]]
        widths = [max(len(line[j]) for line in cells) for j in range(len(self.columns))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        more = [f"… {len(rows) - 40} more rows"] if len(rows) > 40 else []
        return "\n".join([f"{type(self).__name__} ({self.schema})", *lines, *more])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(key)}</th>" for key in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_shown(row.get(key)))}</td>" for key in self.columns) + "</tr>"
            for row in self.records()[:200]
        )
        caption = f"<caption>{html.escape(self.schema)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
