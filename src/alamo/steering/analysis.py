"""`analyze allocation`: who gets which action under shared limits, from any file of values."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter as _stopwatch  # a duration for people, no decision depends on it
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.domain.action import NO_ACTION
from alamo.domain.policy import RuleSettings
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import Refusal
from alamo.steering.action_sets import Together
from alamo.steering.advice import Advice, Priced, Singles, advise
from alamo.steering.allocation.certificate import Certificate, certify
from alamo.steering.allocation.clash import Clash, Conflict, only
from alamo.steering.allocation.conflict import find_conflict, out_of_reach, suspicious
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.allocation_file import FileCells, read_cells
from alamo.steering.allocation_result import AllocationResult, AllocationSpec
from alamo.steering.bundles import Bundles, bundle
from alamo.steering.cells import Cells, Floats, Ints, Places
from alamo.steering.file_limits import plain_action
from alamo.steering.limits import among
from alamo.steering.pacing import block_bounds, block_count, pace
from alamo.steering.rule import BlockTerms, decide
from alamo.steering.shares import told, whole_use

_SALT = "allocation"
_LEVEL = 0.95


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
    sets = bundle(file.cells, file.tables, _together(file, spec))
    problem = build_problem(sets.cells, sets.tables).merged()
    problem = replace(problem, counted=file.tables.whole_numbers)  # sets keep counts in a column
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
        choice, prices = _drawn(problem, sets, spec.temperature_money)
    certificate = certify(sets.cells, sets.tables, choice, scan.bound)
    if spec.temperature_money is None and not certificate.feasible:
        return _infeasible(file, spec, find_conflict(problem) or _broken(file, certificate), started)
    taken = sets.members(file.cells, sets.cells.at(choice))
    return AllocationResult(
        rows=_rows(file, (certificate, taken[taken >= 0], prices)),
        value=certificate.value_money,
        dual_bound=certificate.dual_bound,
        gap=certificate.gap,
        feasible=certificate.feasible,
        clash=_broken(file, certificate),
        seconds=_stopwatch() - started,
        refusals=_refusals(spec, certificate),
        assignments=_assignments(table.schema, file, spec, taken),
        limits_file=spec.limits_file,
        advice=_advice(file, spec, (problem, sets), scan.prices) if spec.advice and certificate.feasible else None,
        actions=_per_action(file.cells, taken),
    )


def _per_action(cells: Cells, taken: Ints) -> tuple[dict[str, Any], ...]:
    """Return customers, value and use of each action of the file, those without any last.

    Parameters
    ----------
    taken
        Cells that each customer gets, −1 for none, shape (n, most).
    """
    names = [plain_action(name) for name in cells.action_ids]
    number = {name: code for code, name in enumerate(dict.fromkeys(names))}
    cell = taken[taken >= 0]
    code = np.array([number[name] for name in names], dtype=np.int64)[cells.action[cell]]

    def added(amount: Floats) -> list[float]:
        summed: list[float] = np.bincount(code, amount, len(number)).tolist()
        return summed

    counts = np.bincount(code, minlength=len(number)).tolist()
    value, uses = added(cells.value_money[cell]), [added(cells.use(name)[cell]) for name in cells.use_names]
    rows = [
        {
            "action": name,
            "customers": counts[a],
            "value": value[a],
            "uses": {use: uses[u][a] for u, use in enumerate(cells.use_names)},
        }
        for name, a in number.items()
    ]
    nothing = dict.fromkeys(cells.use_names, 0.0)
    return (
        *rows,
        {"action": NO_ACTION, "customers": int((taken < 0).all(axis=1).sum()), "value": 0.0, "uses": nothing},
    )


def _advice(file: FileCells, spec: AllocationSpec, planned: tuple[Problem, Bundles], prices: Floats) -> Advice:
    """Return the advice from the plan's prices; a new action does not count towards limits that name their actions."""
    named = frozenset(limit.name for limit in spec.limits if limit.actions)
    problem, sets = planned
    singles = Singles(file.cells, file.tables, (sets.place >= 0).sum(axis=1), spec.max_actions)
    found = advise(Priced(problem, sets.tables, prices, spec.temperature_money or 0.0, singles), named, _LEVEL)
    rows = (
        {**row, "like": list(dict.fromkeys(plain_action(name) for name in row["like"]))} for row in found.new_actions
    )
    return replace(found, new_actions=tuple(rows))


def _together(file: FileCells, spec: AllocationSpec) -> Together:
    """Return which actions of the cells may go to one customer together."""
    plain = [plain_action(name) for name in file.cells.action_ids]
    apart = np.array([among(plain, named) for named in spec.exclusive], dtype=bool)
    return Together(
        spec.max_actions, apart.reshape(len(spec.exclusive), len(plain)), spec.temperature_money is not None
    )


def _drawn(problem: Problem, sets: Bundles, temperature: float) -> tuple[Places, Floats]:
    """Return a paced draw at the temperature, and the prices it started from."""
    rule = RuleSettings(temperature, 0.0, 0.0)
    prices = soft_prices(problem, rule)
    n_blocks = block_count(problem.n)
    pacer = pace(problem, prices, rule, n_blocks)
    remaining, parts = np.array(sets.tables.bound), []
    for block, (start, stop) in enumerate(block_bounds(problem.n, n_blocks)):
        later = pacer.kept_for_later(block)
        terms = BlockTerms(pacer.prices_for(block, remaining), remaining - later, rule, _SALT)
        drawn = decide(sets.cells.span(start, stop), sets.tables, terms)
        parts.append(sets.cells.span(start, stop).places(drawn.choice))
        remaining = drawn.remaining + later
    return np.concatenate(parts), prices / problem.scale


def _rows(file: FileCells, found: tuple[Certificate, Ints, Floats] | None) -> tuple[dict[str, Any], ...]:
    """Return limit, bound, use and price by the certificate, the cells taken and the prices; None where infeasible."""
    tables = file.tables
    if found is None:
        unknown = {"used": None, "price": None}
        return tuple(
            {"limit": row.limit, "side": row.side, **told(tables, r, 0.0, 1.0, 0.0), **unknown}
            for r, row in enumerate(tables.rows)
        )
    certificate, taken, prices = found
    whole = whole_use(file.cells, tables, taken)
    return tuple(
        {
            "limit": row.limit,
            "side": row.side,
            **told(tables, r, float(certificate.used[r]), whole[r], float(prices[r])),
        }
        for r, row in enumerate(tables.rows)
    )


def _infeasible(file: FileCells, spec: AllocationSpec, clash: Clash | None, started: float) -> AllocationResult:
    nobody = np.full((file.cells.n, 1), -1, dtype=np.int64)
    return AllocationResult(
        rows=_rows(file, None),
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
        Conflict(row.limit, row.side, float(certificate.excess[r]))
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


def _assignments(schema: pa.Schema, file: FileCells, spec: AllocationSpec, taken: Ints) -> pa.Table:
    """Return customer and action, with the types of the file, in the order of the file, customers by their first row.

    Parameters
    ----------
    taken
        Cells that each customer gets, −1 for none, shape (n, most); who gets none has one row, without an action.
    """
    row = np.where(taken >= 0, file.source_row[np.maximum(taken, 0)] if file.cells.n_cells else -1, -1)
    row = np.sort(row, axis=1)[np.argsort(file.first_row, kind="stable")]
    listed = row >= 0
    listed[:, -1] = True  # the last is none only where all are
    row, first = row[listed], np.repeat(np.sort(file.first_row), listed.sum(axis=1))
    action, customer = file.actions.take(pa.array(row, mask=row < 0)), file.customers.take(pa.array(first))
    return pa.table({spec.customer: customer, spec.action: action}).cast(
        pa.schema([schema.field(spec.customer).with_nullable(True), schema.field(spec.action).with_nullable(True)])
    )
