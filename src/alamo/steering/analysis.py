"""`analyze allocation`: who gets which action under shared limits, from any file of values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter as _stopwatch  # a duration for people, no decision depends on it
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from alamo.domain.action import Limit
from alamo.domain.errors import InfeasibleError, UsageError
from alamo.domain.policy import RuleSettings
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.steering.allocation.certificate import Certificate, certify
from alamo.steering.allocation.conflict import (
    Clash,
    Conflict,
    find_conflict,
    infeasible,
    limits_dict,
    only,
    out_of_reach,
    relaxation_dict,
    suspicious,
)
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.allocation_file import FileCells, read_cells
from alamo.steering.cells import Floats, Ints, Places
from alamo.steering.pacing import block_bounds, block_count, pace
from alamo.steering.rule import BlockTerms, decide

_SALT = "allocation"


@dataclass(frozen=True, slots=True)
class AllocationSpec:
    """What to allocate.

    Attributes
    ----------
    customer, action, value
        Columns of the file, one row per customer and action; values stand as they are, net of variable cost.
    limits
        As in ``limits.toml``; their `period` is not used.
    uses
        Further columns that limits may use.
    temperature_money
        None: a deterministic plan. Otherwise each customer draws from a softmax at this temperature.
    gap
        Relative gap the certificate should reach; a larger one is reported as a refusal.
    limits_file
        Where the limits stand, for messages; None where they come from no file.
    """

    customer: str
    action: str
    value: str
    limits: tuple[Limit, ...]
    uses: tuple[str, ...] = ()
    temperature_money: float | None = None
    gap: float = 0.001
    limits_file: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("gap", self.gap), ("temperature", self.temperature_money)):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise UsageError(
                    f"the {name} is {value:g}; it must be a number above 0",
                    hint=f"Leave it out, or give one above 0: --{name} NUMBER",
                    code="allocation.wrong_option",
                    details={"option": name, "value": value},
                )


@dataclass(frozen=True, slots=True, repr=False)
class AllocationResult(Result):
    """A plan with its certificate.

    Attributes
    ----------
    rows
        One per limit and side: bound, use and price, in the limit's units; the price of a minimum is at most 0.
    value, dual_bound, gap
        What the plan brings, an upper bound of what any plan can, and their relative distance; None if infeasible.
    feasible
        Whether every limit is kept.
    clash
        Limits in conflict, what each alone would have to give, and the least that all give; None if feasible.
    seconds
        Time taken.
    refusals
        What could not be had, and why.
    assignments
        Customer and action (null: none) of every customer of the file.
    out
        Where they were written.
    limits_file
        Where the limits stand, for messages.
    """

    schema: ClassVar[str] = "alamo.allocation/1"
    columns: ClassVar[tuple[str, ...]] = ("limit", "bound", "used", "price")

    rows: tuple[Mapping[str, Any], ...]
    value: float | None
    dual_bound: float | None
    gap: float | None
    feasible: bool
    clash: Clash | None
    seconds: float
    refusals: tuple[Refusal, ...]
    assignments: pa.Table
    out: str | None = None
    limits_file: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per limit and side."""
        return [dict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "value": self.value,
            "dual_bound": self.dual_bound,
            "gap": self.gap,
            "feasible": self.feasible,
            "infeasible_limits": limits_dict(self.infeasible_limits),
            "relaxation": None if self.clash is None else relaxation_dict(self.clash),
            "seconds": self.seconds,
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "out": self.out,
        }

    @property
    def infeasible_limits(self) -> tuple[Conflict, ...]:
        """Limits in conflict, the cheapest to relax first; empty if the plan is feasible."""
        return self.clash.conflicts if self.clash else ()

    def assignments_table(self) -> pa.Table:
        """Return who gets what: the file's customer and action columns, one row per customer, action null for none."""
        return self.assignments

    def error(self) -> InfeasibleError | None:
        """Return the error that says which limits cannot be met together; None if the plan is feasible."""
        return None if self.clash is None else infeasible(self.clash, self.limits_file, None)


def analyze_allocation(table: pa.Table, spec: AllocationSpec, warehouse: Warehouse) -> AllocationResult:
    """Return the best plan under the limits of `spec`; `warehouse` evaluates their predicates over the file's columns.

    Limits that cannot be met are an answer, too: `feasible` is False and `infeasible_limits` names them.

    Raises
    ------
    UsageError
        If a column is not in the file.
    InputError
        If a value or use is missing, or a customer has an action twice.
    ConfigError
        If a limit is not usable with this file.
    """
    started = _stopwatch()
    file = read_cells(table, spec, warehouse)
    problem = build_problem(file.cells, file.tables)
    clash = out_of_reach(problem)
    if clash:
        return _infeasible(file, spec, clash, started)
    scan = solve_dual(problem)
    if suspicious(problem, scan.prices):
        clash = find_conflict(problem)
        if clash:
            return _infeasible(file, spec, clash, started)
    if spec.temperature_money is None:
        choice, prices = repair(problem, scan), scan.prices / problem.scale
    else:
        choice, prices = _drawn(problem, file, spec.temperature_money)
    certificate = certify(file.cells, file.tables, choice, scan.bound)
    if spec.temperature_money is None and not certificate.feasible:
        return _infeasible(file, spec, find_conflict(problem) or _broken(file, certificate), started)
    return AllocationResult(
        rows=_rows(file, certificate, prices),
        value=certificate.value_money,
        dual_bound=certificate.dual_bound,
        gap=certificate.gap,
        feasible=certificate.feasible,
        clash=_broken(file, certificate),
        seconds=_stopwatch() - started,
        refusals=_refusals(spec, certificate),
        assignments=_assignments(table.schema, file, spec, file.cells.at(choice)),
        limits_file=spec.limits_file,
    )


def _drawn(problem: Problem, file: FileCells, temperature: float) -> tuple[Places, Floats]:
    """Return a paced draw at the temperature, and the prices it started from."""
    rule = RuleSettings(temperature, 0.0, 0.0)
    prices = soft_prices(problem, rule)
    n_blocks = block_count(problem.n)
    pacer = pace(problem, prices, rule, n_blocks)
    remaining, parts = np.array(file.tables.bound), []
    for block, (start, stop) in enumerate(block_bounds(problem.n, n_blocks)):
        later = pacer.kept_for_later(block)
        terms = BlockTerms(pacer.prices_for(block, remaining), remaining - later, rule, _SALT)
        drawn = decide(file.cells.span(start, stop), file.tables, terms)
        parts.append(file.cells.span(start, stop).places(drawn.choice))
        remaining = drawn.remaining + later
    return np.concatenate(parts), prices / problem.scale


def _rows(file: FileCells, certificate: Certificate | None, prices: Floats) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "limit": row.limit,
            "bound": row.sign * row.bound + 0.0,
            "used": None if certificate is None else float(row.sign * certificate.used[r]) + 0.0,
            "price": None if certificate is None else float(row.sign * prices[r]) + 0.0,
        }
        for r, row in enumerate(file.tables.rows)
    )


def _infeasible(file: FileCells, spec: AllocationSpec, clash: Clash | None, started: float) -> AllocationResult:
    nobody = np.full(file.cells.n, -1, dtype=np.int64)
    return AllocationResult(
        rows=_rows(file, None, np.zeros(file.tables.m)),
        value=None,
        dual_bound=None,
        gap=None,
        feasible=False,
        clash=clash,
        seconds=_stopwatch() - started,
        refusals=(),
        assignments=_assignments(file.schema, file, spec, nobody),
        limits_file=spec.limits_file,
    )


def _broken(file: FileCells, certificate: Certificate) -> Clash | None:
    """Return the limits that the best plan found still breaks, and by how much; None if it breaks none."""
    broken = tuple(
        Conflict(row.limit, "maximum" if row.sign > 0 else "minimum", float(certificate.excess[r]))
        for r, row in enumerate(file.tables.rows)
        if certificate.excess[r] > 0
    )
    return only(broken) if broken else None


def _refusals(spec: AllocationSpec, certificate: Certificate) -> tuple[Refusal, ...]:
    if spec.temperature_money is not None or certificate.gap <= spec.gap:
        return ()
    return (
        Refusal(
            what=f"a certified gap of {spec.gap:g}",
            reason=f"the certificate reaches {certificate.gap:.2g}: with so few customers at a limit, no whole plan "
            "may come closer to the bound, which may split customers",
            cure="accept it with a larger --gap, or widen the limits with the highest price",
        ),
    )


def _assignments(schema: pa.Schema, file: FileCells, spec: AllocationSpec, choice: Ints) -> pa.Table:
    """Return customer and action, with the types of the file, in the order in which customers come in the file."""
    row = np.where(choice >= 0, file.source_row[np.maximum(choice, 0)] if file.cells.n_cells else -1, -1)
    in_file_order = np.argsort(file.first_row, kind="stable")
    action = file.actions.take(pa.array(row[in_file_order], mask=row[in_file_order] < 0))
    customer = file.customers.take(pa.array(file.first_row[in_file_order]))
    return pa.table({spec.customer: customer, spec.action: action}).cast(
        pa.schema([schema.field(spec.customer).with_nullable(True), schema.field(spec.action).with_nullable(True)])
    )
