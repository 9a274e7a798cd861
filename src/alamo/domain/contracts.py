"""Table contracts: what a table that passes a door must look like, and the check at the door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import ContractError

TIME = pa.timestamp("us", tz="UTC")
TEXT, NUMBER, COUNT, FLAG = pa.string(), pa.float64(), pa.int64(), pa.bool_()
TEXTS, NUMBERS = pa.list_(pa.string()), pa.list_(pa.float64())

_FIRST_BAD = 5


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract.

    Attributes
    ----------
    name
        With its unit: ``…_money`` major units, ``…_minor`` integer minor units, ``…_days``, ``p_…`` a probability.
    type
        Arrow type; a table is cast to it when that loses nothing.
    nullable
        Whether nulls may occur.
    minimum, maximum
        Inclusive bounds of a number.
    values
        Allowed values of a string; empty means any.
    meaning
        For the reference documentation.
    """

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()


Rule = Callable[[pa.Table], tuple[str, str, pa.Array] | None]
"""A check across columns: `None`, or (column, complaint, boolean mask of the bad rows)."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract of one table: its columns, its key, who writes it, and rules across columns.

    Attributes
    ----------
    open
        Whether further columns may follow the named ones (features).
    partition
        Columns the table is partitioned by at rest.
    """

    table: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    written_by: str
    read_by: str
    open: bool = False
    partition: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = field(default=())

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the named columns."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    def empty(self) -> pa.Table:
        """Return a table with the named columns and no rows."""
        return self.schema.empty_table()

    def check(self, data: pa.Table) -> pa.Table:
        """Return `data` with the contract's column order and types.

        Raises
        ------
        ContractError
            Naming table, column and the first bad rows.
        """
        out = self._cast(data)
        for column in self.columns:
            self._check_column(column, out.column(column.name))
        self._check_key(out)
        for rule in self.rules:
            found = rule(out)
            if found is not None:
                name, complaint, mask = found
                self._refuse_where(name, complaint, mask)
        return out

    def _cast(self, data: pa.Table) -> pa.Table:
        missing = [c.name for c in self.columns if c.name not in data.column_names]
        if missing:
            raise self._error(missing[0], f"lacks column {missing[0]!r}", [])
        extra = [name for name in data.column_names if name not in {c.name for c in self.columns}]
        if extra and not self.open:
            raise self._error(extra[0], f"has a column {extra[0]!r} that the contract does not know", [])
        fields, arrays = [], []
        for column in self.columns:
            values = data.column(column.name)
            if values.type != column.type:
                try:
                    values = values.cast(column.type)
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                    raise self._error(
                        column.name, f"is {values.type}, the contract says {column.type}: {error}", []
                    ) from None
            fields.append(pa.field(column.name, column.type, nullable=column.nullable))
            arrays.append(values)
        fields += [data.schema.field(name) for name in extra]
        arrays += [data.column(name) for name in extra]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def _check_column(self, column: Column, values: pa.ChunkedArray) -> None:
        if not column.nullable and values.null_count:
            self._refuse_where(column.name, "is null", pc.is_null(values))
        if pa.types.is_floating(column.type):
            bad = pc.fill_null(pc.invert(pc.is_finite(values)), False)
            self._refuse_where(column.name, "is not finite", bad)
        if column.minimum is not None:
            self._refuse_where(column.name, f"is below {column.minimum:g}", pc.less(values, column.minimum))
        if column.maximum is not None:
            self._refuse_where(column.name, f"is above {column.maximum:g}", pc.greater(values, column.maximum))
        if column.values:
            known = pc.or_(pc.is_in(values, value_set=pa.array(column.values)), pc.is_null(values))
            self._refuse_where(column.name, f"is not one of {', '.join(column.values)}", pc.invert(known))

    def _check_key(self, data: pa.Table) -> None:
        if not self.key or not data.num_rows:
            return
        counts = data.select(list(self.key)).group_by(list(self.key)).aggregate([([], "count_all")])
        if counts.num_rows == data.num_rows:
            return
        doubled = counts.filter(pc.greater(counts["count_all"], 1)).select(list(self.key)).slice(0, _FIRST_BAD)
        values = [" / ".join(str(v) for v in row.values()) for row in doubled.to_pylist()]
        raise self._error(", ".join(self.key), f"repeats its key, first {'; '.join(values)}", values)

    def _refuse_where(self, name: str, complaint: str, mask: pa.ChunkedArray | pa.Array) -> None:
        if not pc.any(mask).as_py():
            return
        flat = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
        rows = pc.indices_nonzero(pc.fill_null(flat, False)).slice(0, _FIRST_BAD).to_pylist()
        raise self._error(name, f"{complaint} in rows {', '.join(str(r) for r in rows)}", rows)

    def _error(self, column: str, complaint: str, rows: Sequence[object]) -> ContractError:
        return ContractError(
            f"table {self.table!r}, column {column!r}: {complaint}",
            hint="This is a fault of the program or of a plugin, not of your data. Please report it with: alamo doctor",
            code="contract.broken",
            details={"table": self.table, "column": column, "rows": list(rows)},
        )
