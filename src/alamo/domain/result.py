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
        return json_value(cast("Any", value).to_dict())
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
        lines = [f"{type(self).__name__} ({self.schema})", *_text_table(self.columns, self.records())]
        for key, item in self._shown_beside().items():
            if _is_rows(item):
                lines += ["", key, *_text_table(tuple(item[0]), item)]
            else:
                lines.append(f"{key}: {_shown(item)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [_html_table(self.schema, self.columns, self.records())]
        told = []
        for key, item in self._shown_beside().items():
            if _is_rows(item):
                parts.append(_html_table(key, tuple(item[0]), item))
            else:
                told.append(f"<dt>{html.escape(key)}</dt><dd>{html.escape(_shown(item))}</dd>")
        return "".join(parts) + (f"<dl>{''.join(told)}</dl>" if told else "")

    def _shown_beside(self) -> dict[str, Any]:
        """Return what stands beside the rows, as plain values, without what is absent or empty."""
        found = {key: json_value(item) for key, item in self.beside().items()}
        return {key: item for key, item in found.items() if item not in (None, [], {}, "")}


def _is_rows(item: object) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(row, dict) for row in item)


def _text_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    cells = [list(columns), *[[_shown(row.get(key)) for key in columns] for row in rows[:40]]]
    widths = [max(len(line[j]) for line in cells) for j in range(len(columns))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return [*lines, *([f"… {len(rows) - 40} more rows"] if len(rows) > 40 else [])]


def _html_table(caption: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(key)}</th>" for key in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_shown(row.get(key)))}</td>" for key in columns) + "</tr>"
        for row in rows[:200]
    )
    caption = html.escape(caption)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item) or '–'}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
