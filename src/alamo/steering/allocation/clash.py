"""A clash of limits: what each would have to give way, and the refusal that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alamo.domain.errors import InfeasibleError


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
