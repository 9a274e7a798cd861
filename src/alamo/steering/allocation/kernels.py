"""One pass over the cells: the only code here whose cost grows with the number of customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alamo.numerics.compiled import compiled, inlined
from alamo.numerics.exponential import exp_nonpositive
from alamo.steering.cells import CellArrays, Floats, Ints, Places

_NEGLIGIBLE = 1e-6
"""Probabilities below it, and customers as certain as one less it, add nothing to a Hessian."""


class HardSums(NamedTuple):
    """What `scan_hard` writes.

    ``total[0]`` Σ weight · best net; `tallies` use by column, group and action; `choice` position of the best among the
    customer's cells, −1 for none; `gap` distance of the best to the second best.
    """

    total: Floats
    tallies: Floats
    choice: Places
    gap: npt.NDArray[np.float32]


class SoftSums(NamedTuple):
    """What `scan_soft` writes.

    ``total[0]`` Σ weight · τ log(1 + Σ e^{net/τ}), ``total[1]`` Σ weight · p · value; `tallies` expected use;
    `covariance` of the choice times use, by group and pairs of use column and action, either side of the diagonal for
    both (n_groups, n, n) with n = (1 + n_use_columns) · n_actions; empty: not wanted.
    """

    total: Floats
    tallies: Floats
    covariance: Floats


class Mixture(NamedTuple):
    """p(a) = share · softmax(net / temperature)_a + floor · g_a / (1 + Σ g), with g the `weights` by action.

    Cells more than `cut` temperatures below the best count as impossible; by default those that underflow.
    """

    temperature: float
    share: float
    floor: float = 0.0
    weights: Floats = np.zeros(0)
    cut: float = 700.0


@inlined
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
        out.choice[i] = best - cells.indptr[i] if best >= 0 else -1
        out.gap[i] = first - second
        out.total[0] += weight[i] * first
        if best >= 0:
            _tally(cells, out.tallies, group, best, weight[i])


@compiled
def count_choice(cells: CellArrays, choice: Places, total: Floats, tallies: Floats) -> None:
    """Add up value (``total[0]``) and use of a choice, one position or −1 per customer."""
    for i in range(choice.size):
        if choice[i] >= 0:
            j = cells.indptr[i] + choice[i]
            total[0] += cells.value[j]
            _tally(cells, tallies, cells.group[i], j, 1.0)


@compiled
def add_row_use(cells: CellArrays, cell: Ints, owner: Ints, table: Floats, out: Floats) -> None:
    """Add the use of each row by each of the cells; `table` by use column, group, action and row, −1 uses nothing."""
    for t in range(cell.size):
        if cell[t] >= 0:
            group, action = cells.group[owner[t]], cells.action[cell[t]]
            for r in range(out.shape[1]):
                out[t, r] += table[0, group, action, r]
            for c in range(cells.uses.shape[1]):
                for r in range(out.shape[1]):
                    out[t, r] += table[c + 1, group, action, r] * cells.uses[cell[t], c]


@inlined
def _tally(cells: CellArrays, tallies: Floats, group: int, j: int, amount: float) -> None:
    action = cells.action[j]
    tallies[0, group, action] += amount
    for c in range(cells.uses.shape[1]):
        tallies[c + 1, group, action] += amount * cells.uses[j, c]


@compiled
def scan_floor(cells: CellArrays, weight: Floats, weights: Floats, tallies: Floats) -> None:
    """Add up the use by column, group and action of a draw by the floor of `weights` (n_actions,) alone."""
    for i in range(weight.size):
        mass = 1.0
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            mass += weights[cells.action[j]]
        for j in range(cells.indptr[i], cells.indptr[i + 1]):
            _tally(cells, tallies, cells.group[i], j, weight[i] / mass * weights[cells.action[j]])


@compiled
def scan_soft(cells: CellArrays, weight: Floats, prices: Floats, mixture: Mixture, out: SoftSums) -> None:
    """Give every customer the probabilities of the mixture; add up the entropic dual, value, use and covariance."""
    widest = 0
    for i in range(weight.size):
        widest = max(widest, cells.indptr[i + 1] - cells.indptr[i])
    p, live = np.empty(widest), np.empty(widest, dtype=np.int64)
    most = widest * (cells.uses.shape[1] + 1)
    mean, place = np.empty(most), np.empty(most, dtype=np.int64)
    for i in range(weight.size):
        dual, n_live = _softmax(cells, prices, mixture, i, (p, live))
        if mixture.floor > 0.0:
            _add_floor(cells, mixture, i, (p, live))
        out.total[0] += weight[i] * dual
        highest = 0.0
        for t in range(n_live):
            mass = weight[i] * p[t]
            out.total[1] += mass * cells.value[live[t]]
            _tally(cells, out.tallies, cells.group[i], live[t], mass)
            highest = max(highest, p[t])
        if out.covariance.size and highest < 1.0 - _NEGLIGIBLE:
            _covary(cells, i, (p, live, n_live), (mean, place), weight[i], out.covariance)


@inlined
def _softmax(
    cells: CellArrays, prices: Floats, mixture: Mixture, i: int, found: tuple[Floats, Ints]
) -> tuple[float, int]:
    """Write share · softmax and the cells it is of, those that count; return τ log(1 + Σ e^{net/τ}) and how many."""
    p, live = found
    first, last, per_money = cells.indptr[i], cells.indptr[i + 1], 1.0 / mixture.temperature
    top = 0.0
    for j in range(first, last):
        p[j - first] = net_of(cells, prices, cells.group[i], j)
        top = max(top, p[j - first])
    total, n_live = exp_nonpositive(-top * per_money), 0
    for t in range(last - first):
        below = (p[t] - top) * per_money
        if below >= -mixture.cut or mixture.floor > 0.0:
            p[n_live] = exp_nonpositive(below)
            live[n_live] = first + t
            total += p[n_live]
            n_live += 1
    for t in range(n_live):
        p[t] *= mixture.share / total
    return top + mixture.temperature * np.log(total), n_live


@inlined
def _add_floor(cells: CellArrays, mixture: Mixture, i: int, found: tuple[Floats, Ints]) -> None:
    """Add the floor to the probabilities of all cells of a customer."""
    p, live = found
    mass, size = 1.0, cells.indptr[i + 1] - cells.indptr[i]
    for t in range(size):
        mass += mixture.weights[cells.action[live[t]]]
    for t in range(size):
        p[t] += mixture.floor / mass * mixture.weights[cells.action[live[t]]]


@inlined
def _covary(
    cells: CellArrays,
    i: int,
    found: tuple[Floats, Ints, int],
    room: tuple[Floats, Ints],
    weight: float,
    covariance: Floats,
) -> None:
    """Add the covariance of (one-hot choice × use) of one customer, over its cells that are likely enough.

    Entries off the diagonal are added on one side of it only, twice: rows are contracted, and made symmetric, later.
    `room` is for the mean use by cell and column, and its places among the columns and actions.
    """
    p, live, n_live = found
    mean, place = room
    group, columns = cells.group[i], cells.uses.shape[1] + 1
    actions, n = covariance.shape[2] // columns, 0
    for t in range(n_live):
        if p[t] >= _NEGLIGIBLE:
            first = n
            for c in range(columns):
                use = 1.0 if c == 0 else cells.uses[live[t], c - 1]
                mean[n], place[n] = p[t] * use, c * actions + cells.action[live[t]]
                n += 1
                for d in range(first, n):
                    amount = weight if d == n - 1 else 2.0 * weight
                    covariance[group, place[n - 1], place[d]] += amount * mean[d] * use
    for t in range(n):
        amount = 2.0 * weight * mean[t]
        for s in range(t):
            covariance[group, place[t], place[s]] -= amount * mean[s]
        covariance[group, place[t], place[t]] -= 0.5 * amount * mean[t]


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


@inlined
def _softmax_mean(cells: CellArrays, prices: Floats, i: int, top: float, temperature: float) -> float:
    mass = exp_nonpositive(-top / temperature)
    weighted = 0.0
    for j in range(cells.indptr[i], cells.indptr[i + 1]):
        net = net_of(cells, prices, cells.group[i], j)
        e = exp_nonpositive((net - top) / temperature)
        mass += e
        weighted += e * net
    return weighted / mass
