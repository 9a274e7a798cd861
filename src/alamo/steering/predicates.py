"""Predicates that a person wrote in SQL (target groups of actions, scopes of limits), as masks over a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import ConfigError, UsageError
from alamo.domain.ports import Warehouse
from alamo.domain.tables import PROFILES

Flags = npt.NDArray[np.bool_]

_ROW = "alamo_row"
_RELATION = "rows_in_question"


def predicate_masks(
    warehouse: Warehouse, name: str, table: pa.Table, predicates: Mapping[str, str], then: str = "then: alamo doctor"
) -> dict[str, Flags]:
    """Return predicate → whether it holds in each row of `table`; null counts as not.

    Parameters
    ----------
    name
        What the predicates call the table.
    predicates
        Owner in words ("action 'spring-mail'") → SQL predicate; empty predicates are left out.
    then
        What to do once a predicate that cannot be evaluated is corrected; for the message.

    Raises
    ------
    ConfigError
        If a predicate is not valid SQL over the table, naming its owner and what the database said.
    """
    numbered = table.append_column(_ROW, pa.array(np.arange(table.num_rows, dtype=np.int64)))
    masks: dict[str, Flags] = {}
    for owner, predicate in predicates.items():
        if predicate and predicate not in masks:
            masks[predicate] = _mask(warehouse, (name, numbered), (owner, then), predicate)
    return masks


def part_of_day(warehouse: Warehouse, as_of: datetime, told: tuple[str, str]) -> float:
    """Return the part of the profiles of a day for which a predicate holds; null counts as not, 0 without profiles.

    Parameters
    ----------
    told
        Owner in words and SQL predicate, as in `predicate_masks`.

    Raises
    ------
    ConfigError
        If the predicate is not valid SQL over profiles.
    """
    owner, predicate = told
    counted = f"SELECT count(*) AS n, count_if(CAST((\n{predicate}\n) AS BOOLEAN)) AS inside"
    try:
        found = warehouse.query(f"{counted} FROM profiles WHERE as_of_day = $day", {"day": as_of.date().isoformat()})
    except UsageError as error:
        raise _invalid(error, (owner, "then: alamo doctor"), predicate, ("profiles", PROFILES.schema.names)) from None
    inside, n = (found[name][0].as_py() for name in ("inside", "n"))
    return float(inside) / float(n) if n else 0.0


def _mask(warehouse: Warehouse, relation: tuple[str, pa.Table], told: tuple[str, str], predicate: str) -> Flags:
    name, table = relation
    sql = f"SELECT {_ROW} FROM {_RELATION} AS {name} WHERE CAST((\n{predicate}\n) AS BOOLEAN)"
    try:
        rows = warehouse.query(sql, None, {_RELATION: table})
    except UsageError as error:
        raise _invalid(error, told, predicate, (name, table.column_names)) from None
    out = np.zeros(table.num_rows, dtype=bool)
    out[rows.column(_ROW).to_numpy()] = True
    return out


def _invalid(
    error: UsageError, told: tuple[str, str], predicate: str, columns_of: tuple[str, Sequence[str]]
) -> ConfigError:
    """Return the refusal of a predicate that the database did not understand."""
    owner, then = told
    name, columns = columns_of
    said = str(error.__cause__ or error).splitlines()[0]
    return ConfigError(
        f"the predicate of {owner} cannot be evaluated: {predicate!r}: {said}",
        hint=f"It is an SQL condition over columns of {name}: {_columns(columns)}. Correct it, {then}",
        code="predicate.invalid",
        details={"owner": owner, "predicate": predicate, "error": said},
    )


def _columns(columns: Sequence[str]) -> str:
    names = [name for name in columns if name != _ROW]
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")


def cross(masks: Mapping[str, Flags], n: int) -> tuple[npt.NDArray[np.int32], dict[str, Flags]]:
    """Return the group of each row and, per predicate, whether it holds in each group.

    Groups are the patterns of all predicates that occur, numbered in ascending order of the pattern.
    """
    if not masks:
        return np.zeros(n, dtype=np.int32), {}
    stacked = np.stack(list(masks.values()), axis=1)
    patterns, group = _distinct(stacked)
    return group, {predicate: np.ascontiguousarray(patterns[:, j]) for j, predicate in enumerate(masks)}


def _distinct(flags: Flags) -> tuple[Flags, npt.NDArray[np.int32]]:
    packed = np.ascontiguousarray(np.packbits(flags, axis=1))
    words = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(words, return_index=True, return_inverse=True)
    if not len(first):
        return np.zeros((1, flags.shape[1]), dtype=bool), np.zeros(0, dtype=np.int32)
    return flags[first], group.astype(np.int32)


def list_holds(column: pa.ChunkedArray, wanted: Sequence[str]) -> Flags:
    """Return which rows of a list column hold one of the texts `wanted`, shape (n,)."""
    lists = column.combine_chunks()
    if isinstance(lists, pa.ChunkedArray):  # no rows: combining chunks yields none
        return np.zeros(0, dtype=bool)
    out = np.zeros(len(lists), dtype=bool)
    parents = np.repeat(np.arange(len(lists)), lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
    values = lists.flatten()
    hit = np.zeros(len(values), dtype=bool)
    for text in wanted:
        hit |= np.asarray(pc.fill_null(pc.equal(values, text), False))
    out[parents[hit]] = True
    return out
