"""Effects of the loop by lifecycle stage and by cycle, and whether an action wears off with its age.

*By stage:* shrunk like the segments, for a raw table of stages nearly always "finds" something. *By cycle:* the mean
score of the cycle's decisions, errors by unit, but never below those of arms whose outcomes are equally uncertain: a
thin arm in which nobody bought for one cycle would look certain, and the action harmful. *Trend:* a line through the
scores over the cycles since the action was first drawn; every decision weighs the same, because weights that follow the
propensities would follow earlier outcomes, and the slope would then be biased. The logged propensities make every
cycle's mean unbiased whatever policy drew the actions, so none of this needs them to be constant.

Assumes that the customers decided about do not change much from cycle to cycle: else the trend may be theirs. A change
that is no line may not be found by one. All intervals are for one look.

Not supported: imported experiments, which have neither stage nor age.

Source: jackknifed errors of the line, MacKinnon, Nielsen & Webb (2023), "Cluster-robust inference", Journal of
Econometrics 232(2), eq. 16; shrinkage, Fay & Herriot (1979), JASA 74(366).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.reasons import Refusal
from alamo.inference.effect_sums import UNIT_SUMS, ActionSums, CycleSums, effect_sums, of_action
from alamo.inference.effects import refusal_of, segment_sums
from alamo.inference.estimate import normal_estimate
from alamo.inference.loop_ratio import ratio_check
from alamo.inference.outcomes import column
from alamo.inference.scored_log import ScoredLog
from alamo.inference.segment_effects import LEAST_PER_ARM, segment_effects
from alamo.numerics.clustered import Line, PatternSums
from alamo.numerics.doubly_robust import GroupSums

_LEAST_CYCLES = 3
_PATTERN = ("clusters", "size", "x", "xx", "y", "xy", "yy", "yxy", "xyxy")


@dataclass(frozen=True, slots=True)
class PartEffect:
    """The effect of an action in one lifecycle stage, or in one cycle; money per decision.

    Attributes
    ----------
    action, part
        The action, and the stage or the number of the cycle.
    mean, se, lower, upper
        Effect with its fixed-n interval; of a stage, shrunk.
    n, n_control
        Decisions that drew the action, or none.
    found
        Whether the interval excludes zero.
    method
        How it was estimated.
    decided_on
        Of a cycle: day of its last decision.
    """

    action: str
    part: str | int
    mean: float
    se: float
    lower: float
    upper: float
    n: int
    n_control: int
    found: bool
    method: str
    decided_on: str | None = None

    def to_dict(self, name: str) -> dict[str, Any]:
        """Return the effect as JSON-able values, the part under `name`."""
        values = asdict(self)
        part, day = values.pop("part"), values.pop("decided_on")
        return {"action": values.pop("action"), name: part, **({} if day is None else {"decided_on": day}), **values}


@dataclass(frozen=True, slots=True)
class CycleTrend:
    """How the effect of an action changes with every cycle of its age.

    Attributes
    ----------
    action
        The action.
    since_cycle, cycles
        First cycle of the line, and how many are in it.
    slope, lower, upper
        Change per cycle (money per decision), with its fixed-n interval.
    p_value
        Two-sided, of "no trend".
    first, newest
        The line in the first and in the newest cycle.
    says
        ``no trend found``, ``wears off`` or ``grows``.
    """

    action: str
    since_cycle: int
    cycles: int
    slope: float
    lower: float
    upper: float
    p_value: float
    first: float
    newest: float
    says: str


@dataclass(frozen=True, slots=True)
class EffectBreakdown:
    """Effects by stage and by cycle, the trends over cycles, and what is left out and why."""

    by_stage: tuple[PartEffect, ...]
    over_time: tuple[PartEffect, ...]
    trends: tuple[CycleTrend, ...]
    refusals: tuple[Refusal, ...]

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Return everything but the refusals as JSON-able values."""
        return {
            "by_stage": [row.to_dict("stage") for row in self.by_stage],
            "over_time": [row.to_dict("cycle") for row in self.over_time],
            "trends": [asdict(row) for row in self.trends],
        }


def break_down(log: ScoredLog, actions: Sequence[str], level: float) -> EffectBreakdown:
    """Return the effects of `actions` by lifecycle stage and over time.

    Parameters
    ----------
    log
        Of the loop's own cycles, by stage (`ScoredLog.of` with ``by_stage``).
    actions
        Ids of the actions to show.
    level
        Of the intervals.
    """
    sums = effect_sums(log)
    stages: list[PartEffect] = []
    over_time: list[PartEffect] = []
    refusals: list[Refusal] = []
    shown: dict[str, ActionSums] = {}
    for action in actions:
        data = sums.get(action)
        refusal = refusal_of(
            f"{action} by stage and over time", data, None if data is None else ratio_check(data.cycles)
        )
        if data is None or refusal is not None:
            refusals += [refusal] if refusal is not None else []
            continue
        shown[action] = data
        stages += _by_stage(action, data, level, refusals)
    within = log.query(log.statements.by_unit(within_cycles=True))
    for action, data in shown.items():
        over_time += _by_cycle(action, data.cycles, of_action(within, action), level)
        refusals += _thin(action, data.cycles)
    trends = _trends(log, {action: data.cycles for action, data in shown.items()}, level, refusals)
    return EffectBreakdown(tuple(stages), tuple(over_time), trends, tuple(refusals))


def _by_stage(action: str, data: ActionSums, level: float, refusals: list[Refusal]) -> list[PartEffect]:
    mean, cycles = data.units.mean(), data.cycles
    floor = float(np.sqrt(cycles.residual.sum() / cycles.weight.sum() / cycles.n.sum()))
    pooled = normal_estimate(mean.mean, max(mean.se, floor), mean.n, level)  # shown by stages that are too few
    table = segment_effects(segment_sums(data, data.segments), pooled, level)
    if table.too_small:
        what = f"effect of {action} in {len(table.too_small)} stage(s): {', '.join(table.too_small)}"
        reason = f"fewer than {LEAST_PER_ARM} decisions in one of the compared arms"
        refusals.append(Refusal(what, reason, "needs more cycles"))
    return [
        PartEffect(
            action=action,
            part=effect.name,
            mean=effect.estimate.mean,
            se=effect.estimate.se,
            lower=effect.estimate.lower,
            upper=effect.estimate.upper,
            n=effect.n,
            n_control=effect.n_control,
            found=effect.found,
            method=effect.method,
        )
        for effect in table.effects
    ]


def _full(cycles: CycleSums) -> list[int]:
    """Return the places of the cycles with `LEAST_PER_ARM` decisions in each arm."""
    return np.flatnonzero(np.minimum(cycles.n_action, cycles.n_control) >= LEAST_PER_ARM).tolist()


def _shown(cycles: CycleSums) -> list[int]:
    """Return those of them in which anybody bought: where nobody did, nothing tells how uncertain the outcome is."""
    return [place for place in _full(cycles) if cycles.nonzero_action[place] + cycles.nonzero_control[place] > 0.0]


def _by_cycle(action: str, cycles: CycleSums, units: pa.Table, level: float) -> list[PartEffect]:
    rows, of_units = [], {row["cycle"]: row for row in units.to_pylist()}
    for place in _shown(cycles):
        groups, *squares = (float(of_units[int(cycles.cycle[place])][name]) for name in UNIT_SUMS)
        mean = GroupSums(groups, float(cycles.score[place]), float(cycles.n[place]), *squares).mean()
        if mean.n < 2:  # the decisions of one customer have no error
            continue
        floor = float(np.sqrt(cycles.residual[place] / cycles.weight[place] / cycles.n[place]))
        found = normal_estimate(mean.mean, max(mean.se, floor), mean.n, level)
        rows.append(
            PartEffect(
                action=action,
                part=int(cycles.cycle[place]),
                mean=found.mean,
                se=found.se,
                lower=found.lower,
                upper=found.upper,
                n=int(cycles.n_action[place]),
                n_control=int(cycles.n_control[place]),
                found=found.lower > 0.0 or found.upper < 0.0,
                method="doubly robust",
                decided_on=cycles.decided_at[place].date().isoformat(),
            )
        )
    return rows


def _thin(action: str, cycles: CycleSums) -> list[Refusal]:
    thin = len(cycles) - len(_shown(cycles))
    if not thin:
        return []
    reason = f"fewer than {LEAST_PER_ARM} decisions in one of the compared arms, or nobody bought"
    return [Refusal(f"effect of {action} in {thin} cycle(s)", reason, "explore more: opening_share or floor_minimum")]


def _trends(
    log: ScoredLog, of_actions: dict[str, CycleSums], level: float, refusals: list[Refusal]
) -> tuple[CycleTrend, ...]:
    kept = {action: cycles.cycle[_full(cycles)] for action, cycles in of_actions.items()}
    pairs = [(action, int(cycle)) for action, cycles in kept.items() for cycle in cycles]
    counted = pa.table(
        {
            "action_id": pa.array([action for action, _ in pairs], pa.string()),
            "cycle": pa.array([cycle for _, cycle in pairs], pa.int64()),
        }
    )
    patterns = log.query(log.statements.by_pattern(max((cycle for _, cycle in pairs), default=1)), kept=counted)
    trends = []
    for action, cycles in kept.items():
        if len(cycles) < _LEAST_CYCLES:
            reason = (
                f"it needs {_LEAST_CYCLES} cycles with {LEAST_PER_ARM} decisions in each arm, there are {len(cycles)}"
            )
            cure = f"needs about {_LEAST_CYCLES - len(cycles)} more cycle(s)"
            refusals.append(Refusal(f"trend of the effect of {action}", reason, cure))
            continue
        mine = patterns.filter(pc.equal(patterns["action_id"], action))
        line = PatternSums(**{name: column(mine, name) for name in _PATTERN}).line()
        if not line.slope_se > 0.0 or not len(_shown(of_actions[action])):
            reason = "nobody bought, or the decisions of one customer are all there is to tell cycles apart by"
            refusals.append(Refusal(f"trend of the effect of {action}", reason, "needs more cycles"))
        else:
            trends.append(_trend(action, line, (int(cycles[0]), int(cycles[-1]), len(cycles)), level))
    return tuple(trends)


def _trend(action: str, line: Line, span: tuple[int, int, int], level: float) -> CycleTrend:
    since, newest, cycles = span
    lower, upper = line.interval(level)
    first = line.intercept + line.slope * since
    found = lower > 0.0 or upper < 0.0
    return CycleTrend(
        action=action,
        since_cycle=since,
        cycles=cycles,
        slope=line.slope,
        lower=lower,
        upper=upper,
        p_value=line.p_value(0.0),
        first=first,
        newest=line.intercept + line.slope * newest,
        says="no trend found" if not found else "grows" if line.slope * first > 0.0 else "wears off",
    )
