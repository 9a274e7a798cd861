"""Prices of the deterministic plan: a few full scans, each followed by a small model of the near ties.

Any prices λ ≥ 0 give an upper bound D(λ) = Σ_i max(0, max_a net_ia) + λ·b of the linear programme; the best one seen is
kept. What is left to do after a scan are the customers whose best two actions are almost as good as each other, so the
next prices come from a weighted model of those and a thin sample of the rest, shifted to the true gradient.

Source: Dantzig & Wolfe (1961) for the decomposition; entropic smoothing after Nesterov (2005), Math. Prog. 103.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.numerics.small_assignment import price_exactly
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import Schedule, follow_path, mixed_sums
from alamo.steering.allocation.problem import Problem
from alamo.steering.allocation.streamed import Scannable
from alamo.steering.cells import Floats, Places

_SAMPLES = ((1_000, 0.06), (4_000, 0.015), (40_000, 0.0))
"""Customers of each sample, and the temperature it is left at as a share of the usual value."""
_NEAR, _REST, _ROUNDS = 60_000, 40_000, 12
_FEW, _TIES = 10_000, 30
"""Near ties that a model has at least, and for each customer who still has to switch."""
_LOOKED_AT = 200_000
SMALL_CELLS = 1_500
"""Cells up to which a problem is solved exactly."""
CUT = 18.0
"""Cells this many temperatures below a customer's best are left out of models: e⁻¹⁸ is 1.5·10⁻⁸."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """The hard dual at one point.

    Attributes
    ----------
    bound
        D(λ), an upper bound of every plan's value.
    prices
        Scaled λ, shape (m,).
    use
        Scaled use of the choice, shape (m,).
    choice
        Position among its own cells of what each customer gets, −1 for none, shape (n,).
    gap
        Money by which the best beats the second best, shape (n,).
    """

    bound: float
    prices: Floats
    use: Floats
    choice: Places
    gap: npt.NDArray[np.float32]


def hard_dual(problem: Scannable, prices: Floats) -> Scan:
    """Return the hard dual at scaled `prices`: one pass over all cells."""
    out = problem.scan(prices)
    bound = float(out.total[0] + prices @ problem.bound)
    return Scan(bound, prices, problem.row_use(out.tallies), out.choice, out.gap)


def sample_prices(problem: Scannable, end: float) -> Floats:
    """Return prices of samples that grow while the temperature falls to `end` (money), scaled, shape (m,).

    Customers stand in salted-hash order, so the first ones are a random sample.
    """
    scale = problem.value_scale
    prices, start = np.zeros(problem.m), max(scale, end)
    for size, share in _SAMPLES:
        stop = max(end, share * scale)
        prices = follow_path(head(problem, size), prices, Schedule(start, stop, tolerance=0.1, cut=CUT))
        if size >= problem.n and stop <= end:
            break
        start = stop
    return prices


def head(problem: Scannable, size: int) -> Problem:
    """Return the problem over its first `size` customers, with bounds in proportion to their weight."""
    if size >= problem.n:
        return problem.whole()
    part = problem.take(np.arange(size, dtype=np.int64))
    return replace(part, bound=problem.bound * float(part.weight.sum() / problem.total_weight))


def solve_dual(problem: Scannable, start: Floats | None = None) -> Scan:
    """Return the scan with the lowest bound.

    Parameters
    ----------
    start
        Scaled prices of an earlier plan (warm start); None: prices of a sample.
    """
    exact = _exact_prices(problem)
    if exact is not None:
        return hard_dual(problem, exact)
    tau = 1e-3 * problem.value_scale
    prices = sample_prices(problem, 2.0 * tau) if start is None else start
    goal = min(300.0, max(1.0, 3e-4 * problem.n))
    best, last = hard_dual(problem, prices), None
    scan = best
    for _ in range(_ROUNDS if problem.m else 0):
        if switches_left(problem, scan) <= goal and problem.n > _NEAR:
            break
        model, cut = _near_ties(problem, scan, last)
        tau = max(min(tau, cut / 5.0), 2e-5 * problem.value_scale)
        prices = follow_path(_shifted(problem, model, scan, tau), scan.prices, Schedule(tau, tau, cut=CUT))
        last, scan = scan, hard_dual(problem, prices)
        gain = best.bound - scan.bound
        if gain > 0:
            best = scan
        else:
            scan = hard_dual(problem, 0.5 * (prices + best.prices))
            best = scan if scan.bound < best.bound else best
        if gain < 1e-7 * abs(best.bound) and tau <= 2e-5 * problem.value_scale:
            break
        tau /= 3.0
    return best


def _exact_prices(problem: Scannable) -> Floats | None:
    """Return the prices of the linear programme of a tiny problem; None if it is larger, or no plan keeps every row."""
    whole = problem.whole() if problem.n <= SMALL_CELLS else None
    if whole is None or whole.cells.n_cells > SMALL_CELLS:
        return None
    owner = whole.cells.owner()
    uses = whole.cell_use(np.arange(whole.cells.n_cells, dtype=np.int64), owner).T
    weight = whole.weight[owner]
    return price_exactly(whole.cells.value_money * weight, owner, uses * weight, whole.bound)


def switches_left(problem: Scannable, scan: Scan) -> float:
    """Return about how many customers still have to switch: shortfalls and unused priced capacity in typical uses."""
    slack = problem.bound - scan.use
    wrong = np.maximum(-slack, 0.0) + np.where(scan.prices > 0, np.maximum(slack, 0.0), 0.0)
    return float((wrong / problem.unit).sum())


def _near_ties(problem: Scannable, scan: Scan, last: Scan | None) -> tuple[Problem, float]:
    """Return near ties and recent switchers at full weight with a thin sample of the rest, and the gap cut.

    The fewer customers still have to switch, the fewer ties are worth looking at.
    """
    n = problem.n
    if n <= _NEAR:
        return problem.whole(), np.inf
    near = int(min(max(_TIES * switches_left(problem, scan), _FEW), max(_NEAR, n // 100)))
    cut = float(np.quantile(scan.gap[:: max(n // _LOOKED_AT, 1)], near / n))
    hot = scan.gap <= cut
    if last is not None:
        changed = scan.choice != last.choice
        hot |= changed if changed.sum() < n // 25 else False
    n_cold = n - int(hot.sum())
    rest = np.arange(0, n, max(n_cold // min(near, _REST), 1), dtype=np.int64)
    rest = rest[~hot[rest]]
    index = np.sort(np.concatenate([np.flatnonzero(hot), rest])).astype(np.int64)
    model = problem.take(index)
    return replace(model, weight=model.weight * np.where(hot[index], 1.0, n_cold / max(len(rest), 1))), cut


def _shifted(problem: Scannable, model: Problem, scan: Scan, tau: float) -> Problem:
    """Return the model with bounds moved so that its gradient at the scan's prices is the true one."""
    if model.n == problem.n:
        return model
    used = model.row_use(mixed_sums(model, scan.prices, Mixture(tau, 1.0, cut=CUT)).tallies)
    return replace(model, bound=problem.bound - scan.use + used)


def nearest(gap: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.int64]:
    """Return the positions of the `size` smallest gaps, ascending in position."""
    if size >= len(gap):
        return np.arange(len(gap), dtype=np.int64)
    return np.sort(np.argpartition(gap, size)[:size]).astype(np.int64)
