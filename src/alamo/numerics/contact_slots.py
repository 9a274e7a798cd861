"""What a contact that uses up a cap displaces: a customer's slots under a rolling cap, as a Markov decision problem.

A cap of c contacts in a window of T + 1 cycles gives a customer c slots; a contact blocks one of them for the T cycles
that follow. Each cycle shows the value x of the best contact, whose level k moves by a transition matrix P. With the
blocked cycles b of the slots (sorted, 0 is free), b⁻ the same one cycle later, and b⁺ with a free slot blocked,

    V(b, k) = max( γ Σ_k' P(k, k') V(b⁻, k'),  x_k + γ Σ_k' P(k, k') V(b⁺⁻, k') )

by backward induction from V = 0; without a free slot it is the first. The charge for a contact is the difference of the
two expectations: what the slot would have earned. With a horizon below T no slot comes back: that is the choice of c
among n values of Gilbert and Mosteller (full information) and of Derman, Lieberman and Ross; the charge is their
threshold.

*Assumes* that the level is Markov, and at most one contact a cycle.

*Source*: Gilbert, Mosteller, 1966, "Recognizing the maximum of a sequence", JASA 61, §3 and §5; Karlin, 1962,
"Stochastic models and optimal policy for selling an asset"; Derman, Lieberman, Ross, 1972, "A sequential stochastic
assignment problem", Management Science 18(7), Theorem 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST_STATES = 20_000
"""States of the slots beyond which the problem is not solved."""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The states of `count` slots that a contact blocks for `blocked` cycles.

    Attributes
    ----------
    states
        Blocked cycles of the slots, ascending within a state, states in lexicographic order, shape (n_states, count).
    later, taken
        State one cycle later without and with a contact now, shape (n_states,); without a free slot `taken` is `later`.
    """

    count: int
    blocked: int
    states: Integers
    later: Integers
    taken: Integers

    @classmethod
    def of(cls, count: int, blocked: int) -> Slots:
        """Return all states of `count` slots.

        Raises
        ------
        ValueError
            If there are none, or more than `MOST_STATES` of them.
        """
        if count < 1 or blocked < 0 or n_states(count, blocked) > MOST_STATES:
            raise ValueError(f"{count} slots blocked for {blocked} cycles are too few or too many")
        states = np.array(list(combinations_with_replacement(range(blocked + 1), count)), dtype=np.int64)
        contacted = states.copy()
        contacted[states[:, 0] == 0, 0] = blocked + 1
        later, taken = (np.sort(np.maximum(after - 1, 0), axis=1) for after in (states, contacted))
        slots = cls(count, blocked, states, np.zeros(0, np.int64), np.zeros(0, np.int64))
        return cls(count, blocked, states, slots.index(later), slots.index(taken))

    def index(self, blocked: Integers) -> Integers:
        """Return the state of rows of blocked cycles (ascending), shape (n, count) → (n,)."""
        base = (self.blocked + 1) ** np.arange(self.count - 1, -1, -1, dtype=np.int64)
        return np.asarray(np.searchsorted(self.states @ base, blocked @ base), dtype=np.int64)


def n_states(count: int, blocked: int) -> float:
    """Return the number of states of `count` slots blocked for up to `blocked` cycles."""
    out = 1.0
    for i in range(1, count + 1):
        out *= (blocked + i) / i
    return round(out)


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far a contact is followed.

    Attributes
    ----------
    cycles
        After this one.
    ends
        How many horizons, one cycle longer each, the charge is the mean of; T + 1 keeps it from depending on how the
        last contacts happen to fit in.
    discount
        γ, of one cycle.
    """

    cycles: int
    ends: int = 1
    discount: float = 1.0


def displaced(slots: Slots, value: Floats, transition: Floats, horizon: Horizon) -> Floats:
    """Return what a contact now displaces in each state at each level, money, shape (n_states, n_levels); at least 0.

    Parameters
    ----------
    value
        Of the best contact at each level, at least 0, shape (n_levels,).
    transition
        Probability of the next cycle's level given this one's, rows adding up to 1, shape (n_levels, n_levels).
    """
    free = slots.states[:, :1] == 0
    worth = np.zeros((len(slots.states), len(value)))
    charge = np.zeros_like(worth)
    for step in range(horizon.cycles + horizon.ends):
        ahead = horizon.discount * worth @ transition.T
        waits, contacts = ahead[slots.later], ahead[slots.taken]
        if step >= horizon.cycles:
            charge += np.maximum(waits - contacts, 0.0) / horizon.ends
        worth = np.where(free, np.maximum(waits, value + contacts), waits)
    return charge


def transitions(before: Integers, after: Integers, n_levels: int) -> Floats:
    """Return how levels move from one cycle to the next, shape (n_levels, n_levels); rows add up to 1.

    Each row is drawn towards the frequencies of all levels by one pseudo-observation.
    """
    counts = np.zeros((n_levels, n_levels))
    np.add.at(counts, (before, after), 1.0)
    overall = counts.sum(axis=0) + 1.0 / n_levels
    prior = overall / overall.sum()
    shrunk = counts + prior
    return np.asarray(shrunk / shrunk.sum(axis=1, keepdims=True))
