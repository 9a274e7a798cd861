"""Limits as tables: bound, use and price, and on which side where there are minimums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alamo.cli import formats
from alamo.cli.output import Column, column

SIDE = Column("", lambda row: "at most" if row.get("side") == "maximum" else "at least", right=False)


def limit_columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Return the columns of limits; the side stands there only where some limit is a minimum."""
    sides = [SIDE] if any(row.get("side") == "minimum" for row in rows) else []
    return [
        column("limit", "limit"),
        *sides,
        column("bound", "bound", formats.amount),
        column("used", "used", formats.amount),
        column("price", "price", formats.number),
    ]
