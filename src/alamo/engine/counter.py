"""The state of the counter: which prices hold at this moment and what is left, published before it is used.

Without slices the prices of the plan's last block hold. With slices, whoever decides first in one sets the prices anew
and publishes them as a version of the policy; the log names it, and whoever comes later in the slice takes the version
that its earliest decision names. One customer is decided after the other (`alamo.engine.decide`), so one is the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.policy import BlockState, PolicySnapshot
from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.steering.predicates import Flags, predicate_masks
from alamo.steering.slices import arrivals, slice_at, slice_prices

_COUNTED_SQL = "SELECT count(*) AS n FROM decisions WHERE plan_id = $plan AND block >= $block"
_PUBLISHED_SQL = """
SELECT policy_version FROM decisions WHERE plan_id = $plan AND block = $block
ORDER BY decided_at, decision_id LIMIT 1
"""
_DRAWN_SQL = """
SELECT decision_id, customer_id, action_id, cost_money, decided_at
FROM decisions WHERE plan_id = $plan AND action_id <> 'none' AND block >= $block
ORDER BY decision_id
"""
_PROFILES_SQL = """
WITH seen AS (
    SELECT d.decision_id, d.customer_id, max(p.as_of) AS as_of
    FROM drawn d LEFT JOIN profiles p
    ON p.customer_id = d.customer_id AND p.as_of <= d.decided_at AND p.as_of_day >= $day
    GROUP BY d.decision_id, d.customer_id
)
SELECT p.* FROM seen LEFT JOIN profiles p ON p.customer_id = seen.customer_id AND p.as_of = seen.as_of
ORDER BY seen.decision_id
"""


def counter_state(context: Context, plan: PlanRecord, policy: PolicySnapshot) -> tuple[BlockState, PolicySnapshot]:
    """Return what the next customer is decided under, and the version of the policy that names it."""
    left = left_now(context, plan, policy)
    if policy.counter is None:
        return left, policy
    place = slice_at(_elapsed(context, plan.cycle), policy.counter.slices)
    block = policy.n_blocks + place
    found = context.history.query(_PUBLISHED_SQL, {"plan": plan.plan_id, "block": block})
    if found.num_rows:
        published = context.shelf.get(found["policy_version"][0].as_py())
    else:
        published = _published(context, plan, policy, replace(left, block=block))
        context.shelf.put(published)
    return replace(left, block=block, prices=published.state_of(block).prices), published


def _published(context: Context, plan: PlanRecord, policy: PolicySnapshot, left: BlockState) -> PolicySnapshot:
    """Return the policy with the prices of a slice, given what is left at its first decision."""
    terms = policy.counter
    if terms is None or terms.slices == 1:
        return replace(policy, blocks=(*policy.blocks, left))
    seen = came_to_the_counter(context, plan.plan_id, policy)
    expected = arrivals(terms, left.block - policy.n_blocks, seen)
    hard = np.array([row.hard for row in policy.rows], dtype=bool)
    prices = slice_prices(terms, np.array(left.remaining), hard, expected)
    return replace(policy, blocks=(*policy.blocks, replace(left, prices=tuple(prices.tolist()))))


def came_to_the_counter(context: Context, plan_id: str, policy: PolicySnapshot) -> int:
    """Return how many customers have been decided over the counter under a plan."""
    named = {"plan": plan_id, "block": policy.n_blocks}
    return int(context.history.query(_COUNTED_SQL, named)["n"][0].as_py())


def _elapsed(context: Context, cycle: int) -> float:
    """Return which part of a cycle has passed."""
    calendar = context.calendar()
    start = calendar.start(cycle)
    return (context.clock.now() - start) / (calendar.start(cycle + 1) - start)


def left_now(context: Context, plan: PlanRecord, policy: PolicySnapshot) -> BlockState:
    """Return the prices of the last block, and what its draws and later ones left together with what the plan kept.

    A row with a predicate counts the customers for whom it holds by their profile as of the decision; a customer
    without one counts everywhere, so a maximum is never exceeded.
    """
    last = policy.blocks[-1]
    drawn = context.history.query(_DRAWN_SQL, {"plan": plan.plan_id, "block": last.block})
    inside = _inside(context, policy, drawn)
    cost = np.asarray(drawn["cost_money"].to_numpy(), dtype=np.float64)
    kept = (0.0,) * len(policy.rows) if policy.counter is None else policy.counter.reserved
    remaining = []
    for row, left, reserve in zip(policy.rows, last.remaining, kept, strict=True):
        mine = np.asarray(pc.is_in(drawn["action_id"], value_set=pa.array(row.action_ids, pa.string())))
        mine = mine & inside[row.where] if row.where else mine
        after = left - row.sign * float(mine.sum() if row.column == "count" else cost[mine].sum()) + reserve
        remaining.append(max(after, 0.0) if row.hard else after)
    return BlockState(len(policy.blocks), last.prices, tuple(remaining))


def _inside(context: Context, policy: PolicySnapshot, drawn: pa.Table) -> Mapping[str, Flags]:
    """Return predicate → which of the `drawn` its limits count, shape (n,)."""
    scopes = {f"limit {row.limit!r}": row.where for row in policy.rows if row.where}
    if not scopes:
        return {}
    day = {"day": policy.scores_as_of[:10]}
    profiles = context.history.query(_PROFILES_SQL, day, {"drawn": drawn})
    unknown = np.asarray(pc.is_null(profiles["customer_id"]))
    masks = predicate_masks(context.history, "profiles", profiles, scopes)
    return {predicate: holds | unknown for predicate, holds in masks.items()}
