"""One pass over the cells: the only code here whose cost grows with the number of customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alamo.numerics.compiled import compiled
from alamo.numerics.exponential import exp_nonpositive
from alamo.steering.cells import CellArrays, Floats, Ints

_NEGLIGIBLE = 1e-6
"""Probabilities below it, and customers as certain as one less it, add nothing to a Hessian."""


class HardSums(NamedTuple):
    """What `scan_hard` writes.

    ``total[0]`` Σ weight · best net; `tallies` use by column, group and action; `choice` cell or −1;
    `gap` distance of the best to the second best.
    """

    total: Floats
    tallies: Floats
    choice: Ints
    gap: Floats


class SoftSums(NamedTuple):
    """What `scan_soft` writes.

    ``total[0]`` Σ weight · τ log(1 + Σ e^{net/τ}), ``total[1]`` Σ weight · p · value; `tallies` expected use;
    `covariance` of the choice times use, by pairs of use columns, group and pairs of actions (empty: not wanted).
    """

    total: Floats
    tallies: Floats
    covariance: Floats


class Mixture(NamedTuple):
    """p(a) = share · softmax(net / temperature)_a + floor · g_a / (1 + Σ g), with g the `weights` by action."""

    temperature: float
    share: float
    floor: float = 0.0
    weights: Floats = np.zeros(0)


@compiled
def net_of(cells: CellArrays, prices: Floats, group: int, j: int) -> float:
    """Return the value of cell `j` less the price of what it uses."""
    action = cells.action[j]
    net = cells.value[j] - prices[0, group, action]
    for c in range(cells.uses.shape[1]):
        net -= prices[c + 1, group, action] * cells.uses[j, c]
    return net


@compiled
def scan_hard(cells: CellArrays, weight: Floats, prices: Floats, out: HardSums) -> None:
    """Give every customer the cell of the highest net value, or none; add up value and use."""
    for i in range(weight.size):
        group, best, first, second = cells.group[i], -1, 0.0, -np.inf
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            net = net_of(cells, prices, group, j)
            if net > first:
                best, first, second = j, net, first
            elif net > second:
                second = net
        out.choice[i] = best
        out.gap[i] = first - second
        out.total[0] += weight[i] * first
        if best >= 0:
            _tally(cells, out.tallies, group, best, weight[i])


@compiled
def _tally(cells: CellArrays, tallies: Floats, group: int, j: int, amount: float) -> None:
    action = cells.action[j]
    tallies[0, group, action] += amount
    for c in range(cells.uses.shape[1]):
        tallies[c + 1, group, action] += amount * cells.uses[j, c]


@compiled
def scan_soft(cells: CellArrays, weight: Floats, prices: Floats, mixture: Mixture, out: SoftSums) -> None:
    """Give every customer the probabilities of the mixture; add up the entropic dual, value, use and covariance."""
    widest = 0
    for i in range(weight.size):
        widest = max(widest, cells.indptr[i + 1] - cells.indptr[i])
    p = np.empty(widest)
    for i in range(weight.size):
        first, last = cells.indptr[i], cells.indptr[i + 1]
        out.total[0] += weight[i] * _softmax(cells, prices, mixture.temperature, i, p)
        _mix(cells, mixture, first, p[: last - first])
        highest = 0.0
        for t in range(last - first):
            out.total[1] += weight[i] * p[t] * cells.value[first + t]
            if p[t] > 0.0:
                _tally(cells, out.tallies, cells.group[i], first + t, weight[i] * p[t])
            highest = max(highest, p[t])
        if out.covariance.size and highest < 1.0 - _NEGLIGIBLE:
            _covary(cells, i, p, weight[i], out.covariance)


@compiled
def _mix(cells: CellArrays, mixture: Mixture, first: int, p: Floats) -> None:
    """Turn the softmax of a customer's cells from `first` on into the mixture."""
    mass = 1.0
    if mixture.floor > 0.0:
        for t in range(p.size):
            mass += mixture.weights[cells.action[first + t]]
    for t in range(p.size):
        p[t] *= mixture.share
        if mixture.floor > 0.0:
            p[t] += mixture.floor / mass * mixture.weights[cells.action[first + t]]


@compiled
def _softmax(cells: CellArrays, prices: Floats, temperature: float, i: int, p: Floats) -> float:
    """Write the softmax of a customer's cells; return τ log(1 + Σ e^{net/τ})."""
    first, last = cells.indptr[i], cells.indptr[i + 1]
    top = 0.0
    for j in range(first, last):
        p[j - first] = net_of(cells, prices, cells.group[i], j)
        top = max(top, p[j - first])
    total = exp_nonpositive(-top / temperature)
    for t in range(last - first):
        p[t] = exp_nonpositive((p[t] - top) / temperature)
        total += p[t]
    for t in range(last - first):
        p[t] /= total
    return top + temperature * np.log(total)


@compiled
def _covary(cells: CellArrays, i: int, p: Floats, weight: float, covariance: Floats) -> None:
    """Add the covariance of (one-hot choice × use) of one customer."""
    first, group = cells.indptr[i], cells.group[i]
    for t in range(cells.indptr[i + 1] - first):
        if p[t] < _NEGLIGIBLE:
            continue
        for s in range(cells.indptr[i + 1] - first):
            if p[s] < _NEGLIGIBLE:
                continue
            mass = weight * (p[t] * (1.0 - p[t]) if s == t else -p[t] * p[s])
            _add_pair(cells, covariance, group, first + t, first + s, mass)


@compiled
def _add_pair(cells: CellArrays, covariance: Floats, group: int, j: int, k: int, mass: float) -> None:
    a, b = cells.action[j], cells.action[k]
    for c in range(covariance.shape[0]):
        left = mass if c == 0 else mass * cells.uses[j, c - 1]
        for d in range(covariance.shape[1]):
            covariance[c, d, group, a, b] += left if d == 0 else left * cells.uses[k, d - 1]


@compiled
def scan_exploration(cells: CellArrays, prices: Floats, weights: Floats, temperatures: Floats, out: Floats) -> None:
    """Add up Σ best net, Σ mean net of a floor draw and, per temperature, Σ softmax mean net, in that order.

    `weights` are those of the actions in the floor, beside 1 for none.
    """
    for i in range(cells.indptr.size - 1):
        first, last = cells.indptr[i], cells.indptr[i + 1]
        top, total, mass = 0.0, 0.0, 1.0
        for j in range(first, last):
            net = net_of(cells, prices, cells.group[i], j)
            top = max(top, net)
            total += weights[cells.action[j]] * net
            mass += weights[cells.action[j]]
        out[0] += top
        out[1] += total / mass
        for q in range(temperatures.size):
            out[2 + q] += _softmax_mean(cells, prices, i, top, temperatures[q])


@compiled
def _softmax_mean(cells: CellArrays, prices: Floats, i: int, top: float, temperature: float) -> float:
    mass = exp_nonpositive(-top / temperature)
    weighted = 0.0
    for j in range(cells.indptr[i], cells.indptr[i + 1]):
        net = net_of(cells, prices, cells.group[i], j)
        e = exp_nonpositive((net - top) / temperature)
        mass += e
        weighted += e * net
    return weighted / mass


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
