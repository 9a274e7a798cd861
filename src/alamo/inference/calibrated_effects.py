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
from alamo.inference.calibration import Calibration, PairedScores, calibrate
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
    """

    dr_scores: pa.Table
    long_days: int
    measured_until: datetime | None


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
        _row(name, scores, one, evidence) | {"days_left": _days_left(one, own, data, (evidence, as_of))}
        for (name, data), scores, one in zip(found, paired, shown, strict=True)
    ]
    method = _method(sum(one.correction is not None for one in shown))
    stamped = [{**row, "as_of": as_of, "as_of_day": as_of.date().isoformat(), "method": method} for row in rows]
    table = CALIBRATED_EFFECTS.check(pa.Table.from_pylist(stamped, schema=CALIBRATED_EFFECTS.schema))
    return table, tuple(_refusal(row) for row in rows if row["label"] == PROXY)


def _comparable(log: LoopLog, action_id: str) -> ActionRows | None:
    rows = log.action(action_id)
    if rows is None or min(int(rows.drew_action.sum()), int(rows.drew_none.sum())) < LEAST_PER_ARM:
        return None
    return rows


def _paired(short: LoopLog, rows: ActionRows, long_rows: ActionRows | None) -> PairedScores:
    """Bring both scores of an action together by decision; too few closed windows in an arm count as none."""
    difference = np.full(len(short.outcome), np.nan)
    if long_rows is not None and min(long_rows.drew_action.sum(), long_rows.drew_none.sum()) >= LEAST_PER_ARM:
        difference[long_rows.place] = long_rows.score
    return PairedScores(rows.score, difference[rows.place], short.unit[rows.place], short.cycle[rows.place])


def _days_left(
    shown: Calibration, observations: pa.Table, rows: ActionRows, terms: tuple[LongEvidence, datetime]
) -> int | None:
    """Return the days until the first decision at which the action had a chance has seen its long window."""
    if shown.calibrated is not None:
        return None
    evidence, as_of = terms
    ordered = observations.sort_by([("decided_at", "ascending"), ("decision_id", "ascending")])
    first = pc.min(ordered["decided_at"].take(pa.array(rows.place))).as_py()
    waiting = first + timedelta(days=evidence.long_days) - as_of
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


def _refusal(row: Mapping[str, Any]) -> Refusal:
    days = row["days_left"]
    return Refusal(
        f"calibrated effect of {row['action_id']}",
        f"no decision about it has seen its {row['long_days']} days yet: what is shown is a proxy",
        f"needs about {days} more days" if days else "needs about 1 more cycle",
    )
