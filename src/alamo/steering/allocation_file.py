"""Reads a file of values, one row per customer and action, into cells and limit tables."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION, Limit
from alamo.domain.errors import ConfigError, InputError, UsageError
from alamo.domain.policy import LimitRow
from alamo.domain.ports import Warehouse
from alamo.numerics.hashing import unit_keys
from alamo.steering.cells import MOST_ACTIONS, Cells, Flags, Floats, Ints, Pairs, assemble
from alamo.steering.limits import COUNT, LimitTables, affordable, limit_rows, limit_tables
from alamo.steering.predicates import cross, predicate_masks
from alamo.steering.shares import rates_as_shares
from alamo.steering.units import Units

_SALT = "allocation"
_JOIN = "\x1f"


class FileSpec(Protocol):
    """What of an allocation's spec concerns the file."""

    @property
    def customer(self) -> str:
        """Column of the customer."""
        ...

    @property
    def action(self) -> str:
        """Column of the action."""
        ...

    @property
    def value(self) -> str:
        """Column of the value."""
        ...

    @property
    def uses(self) -> tuple[str, ...]:
        """Columns that limits may use."""
        ...

    @property
    def limits(self) -> tuple[Limit, ...]:
        """The limits."""
        ...

    @property
    def limits_file(self) -> str | None:
        """Where they stand, for messages."""
        ...


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


def read_cells(table: pa.Table, spec: FileSpec, warehouse: Warehouse) -> FileCells:
    """Return the file as cells; see `alamo.steering.analysis.analyze_allocation` for what is refused."""
    _check_columns(table, spec)
    if not table.num_rows:
        raise InputError(
            "the file has no rows", hint="Give a file with one row per customer and action.", code="input.empty"
        )
    customer, customer_ids = _coded(table, spec.customer)
    action, action_ids = _coded(table, spec.action)
    _check_twice(customer, action, (customer_ids, action_ids))
    _check_most(customer, customer_ids)
    value = _numbers(table, spec.value)
    use_names = _use_names(table, spec)
    uses = np.stack([_numbers(table, name) for name in use_names], axis=1) if use_names else np.zeros((len(value), 0))
    real = _real_rows(action, action_ids, value)
    _check_limits(table, spec, action_ids, use_names)
    masks = _scopes(table, spec, warehouse)
    limits = rates_as_shares(
        spec.limits, lambda limit: float(np.unique(customer[masks[_scope(limit)]]).size) / len(customer_ids)
    )
    scoped = _scope_groups(masks, customer, action, len(customer_ids))
    ids = pa.array(customer_ids, type=pa.string())
    units = Units(ids, unit_keys(customer_ids), scoped.unit_group, np.zeros(len(customer_ids), dtype=bool))
    rows = np.flatnonzero(real).astype(np.int64)
    pairs = Pairs(customer[rows], scoped.action[rows], value[rows], np.zeros(len(rows)), uses[rows])
    names = tuple(scoped.name(action_ids, code) for code in range(scoped.n_actions(len(action_ids))))
    cells = assemble(units, pairs, use_names, names, _SALT)
    tables = _tables(limits, (action_ids, names), use_names, scoped.patterns)
    cells = cells.keep(affordable(cells, tables))
    first = np.full(len(customer_ids), len(customer), dtype=np.int64)
    np.minimum.at(first, customer, np.arange(len(customer)))
    return FileCells(
        cells=cells,
        tables=tables,
        source_row=_source_rows(cells, units.order(_SALT), pairs, rows),
        first_row=first[units.order(_SALT)],
        customers=table[spec.customer],
        actions=table[spec.action],
        schema=table.schema,
    )


def plain_action(name: str) -> str:
    """Return the action of the file that an action of the cells stands for."""
    return name.split(_JOIN, 1)[0]


def _source_rows(cells: Cells, order: Ints, pairs: Pairs, rows: Ints) -> Ints:
    """Return the row of the file that each cell comes from, given the customers' order and the rows of the pairs."""
    n_actions = len(cells.action_ids)
    slot = pairs.unit * n_actions + pairs.action
    ascending = np.argsort(slot, kind="stable")
    wanted = order[cells.owner()] * n_actions + cells.action
    return np.asarray(rows[ascending[np.searchsorted(slot[ascending], wanted)]])


def _check_columns(table: pa.Table, spec: FileSpec) -> None:
    for option, name in (
        ("--customer", spec.customer),
        ("--action", spec.action),
        ("--value", spec.value),
        *(("--use", use) for use in spec.uses),
    ):
        if name not in table.column_names:
            raise UsageError(
                f"the file has no column {name!r} ({option})",
                hint=f"{_near(name, table.column_names)} Name one with: {option} COLUMN",
                code="columns.unknown",
                details={
                    "option": option,
                    "column": name,
                    "near": difflib.get_close_matches(name, table.column_names, n=3, cutoff=0.5),
                    "columns": table.column_names,
                },
            )


def _coded(table: pa.Table, name: str) -> tuple[Ints, list[str]]:
    """Return the position of each row's entry among the distinct entries, and those as text."""
    column = table[name]
    if column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise InputError(
            f"column {name!r} is empty in row {row + 1}",
            hint="Each row needs a customer and an action; leave the row out where no action is open.",
            code="allocation.empty_key",
            details={"column": name, "row": row + 1},
        )
    encoded = column.combine_chunks().cast(pa.string()).dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(), dtype=np.int64), encoded.dictionary.to_pylist()


def _check_twice(customer: Ints, action: Ints, names: tuple[Sequence[str], Sequence[str]]) -> None:
    slot = customer * len(names[1]) + action
    order = np.argsort(slot, kind="stable")
    again = np.flatnonzero(slot[order][1:] == slot[order][:-1])
    if len(again):
        row = int(order[again + 1].min())
        raise InputError(
            f"row {row + 1}: customer {names[0][customer[row]]!r} has action {names[1][action[row]]!r} twice",
            hint="Keep one row per customer and action.",
            code="allocation.repeated",
            details={"row": row + 1},
        )


def _check_most(customer: Ints, customer_ids: Sequence[str]) -> None:
    rows = np.bincount(customer)
    most = customer_ids[int(rows.argmax())]
    if rows.max() > MOST_ACTIONS:
        raise InputError(
            f"customer {most!r} has {rows.max():,} actions; more than {MOST_ACTIONS:,} are not supported",
            hint="Keep each customer's best actions, or give offers that are alike one row; then run the same again",
            code="allocation.too_many_actions",
            details={"customer": most, "actions": int(rows.max())},
        )


def _numbers(table: pa.Table, name: str) -> Floats:
    column = table[name]
    try:
        values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"column {name!r} holds {column.type}, not numbers",
            hint="Name a column of numbers.",
            code="allocation.not_a_number",
            details={"column": name},
        ) from None
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(
            f"column {name!r} has no finite number in row {bad[0] + 1} (and {len(bad) - 1} more)",
            hint="Correct the row, or leave it out where the action is not open.",
            code="allocation.not_a_number",
            details={"column": name, "rows": [int(row) + 1 for row in bad[:5]]},
        )
    return values


def _use_names(table: pa.Table, spec: FileSpec) -> tuple[str, ...]:
    named = [limit.use for limit in spec.limits if limit.use != COUNT and limit.use in table.column_names]
    return tuple(dict.fromkeys((*spec.uses, *named)))


def _real_rows(action: Ints, action_ids: Sequence[str], value: Floats) -> Flags:
    """Return which rows are of an action; rows of *no action* may stand in the file if their value is 0."""
    if NO_ACTION not in action_ids:
        return np.ones(len(action), dtype=bool)
    none = action == list(action_ids).index(NO_ACTION)
    bad = np.flatnonzero(none & (value != 0))
    if len(bad):
        raise InputError(
            f"row {bad[0] + 1} gives no action ({NO_ACTION!r}) a value other than 0",
            hint="Values are against no action: subtract the value of no action from each row of its customer.",
            code="allocation.none_has_value",
            details={"row": int(bad[0]) + 1},
        )
    return np.asarray(~none)


def _scope(limit: Limit) -> str:
    """Return the predicate over the file that restricts the rows a limit counts."""
    parts = [f"({limit.where})"] if limit.where else []
    for column, wanted in (("channel", limit.channels), ("level", limit.levels)):
        if wanted:
            texts = ", ".join("'" + text.replace("'", "''") + "'" for text in wanted)
            parts.append(f'CAST("{column}" AS VARCHAR) IN ({texts})')
    return " AND ".join(parts)


def _scopes(table: pa.Table, spec: FileSpec, warehouse: Warehouse) -> dict[str, Flags]:
    predicates = {_told(limit, spec): _scope(limit) for limit in spec.limits}
    return predicate_masks(warehouse, "file", table, predicates, "then run the same again")


def _told(limit: Limit, spec: FileSpec) -> str:
    return f"limit {limit.name!r}" + (f" in {spec.limits_file}" if spec.limits_file else "")


def _check_limits(table: pa.Table, spec: FileSpec, action_ids: Sequence[str], use_names: Sequence[str]) -> None:
    """Refuse limits that name a column, use or action which the file does not have."""
    for limit in spec.limits:
        told = _told(limit, spec)
        for column, wanted in (("channel", limit.channels), ("level", limit.levels)):
            if wanted and column not in table.column_names:
                raise ConfigError(
                    f"{told} restricts {column}s, but the file has no column {column!r}",
                    hint=f"Add a column {column!r} to the file, or name the limit's `actions` instead.",
                    code="limits.no_column",
                    details={"limit": limit.name, "column": column},
                )
        if limit.use not in (COUNT, *use_names):
            known = [COUNT, *table.column_names]
            raise ConfigError(
                f"{told} uses {limit.use!r}, which is no column of the file",
                hint=f"{_near(limit.use, known)} Correct its `use`, then run the same again",
                code="limits.unknown_use",
                details={"limit": limit.name, "use": limit.use, "known": known},
            )
        is_share = (limit.maximum_share, limit.minimum_share, limit.minimum_rate) != (None, None, None)
        if is_share and limit.where and (limit.channels or limit.levels):
            raise ConfigError(
                f"{told} bounds a share of some customers in some channels or levels, which a file does not tell",
                hint="Name the limit's `actions` instead, then run the same again",
                code="limits.share_of_channel",
                details={"limit": limit.name},
            )
        for action in limit.actions:
            if action not in action_ids:
                raise ConfigError(
                    f"{told} names action {action!r}, which the file does not have",
                    hint=f"{_near(action, action_ids)} Correct its `actions`, then run the same again",
                    code="limits.unknown_action",
                    details={"limit": limit.name, "action": action},
                )


def _near(name: str, known: Sequence[str]) -> str:
    return f"Near names: {', '.join(difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)[:8])}."


@dataclass(frozen=True, slots=True, eq=False)
class _Scoped:
    """Groups of customers where every predicate is the same for all rows of a customer, else split actions.

    `action` is the action of each row, or its pair with the row's pattern, coded as pattern · n + action.
    """

    unit_group: npt.NDArray[np.int32]
    action: Ints
    patterns: Mapping[str, Flags]
    split: bool

    def n_actions(self, plain: int) -> int:
        groups = len(next(iter(self.patterns.values()))) if self.split else 1
        return plain * groups

    def name(self, plain: Sequence[str], code: int) -> str:
        pattern, action = divmod(code, len(plain))
        return f"{plain[action]}{_JOIN}{pattern}" if self.split else plain[action]


def _scope_groups(masks: Mapping[str, Flags], customer: Ints, action: Ints, n: int) -> _Scoped:
    group, patterns = cross(masks, len(customer))
    unit_group = np.zeros(n, dtype=np.int32)
    unit_group[customer] = group
    if np.array_equal(unit_group[customer], group):
        return _Scoped(unit_group, action, patterns, split=False)
    n_actions = int(action.max()) + 1
    return _Scoped(np.zeros(n, dtype=np.int32), group * n_actions + action, patterns, split=True)


def _tables(
    limits: Sequence[Limit],
    names: tuple[Sequence[str], Sequence[str]],
    use_names: tuple[str, ...],
    patterns: Mapping[str, Flags],
) -> LimitTables:
    """Return the limit tables over groups of customers, or over split actions with a single group."""
    plain, coded = names
    scoped = {limit.name: _scope(limit) for limit in limits}
    rows = limit_rows(limits, lambda limit: limit.actions or tuple(plain))
    rows = tuple(_scoped_row(row, scoped[row.limit]) for row in rows)
    if len(coded) == len(plain):
        return limit_tables(rows, coded, use_names, patterns)
    split = tuple(_split_row(row, coded, patterns) for row in rows)
    return limit_tables(split, coded, use_names, {})


def _scoped_row(row: LimitRow, scope: str) -> LimitRow:
    return replace(row, where=scope)


def _split_row(row: LimitRow, coded: Sequence[str], patterns: Mapping[str, Flags]) -> LimitRow:
    counted = []
    for name in coded:
        action, pattern = name.rsplit(_JOIN, 1)
        if action in row.action_ids and (not row.where or patterns[row.where][int(pattern)]):
            counted.append(name)
    whole = tuple(name for name in coded if name.rsplit(_JOIN, 1)[0] in row.of_action_ids)
    return replace(row, action_ids=tuple(counted), where="", of_action_ids=whole)
