"""Replay: decide a cycle again from its policy snapshot and compare with the log, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.policy import PolicySnapshot
from alamo.engine.batch import Batch, Stamp, decide_under, decision_table, joined
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import block_bounds

_COMPARED = (
    "action_id",
    "eligible",
    "p",
    "p_action",
    "universal_control",
    "block",
    "reason",
    "net_money",
    "cost_money",
)


@dataclass(frozen=True, slots=True)
class Replay:
    """How a replay compares with the log.

    Attributes
    ----------
    decisions
        Decisions decided again.
    different
        Column → customers whose logged value differs in any bit.
    missing
        Customers in only one of the two.
    at_counter
        Logged decisions over the counter, which came after the batch: they are not decided again, so nothing is said
        of them.
    """

    decisions: int
    different: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]
    at_counter: int = 0

    @property
    def identical(self) -> bool:
        """Whether every decision that was decided again came out the same, bit for bit."""
        return not self.different and not self.missing


def replay_batch(policy: PolicySnapshot, cells: Cells, tables: LimitTables) -> Batch:
    """Decide every block again under the prices and remaining limits that the snapshot recorded for it."""
    parts = [
        decide_under(state, cells.span(start, stop), tables, policy.rule, policy.salt)
        for state, (start, stop) in zip(policy.blocks, block_bounds(cells.n, policy.n_blocks), strict=True)
    ]
    return joined(cells, parts, policy.blocks)


def replay(policy: PolicySnapshot, cells: Cells, tables: LimitTables, logged: pa.Table, stamp: Stamp) -> Replay:
    """Decide again and compare with the `logged` decisions (DECISIONS) of the same plan.

    Decisions over the counter, whose block is past the policy's, came after the batch; they are counted, not compared.
    """
    again = decision_table(cells, replay_batch(policy, cells, tables), stamp).sort_by("customer_id")
    batch = logged.filter(pc.less(logged["block"], policy.n_blocks)).sort_by("customer_id")
    at_counter = logged.num_rows - batch.num_rows
    missing = _symmetric_difference(again["customer_id"], batch["customer_id"])
    if missing:
        return Replay(again.num_rows, {}, missing, at_counter)
    different = {name: _differing(again, batch, name) for name in _COMPARED}
    return Replay(again.num_rows, {name: ids for name, ids in different.items() if ids}, (), at_counter)


def _symmetric_difference(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[str, ...]:
    a, b = set(left.to_pylist()), set(right.to_pylist())
    return tuple(sorted(a ^ b))


def _differing(again: pa.Table, logged: pa.Table, name: str) -> tuple[str, ...]:
    left, right = again[name].combine_chunks(), logged[name].combine_chunks()
    if left.equals(right):
        return ()
    ids: Sequence[str] = again["customer_id"].to_pylist()
    if pa.types.is_list(left.type):
        same = [a == b for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)]
    else:
        same = pc.equal(left, right).to_pylist()
    return tuple(unit for unit, equal in zip(ids, same, strict=True) if not equal)
