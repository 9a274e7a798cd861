"""Limits over a file of values: which rows of the file each of them counts, and the tables that say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError
from alamo.domain.policy import LimitRow
from alamo.domain.ports import Warehouse
from alamo.steering.allocation_result import AllocationSpec
from alamo.steering.cells import Flags, Ints
from alamo.steering.file_columns import near
from alamo.steering.limits import COUNT, LimitTables, limit_rows, limit_tables
from alamo.steering.predicates import cross, predicate_masks

_JOIN = "\x1f"


def scope_of(limit: Limit) -> str:
    """Return the predicate over the file that restricts the rows a limit counts."""
    parts = [f"({limit.where})"] if limit.where else []
    for column, wanted in (("channel", limit.channels), ("level", limit.levels)):
        if wanted:
            texts = ", ".join("'" + text.replace("'", "''") + "'" for text in wanted)
            parts.append(f'CAST("{column}" AS VARCHAR) IN ({texts})')
    return " AND ".join(parts)


def scope_masks(table: pa.Table, spec: AllocationSpec, warehouse: Warehouse) -> dict[str, Flags]:
    """Return predicate → whether it holds in each row of the file, for the limits of `spec`."""
    predicates = {_told(limit, spec): scope_of(limit) for limit in spec.limits}
    return predicate_masks(warehouse, "file", table, predicates, "then run the same again")


def _told(limit: Limit, spec: AllocationSpec) -> str:
    return f"limit {limit.name!r}" + (f" in {spec.limits_file}" if spec.limits_file else "")


def check_limits(table: pa.Table, spec: AllocationSpec, action_ids: Sequence[str], use_names: Sequence[str]) -> None:
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
                hint=f"{near(limit.use, known)} Correct its `use`, then run the same again",
                code="limits.unknown_use",
                details={"limit": limit.name, "use": limit.use, "known": known},
            )
        if limit.is_share and limit.where and (limit.channels or limit.levels):
            raise ConfigError(
                f"{told} bounds a share of some customers in some channels or levels, which a file does not tell",
                hint="Name the limit's `actions` instead, then run the same again",
                code="limits.share_of_channel",
                details={"limit": limit.name},
            )
        for action in limit.actions:
            _check_action(action, action_ids, (told, "actions"), {"limit": limit.name})
    if spec.max_actions > 1:
        told = "an exclusion" + (f" in {spec.limits_file}" if spec.limits_file else "")
        for action in (action for exclusion in spec.exclusive for action in exclusion):
            _check_action(action, action_ids, (told, "exclusive"), {})


def _check_action(action: str, known: Sequence[str], told: tuple[str, str], details: dict[str, str]) -> None:
    who, key = told
    if action not in known:
        raise ConfigError(
            f"{who} names action {action!r}, which the file does not have",
            hint=f"{near(action, known)} Correct its `{key}`, then run the same again",
            code="limits.unknown_action",
            details={**details, "action": action},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scoped:
    """Groups of customers where every predicate is the same for all rows of a customer, else split actions.

    `action` is the action of each row, or its pair with the row's pattern, coded as pattern · n + action.
    """

    unit_group: npt.NDArray[np.int32]
    action: Ints
    patterns: Mapping[str, Flags]
    split: bool

    def n_actions(self, plain: int) -> int:
        """Return how many actions there are, given how many the file has."""
        groups = len(next(iter(self.patterns.values()))) if self.split else 1
        return plain * groups

    def name(self, plain: Sequence[str], code: int) -> str:
        """Return the name of the action `code`, given those of the file; `plain_action` goes back."""
        pattern, action = divmod(code, len(plain))
        return f"{plain[action]}{_JOIN}{pattern}" if self.split else plain[action]


def plain_action(name: str) -> str:
    """Return the action of the file that an action of the cells stands for."""
    return name.split(_JOIN, 1)[0]


def scope_groups(masks: Mapping[str, Flags], customer: Ints, action: Ints, n: int) -> Scoped:
    """Return the groups of the `n` customers by predicates over the rows; customer and action are codes of each row."""
    group, patterns = cross(masks, len(customer))
    unit_group = np.zeros(n, dtype=np.int32)
    unit_group[customer] = group
    if np.array_equal(unit_group[customer], group):
        return Scoped(unit_group, action, patterns, split=False)
    n_actions = int(action.max()) + 1
    return Scoped(np.zeros(n, dtype=np.int32), group * n_actions + action, patterns, split=True)


def file_tables(
    limits: Sequence[Limit],
    names: tuple[Sequence[str], Sequence[str]],
    use_names: tuple[str, ...],
    patterns: Mapping[str, Flags],
) -> LimitTables:
    """Return the limit tables over groups of customers, or over split actions with a single group."""
    plain, coded = names
    scoped = {limit.name: scope_of(limit) for limit in limits}
    rows = limit_rows(limits, lambda limit: limit.actions or tuple(plain))
    rows = tuple(replace(row, where=scoped[row.limit]) for row in rows)
    if len(coded) == len(plain):
        return limit_tables(rows, coded, use_names, patterns)
    split = tuple(_split_row(row, coded, patterns) for row in rows)
    return limit_tables(split, coded, use_names, {})


def _split_row(row: LimitRow, coded: Sequence[str], patterns: Mapping[str, Flags]) -> LimitRow:
    counted = []
    for name in coded:
        action, pattern = name.rsplit(_JOIN, 1)
        if action in row.action_ids and (not row.where or patterns[row.where][int(pattern)]):
            counted.append(name)
    whole = tuple(name for name in coded if name.rsplit(_JOIN, 1)[0] in row.of_action_ids)
    return replace(row, action_ids=tuple(counted), where="", of_action_ids=whole)
