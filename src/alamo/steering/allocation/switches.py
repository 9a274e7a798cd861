"""Switching single customers between their best few cells: the last step of a plan that keeps every row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alamo.numerics.compiled import compiled
from alamo.steering.cells import Floats, Ints


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


@compiled
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


@compiled
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
