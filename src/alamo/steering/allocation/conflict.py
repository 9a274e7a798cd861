"""Limits that cannot be met together, proven by a Farkas ray, and by how much each alone would have to give way.

With all values zero, R(ρ) = Σ_i max(0, max_a −ρ·u(i, a)) + ρ·b. If R(ρ) < 0 for any ρ ≥ 0, no plan keeps every row;
then −R / ρ_r is what row r alone would have to give way at least. A ray proves the clash, it does not say who is to
blame: every row of it is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alamo.domain.errors import InfeasibleError
from alamo.steering.allocation.dual import hard_dual, head
from alamo.steering.allocation.newton import Schedule, follow_path
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Floats

_SAMPLE = 20_000


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
        Units of use by which it alone would have to give way at least.
    """

    limit: str
    side: str
    relax_by: float


def out_of_reach(problem: Problem) -> tuple[Conflict, ...]:
    """Return the first minimum that would be missed even if every customer counted for it; empty when there is none."""
    nil = _without_values(problem)
    for r in np.flatnonzero(problem.bound < 0):
        ray = np.zeros(problem.m)
        ray[r] = 1.0 / problem.unit[r]
        found = _proof(nil, ray)
        if found:
            return found
    return ()


def find_conflict(problem: Problem) -> tuple[Conflict, ...]:
    """Return the limits of a proven clash, the cheapest to relax first; empty when none is proven.

    Limits without a minimum never clash: nobody drawing anything keeps them all. A sample finds the ray, all customers
    prove it.
    """
    if not (problem.bound < 0).any():
        return ()
    nil = _without_values(problem)
    path = Schedule(1.0, 1e-4, tolerance=0.02, max_passes=300)
    return _proof(nil, follow_path(head(nil, _SAMPLE), np.zeros(problem.m), path))


def suspicious(problem: Problem, prices: Floats) -> bool:
    """Say whether a price is so high that its row probably cannot be met."""
    return bool((prices >= 0.9 * problem.ceiling).any())


def _without_values(problem: Problem) -> Problem:
    ceiling = np.full(problem.m, 1.0 / np.median(problem.unit)) if problem.m else np.zeros(0)
    return replace(problem.with_values(np.zeros(problem.cells.n_cells)), value_scale=1.0, ceiling=ceiling)


def _proof(nil: Problem, ray: Floats) -> tuple[Conflict, ...]:
    shortage = -hard_dual(nil, ray).bound
    if shortage <= 1e-9 * float(np.abs(ray * nil.bound).sum()):
        return ()
    involved = np.flatnonzero(ray > 1e-3 * ray.max())
    found = [
        Conflict(
            nil.names[r],
            "minimum" if nil.table[:, r].min() < 0 else "maximum",
            float(shortage / ray[r] * nil.scale[r]),
        )
        for r in involved
    ]
    return tuple(sorted(found, key=lambda conflict: conflict.relax_by))


def infeasible(
    conflicts: Sequence[Conflict], file: str | None = "limits.toml", then: str | None = "alamo steer"
) -> InfeasibleError:
    """Return the error that names the limits in conflict and the least relaxation of each.

    `file` is where the limits stand and `then` what to type once it is changed; None where there is neither.
    """
    ways = "; or ".join(
        f"{'lower the minimum' if c.side == 'minimum' else 'raise the maximum'} of {c.limit!r} by at least "
        f"{c.relax_by:,.6g}"
        for c in conflicts
    )
    names = ", ".join(dict.fromkeys(repr(c.limit) for c in conflicts))
    after = "" if file is None else f" Edit {file}, then " + (f"run: {then}" if then else "run the same again")
    return InfeasibleError(
        f"{f'{file}: ' if file else ''}the limits {names} cannot be met together",
        hint=f"One of these would do, where it stands alone: {ways}.{after}",
        code="limits.infeasible",
        details={"infeasible_limits": [{"limit": c.limit, "relax_by": c.relax_by} for c in conflicts]},
    )
