"""Newton's method on the entropic dual: prices at which the expected use of a softmax meets the bounds.

    D_τ(λ) = Σ_i w_i τ log(1 + Σ_a exp(net_ia / τ)) + λ·b,   net = v − λ·u,   λ ≥ 0

Gradient b − E[use]; Hessian (1/τ) Σ_i w_i Cov_i(use), gathered as tables and contracted once a pass. As τ → 0 it
becomes the dual of the linear programme. The path starts warm and wide and cools down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from alamo.numerics.box_qp import minimise_box_quadratic
from alamo.steering.allocation.kernels import Mixture, SoftSums, scan_soft
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_COOLING, _SLOWEST, _WIDENING = 2.0, 1.2, 4.0
_SHRINK, _SHORT, _USELESS = 0.35, 0.1, 1e-6
_MAX_WIDENINGS = 8
_REACH, _FARTHER, _TRUST = 30.0, 3.0, 1.0
"""Temperatures by which a first step may move what a typical customer pays for a row, how much farther than the last
one the next may go where the dual fell, and how far one that is not looked at again."""
_ON_THE_WAY = 3.0
"""Temperatures before the last may be left with this many times the predicted decrease."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a path runs.

    Attributes
    ----------
    start, end
        Temperatures in money.
    tolerance
        The end is reached when the predicted decrease falls below half of tolerance · τ · m.
    max_passes
        Passes over the cells after which the path stops where it is.
    cut
        Cells more than this many temperatures below a customer's best are left out, see `Mixture`.
    """

    start: float
    end: float
    tolerance: float = 0.02
    max_passes: int = 80
    cut: float = 700.0


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The soft dual at one point: value, gradient (m,), Hessian (m, m)."""

    value: float
    gradient: Floats
    hessian: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Where a path is.

    `reach` is how many temperatures a step may change what a typical customer pays for a row; `solved` are the last two
    temperatures that are done, with their prices.
    """

    prices: Floats
    tau: float
    at: Evaluation
    damping: float
    widened: int
    passes: int
    cut: float
    cooling: float = _COOLING
    reach: float = _REACH
    solved: tuple[tuple[float, Floats], ...] = ()


def mixed_sums(problem: Problem, prices: Floats, mixture: Mixture, *, covariance: bool = False) -> SoftSums:
    """Return expected value, use and (if wanted) covariance of the mixture at scaled `prices`."""
    slabs, _, groups, actions = problem.table.shape
    shape = (groups, slabs * actions, slabs * actions) if covariance else (0, 0, 0)
    out = SoftSums(np.zeros(2), np.zeros((slabs, groups, actions)), np.zeros(shape))
    scan_soft(problem.cells.arrays, problem.weight, problem.collapse(prices), mixture, out)
    return out


def contract(problem: Problem, covariance: Floats) -> Floats:
    """Return the covariance of the rows' use from the tables of a pass, shape (m, m)."""
    out = np.zeros((problem.m, problem.m))
    shape = (len(covariance), problem.m, covariance.shape[1])
    rows = np.moveaxis(problem.table, (2, 1), (0, 1)).reshape(shape)
    for row, by_action in zip(rows, covariance, strict=True):
        out += row @ by_action @ row.T
    return 0.5 * (out + out.T)


def soft_slope(problem: Problem, prices: Floats, tau: float, cut: float = 700.0) -> tuple[float, Floats]:
    """Return the entropic dual and its gradient at scaled `prices`, for half of what the Hessian costs."""
    sums = mixed_sums(problem, prices, Mixture(tau, 1.0, cut=cut))
    return float(sums.total[0] + prices @ problem.bound), problem.bound - problem.row_use(sums.tallies)


def soft_dual(problem: Problem, prices: Floats, tau: float, cut: float = 700.0) -> Evaluation:
    """Return the entropic dual, its gradient and its Hessian at scaled `prices`."""
    sums = mixed_sums(problem, prices, Mixture(tau, 1.0, cut=cut), covariance=True)
    value = float(sums.total[0] + prices @ problem.bound)
    return Evaluation(value, problem.bound - problem.row_use(sums.tallies), contract(problem, sums.covariance) / tau)


def follow_path(problem: Problem, prices: Floats, schedule: Schedule) -> Floats:
    """Return scaled prices that minimise the soft dual at the schedule's end temperature, shape (m,).

    Prices change almost linearly with the temperature, so each temperature starts on the line through the last two.
    Where the Newton model turns out useless the path goes back to the last temperature that is done and cools more
    slowly; where there is none, it widens the temperature, and damps when even that does not help.

    Source: Nocedal & Wright (2006), Numerical Optimization, §3.4 (modified Newton) and alg. 3.1 (backtracking);
    Allgower & Georg (1990), Numerical Continuation Methods, ch. 4 (secant predictor).
    """
    if not problem.m:
        return prices
    widest = max(schedule.start, problem.value_scale)
    state = _State(
        prices, schedule.start, soft_dual(problem, prices, schedule.start, schedule.cut), 1e-7, 0, 1, schedule.cut
    )
    while state.passes < schedule.max_passes:
        reach = state.reach * state.tau / problem.unit
        step, predicted = newton_step(problem, state.prices, state.at, widest, damping=state.damping, reach=reach)
        if predicted < _enough(problem, state, schedule):
            state = replace(state, prices=state.prices + _trusted(problem, state.tau, step))
            if state.tau <= schedule.end:
                break
            state = replace(state, solved=(*state.solved, (state.tau, state.prices))[-2:])
            state = _cooler(problem, state, schedule.end)
            continue
        moved, length = _line_search(problem, state, step, predicted, may_widen=_may_widen(state, widest))
        if length < _SHORT and _may_widen(state, widest):
            state = _slower(problem, replace(state, passes=moved.passes), schedule.end, widest)
        elif length < _USELESS:
            state = replace(state, passes=moved.passes, damping=max(100.0 * state.damping, 1e-6))
            if state.damping >= 1e3:
                break
        else:
            state = moved
    return np.clip(state.prices, 0.0, problem.ceiling)


def _trusted(problem: Problem, tau: float, step: Floats) -> Floats:
    """Return as much of a step that is not looked at again as the quadratic model can be trusted with.

    Along prices that hardly anybody answers to the model is flat, and a step that promises next to nothing may be long.
    """
    moved = float((np.abs(step) * problem.unit).max())
    return step * min(1.0, _TRUST * tau / max(moved, 1e-300))


def _enough(problem: Problem, state: _State, schedule: Schedule) -> float:
    """Return the predicted decrease below which a temperature is done."""
    tolerance = schedule.tolerance * (1.0 if state.tau <= schedule.end else _ON_THE_WAY)
    return max(0.5 * tolerance * state.tau * problem.m, 1e-9 * abs(state.at.value))


def _may_widen(state: _State, widest: float) -> bool:
    return state.widened < _MAX_WIDENINGS and state.tau < widest


def _cooler(problem: Problem, state: _State, end: float) -> _State:
    """Return the start of the temperature after the last that is done."""
    tau, prices = state.solved[-1]
    cooled = max(tau / state.cooling, end)
    if len(state.solved) > 1:
        before, far = state.solved[0]
        prices = np.clip(prices + (prices - far) * ((tau - cooled) / (before - tau)), 0.0, problem.ceiling)
    return _at_temperature(problem, replace(state, prices=prices), cooled)


def _slower(problem: Problem, state: _State, end: float, widest: float) -> _State:
    """Return a start at a temperature closer to the last that is done, or a wider one where none is."""
    slowest = state.solved and state.cooling <= _SLOWEST
    widened = _MAX_WIDENINGS if slowest else state.widened + 1
    slower = replace(state, widened=widened, cooling=max(math.sqrt(state.cooling), _SLOWEST))
    if state.solved:
        return _cooler(problem, slower, end)
    return _at_temperature(problem, slower, min(_WIDENING * state.tau, widest))


def _at_temperature(problem: Problem, state: _State, tau: float) -> _State:
    at = soft_dual(problem, state.prices, tau, state.cut)
    return replace(state, tau=tau, at=at, passes=state.passes + 1, reach=_REACH)


def newton_step(
    problem: Problem,
    prices: Floats,
    at: Evaluation,
    widest: float,
    *,
    damping: float = 1e-7,
    reach: Floats | float = np.inf,
) -> tuple[Floats, float]:
    """Return the step within the bounds of the prices, and the decrease the quadratic model predicts.

    `widest` is the price below which a row is taken to answer at least a little, in money; `reach` the most that each
    price may move.
    """
    diagonal = np.diag(at.hessian)
    slope = float(np.abs(at.gradient).max())
    least = max(1e-8 * float(diagonal.max()), 1e-6 * slope / max(widest, float(prices.max())) + 1e-300)
    hessian = at.hessian + damping * np.diag(np.maximum(diagonal, least))
    room = np.minimum(np.maximum(problem.ceiling - prices, 0.0), reach)
    step = minimise_box_quadratic(hessian, at.gradient, np.maximum(-prices, -reach), room)
    return step, float(-(at.gradient @ step + 0.5 * step @ at.hessian @ step))


def _line_search(
    problem: Problem, state: _State, step: Floats, predicted: float, *, may_widen: bool
) -> tuple[_State, float]:
    """Backtrack until the dual falls enough; return the new state and the length accepted."""
    length, passes = 1.0, state.passes
    slope = max(float(-(state.at.gradient @ step)), predicted)
    while True:
        at = soft_dual(problem, state.prices + length * step, state.tau, state.cut)
        passes += 1
        enough = at.value <= state.at.value - 1e-4 * length * slope
        if enough or length < _USELESS or (length < _SHORT and may_widen):
            break
        length *= _SHRINK
    damping = max(state.damping / 10.0, 1e-8) if length == 1.0 else state.damping
    reach = state.reach * (_FARTHER if length == 1.0 else _SHRINK)
    moved = replace(state, prices=state.prices + length * step, at=at, damping=damping, passes=passes, reach=reach)
    return moved, length
