"""Switching single customers between their best few cells: the last step of a plan that keeps every row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alamo.numerics.compiled import compiled, inlined
from alamo.steering.cells import Floats, Ints

_CHEAPEST = 1_000


class Moves(NamedTuple):
    """Alternatives of the customers whose choice may still be switched; alternatives of one customer are adjacent.

    `start` first alternative of each customer and the end, `value`, `use` (n_moves, m), `current` the one taken.
    """

    start: Ints
    value: Floats
    use: Floats
    current: Ints


class SwitchTerms(NamedTuple):
    """`slack` left of each row (changed in place), `penalty` per unit of excess, `step` the least use that matters."""

    slack: Floats
    penalty: Floats
    step: Floats


@compiled
def switch_steepest(moves: Moves, terms: SwitchTerms, limit: int) -> int:
    """Switch one customer at a time, first out of infeasibility, then uphill inside it; return how many switched."""
    done = 0
    while done < limit:
        customer, target = _best_switch(moves, terms)
        if customer < 0:
            break
        terms.slack[:] += moves.use[moves.current[customer]] - moves.use[target]
        moves.current[customer] = target
        done += 1
    return done


@inlined
def _best_switch(moves: Moves, terms: SwitchTerms) -> tuple[int, int]:
    infeasible = terms.slack.min() < 0.0 if terms.slack.size else False
    most, customer, target = 1e-9, -1, -1
    for i in range(moves.current.size):
        now = moves.current[i]
        for t in range(moves.start[i], moves.start[i + 1]):
            gain = moves.value[t] - moves.value[now]
            if t == now or (not infeasible and gain <= most):
                continue
            gain += _relief(moves, terms, now, t, infeasible)
            if gain > most:
                most, customer, target = gain, i, t
    return customer, target


@inlined
def _relief(moves: Moves, terms: SwitchTerms, now: int, target: int, infeasible: bool) -> float:
    """Return by how much a switch lowers the penalty of broken rows; −∞ if it breaks one while none is broken."""
    relief = 0.0
    for r in range(terms.slack.size):
        change = moves.use[now, r] - moves.use[target, r]
        if change == 0.0:
            continue
        before, after = terms.slack[r], terms.slack[r] + change
        if after >= 0.0 and before >= 0.0:
            continue
        if not infeasible:
            return -np.inf
        relief += terms.penalty[r] * (
            (after - terms.step[r] if after < 0.0 else 0.0) - (before - terms.step[r] if before < 0.0 else 0.0)
        )
    return relief


@compiled
def switch_pairs(moves: Moves, terms: SwitchTerms, prices: Floats, limit: int) -> int:
    """Switch two customers at once, uphill inside feasibility, until no pair of cheap moves gains; return how many.

    What one switch uses too much of the other frees; looked at are all pairs of the `_CHEAPEST` moves that lose least
    at `prices`, shape (m,).
    """
    done = 0
    while done < limit:
        owner, target, gain, change = _cheapest_moves(moves, prices)
        first, second = _best_pair(owner, gain, change, terms.slack)
        if first < 0:
            break
        for k in (first, second):
            terms.slack[:] += change[k]
            moves.current[owner[k]] = target[k]
        done += 1
    return done


@compiled
def _cheapest_moves(moves: Moves, prices: Floats) -> tuple[Ints, Ints, Floats, Floats]:
    """Return customer, target, gain in value and change of slack of the moves that lose least, best gain first."""
    n = moves.value.size - moves.current.size
    owner, target, gain, net = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n), np.empty(n)
    k = 0
    for i in range(moves.current.size):
        now = moves.current[i]
        for t in range(moves.start[i], moves.start[i + 1]):
            if t != now:
                owner[k], target[k], gain[k] = i, t, moves.value[t] - moves.value[now]
                net[k] = gain[k]
                for r in range(prices.size):
                    net[k] += prices[r] * (moves.use[now, r] - moves.use[t, r])
                k += 1
    kept = np.argsort(-net, kind="mergesort")[:_CHEAPEST]
    kept = kept[np.argsort(-gain[kept], kind="mergesort")]
    change = np.empty((kept.size, prices.size))
    for k in range(kept.size):
        change[k] = moves.use[moves.current[owner[kept[k]]]] - moves.use[target[kept[k]]]
    return owner[kept], target[kept], gain[kept], change


@compiled
def _best_pair(owner: Ints, gain: Floats, change: Floats, slack: Floats) -> tuple[int, int]:
    """Return the two moves of different customers that gain most together and keep every row; −1 where none gains."""
    most, first, second = 1e-9, -1, -1
    for a in range(gain.size):
        if 2.0 * gain[a] <= most:
            break
        for b in range(a + 1, gain.size):
            if gain[a] + gain[b] <= most:
                break
            if owner[a] != owner[b] and _fits(slack, change[a], change[b]):
                most, first, second = gain[a] + gain[b], a, b
    return first, second


@inlined
def _fits(slack: Floats, one: Floats, other: Floats) -> bool:
    least = 0.0
    for r in range(slack.size):
        least = min(least, slack[r] + one[r] + other[r])
        if least < 0.0:
            break
    return least >= 0.0
