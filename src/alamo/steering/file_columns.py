"""Columns of a file of values: keys as codes, numbers that are numbers, and what is refused, by row and column."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.errors import InputError, UsageError
from alamo.steering.allocation_result import AllocationSpec
from alamo.steering.cells import MOST_ACTIONS, Flags, Floats, Ints
from alamo.steering.limits import COUNT


def check_columns(table: pa.Table, spec: AllocationSpec) -> None:
    """Refuse a file that lacks a column the spec names, with the near ones."""
    for option, name in (
        ("--customer", spec.customer),
        ("--action", spec.action),
        ("--value", spec.value),
        *(("--use", use) for use in spec.uses),
    ):
        if name not in table.column_names:
            raise UsageError(
                f"the file has no column {name!r} ({option})",
                hint=f"{near(name, table.column_names)} Name one with: {option} COLUMN",
                code="columns.unknown",
                details={
                    "option": option,
                    "column": name,
                    "near": difflib.get_close_matches(name, table.column_names, n=3, cutoff=0.5),
                    "columns": table.column_names,
                },
            )


def coded(table: pa.Table, name: str) -> tuple[Ints, list[str]]:
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


def check_twice(customer: Ints, action: Ints, names: tuple[Sequence[str], Sequence[str]]) -> None:
    """Refuse a customer that has an action twice; the columns are codes, `names` those of customers and actions."""
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


def check_most(customer: Ints, customer_ids: Sequence[str]) -> None:
    """Refuse a customer with more actions than cells can count."""
    rows = np.bincount(customer)
    most = customer_ids[int(rows.argmax())]
    if rows.max() > MOST_ACTIONS:
        raise InputError(
            f"customer {most!r} has {rows.max():,} actions; more than {MOST_ACTIONS:,} are not supported",
            hint="Keep each customer's best actions, or give offers that are alike one row; then run the same again",
            code="allocation.too_many_actions",
            details={"customer": most, "actions": int(rows.max())},
        )


def numbers(table: pa.Table, name: str) -> Floats:
    """Return the column `name`, shape (n_rows,), if it holds finite numbers only."""
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


def used_columns(table: pa.Table, spec: AllocationSpec) -> tuple[str, ...]:
    """Return the columns that limits use: those the spec names, and those a limit names."""
    named = [limit.use for limit in spec.limits if limit.use != COUNT and limit.use in table.column_names]
    return tuple(dict.fromkeys((*spec.uses, *named)))


def real_rows(action: Ints, action_ids: Sequence[str], value: Floats) -> Flags:
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


def near(name: str, known: Sequence[str]) -> str:
    """Return a sentence with the names near to `name`."""
    return f"Near names: {', '.join(difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)[:8])}."
