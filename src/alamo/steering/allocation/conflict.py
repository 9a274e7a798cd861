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

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alamo.domain.errors import InfeasibleError
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


@dataclass(frozen=True, slots=True)
class Conflict:
    """A limit that takes part in a clash.

    Attributes
    ----------
    limit
        Its name.
    side
        ``"maximum"`` or ``"minimum"``.
    relax_by
        Units of use by which it would have to give way at least, if no other limit does.
    alone
        Whether that is known to be enough, looked at for the likeliest few limits; if not, others have to give, too.
    value_money
        About what the best plan brings once this limit alone gives way by it; None where it is not known.
    """

    limit: str
    side: str
    relax_by: float
    alone: bool = True
    value_money: float | None = None


@dataclass(frozen=True, slots=True)
class Clash:
    """Limits that cannot be met together.

    Attributes
    ----------
    conflicts
        Every limit of the proof, the cheapest to relax first.
    together
        The least relaxation of all limits at once: the sum of the shares of their bounds is smallest. `relax_by` of
        each is its part of it.
    value_money
        About what the best plan brings once all of them give way like this; None where it is not known.
    proven_share
        Sum of the shares of their bounds that all limits together have to give at least; None where it is not known.
    """

    conflicts: tuple[Conflict, ...]
    together: tuple[Conflict, ...] = ()
    value_money: float | None = None
    proven_share: float | None = None


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


def infeasible(clash: Clash, file: str | None = "limits.toml", then: str | None = "alamo steer") -> InfeasibleError:
    """Return the error that names the limits in conflict and the least relaxations, alone and together.

    `file` is where the limits stand and `then` what to type once it is changed; None where there is neither.
    """
    names = ", ".join(dict.fromkeys(repr(c.limit) for c in clash.conflicts))
    after = "" if file is None else f" Edit {file}, then " + (f"run: {then}" if then else "run the same again")
    return InfeasibleError(
        f"{f'{file}: ' if file else ''}the limits {names} cannot be met together",
        hint=f"To make room: {_ways(clash)}.{after}",
        code="limits.infeasible",
        details={"infeasible_limits": limits_dict(clash.conflicts), "relaxation": relaxation_dict(clash)},
    )


def limits_dict(conflicts: Sequence[Conflict]) -> list[dict[str, object]]:
    """Return limits in conflict with the least relaxation of each, as they stand in details and in JSON."""
    return [{"limit": c.limit, "relax_by": c.relax_by} for c in conflicts]


def relaxation_dict(clash: Clash) -> dict[str, object]:
    """Return how the limits can give way, each alone and all together, and what the plan then brings."""
    return {
        "alone": [
            {
                "limit": c.limit,
                "side": c.side,
                "relax_by": c.relax_by,
                "enough": c.alone,
                "value_money": c.value_money,
            }
            for c in clash.conflicts
        ],
        "together": [{"limit": c.limit, "side": c.side, "relax_by": c.relax_by} for c in clash.together],
        "value_money": clash.value_money,
    }


def _ways(clash: Clash) -> str:
    alone = [c for c in clash.conflicts if c.alone]
    if alone:
        return "one of these would do, where it stands alone: " + "; or ".join(_way(c) for c in alone)
    least = " and ".join(_way(replace(c, value_money=None)) for c in clash.together)
    worth = "" if clash.value_money is None else f" (the plan then brings about {clash.value_money:,.6g})"
    return f"no single limit is enough; the least in all is to {least}{worth}" if least else "widen one of them"


def _way(c: Conflict) -> str:
    verb = "lower the minimum" if c.side == "minimum" else "raise the maximum"
    worth = "" if c.value_money is None else f" (the plan then brings about {c.value_money:,.6g})"
    return f"{verb} of {c.limit!r} by at least {c.relax_by:,.6g}{worth}"


def only(conflicts: Sequence[Conflict]) -> Clash:
    """Return the clash of limits that are known to be broken, by how much, and no more."""
    return Clash(tuple(conflicts))
