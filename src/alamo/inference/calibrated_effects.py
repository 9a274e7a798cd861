"""Calibrated effects of the loop: proxy, correction and calibrated effect of every action, side by side with a date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action
from alamo.domain.long_tables import CALIBRATED_EFFECTS
from alamo.domain.reasons import Refusal
from alamo.inference.calibration import LEAST_CYCLES, NO_SPREAD, Calibration, PairedScores, calibrate
from alamo.inference.estimate import Estimate
from alamo.inference.loop_rows import ActionRows, LoopLog
from alamo.inference.segment_effects import LEAST_PER_ARM
from alamo.numerics.normal_normal import LEAST_TOGETHER

Floats = npt.NDArray[np.float64]

PROXY, CALIBRATED = "proxy", "calibrated"

_NEEDED = ("decision_id", "unit_id", "cycle", "decided_at", "action_id", "orders_window", "segment", "outcome_money")
_PARTS = ("money", "se", "lower", "upper")


@dataclass(frozen=True, slots=True)
class LongEvidence:
    """What is known of the longer outcome.

    Attributes
    ----------
    dr_scores
        LONG_DR_SCORES.
    long_days
        Length of the long window.
    measured_until
        End of the newest long window that was measured; None while none has closed.
    cycle_days
        Length of a cycle: when the decisions still needed will be made.
    """

    dr_scores: pa.Table
    long_days: int
    measured_until: datetime | None
    cycle_days: int


def calibrated_effects(
    dr_scores: pa.Table,
    observations: pa.Table,
    evidence: LongEvidence,
    *,
    as_of: datetime,
    actions: Sequence[Action],
    level: float,
) -> tuple[pa.Table, tuple[Refusal, ...]]:
    """Return CALIBRATED_EFFECTS and what is only a proxy yet, with how long it will stay one.

    Parameters
    ----------
    dr_scores
        DR_SCORES of the short outcome, all matured cycles.
    observations
        OBSERVATIONS with ``outcome_money`` and ``segment``; imported experiments (cycles below 1) are left out, for
        their outcome is the file's.
    evidence
        What is known of the longer outcome.
    as_of
        Moment of the estimate (UTC).
    actions
        The project's actions; one that cannot be compared with none yet has no row.
    level
        Of the fixed-n intervals.
    """
    own = observations.filter(pc.greater_equal(observations["cycle"], 1)).select(list(_NEEDED))
    short = LoopLog.of(dr_scores.filter(pc.greater_equal(dr_scores["cycle"], 1)), own)
    long = LoopLog.of(evidence.dr_scores, own)
    looked_at = [(action.id, _comparable(short, action.id)) for action in actions]
    found = [(name, data) for name, data in looked_at if data is not None]
    if not found:
        return CALIBRATED_EFFECTS.empty(), ()
    paired = [_paired(short, data, long.action(name)) for name, data in found]
    shown = calibrate(paired, level)
    rows = [
        _row(name, scores, one, evidence)
        | {
            "days_left": _days_left(
                one, own, np.unique(scores.cycle[_in_full_cycle(short, data)]).tolist(), (evidence, as_of)
            )
        }
        for (name, data), scores, one in zip(found, paired, shown, strict=True)
    ]
    method = _method(sum(one.correction is not None for one in shown))
    stamped = [{**row, "as_of": as_of, "as_of_day": as_of.date().isoformat(), "method": method} for row in rows]
    table = CALIBRATED_EFFECTS.check(pa.Table.from_pylist(stamped, schema=CALIBRATED_EFFECTS.schema))
    refused = [(row, one) for row, one in zip(rows, shown, strict=True) if one.refused is not None]
    return table, tuple(_refusal(row, one) for row, one in refused)


def _comparable(log: LoopLog, action_id: str) -> ActionRows | None:
    rows = log.action(action_id)
    if rows is None or min(int(rows.drew_action.sum()), int(rows.drew_none.sum())) < LEAST_PER_ARM:
        return None
    return rows


def _paired(short: LoopLog, rows: ActionRows, long_rows: ActionRows | None) -> PairedScores:
    """Bring both scores of an action together by decision; a cycle with too few closed windows in an arm is open."""
    difference = np.full(len(short.outcome), np.nan)
    if long_rows is not None:
        difference[long_rows.place] = np.where(_in_full_cycle(short, long_rows), long_rows.score, np.nan)
    return PairedScores(rows.score, difference[rows.place], short.unit[rows.place], short.cycle[rows.place])


def _in_full_cycle(log: LoopLog, rows: ActionRows) -> npt.NDArray[np.bool_]:
    """Return whether both arms of a row's cycle have `LEAST_PER_ARM` rows, shape (n,)."""
    _, code = np.unique(log.cycle[rows.place], return_inverse=True)
    arms = (np.bincount(code, drew, minlength=1) for drew in (rows.drew_action, rows.drew_none))
    return (np.minimum(*arms) >= LEAST_PER_ARM)[code]


def _days_left(
    shown: Calibration, observations: pa.Table, full: Sequence[int], terms: tuple[LongEvidence, datetime]
) -> int | None:
    """Return the days until `LEAST_CYCLES` of the cycles in which the action had a chance have seen their long window.

    `full` are the cycles so far with enough decisions; those still needed are taken to follow one by one. None where
    the effect is calibrated, or waiting is not what it needs.
    """
    if shown.calibrated is not None or shown.refused == NO_SPREAD:
        return None
    evidence, as_of = terms
    needed = sorted(full)[:LEAST_CYCLES]
    decided = observations.filter(pc.is_in(observations["cycle"], pa.array(needed, pa.int64())))
    newest = pc.max(decided["decided_at"]).as_py() or as_of
    missing = timedelta(days=(LEAST_CYCLES - len(needed)) * evidence.cycle_days)
    waiting = newest + missing + timedelta(days=evidence.long_days) - as_of
    return max(-(-waiting // timedelta(days=1)), 0)


def _method(together: int) -> str:
    shrunk = f", {together} corrections shrunk together" if together >= LEAST_TOGETHER else ""
    return f"doubly robust, longer outcomes of the same decisions{shrunk}"


def _row(action_id: str, scores: PairedScores, shown: Calibration, evidence: LongEvidence) -> dict[str, Any]:
    closed = scores.closed
    return {
        "action_id": action_id,
        "label": PROXY if shown.calibrated is None else CALIBRATED,
        "long_days": evidence.long_days,
        **_estimate("proxy", shown.proxy),
        **_estimate("correction", shown.correction),
        **_estimate("calibrated", shown.calibrated),
        "n": len(closed),
        "n_long": int(closed.sum()),
        "cycles_long": len(np.unique(scores.cycle[closed])),
        "measured_until": evidence.measured_until if closed.any() else None,
    }


def _estimate(part: str, estimate: Estimate | None) -> Mapping[str, float | None]:
    if estimate is None:
        return {f"{part}_{what}": None for what in _PARTS}
    values = (estimate.mean, estimate.se, estimate.lower, estimate.upper)
    return {f"{part}_{what}": value for what, value in zip(_PARTS, values, strict=True)}


def _refusal(row: Mapping[str, Any], shown: Calibration) -> Refusal:
    what = f"calibrated effect of {row['action_id']}"
    if shown.refused == NO_SPREAD:
        return Refusal(
            what,
            "no spread in the longer outcome: it differs from the short one by the same amount in every decision",
            "look at what the margin of the longer outcome is made of, with: alamo report effects",
        )
    days, cycles = row["days_left"], row["cycles_long"]
    seen = f"decisions of {cycles} cycle{'' if cycles == 1 else 's'} have" if cycles else "no decision about it has"
    yet = f"seen the {row['long_days']} days yet, {LEAST_CYCLES} cycles are needed"
    return Refusal(
        what,
        f"{seen} {yet}: what is shown is a proxy",
        f"needs about {days} more days" if days else "needs about 1 more cycle",
    )
