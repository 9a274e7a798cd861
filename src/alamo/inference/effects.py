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
import pyarrow as pa

from alamo.domain.action import Action
from alamo.domain.reasons import Refusal
from alamo.domain.settings import InferenceSettings
from alamo.domain.tables import EFFECTS
from alamo.inference.comparison import PooledEffect, Sequence, pooled_effect
from alamo.inference.effect_sums import ActionSums, BinnedSums
from alamo.inference.loop_ratio import RatioCheck, ratio_check
from alamo.inference.segment_effects import LEAST_PER_ARM, SegmentSums, SegmentTable, segment_effects
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO
from alamo.numerics.doubly_robust import variance_of_bins

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
        Per action: p-value, number drawn and number expected, and the cycle and day at which it first failed.
    between_segment_sd
        Per action: standard deviation between segments; None where not identified.
    """

    table: pa.Table
    refusals: tuple[Refusal, ...]
    ratio_checks: Mapping[str, Mapping[str, Any]]
    between_segment_sd: Mapping[str, float | None]


def loop_effects(
    sums: Mapping[str, ActionSums],
    *,
    as_of: datetime,
    actions: Many[Action],
    inference: InferenceSettings,
    planned_rows: int,
) -> LoopEffects:
    """Return the effect of every action, pooled and per segment.

    Parameters
    ----------
    sums
        Of the scores of all matured cycles, by action (`alamo.inference.effect_sums`).
    as_of
        Moment of the estimate (UTC).
    actions
        The project's actions; one that was never drawn is refused with what would cure it.
    inference
        Level of the intervals.
    planned_rows
        Decisions at the planned horizon, fixed before the first look: there the always-valid intervals are tightest.
    """
    rows: list[dict[str, Any]] = []
    refusals: list[Refusal] = []
    checks: dict[str, Mapping[str, Any]] = {}
    spread: dict[str, float | None] = {}
    for action in actions:
        data = sums.get(action.id)
        check = None if data is None else ratio_check(data.cycles)
        if check is not None:
            checks[action.id] = check.to_dict()
        refusal = refusal_of(action.id, data, check)
        if data is None or refusal is not None:
            refusals += [refusal] if refusal is not None else []
            continue
        pooled, segments = _one_action(data, inference.level, planned_rows)
        rows += _effect_rows(action.id, data, pooled, segments)
        refusals += _partial_refusals(action.id, data, pooled, segments)
        spread[action.id] = segments.between_sd
    return LoopEffects(effects_table(rows, as_of), tuple(refusals), checks, spread)


def effects_table(rows: Many[Mapping[str, Any]], as_of: datetime) -> pa.Table:
    """Return EFFECTS of rows that hold everything but the date."""
    stamped = [{"as_of": as_of, "as_of_day": as_of.date().isoformat(), **row} for row in rows]
    return EFFECTS.check(pa.Table.from_pylist(stamped, schema=EFFECTS.schema))


def refusal_of(action_id: str, data: ActionSums | None, check: RatioCheck | None) -> Refusal | None:
    """Return why an action cannot be compared with none at all, or None."""
    what = f"effect of {action_id}"
    if data is None or not data.cycles.n_action.any():
        return Refusal(what, "no matured decision has drawn it", "needs about 1 more cycle in which it is drawn")
    if not data.cycles.n_control.any():
        return Refusal(what, "no action was never drawn beside it", "keep a control share above 0 and run a cycle")
    few = int(min(data.cycles.n_action.sum(), data.cycles.n_control.sum()))
    if few < LEAST_PER_ARM:
        return Refusal(what, f"only {few} decisions in the smaller arm", "needs about 1 more cycle")
    if check is not None and check.mismatch:
        return Refusal(
            what,
            f"drawn {check.drawn:,} times where the logged probabilities expect {check.expected:,.0f} (ratio mismatch"
            f"{_since(check)})",
            "find out which decisions were lost or logged wrongly: alamo doctor",
        )
    return None


def _since(check: RatioCheck) -> str:
    if check.tripped_at is None:
        return ""
    return f", first seen in cycle {check.tripped_cycle}, decided on {check.tripped_at.date().isoformat()}"


def _one_action(data: ActionSums, level: float, planned_rows: int) -> tuple[PooledEffect, SegmentTable]:
    cycles = data.cycles
    n = float(cycles.n.sum())
    sequence = Sequence(
        variance=max(float(cycles.scatter.sum()) / n, float(cycles.residual.sum() / cycles.weight.sum())),
        n=int(n),
        n_opt=float(planned_rows),
        nonzero_action=int(cycles.nonzero_action.sum()),
        nonzero_control=int(cycles.nonzero_control.sum()),
        least_chance=float(cycles.least_chance.min()),
    )
    pooled = pooled_effect(data.units.mean(), sequence, level)
    return pooled, segment_effects(segment_sums(data, data.segments), pooled.estimate, level)


def segment_sums(data: ActionSums, by: BinnedSums) -> SegmentSums:
    """Return the sums of one action by the segments of `by`, their variance read off the predicted outcome.

    The same as `alamo.inference.loop_rows.segment_scores` adds up to, without its rows.
    """
    n, score = float(data.cycles.n.sum()), float(data.cycles.score.sum())
    squares, weight = by.residual.sum(axis=0), by.weight.sum(axis=0)
    variance = by.inverse @ variance_of_bins(squares, weight, float(squares.sum() / weight.sum()))
    typical = float(variance.sum()) / n
    own = max(float(data.cycles.squares.sum()) / n - (score / n) ** 2, 0.0)
    return SegmentSums(
        names=by.names,
        n_action=by.n_action.sum(axis=1),
        n_control=by.n_control.sum(axis=1),
        size=by.n.sum(axis=1),
        score=by.score.sum(axis=1),
        variance=variance * (own / typical if typical > 0.0 else 0.0),
        covariates=by.features,
    )


def _effect_rows(
    action_id: str, data: ActionSums, pooled: PooledEffect, segments: SegmentTable
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
        "n": int(data.cycles.n_action.sum()),
        "n_control": int(data.cycles.n_control.sum()),
        "baseline_money": float(data.cycles.gamma_none.sum() / data.cycles.n.sum()),
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


def _partial_refusals(action_id: str, data: ActionSums, pooled: PooledEffect, segments: SegmentTable) -> list[Refusal]:
    refusals = []
    what = f"always-valid interval of {action_id}"
    if data.n_left_out:
        reason = f"in {data.n_left_out:,} decisions the action or none had a chance below {LEAST_CHANCE:g}: left out"
        refusals.append(Refusal(f"effect of {action_id} everywhere", reason, _EXPLORE))
    if not pooled.sequence.enough:
        refusals.append(_too_few_outcomes(what, pooled.sequence, len(data.cycles)))
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
