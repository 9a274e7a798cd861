"""Limits that cannot be met together: the proof, what each alone would have to give, and the least that all give.

With all values zero, R(ρ) = Σ_i max(0, max_a −ρ·u(i, a)) + ρ·b. If R(ρ) < 0 for any ρ ≥ 0, no plan keeps every row;
then −R / ρ_r is what row r alone would have to give way at least. With ρ_r ≤ 1 in every row (a row scaled to a bound
of 1), the least R is minus the shortage of the elastic linear programme, which lets rows give way and minimises the
sum of the shares of their bounds that they give: rows that give way are those whose ρ ends at 1. With ρ_r ≤ 1 in one
row and as good as no bound on the others, it is what that row has to give when no other does.

A sample of the customers finds a ray, all of them prove it; it does not say who is to blame: all its rows are listed.

Source: Farkas (1902) for the ray; Chinneck (2008), "Feasibility and Infeasibility in Optimization", ch. 6 (elastic
programmes).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alamo.steering.allocation.clash import Clash, Conflict
from alamo.steering.allocation.dual import SMALL_CELLS, hard_dual, head, sample_prices, solve_dual
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import Schedule, follow_path, mixed_sums
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_SAMPLE, _SMALL_SAMPLE = 20_000, 4_000
_COARSE, _FINE = Schedule(1.0, 1e-3, max_passes=200), Schedule(1e-3, 2e-5, max_passes=200)
_SINGLE = Schedule(1e-2, 1e-4)
_OTHERS, _MOST_SINGLES, _MOST_VALUES = 100.0, 5, 3
_VALUE_TEMPERATURE, _ROOM = 3e-3, 1.005


def out_of_reach(problem: Problem) -> Clash | None:
    """Return the clash of the minima that would be missed even if every customer counted for them, or None.

    A single one is told exactly. Where others are out of reach, too, or still clash once it has given way, the least
    relaxations are those of `find_conflict`.
    """
    nil = _without_values(problem)
    short: dict[int, float] = {}
    for r in np.flatnonzero(problem.bound < 0):
        ray = np.zeros(problem.m)
        ray[r] = nil.ceiling[r]
        shortage = _shortage(nil, ray)
        if shortage > 0:
            short[int(r)] = float(shortage / ray[r])
    if not short:
        return None
    if len(short) == 1 and find_conflict(replace(problem, bound=_given_way(problem, short))) is None:
        return _told(problem, short, short)
    return find_conflict(problem) or _told(problem, short, {})


def find_conflict(problem: Problem) -> Clash | None:
    """Return the limits of a proven clash and the least relaxations, or None where none is proven.

    Limits without a minimum never clash: nobody drawing anything keeps them all.
    """
    if not (problem.bound < 0).any():
        return None
    nil = _without_values(problem)
    ray = follow_path(head(nil, _SMALL_SAMPLE), np.zeros(problem.m), _COARSE)
    ray = follow_path(head(nil, _SAMPLE), ray, _FINE)
    shortage = _shortage(nil, ray)
    if shortage <= 0:
        return None
    together = _together(nil, ray)
    least = {int(r): shortage / ray[r] for r in np.flatnonzero(ray > 1e-3 * ray.max())}
    likeliest = sorted(least, key=lambda r: (r not in together, float(least[r] / nil.unit[r])))[:_MOST_SINGLES]
    alone: dict[int, float] = {}
    for r in likeliest:
        single, enough = _alone(nil, ray, r)
        least[r] = max(least[r], single)
        if enough:
            alone[r] = least[r]
    return replace(_told(problem, least, alone, together), proven_share=shortage / float(ray.max()))


def suspicious(problem: Problem, prices: Floats) -> bool:
    """Say whether a price is so high that its row probably cannot be met."""
    return bool((prices >= 0.9 * problem.ceiling).any())


def _without_values(problem: Problem) -> Problem:
    ceiling = np.full(problem.m, 1.0 / np.median(problem.unit)) if problem.m else np.zeros(0)
    return replace(problem.with_values(np.zeros(problem.cells.n_cells)), value_scale=1.0, ceiling=ceiling)


def _shortage(nil: Problem, ray: Floats) -> float:
    """Return −R(ρ) over all customers, at least 0; rounding does not count."""
    shortage = -hard_dual(nil, ray).bound
    return shortage if shortage > 1e-9 * float(np.abs(ray * nil.bound).sum()) else 0.0


def _alone(nil: Problem, ray: Floats, r: int) -> tuple[float, bool]:
    """Return what row `r` has to give when no other does (scaled), and whether it is enough."""
    ceiling = _OTHERS * nil.ceiling
    ceiling[r] = nil.ceiling[r]
    single = replace(nil, ceiling=ceiling)
    start = np.minimum(ray * (ceiling[r] / ray[r]), ceiling)
    found = follow_path(head(single, _SMALL_SAMPLE), start, _SINGLE)
    others = np.delete(found / ceiling, r)
    if found[r] <= 0.0:
        return 0.0, False
    return _shortage(nil, found) / float(found[r]), not (others > 0.999).any()


def _together(nil: Problem, ray: Floats) -> dict[int, float]:
    """Return by how much (scaled) each row gives way in the elastic programme that the ray solves."""
    used = nil.row_use(mixed_sums(nil, ray, Mixture(_FINE.end, 1.0)).tallies)
    short = np.where(ray >= 0.999 * nil.ceiling, used - nil.bound, 0.0)
    if short.max(initial=0.0) <= 0.0:
        short[np.argmax(ray / nil.ceiling)] = _shortage(nil, ray) / float(ray.max())
    return {int(r): float(short[r]) for r in np.flatnonzero(short > 1e-6)}


def _told(
    problem: Problem, least: dict[int, float], alone: dict[int, float], together: dict[int, float] | None = None
) -> Clash:
    """Return the clash in units and money; relaxations are by row, scaled."""
    together = together or alone

    def conflict(r: int, amount: float, *, enough: bool, value: float | None) -> Conflict:
        side = "minimum" if problem.sign[r] < 0 else "maximum"
        amount = min(amount, -problem.bound[r]) if problem.bound[r] < 0 else amount  # then it is lifted altogether
        return Conflict(problem.names[r], side, float(amount * problem.scale[r]), enough, value)

    by_effort = sorted(least, key=lambda r: (r not in alone, float(least[r] / problem.unit[r])))
    value = _value(problem, together) if together else None
    valued = {r: _value(problem, {r: alone[r]}) for r in by_effort[:_MOST_VALUES] if r in alone}
    return Clash(
        tuple(conflict(r, least[r], enough=r in alone, value=valued.get(r)) for r in by_effort),
        tuple(conflict(r, together[r], enough=len(together) == 1, value=value) for r in by_effort if r in together),
        value,
    )


def _value(problem: Problem, given: dict[int, float]) -> float:
    """Return about what the best plan brings once rows give way by `given`: its dual bound on a sample of customers.

    So close to a clash the path may end before the optimum; the bound was within 2 % of it where that happened.
    """
    part = head(replace(problem, bound=_given_way(problem, given)), _SMALL_SAMPLE)
    if part.cells.n_cells <= SMALL_CELLS:
        return float(solve_dual(part).bound * problem.n / max(part.n, 1))
    tau = _VALUE_TEMPERATURE * problem.value_scale
    prices = sample_prices(part, tau)
    polished = follow_path(part, prices, Schedule(tau, tau, tolerance=1e-3, max_passes=60))
    least = min(hard_dual(part, prices).bound, hard_dual(part, polished).bound)
    return float(least * problem.n / max(part.n, 1))


def _given_way(problem: Problem, given: dict[int, float]) -> Floats:
    """Return the scaled bounds once rows give way by `given` and a little more, shape (m,)."""
    bound = problem.bound.copy()
    for r, amount in given.items():
        bound[r] += _ROOM * amount
    return bound
