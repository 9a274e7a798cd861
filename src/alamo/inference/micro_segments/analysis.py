"""From profiles of past months to segments, what is expected of them, and what a refit changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.expected import expected_by_segment
from alamo.inference.micro_segments.fitting import FoundSegments, find_micro_segments
from alamo.inference.micro_segments.forecast import forecast_segments
from alamo.inference.micro_segments.moves import migration
from alamo.inference.micro_segments.refitting import refit_micro_segments
from alamo.inference.micro_segments.result import SegmentsResult
from alamo.inference.micro_segments.spec import SegmentSpec
from alamo.numerics.agreement import adjusted_rand


def analyze_micro_segments(
    snapshots: Sequence[pa.Table],
    spec: SegmentSpec,
    previous: MicroSegments | None = None,
    between: tuple[pa.Table, pa.Table] | None = None,
) -> SegmentsResult:
    """Return the micro-segments of the customers of the last snapshot.

    Parameters
    ----------
    snapshots
        PROFILES at equal steps of `spec.month_days` (those of `previous`, where given), oldest first.
    spec
        What to look for.
    previous
        A definition to bring up to date instead of finding a new one.
    between
        Profiles of the two days between which to say who moved; None: the last two snapshots.

    Raises
    ------
    InsufficientDataError
        If no outcome is known yet, or there are too few customers.
    """
    if previous is None:
        found = find_micro_segments(snapshots, spec.settings)
    else:
        settings = spec.settings if spec.least is not None else replace(spec.settings, least=previous.least)
        found = refit_micro_segments(snapshots, previous, settings)
    described = describe_micro_segments(
        snapshots, found.definition, level=spec.level, currency=spec.currency, between=between
    )
    days = [str(table["as_of_day"][0].as_py()) for table in snapshots]
    return replace(
        described,
        choice=found.choice,
        learnt=tuple(days[k] for k in found.learnt),
        judged=tuple(days[k] for k in found.judged),
        changes=None if previous is None else _changes(snapshots[-1], previous, found.definition),
        refusals=_refusals(found),
    )


def describe_micro_segments(
    snapshots: Sequence[pa.Table],
    definition: MicroSegments,
    *,
    level: float,
    currency: str,
    between: tuple[pa.Table, pa.Table] | None = None,
) -> SegmentsResult:
    """Return what is to be said of segments that are there: sizes, what is expected, moves, and the forecast.

    Parameters
    ----------
    snapshots, between
        As in `analyze_micro_segments`, at the steps of `definition`.
    level
        Of the intervals of the forecast.
    """
    before, after = between or (snapshots[max(len(snapshots) - 2, 0)], snapshots[-1])
    forecast, scores = forecast_segments(snapshots, definition, definition.months, level=level)
    return SegmentsResult(
        definition=definition,
        today=snapshots[-1],
        places=definition.places(snapshots[-1]),
        expected=expected_by_segment(snapshots, definition),
        moves=migration(before, after, definition),
        forecast=forecast,
        scores=scores,
        currency=currency,
    )


def _changes(today: pa.Table, old: MicroSegments, new: MicroSegments) -> dict[str, object]:
    """Say how far the two definitions agree on today's customers, and which segments came and went."""
    before, after = old.places(today), new.places(today)
    same = np.array(old.numbers)[before] == np.array(new.numbers)[after]
    return {
        "adjusted_rand": adjusted_rand(before, after),
        "same_number": float(same.mean()),
        "kept": sorted(set(old.numbers) & set(new.numbers)),
        "new": sorted(set(new.numbers) - set(old.numbers)),
        "gone": sorted(set(old.numbers) - set(new.numbers)),
    }


def _refusals(found: FoundSegments) -> tuple[Refusal, ...]:
    refusals = []
    if found.choice is not None and not found.choice.found:
        refusals.append(
            Refusal(
                what="segments below the lifecycle stages",
                reason="no partition predicts what was held back better than chance",
                cure="bring a longer history or more customers; until then the stages are the segments",
            )
        )
    if found.learnt == found.judged:
        refusals.append(
            Refusal(
                what="a judgement on later months",
                reason="the outcome of one month only is known, so other customers of that month judge",
                cure="bring a history of at least two months more than it looks ahead",
            )
        )
    return tuple(refusals)
