"""Micro-segments in the loop: found once, brought up to date every cycle, and reported with moves and forecasts.

They stand beside the segments that effects and decisions go by, and change neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.domain.reasons import Refusal
from alamo.domain.records import StepRecord
from alamo.domain.settings import SegmentsSettings
from alamo.domain.tables import CONTRACTS
from alamo.domain.time import end_of, utc
from alamo.engine.context import Context, rewrite
from alamo.engine.segmenting import behaviour_at, behaviour_back
from alamo.inference.micro_segments import (
    MicroSegments,
    SegmentSettings,
    SegmentsResult,
    describe_micro_segments,
    find_micro_segments,
    found_anew,
    refit_micro_segments,
)

_STEP = "/micro-segments"


def bring_up_to_date(context: Context, cycle: int, as_of: datetime) -> dict[str, Any]:
    """Find micro-segments, or refit those of an earlier cycle, and write who is in which; nothing where switched off.

    What was found for a cycle is found anew while that cycle lasts, always from the definition of the cycle before.
    """
    wanted = context.settings.segments
    if not wanted.find:
        return {}
    snapshots = _snapshots(context, as_of, context.settings.cycle_days)
    settings = SegmentSettings(wanted.least, month_days=context.settings.cycle_days, months=wanted.cycles_ahead)
    before = _newest(context, cycle - 1)
    try:
        if before is None:
            found = find_micro_segments(snapshots, settings)
        elif (before.month_days, before.months) != (settings.month_days, settings.months):
            found = found_anew(snapshots, before, settings)
        else:
            found = refit_micro_segments(snapshots, before, settings)
    except InsufficientDataError as refusal:
        cure = "wait for more history, or look ahead less: cycles_ahead = 1"
        reason = Refusal("micro-segments", refusal.message, cure)
        return {"micro_segments": None, "refusals": [reason.to_dict()]}
    definition, now = found.definition, context.clock.now()
    context.state.steps.finish(StepRecord(f"cycle-{cycle}{_STEP}", now, now, {"definition": definition.to_dict()}))
    assigned = definition.assign(snapshots[-1])
    numbers = pa.array(definition.numbers, pa.int64()).take(pa.array(definition.places(snapshots[-1])))
    table = CONTRACTS["micro_segments"].check(assigned.add_column(3, "number", numbers))
    rewrite(context, "micro_segments", table, {"as_of_day": as_of.date().isoformat()})
    return {
        "micro_segments": {
            "version": definition.version,
            "parent": definition.parent,
            "segments": len(definition.numbers),
        }
    }


def micro_segments_report(
    context: Context, moved_from: date | None = None, moved_to: date | None = None
) -> SegmentsResult:
    """Return the newest micro-segments: sizes, what is expected, who moved between two days, and the forecast.

    Parameters
    ----------
    moved_from, moved_to
        Days, both or none; by default the last cycle.

    Raises
    ------
    InsufficientDataError
        If none have been found yet; the hint says how.
    UsageError
        If one of the days is missing, or they are not in order.
    """
    definition = _newest(context, None)
    if definition is None:
        raise InsufficientDataError(
            "there are no micro-segments yet",
            hint="Set find = true under [segments] in alamo.toml, then: alamo infer",
            code="report.nothing_yet",
        )
    until = utc(date.fromisoformat(definition.as_of_day))
    return describe_micro_segments(
        _snapshots(context, until, definition.month_days),
        definition,
        level=context.settings.inference.level,
        currency=context.settings.currency,
        between=_between(context, until, moved_from, moved_to),
    )


def _between(
    context: Context, until: datetime, moved_from: date | None, moved_to: date | None
) -> tuple[pa.Table, pa.Table] | None:
    if moved_from is None and moved_to is None:
        return None
    last = until.date() - timedelta(days=1)
    if moved_from is None or moved_to is None or not moved_from < moved_to <= last:
        raise UsageError(
            f"there is no time from {moved_from} to {moved_to} in which to say who moved",
            hint=f"Give both days, up to {last}: alamo report micro-segments --from DATE --to {last}",
            code="segments.no_span",
        )
    settings = context.settings
    first, second = (
        behaviour_at(context.history, end_of(day), until, currency=settings.currency, margin=settings.margin)
        for day in (moved_from, moved_to)
    )
    if not first.num_rows:
        raise UsageError(
            f"nobody was a customer by {moved_from}",
            hint=f"Give a later day: alamo report micro-segments --from DATE --to {moved_to}",
            code="segments.no_span",
        )
    return first, second


def _snapshots(context: Context, until: datetime, days: int) -> list[pa.Table]:
    settings = context.settings
    return behaviour_back(context.history, until, days, currency=settings.currency, margin=settings.margin)


def _newest(context: Context, cycle: int | None) -> MicroSegments | None:
    """Return the definition of the newest cycle up to `cycle` (None: of all) that has one."""
    found: dict[int, Mapping[str, Any]] = {}
    for step in context.state.steps.all():
        if step.key.endswith(_STEP):
            found[int(step.key.removesuffix(_STEP).removeprefix("cycle-"))] = step.detail["definition"]
    known = [one for one in found if cycle is None or one <= cycle]
    return MicroSegments.from_dict(found[max(known)]) if known else None


def inputs(settings: SegmentsSettings) -> dict[str, str]:
    """Return what the fingerprint of inference holds of the settings; nothing where switched off."""
    return {"segments": str(settings)} if settings.find else {}
