"""What a decision asks of the history that no customer of its slice changes: asked once, by the driver, for everybody.

Caps count contacts over all events, and every slice would count them again. A rehearsal with a few customers finds out
which statements those are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from alamo.domain.ports import Warehouse

Answers = Mapping[str, pa.Table]
"""Statement, parameters and small relations → rows."""


_FEW = 10_000
"""Values in its relations up to which a statement is known by them: names of actions, not rows of customers."""


def asked(
    sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
) -> str | None:
    """Return the key of a statement with its parameters and relations; None if it is about customers."""
    named = sorted((relations or {}).items())
    if sum(table.num_rows * table.num_columns for _, table in named) > _FEW:
        return None
    rows = [(name, str(table.schema), table.to_pydict()) for name, table in named]
    return repr((sql, sorted((parameters or {}).items()), rows))


class Listening:
    """A warehouse that keeps the answers to statements that are not about customers handed over.

    Parameters
    ----------
    warehouse
        Gives the answers.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.answers: dict[str, pa.Table] = {}

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one SELECT; see `alamo.domain.ports.Warehouse.query`."""
        rows = self._warehouse.query(sql, parameters, relations)
        key = asked(sql, parameters, relations)
        if key is not None:
            self.answers[key] = rows
        return rows


class Answering:
    """A warehouse that knows some answers already.

    Parameters
    ----------
    answers
        What it knows.
    warehouse
        Gives the others.
    """

    def __init__(self, answers: Answers, warehouse: Warehouse) -> None:
        self._answers = answers
        self._warehouse = warehouse

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one SELECT, or give the answer that is known; see `alamo.domain.ports.Warehouse.query`."""
        key = asked(sql, parameters, relations)
        if key is not None and key in self._answers:
            return self._answers[key]
        return self._warehouse.query(sql, parameters, relations)
