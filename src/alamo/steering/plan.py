"""The plan: what a cycle is expected to bring, cost and use, in the words and numbers a person approves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from alamo.domain.action import NO_ACTION, Action
from alamo.domain.policy import BlockState
from alamo.domain.reasons import LeftOut
from alamo.steering import funnel
from alamo.steering.candidates import Candidates
from alamo.steering.cells import Floats, Ints
from alamo.steering.exploration import Exploration
from alamo.steering.funnel import Stage
from alamo.steering.plan_limits import limit_rows


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCycle:
    """What was drawn, as far as a summary needs it.

    Attributes
    ----------
    p
        Probability of each cell after the stops, shape (n_cells,).
    choice
        Cell drawn by each customer, −1 for none, shape (n,).
    stopped
        Customers whose draw a limit refused.
    blocks
        Prices and what was left, per block.
    """

    p: Floats
    choice: Ints
    stopped: int
    blocks: tuple[BlockState, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """Expected gain in money with its interval."""

    mean: float
    lower: float
    upper: float


def plan_summary(
    candidates: Candidates, drawn: DrawnCycle, exploration: Exploration, about: PlanContext
) -> dict[str, Any]:
    """Return the summary of a plan as it is stored and printed; keys are stable.

    Numbers of people and use are those of the draw; gains are expectations of the scores, with an interval from the
    posterior sd of each customer and the part of it that the customers of an action share.
    """
    cells = candidates.cells
    owner = np.flatnonzero(drawn.choice >= 0)
    taken = drawn.choice[owner]
    gain, by_action = _gains(candidates, taken, about)
    cost = cells.use("cost")[taken]
    in_control = cells.units.universal_control
    waiting = np.zeros(cells.n, dtype=bool) if cells.units.waiting is None else cells.units.waiting
    return {
        "cycle": about.cycle,
        "customers": cells.n,
        "contacted": len(taken),
        "control": int(np.count_nonzero((drawn.choice < 0) & ~in_control & ~waiting)),
        "universal_control": int(in_control.sum()),
        "washout": int(np.count_nonzero((drawn.choice < 0) & waiting)),
        "gain": {"mean": gain.mean, "lower": gain.lower, "upper": gain.upper, "level": about.level},
        "cost_money": float(cost.sum()),
        "expected": {
            "contacted": float(drawn.p.sum()),
            "cost_money": float(drawn.p @ cells.use("cost")),
            "gain_money": float(drawn.p @ cells.earned_money),
        },
        "actions": _action_rows(candidates, drawn, by_action, about.actions),
        "limits": limit_rows(candidates, drawn.p, drawn.choice, drawn.blocks, exploration.rule, about.kept),
        "excluded": _excluded(candidates),
        "eligibility": candidates.eligibility.to_dict(cells.action_ids),
        "funnel": _funnel(candidates, taken),
        "caps_by_value": _caps_by_value(candidates, taken),
        "unscored": candidates.unscored,
        "unaffordable": candidates.unaffordable,
        "stopped_by_a_limit": drawn.stopped,
        "exploration": {**exploration.to_dict(), "cost_share": _share(exploration.cost_money, gain.mean)},
        "control_share": exploration.rule.control_share,
    }


@dataclass(frozen=True, slots=True, eq=False)
class PlanContext:
    """What a summary says besides the draw.

    Attributes
    ----------
    cycle
        The cycle planned.
    actions
        In the order of their index.
    level
        Level of intervals.
    kept
        What the plan leaves of each row to the counter, in its units, shape (m,); None: nothing.
    """

    cycle: int
    actions: tuple[Action, ...]
    level: float
    kept: Floats | None = None


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _gains(candidates: Candidates, taken: Ints, about: PlanContext) -> tuple[Gain, list[Gain]]:
    """Return the gain of the cells taken, in all and per action; actions count as measured independently."""
    cells = candidates.cells
    z = NormalDist().inv_cdf(0.5 + about.level / 2)
    total = np.bincount(cells.action[taken], cells.earned_money[taken], len(cells.action_ids))
    variance = cells.gain_variance(taken)
    return (
        _interval(float(total.sum()), z * float(variance.sum()) ** 0.5),
        [_interval(float(mean), z * float(v) ** 0.5) for mean, v in zip(total, variance, strict=True)],
    )


def _interval(mean: float, half_width: float) -> Gain:
    return Gain(mean, mean - half_width, mean + half_width)


def _action_rows(
    candidates: Candidates, drawn: DrawnCycle, gains: Sequence[Gain], actions: Sequence[Action]
) -> list[dict[str, Any]]:
    cells = candidates.cells
    taken = drawn.choice[drawn.choice >= 0]
    count = np.bincount(cells.action[taken], minlength=len(actions))
    cost = np.bincount(cells.action[taken], cells.use("cost")[taken], len(actions))
    expected = np.bincount(cells.action, drawn.p, len(actions))
    rows: list[dict[str, Any]] = [
        {
            "action": action.id,
            "channel": action.channel,
            "customers": int(count[a]),
            "expected_customers": float(expected[a]),
            "share": float(count[a] / cells.n) if cells.n else 0.0,
            "cost_money": action.cost_money,
            "cost_total_money": float(cost[a]),
            "expected_gain_money": gains[a].mean,
            "gain_lower": gains[a].lower,
            "gain_upper": gains[a].upper,
        }
        for a, action in enumerate(actions)
    ]
    none = cells.n - len(taken)
    nothing = dict.fromkeys(rows[0], None) if rows else {}
    return [
        *rows,
        nothing
        | {
            "action": NO_ACTION,
            "customers": none,
            "expected_customers": float(cells.n - expected.sum()),
            "share": float(none / cells.n) if cells.n else 0.0,
            "cost_money": 0.0,
            "cost_total_money": 0.0,
            "expected_gain_money": 0.0,
        },
    ]


def _funnel(candidates: Candidates, taken: Ints) -> dict[str, Any]:
    """Return the funnel down to the customers who are contacted."""
    cells = candidates.cells
    before, drawn = (
        np.bincount(action, minlength=len(cells.action_ids)) for action in (cells.action, cells.action[taken])
    )
    contacted = Stage(LeftOut.NOT_DRAWN, tuple((before - drawn).tolist()), len(taken))
    stages = (*candidates.eligibility.stages, candidates.scored, candidates.affordable, contacted)
    return funnel.to_dict(cells.n, stages, cells.action_ids)


def _caps_by_value(candidates: Candidates, taken: Ints) -> dict[str, Any]:
    """Return what the contacts drawn displace, and how many customers are kept for a later contact that is worth more.

    Kept: some open action is worth its cost, and none is worth what it would displace.
    """
    cells = candidates.cells
    worth, owner = cells.earned_money, cells.owner()
    now = np.zeros(cells.n, dtype=bool)
    now[owner[worth > 0.0]] = True
    now[owner[cells.value_money > 0.0]] = False
    return {
        "displaced_money": float((worth - cells.value_money)[taken].sum()),
        "kept_for_later": int(now.sum()),
    }


def _excluded(candidates: Candidates) -> dict[str, int]:
    """Return reason → pairs of customer and action it excluded, over all actions."""
    out: dict[str, int] = {}
    for counts in candidates.eligibility.excluded:
        for reason, n in counts.items():
            out[reason] = out.get(reason, 0) + n
    return out
