"""Batch: carry the rule over a whole cycle, block by block, re-pricing between blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import NO_ACTION
from alamo.domain.policy import BlockState, PolicySnapshot, RuleSettings
from alamo.domain.reasons import DecisionReason
from alamo.domain.tables import DECISIONS
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import Pacer, block_bounds
from alamo.steering.rule import REASONS, BlockTerms, Drawn, decide

Ints = npt.NDArray[np.int64]
Number = TypeVar("Number", np.float64, np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A decided cycle.

    Attributes
    ----------
    drawn
        The decisions of all customers; cells are numbered over the whole cycle.
    block
        Block of each customer, shape (n,).
    states
        What the rule was told for each block.
    """

    drawn: Drawn
    block: Ints
    states: tuple[BlockState, ...]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is written beside every decision of a plan."""

    plan_id: str
    policy_version: str
    cycle: int
    decided_at: datetime
    valid_until: datetime


def run_blocks(cells: Cells, tables: LimitTables, pacer: Pacer, rule: RuleSettings, draw: tuple[str, int]) -> Batch:
    """Decide all customers of a cycle in their order.

    Parameters
    ----------
    draw
        Salt of the cycle and number of blocks.
    """
    salt, n_blocks = draw
    remaining = np.array(tables.bound, dtype=np.float64)
    states, parts = [], []
    for block, (start, stop) in enumerate(block_bounds(cells.n, n_blocks)):
        prices, later = pacer.prices_for(block, remaining), pacer.kept_for_later(block)
        state = BlockState(block, tuple(prices.tolist()), tuple((remaining - later).tolist()))
        part = decide_under(state, cells.span(start, stop), tables, rule, salt)
        states.append(state)
        parts.append(part)
        remaining = part.remaining + later
    return joined(cells, parts, tuple(states))


def decide_under(state: BlockState, cells: Cells, tables: LimitTables, rule: RuleSettings, salt: str) -> Drawn:
    """Decide customers under a recorded state; what batch, real time and replay have in common."""
    terms = BlockTerms(
        np.array(state.prices, dtype=np.float64), np.array(state.remaining, dtype=np.float64), rule, salt
    )
    return decide(cells, tables, terms)


def joined(cells: Cells, parts: Sequence[Drawn], states: tuple[BlockState, ...]) -> Batch:
    """Return the blocks of a cycle as one, with cells numbered over the whole cycle."""
    bounds = block_bounds(cells.n, len(states))
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Drawn)
        if field.name != "remaining"
    }
    size = [stop - start for start, stop in bounds]
    first = np.repeat([cells.indptr[start] for start, _ in bounds], size)
    columns["choice"] = np.where(columns["choice"] >= 0, columns["choice"] + first, -1)
    drawn = Drawn(**columns, remaining=parts[-1].remaining)
    return Batch(drawn, np.repeat(np.arange(len(states), dtype=np.int64), size), states)


def decision_table(cells: Cells, batch: Batch, stamp: Stamp) -> pa.Table:
    """Return the decisions (DECISIONS), one row per customer in the order in which they were decided.

    The eligible set of a row is what could be drawn after all stops, in the order of the policy's actions, none last.
    """
    drawn = batch.drawn
    offsets, names, p = _eligible(cells, drawn)
    taken = np.maximum(drawn.choice, 0)
    acted = drawn.choice >= 0
    n = cells.n
    columns = {
        "decision_id": pa.array(
            [decision_id(stamp.plan_id, unit) for unit in cells.units.ids.to_pylist()], pa.string()
        ),
        "unit_id": cells.units.ids,
        "customer_id": cells.units.ids,
        "cycle": np.full(n, stamp.cycle, dtype=np.int64),
        "decided_at": pa.repeat(pa.scalar(stamp.decided_at, pa.timestamp("us", tz="UTC")), n),
        "action_id": _names(cells, np.where(acted, _at(cells.action, taken, n), len(cells.action_ids))),
        "eligible": pa.ListArray.from_arrays(offsets, names),
        "p": pa.ListArray.from_arrays(offsets, pa.array(p)),
        "p_action": np.where(acted, _at(drawn.p, taken, n), drawn.p_none),
        "universal_control": pa.array(cells.units.universal_control),
        "plan_id": pa.repeat(pa.scalar(stamp.plan_id), n),
        "block": batch.block,
        "reason": pa.array([reason.value for reason in REASONS]).take(pa.array(_reasons(cells, drawn))),
        "value_mean_money": np.where(acted, _at(cells.earned_money, taken, n), 0.0),
        "net_money": np.where(acted, _at(drawn.net_money, taken, n), 0.0),
        "cost_money": np.where(acted, _at(cells.use("cost"), taken, n), 0.0),
        "policy_version": pa.repeat(pa.scalar(stamp.policy_version), n),
        "valid_until": pa.repeat(pa.scalar(stamp.valid_until, pa.timestamp("us", tz="UTC")), n),
    }
    return DECISIONS.check(pa.table(columns))


def _reasons(cells: Cells, drawn: Drawn) -> Ints:
    """Return the place of each decision's reason; who waits to become the universal control is told apart from it."""
    reason = drawn.reason.astype(np.int64)
    waiting = cells.units.waiting
    return (
        reason
        if waiting is None
        else np.where(waiting & cells.units.held_out, REASONS.index(DecisionReason.WASHOUT), reason)
    )


def decision_id(plan_id: str, customer_id: str) -> str:
    """Return the id of a customer's decision in a plan: the same plan gives the same id, whoever carries it out."""
    return hashlib.blake2b(f"{plan_id}/{customer_id}".encode(), digest_size=12).hexdigest()


def cycle_salt(salt: str, cycle: int) -> str:
    """Return the salt of a cycle's block order and draws."""
    return f"{salt}/cycle-{cycle}"


def project_salt(policy: PolicySnapshot) -> str:
    """Return the salt of the project that a policy was made in: `cycle_salt` undone."""
    return policy.salt.removesuffix(f"/cycle-{policy.cycle}")


def plan_name(policy: PolicySnapshot, attempt: int = 1) -> str:
    """Return the id of the plan that a policy makes: cycle, start of the policy's hash, and which attempt it is."""
    return f"plan-{policy.cycle}-{policy.version[:8]}" + (f"-{attempt}" if attempt > 1 else "")


def _eligible(cells: Cells, drawn: Drawn) -> tuple[pa.Array, pa.Array, npt.NDArray[np.float64]]:
    """Return offsets, action names and probabilities of what could be drawn, none at the end of each row."""
    possible = drawn.p > 0.0
    kept = np.concatenate([[0], np.cumsum(possible)])[cells.indptr]
    offsets = kept + np.arange(cells.n + 1)
    total = int(offsets[-1])
    action = np.full(total, len(cells.action_ids), dtype=np.int64)
    p = np.empty(total)
    last = offsets[1:] - 1
    is_none = np.zeros(total, dtype=bool)
    is_none[last] = True
    action[~is_none] = cells.action[possible]
    p[~is_none] = drawn.p[possible]
    p[last] = drawn.p_none
    return pa.array(offsets.astype(np.int32)), _names(cells, action), p


def _names(cells: Cells, action: Ints) -> pa.Array:
    return pa.array([*cells.action_ids, NO_ACTION], type=pa.string()).take(pa.array(action))


def _at(values: npt.NDArray[Number], index: Ints, n: int) -> npt.NDArray[Number]:
    """Return ``values[index]``, zeros where there are no cells at all."""
    return np.asarray(values[index] if len(values) else np.zeros(n, dtype=values.dtype))
