"""Effects of an experiment file by day, week or month, and whether they wear off.

A row belongs to the period of its own time: with one row per unit that is when the unit came, so the effects are those
of successive cohorts, and with one row per decision those of successive decisions. The trend is a line through the
scores over the periods, with errors by independent group; a trend that is no line is not found by it.

Without given probabilities the arms' shares are those of each period: an action may be rolled out bit by bit.

Assumes that the mix of units does not change with time, or that features tell of it: else a trend may be theirs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_comparison import Comparison, levelled_effect, levelled_scores
from alamo.inference.experiment_result import PeriodRow, Trend
from alamo.inference.experiment_spec import Period
from alamo.inference.segment_effects import LEAST_PER_ARM
from alamo.numerics.clustered import Line, clustered_line

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1)
_LEAST_PERIODS = 3


def effects_over_time(
    comparison: Comparison, by: Period, level: float
) -> tuple[tuple[PeriodRow, ...], Trend | None, tuple[Refusal, ...]]:
    """Return the effect in every period, the trend through them, and why some are left out."""
    what = f"effect of {comparison.action!r} on {comparison.outcome!r} over time"
    time = comparison.rows.time
    if time is None or not comparison.rows.dated:
        return (), None, (Refusal(what, "no column of dates is named", "name it: --time COL"),)
    if comparison.outcome in comparison.rows.ratios:
        return (), None, (Refusal(what, "a ratio is given over all periods only", "name its parts: --outcome COL,COL"),)
    place = period_places(time, by)
    comparison = _drawn_by_period(comparison, place)
    kept, rows, thin = [], [], 0
    for period in np.unique(place[place >= 0]):
        inside = place == period
        sizes = [comparison.units(inside & arm) for arm in (comparison.in_action, comparison.in_control)]
        clusters = [comparison.clusters(inside & arm) for arm in (comparison.in_action, comparison.in_control)]
        if min(sizes) < LEAST_PER_ARM or 1 in clusters:
            thin += 1
            continue
        estimate = levelled_effect(comparison, inside, level)
        begin = period_start(float(time[inside].min()), by, float(np.nanmin(time)))
        rows.append(
            PeriodRow(comparison.action, comparison.outcome, begin.isoformat(), estimate.mean, estimate.se,
                      estimate.lower, estimate.upper, sizes[0], sizes[1])
        )  # fmt: skip
        kept.append(int(period))
    refusals = []
    if thin:
        reason = f"fewer than {LEAST_PER_ARM} units in one of the compared arms in {thin} {by}(s)"
        refusals.append(Refusal(what, reason, "take longer periods: --over-time month"))
    if len(kept) < _LEAST_PERIODS:
        reason = f"a trend needs {_LEAST_PERIODS} periods, there are {len(kept)}"
        refusals.append(Refusal(f"trend of the {what}", reason, "take shorter periods: --over-time day"))
        return tuple(rows), None, tuple(refusals)
    return tuple(rows), _trend(comparison, _line(comparison, place, kept), (by, level), kept[0]), tuple(refusals)


def period_places(time: Floats, by: Period) -> Integers:
    """Return the number of each row's period, from 0 at the first time, −1 where it is missing, shape (n,)."""
    known = np.isfinite(time)
    day = np.floor(np.where(known, time, np.nanmin(time))).astype(np.int64)
    if by == "month":
        month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        place = month - month.min()
    else:
        place = (day - day.min()) // (7 if by == "week" else 1)
    return np.where(known, place, -1).astype(np.int64)


def period_start(time: float, by: Period, first: float) -> date:
    """Return the first day of the period that holds `time`; weeks begin on the weekday of the `first` time."""
    day = _EPOCH + timedelta(days=int(np.floor(time)))
    if by == "month":
        return day.replace(day=1)
    since = int(np.floor(time)) - int(np.floor(first))
    return day - timedelta(days=since % 7) if by == "week" else day


def _drawn_by_period(comparison: Comparison, place: Integers) -> Comparison:
    """Return the comparison with shares of the arms taken anew in every period, unless probabilities are given.

    Where an action was rolled out bit by bit, the file's shares are those of no period, and errors would be too small.
    """
    chance, arm = comparison.chance, comparison.rows.arm
    if not chance.estimated:
        return comparison
    drawn, (n_periods, n_arms) = place - place.min(), (int(np.ptp(place)) + 1, len(comparison.rows.arms))
    counts = np.bincount(drawn * n_arms + arm, minlength=n_periods * n_arms).reshape(n_periods, n_arms)
    return replace(comparison, chance=replace(chance, drawn=(counts[drawn, arm] / counts.sum(axis=1)[drawn])))


def _line(comparison: Comparison, place: Integers, kept: list[int]) -> Line:
    scores, periods, groups = [], [], []
    every = np.arange(len(place)) if comparison.rows.groups is None else comparison.rows.groups
    for period in kept:
        inside = place == period
        gamma = levelled_scores(comparison, inside)
        scores.append(gamma[:, comparison.arm] - gamma[:, 0])
        periods.append(np.full(len(gamma), float(period)))
        groups.append(every[inside])
    y = np.concatenate(scores)
    return clustered_line(np.concatenate(periods), y, np.ones(len(y)), np.concatenate(groups))


def _trend(comparison: Comparison, line: Line, terms: tuple[Period, float], begin: int) -> Trend | None:
    """Return the line as a trend, in words beside the effect that it says was there in the period `begin`."""
    by, level = terms
    first = line.intercept + line.slope * begin
    if not line.slope_se > 0.0:  # every row shows the same, or time does not vary: nothing to judge by
        return None
    lower, upper = line.interval(level)
    found = lower > 0.0 or upper < 0.0
    says = "no trend found" if not found else "grows" if line.slope * first > 0.0 else "wears off"
    return Trend(comparison.action, comparison.outcome, by, line.slope, lower, upper, line.p_value(0.0), says)
