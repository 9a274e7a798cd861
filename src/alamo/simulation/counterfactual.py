"""What would have become of everybody under another draw: the market is played on from a past cycle, arm by arm.

All worlds share their random numbers: nature's of each cycle, and one number per customer and cycle for the draw of a
decision. That number is taken from the log (it lies where the drawn action lies on the unit interval), so a customer
whose chances have not changed draws what was really drawn.

The chances of later cycles are read off the log too: the mean over the decisions of that cycle that were open to the
same actions. A policy that looks at nothing else is played exactly; for any other the difference between what was
really seen and what is played under the arm really drawn says what is missing (`alamo.simulation.long_truth`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alamo.simulation.decision_log import NOBODY, DecisionLog
from alamo.simulation.purchases import Flags, Floats, Ints, Purchases
from alamo.simulation.response import UNTREATED
from alamo.simulation.state import MarketState
from alamo.simulation.streams import stream
from alamo.simulation.world import World


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """A cycle as it was decided.

    Attributes
    ----------
    cycle
        Its number.
    state
        The market at its start.
    log
        Its decisions.
    treated
        What each customer received, shape (n,).
    """

    cycle: int
    state: MarketState
    log: DecisionLog
    treated: Ints

    @classmethod
    def of(cls, world: World, log: DecisionLog) -> CycleRecord:
        """Return the record of the world's current cycle, to be taken after the launch."""
        return cls(world.cycle, world.view().state, log, world.treated())


@dataclass(frozen=True, slots=True)
class Stretch:
    """One customer base followed from a cycle on, under given contacts.

    Attributes
    ----------
    states
        The market at the start of each cycle, and at the end of the last.
    purchases, treated, lost
        Of each cycle.
    """

    states: tuple[MarketState, ...]
    purchases: tuple[Purchases, ...]
    treated: tuple[Ints, ...]
    lost: tuple[Flags, ...]


class Replay:
    """Plays cycles again with other contacts.

    Parameters
    ----------
    world
        The market; it does not move.
    records
        One record per cycle from the first on. Cycles after the last go on under its policy.
    """

    def __init__(self, world: World, records: Sequence[CycleRecord]) -> None:
        self._world = world
        self._records = records
        self._policies = [_Policy.of(world, record) for record in records]
        self._columns = [world.scenario.channels.index(action.channel) for action in world.scenario.actions]

    def follow(self, first: int, cycles: int, treated: Ints | None = None) -> Stretch:
        """Play `cycles` cycles from cycle `first` on.

        Everybody receives `treated` (n,) in the first of them and what the policy draws afterwards; where it is None,
        what was really received as far as the records go.
        """
        state = self._records[first - 1].state
        states, purchases, contacts, lost = [state], [], [], []
        for cycle in range(first, first + cycles):
            if treated is not None and cycle == first:
                now = treated
            elif treated is None and cycle <= len(self._records):
                now = self._records[cycle - 1].treated
            else:
                now = self._drawn(cycle, state)
            played = self._world.played(self._world.view_of(cycle, state), now)
            state = played.state
            states.append(state)
            purchases.append(played.purchases)
            contacts.append(now)
            lost.append(played.lost)
        return Stretch(tuple(states), tuple(purchases), tuple(contacts), tuple(lost))

    def _drawn(self, cycle: int, state: MarketState) -> Ints:
        known = cycle <= len(self._policies)
        policy = self._policies[cycle - 1 if known else -1]
        later = stream(self._world.seed, cycle, "later-draws")
        uniform = policy.uniform if known else later.random(len(self._world.population))
        allowed = (self._world.consent & ~state.withdrawn)[:, self._columns]
        return policy.drawn(allowed, uniform)


@dataclass(frozen=True, slots=True)
class _Policy:
    """The policy of one cycle as its log shows it; n customers, k actions.

    Attributes
    ----------
    closed
        Actions not open to a customer for another reason than the permission, shape (n, k).
    by_set
        Code of a set of open actions → mean probability of each action over the decisions open to it.
    alone
        Mean probability of each action over the decisions open to it, for sets that nobody was open to, shape (k,).
    uniform
        The number that drew each customer's action, shape (n,).
    """

    closed: Flags
    by_set: dict[int, Floats]
    alone: Floats
    uniform: Floats

    @classmethod
    def of(cls, world: World, record: CycleRecord) -> _Policy:
        log, n = record.log, len(world.population)
        k = log.p.shape[1]
        columns = [world.scenario.channels.index(action.channel) for action in world.scenario.actions]
        allowed = (world.consent & ~record.state.withdrawn)[:, columns]
        open_ = np.zeros((n, k), dtype=bool)
        open_[log.position] = log.eligible & ~log.held_out[:, None]
        held = np.ones(n, dtype=bool)  # who was not decided about is left alone
        held[log.position] = log.held_out
        closed = (allowed & ~open_) | held[:, None]
        mine = ~log.held_out
        sets = _codes(log.eligible[mine])
        by_set = {int(code): log.p[mine][sets == code].mean(axis=0) for code in np.unique(sets)}
        chances = log.eligible[mine].sum(axis=0)
        alone = log.p[mine].sum(axis=0) / np.maximum(chances, 1)
        return cls(closed, by_set, alone, _uniform(world, record))

    def drawn(self, allowed: Flags, uniform: Floats) -> Ints:
        """Return the action each customer draws, `UNTREATED` for none, given the permissions (n, k)."""
        open_ = allowed & ~self.closed
        codes = _codes(open_)
        p = np.zeros(open_.shape)
        for code in np.unique(codes):
            rows = codes == code
            p[rows] = self.by_set.get(int(code), self.alone * open_[np.argmax(rows)])
        p_none = 1.0 - p.sum(axis=1)  # none lies first on the unit interval
        place = (uniform[:, None] >= p_none[:, None] + np.cumsum(p, axis=1)).sum(axis=1)
        last = self.closed.shape[1] - 1
        return np.where(uniform < p_none, UNTREATED, np.minimum(place, last)).astype(np.int64)


def _codes(open_: Flags) -> Ints:
    return np.asarray(open_ @ (1 << np.arange(open_.shape[1])), dtype=np.int64)


def _uniform(world: World, record: CycleRecord) -> Floats:
    """Return a number of each customer that draws what was drawn: uniform between the edges of that action, (n,)."""
    log, n = record.log, len(world.population)
    inside = stream(world.seed, record.cycle, "place-of-the-draw").random(n)
    low, width = np.zeros(n), np.ones(n)
    p_none = 1.0 - log.p.sum(axis=1)
    edges = p_none[:, None] + np.cumsum(log.p, axis=1) - log.p
    rows, action = np.arange(len(log.position)), np.maximum(log.drawn, 0)
    drew_none = log.drawn == NOBODY
    low[log.position] = np.where(drew_none, 0.0, edges[rows, action])
    width[log.position] = np.where(drew_none, p_none, log.p[rows, action])
    return np.minimum(low + inside * width, np.nextafter(1.0, 0.0))
