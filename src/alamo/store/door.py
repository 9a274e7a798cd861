"""The door of the historical half: what comes in is checked against its contract, chunk by chunk where it streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.contracts import Contract
from alamo.domain.errors import ContractError, StoreError
from alamo.domain.tables import CONTRACTS

Where = Mapping[str, str | int]


def contract_of(table: str) -> Contract:
    """Return the contract of `table`.

    Raises
    ------
    StoreError
        If there is no such table.
    """
    try:
        return CONTRACTS[table]
    except KeyError:
        raise StoreError(
            f"the historical half has no table {table!r}",
            hint=f"Its tables are {', '.join(CONTRACTS)}.",
            code="store.unknown_table",
            details={"table": table},
        ) from None


def checked_where(contract: Contract, where: Where) -> Where:
    """Return `where` if it names exactly the partition columns of the table.

    Raises
    ------
    StoreError
        Otherwise: only whole partitions can be replaced.
    """
    if set(where) != set(contract.partition):
        raise StoreError(
            f"table {contract.table!r} is replaced by whole partitions of {', '.join(contract.partition)}, "
            f"not of {', '.join(where) or 'nothing'}",
            hint="This is a fault of the program or of a plugin. Please report it with: alamo doctor",
            code="store.not_a_partition",
            details={"table": contract.table, "where": dict(where)},
        )
    return where


def checked_chunks(
    contract: Contract, data: pa.Table | pa.RecordBatchReader, *, where: Where | None = None, known: pa.Schema
) -> Iterator[pa.Table]:
    """Yield `data` in the contract's column order and types; a table at once, a stream batch by batch.

    The key of a streamed table is not checked for repetition: that would need all of it in memory.

    Parameters
    ----------
    contract
        Of the table.
    data
        What comes in.
    where
        The partition all rows must belong to, if any.
    known
        Columns the table has at rest; further columns of an open table are cast to the types they have there.

    Raises
    ------
    ContractError
        Naming table, column and the first bad rows.
    """
    if isinstance(data, pa.Table):
        yield _checked(contract, data, where, known)
        return
    keyless = replace(contract, key=())
    yield _checked(keyless, data.schema.empty_table(), None, known)  # the schema is wrong even when no row comes
    for batch in data:
        if batch.num_rows:
            yield _checked(keyless, pa.Table.from_batches([batch]), where, known)


def _checked(contract: Contract, data: pa.Table, where: Where | None, known: pa.Schema) -> pa.Table:
    out = _align(contract, contract.check(data), known)
    for column in contract.partition:
        _check_partition(contract, column, out, where)
    return out


def _check_partition(contract: Contract, column: str, data: pa.Table, where: Where | None) -> None:
    values = data.column(column)
    if where is None:
        bad = pc.equal(values, "") if pa.types.is_string(values.type) else None
        complaint = "is empty, and a partition needs a name"
    else:
        bad, complaint = pc.not_equal(values, where[column]), f"is not {where[column]!r}, the partition being replaced"
    if bad is not None and pc.any(bad).as_py():
        rows = pc.indices_nonzero(bad).slice(0, 5).to_pylist()
        raise _broken(contract, column, f"{complaint}, in rows {', '.join(map(str, rows))}", rows)


def _align(contract: Contract, data: pa.Table, known: pa.Schema) -> pa.Table:
    """Cast the columns beyond the contract to the types they have at rest."""
    for index in range(len(contract.columns), data.num_columns):
        name, found = data.schema.field(index).name, data.schema.field(index).type
        if pa.types.is_null(found) and name not in known.names:
            raise _broken(contract, name, "has no type: it is null throughout and new", [])
        if name not in known.names or known.field(name).type == found:
            continue
        wanted = known.field(name).type
        try:
            data = data.set_column(index, pa.field(name, wanted), data.column(index).cast(wanted))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise _broken(contract, name, f"is {found}, at rest it is {wanted}: {error}", []) from None
    return data


def _broken(contract: Contract, column: str, complaint: str, rows: list[int]) -> ContractError:
    return ContractError(
        f"table {contract.table!r}, column {column!r}: {complaint}",
        hint="This is a fault of the program or of a plugin, not of your data. Please report it with: alamo doctor",
        code="contract.broken",
        details={"table": contract.table, "column": column, "rows": rows},
    )
