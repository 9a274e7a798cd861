"""Effects of the loop: what each action changed, over all decisions so far at which it had a chance.

Estimand after a cycle: the mean over those decisions of E[Y(a) − Y(none) | history], with Y as fixed for the decision.
Scores minus their expectations are martingale differences in the order of time (propensities are logged, outcome
models come from earlier cycles), so the always-valid interval holds whatever policy drew the actions and although
units recur; its variance is the average of the cycles' variances. Effects are intention-to-treat.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import Action
from alamo.domain.reasons import Refusal
from alamo.domain.settings import InferenceSettings
from alamo.domain.tables import EFFECTS
from alamo.inference.comparison import PooledEffect, Sequence, pooled_effect
from alamo.inference.loop_ratio import RatioCheck, ratio_check
from alamo.inference.loop_rows import ActionRows, LoopLog
from alamo.inference.segment_effects import LEAST_PER_ARM, SegmentScores, SegmentTable, segment_effects
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO, residual_floor
from alamo.numerics.doubly_robust import ScoreMean, mean_by_group, variance_by_level
from alamo.numerics.moments import Moments

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

EVERYBODY = "*"
"""Segment of a pooled row; as an action, the programme as a whole."""

_EXPLORE = "explore a little everywhere: floor_minimum above 0 under [exploration] in alamo.toml"


@dataclass(frozen=True, slots=True)
class LoopEffects:
    """Effects of all actions.

    Attributes
    ----------
    table
        EFFECTS, pooled rows first.
    refusals
        Estimates that are absent, with the reason.
    ratio_checks
        Per action: p-value, number drawn and number expected.
    between_segment_sd
        Per action: standard deviation between segments; None where not identified.
    """

    table: pa.Table
    refusals: tuple[Refusal, ...]
    ratio_checks: Mapping[str, Mapping[str, float]]
    between_segment_sd: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class _Context:
    log: LoopLog
    level: float
    planned_rows: int


def loop_effects(
    dr_scores: pa.Table,
    observations: pa.Table,
    *,
    as_of: datetime,
    actions: Many[Action],
    inference: InferenceSettings,
    planned_rows: int,
) -> LoopEffects:
    """Return the effect of every action, pooled and per segment.

    Parameters
    ----------
    dr_scores
        DR_SCORES of all matured cycles.
    observations
        OBSERVATIONS with ``outcome_money`` and ``segment``; rows without scores are ignored.
    as_of
        Moment of the estimate (UTC).
    actions
        The project's actions; one that was never drawn is refused with what would cure it.
    inference
        Level of the intervals.
    planned_rows
        Decisions at the planned horizon, fixed before the first look: there the always-valid intervals are tightest.
    """
    context = _Context(LoopLog.of(dr_scores, observations), inference.level, planned_rows)
    rows: list[dict[str, Any]] = []
    refusals: list[Refusal] = []
    checks: dict[str, Mapping[str, float]] = {}
    spread: dict[str, float | None] = {}
    for action in actions:
        data = context.log.action(action.id)
        check = None if data is None else ratio_check(context.log, data)
        if check is not None:
            checks[action.id] = check.to_dict()
        refusal = _refuse(action.id, data, check)
        if data is None or refusal is not None:
            refusals += [refusal] if refusal is not None else []
            continue
        pooled, segments = _one_action(context, data)
        rows += _effect_rows(action.id, data, pooled, segments)
        refusals += _partial_refusals(context, action.id, data, pooled, segments)
        spread[action.id] = segments.between_sd
    return LoopEffects(effects_table(rows, as_of), tuple(refusals), checks, spread)


def effects_table(rows: Many[Mapping[str, Any]], as_of: datetime) -> pa.Table:
    """Return EFFECTS of rows that hold everything but the date."""
    stamped = [{"as_of": as_of, "as_of_day": as_of.date().isoformat(), **row} for row in rows]
    return EFFECTS.check(pa.Table.from_pylist(stamped, schema=EFFECTS.schema))


def _refuse(action_id: str, data: ActionRows | None, check: RatioCheck | None) -> Refusal | None:
    what = f"effect of {action_id}"
    if data is None or not data.drew_action.any():
        return Refusal(what, "no matured decision has drawn it", "needs about 1 more cycle in which it is drawn")
    if not data.drew_none.any():
        return Refusal(what, "no action was never drawn beside it", "keep a control share above 0 and run a cycle")
    few = min(int(data.drew_action.sum()), int(data.drew_none.sum()))
    if few < LEAST_PER_ARM:
        return Refusal(what, f"only {few} decisions in the smaller arm", "needs about 1 more cycle")
    if check is not None and check.mismatch:
        return Refusal(
            what,
            f"drawn {check.drawn:,} times where the logged probabilities expect {check.expected:,.0f} (ratio mismatch)",
            "find out which decisions were lost or logged wrongly: alamo doctor",
        )
    return None


def _one_action(context: _Context, data: ActionRows) -> tuple[PooledEffect, SegmentTable]:
    log = context.log
    compared = data.drew_action | data.drew_none
    squared = _squared_residual(log, data)[compared]
    floor = residual_floor(squared, data.p_action[compared], data.p_none[compared])
    responded = log.responded[data.place]
    sequence = Sequence(
        variance=max(_average_variance(data.score, log.cycle[data.place]), floor),
        n=len(data.score),
        n_opt=float(context.planned_rows),
        nonzero_action=int((responded & data.drew_action).sum()),
        nonzero_control=int((responded & data.drew_none).sum()),
        least_chance=float(min(data.p_action.min(), data.p_none.min())),
    )
    pooled = pooled_effect(_clustered(data, log), sequence, context.level)
    return pooled, segment_effects(segment_scores(log, data).sums(), pooled.estimate, context.level)


def segment_scores(log: LoopLog, data: ActionRows) -> SegmentScores:
    """Return the scores of one action by the segments of `log`, their variance read off the predicted outcome."""
    compared = data.drew_action | data.drew_none
    expected = variance_by_level(
        data.mu_none[compared],
        _squared_residual(log, data)[compared],
        1.0 / (data.p_action[compared] + data.p_none[compared]),
        at=data.mu_none,
    )
    p_action, p_none = (np.maximum(p, LEAST_CHANCE) for p in (data.p_action, data.p_none))
    return SegmentScores(
        score=data.score,
        variance=expected * (1.0 / p_action + 1.0 / p_none),
        segment=log.segment[data.place],
        names=log.segment_names,
        in_action=data.drew_action,
        in_control=data.drew_none,
        covariates=log.covariates[data.place],
    )


def _squared_residual(log: LoopLog, data: ActionRows) -> Floats:
    """Return (Y − μ(x, A))², with μ(none) for whoever drew neither the action nor none, shape (n,)."""
    residual = log.outcome[data.place] - np.where(data.drew_action, data.mu_action, data.mu_none)
    return np.asarray(residual**2)


def _clustered(data: ActionRows, log: LoopLog) -> ScoreMean:
    """Mean score per decision with a standard error over units, which recur from cycle to cycle."""
    return mean_by_group(data.score, groups=log.unit[data.place])


def _average_variance(score: Floats, cycle: Integers) -> float:
    """Return the variance of the scores about their own cycle's mean, averaged over decisions."""
    centre = float(score.mean())
    moments = [Moments.of(score[cycle == number], origin=centre) for number in np.unique(cycle)]
    return sum(part.scatter for part in moments) / sum(part.n for part in moments)


def _effect_rows(
    action_id: str, data: ActionRows, pooled: PooledEffect, segments: SegmentTable
) -> list[dict[str, Any]]:
    anytime = pooled.anytime or (None, None)
    everybody = {
        "action_id": action_id,
        "segment": EVERYBODY,
        "mean_money": pooled.estimate.mean,
        "se": pooled.estimate.se,
        "lower": pooled.estimate.lower,
        "upper": pooled.estimate.upper,
        "anytime_lower": anytime[0],
        "anytime_upper": anytime[1],
        "n": int(data.drew_action.sum()),
        "n_control": int(data.drew_none.sum()),
        "baseline_money": float(data.gamma_none.mean()),
        "method": "doubly robust",
        "found": pooled.anytime_excludes_zero,
    }
    shrunk = [
        {
            "action_id": action_id,
            "segment": effect.name,
            "mean_money": effect.estimate.mean,
            "se": effect.estimate.se,
            "lower": effect.estimate.lower,
            "upper": effect.estimate.upper,
            "anytime_lower": None,
            "anytime_upper": None,
            "n": effect.n,
            "n_control": effect.n_control,
            "baseline_money": None,
            "method": effect.method,
            "found": effect.found,
        }
        for effect in segments.effects
    ]
    return [everybody, *shrunk]


def _partial_refusals(
    context: _Context, action_id: str, data: ActionRows, pooled: PooledEffect, segments: SegmentTable
) -> list[Refusal]:
    refusals = []
    what = f"always-valid interval of {action_id}"
    if data.n_left_out:
        reason = f"in {data.n_left_out:,} decisions the action or none had a chance below {LEAST_CHANCE:g}: left out"
        refusals.append(Refusal(f"effect of {action_id} everywhere", reason, _EXPLORE))
    if not pooled.sequence.enough:
        refusals.append(_too_few_outcomes(what, pooled.sequence, len(np.unique(context.log.cycle[data.place]))))
    if segments.too_small:
        shown = ", ".join(segments.too_small[:3]) + (" …" if len(segments.too_small) > 3 else "")
        refusals.append(
            Refusal(
                f"effect of {action_id} in {len(segments.too_small)} segment(s): {shown}",
                f"fewer than {LEAST_PER_ARM} decisions in one of the compared arms",
                "needs more cycles, or fewer and larger segments",
            )
        )
    return refusals


def _too_few_outcomes(what: str, sequence: Sequence, cycles: int) -> Refusal:
    few = min(sequence.nonzero_action, sequence.nonzero_control)
    more = max(int(np.ceil(cycles * (LEAST_NONZERO / max(few, 1) - 1.0))), 1)
    return Refusal(
        what,
        f"too few outcomes: {few} decisions with an order in the smaller arm, {LEAST_NONZERO} are needed",
        f"needs about {more} more cycle(s)",
    )
