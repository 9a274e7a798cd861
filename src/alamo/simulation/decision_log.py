"""The engine's decisions of a cycle, as arrays over the customers of the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.reasons import DecisionReason
from alamo.simulation.purchases import Flags, Floats, Ints
from alamo.simulation.world import World

NOBODY = -1


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """Decisions of one cycle; m decisions, actions in the scenario's order.

    Attributes
    ----------
    position
        Index of the customer in the world, shape (m,).
    drawn
        Index of the action drawn, `NOBODY` for none, shape (m,).
    eligible
        Shape (m, actions).
    p
        Probability of each action, 0 where not eligible, shape (m, actions).
    held_out
        Universal control, shape (m,).
    """

    position: Ints
    drawn: Ints
    eligible: Flags
    p: Floats
    held_out: Flags

    @property
    def measurable(self) -> Flags:
        """Decisions that enter an action's effect: eligible, with a positive chance, not held out, (m, actions)."""
        return self.eligible & (self.p > 0) & ~self.held_out[:, None]

    @property
    def favourite(self) -> Ints:
        """The most probable action of each decision, `NOBODY` for none, shape (m,)."""
        with_none = np.column_stack([1 - self.p.sum(axis=1), self.p])
        return np.argmax(with_none, axis=1).astype(np.int64) - 1


def decision_log(world: World, decisions: pa.Table) -> DecisionLog:
    """Return the arrays of a table of decisions (DECISIONS contract)."""
    ids = pa.array([action.id for action in world.scenario.actions])
    rows = decisions.num_rows
    eligible, p = np.zeros((rows, len(ids)), dtype=bool), np.zeros((rows, len(ids)))
    lists = decisions["eligible"].combine_chunks()
    parent = pc.list_parent_indices(lists).to_numpy()
    column = pc.fill_null(pc.index_in(lists.flatten(), value_set=ids), NOBODY).to_numpy()
    chances = decisions["p"].combine_chunks().flatten().to_numpy()
    known = column != NOBODY
    eligible[parent[known], column[known]] = True
    p[parent[known], column[known]] = chances[known]
    drawn = pc.fill_null(pc.index_in(decisions["action_id"].combine_chunks(), value_set=ids), NOBODY)
    return DecisionLog(
        position=world.positions(decisions["customer_id"].to_pylist()),
        drawn=drawn.to_numpy().astype(np.int64),
        eligible=eligible,
        p=p,
        held_out=pc.or_(
            decisions["universal_control"], pc.equal(decisions["reason"], DecisionReason.WASHOUT.value)
        ).to_numpy(),
    )
