"""Reads a file of values, one row per customer and action, into cells and limit tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from alamo.domain.errors import InputError
from alamo.domain.ports import Warehouse
from alamo.numerics.hashing import unit_keys
from alamo.steering.allocation_result import AllocationSpec
from alamo.steering.cells import Cells, Floats, Ints, Pairs, assemble
from alamo.steering.file_columns import check_columns, check_most, check_twice, coded, numbers, real_rows, used_columns
from alamo.steering.file_limits import check_limits, file_tables, scope_groups, scope_masks, scope_of
from alamo.steering.limits import LimitTables, affordable
from alamo.steering.shares import rates_as_shares
from alamo.steering.units import Units

_SALT = "allocation"


@dataclass(frozen=True, slots=True, eq=False)
class FileCells:
    """A file as cells, and the way back from cells to rows of the file.

    Attributes
    ----------
    cells, tables
        The allocation problem's parts, customers in salted-hash order.
    source_row
        Row of the file of each cell, shape (n_cells,).
    first_row
        First row of the file of each customer, shape (n,).
    customers, actions
        The two columns as they stand in the file.
    schema
        Of the file.
    """

    cells: Cells
    tables: LimitTables
    source_row: Ints
    first_row: Ints
    customers: pa.ChunkedArray
    actions: pa.ChunkedArray
    schema: pa.Schema


class _Columns(NamedTuple):
    """Customer and action of each row as codes, with the names, value and uses."""

    customer: Ints
    customer_ids: list[str]
    action: Ints
    action_ids: list[str]
    value: Floats
    uses: Floats
    use_names: tuple[str, ...]


def read_cells(table: pa.Table, spec: AllocationSpec, warehouse: Warehouse) -> FileCells:
    """Return the file as cells; see `alamo.steering.analysis.analyze_allocation` for what is refused."""
    read = _read_columns(table, spec)
    real = real_rows(read.action, read.action_ids, read.value)
    check_limits(table, spec, read.action_ids, read.use_names)
    masks, n = scope_masks(table, spec, warehouse), len(read.customer_ids)
    limits = rates_as_shares(
        spec.limits, lambda limit: float(np.unique(read.customer[masks[scope_of(limit)]]).size) / n
    )
    scoped = scope_groups(masks, read.customer, read.action, n)
    ids = pa.array(read.customer_ids, type=pa.string())
    units = Units(ids, unit_keys(read.customer_ids), scoped.unit_group, np.zeros(n, dtype=bool))
    rows = np.flatnonzero(real).astype(np.int64)
    pairs = Pairs(read.customer[rows], scoped.action[rows], read.value[rows], np.zeros(len(rows)), read.uses[rows])
    names = tuple(scoped.name(read.action_ids, code) for code in range(scoped.n_actions(len(read.action_ids))))
    cells = assemble(units, pairs, read.use_names, names, _SALT)
    tables = file_tables(limits, (read.action_ids, names), read.use_names, scoped.patterns)
    cells = cells.keep(affordable(cells, tables))
    first = np.full(n, table.num_rows, dtype=np.int64)
    np.minimum.at(first, read.customer, np.arange(table.num_rows))
    return FileCells(
        cells=cells,
        tables=tables,
        source_row=_source_rows(cells, units.order(_SALT), pairs, rows),
        first_row=first[units.order(_SALT)],
        customers=table[spec.customer],
        actions=table[spec.action],
        schema=table.schema,
    )


def _read_columns(table: pa.Table, spec: AllocationSpec) -> _Columns:
    check_columns(table, spec)
    if not table.num_rows:
        raise InputError(
            "the file has no rows", hint="Give a file with one row per customer and action.", code="input.empty"
        )
    customer, customer_ids = coded(table, spec.customer)
    action, action_ids = coded(table, spec.action)
    check_twice(customer, action, (customer_ids, action_ids))
    check_most(customer, customer_ids)
    names = used_columns(table, spec)
    uses = np.stack([numbers(table, name) for name in names], axis=1) if names else np.zeros((table.num_rows, 0))
    return _Columns(customer, customer_ids, action, action_ids, numbers(table, spec.value), uses, names)


def _source_rows(cells: Cells, order: Ints, pairs: Pairs, rows: Ints) -> Ints:
    """Return the row of the file that each cell comes from, given the customers' order and the rows of the pairs."""
    n_actions = len(cells.action_ids)
    slot = pairs.unit * n_actions + pairs.action
    ascending = np.argsort(slot, kind="stable")
    wanted = order[cells.owner()] * n_actions + cells.action
    return np.asarray(rows[ascending[np.searchsorted(slot[ascending], wanted)]])
