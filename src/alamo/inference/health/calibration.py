"""Calibration out of time: values predicted before a cycle against what the cycle's own draws show.

Doubly robust scores stand for the unseen effect of each decision: their expectation is the true effect, whatever the
outcome model. If predictions are right, scores less predictions average to zero, and a line through them has slope one.
A slope below one: customers said to gain most gain less than that (the model believes too much in differences between
them); above one: more.

Source: Van Calster et al. (2019), "Calibration: the Achilles heel of predictive analytics", BMC Medicine 17, §"Levels
of calibration" (level and slope); on effects, with doubly robust scores as outcomes: Chernozhukov, Demirer, Duflo &
Fernández-Val (2018), "Generic machine learning inference on heterogeneous treatment effects", NBER 24678, §3.1.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from alamo.inference.health.checks import Check
from alamo.inference.health.judged_rows import JudgedRows
from alamo.numerics.clustered import Line, clustered_line
from alamo.numerics.skewed_mean import SkewedMean

LEVEL, SLOPE = "calibration level", "calibration slope"


def calibration(rows: JudgedRows, level: float) -> tuple[Check, Check]:
    """Return level and slope of one action's predictions; rows that nothing was predicted for are left out.

    Both are judged against the sampling error *and* the error that the model itself said all customers share: a model
    that said it was unsure is not blamed for it. Where that error grows with the prediction, it is one of the slope:
    without it the slope of a model as good as its data allow would be called wrong three times as often as promised.
    Rows weigh by the precision that their chances give them, which is known before the draw, so that a decision drawn
    at one in a thousand does not decide alone.

    Parameters
    ----------
    rows
        Of one finished cycle, with predictions frozen before it.
    level
        Of the intervals.
    """
    known = np.isfinite(rows.predicted)
    if rows.few or not known.any():
        few = rows.few or "nothing was predicted for this action; it is from the next cycle on"
        return _refused(LEVEL, rows, few), _refused(SLOPE, rows, few)
    rows = rows.part(known)
    if rows.few:
        few = f"of those that something was predicted for, {rows.few}"
        return _refused(LEVEL, rows, few), _refused(SLOPE, rows, few)
    line = clustered_line(rows.predicted, rows.effect, rows.weight, rows.unit)
    few = rows.few_buyers
    return _refused(LEVEL, rows, few) if few else _level(rows, level), _slope(rows, line, level)


def _refused(check: str, rows: JudgedRows, reason: str) -> Check:
    return Check(check, rows.action_id, rows.n_units, reason)


def _level(rows: JudgedRows, level: float) -> Check:
    measured = SkewedMean.of(rows.weight * (rows.effect - rows.predicted), rows.unit, rows.weight)
    expected = float(np.average(rows.predicted, weights=rows.weight))
    shared = float(np.average(rows.shared_sd, weights=rows.weight))
    gap = measured.less(0.0, shared)
    lower, upper = gap.interval(level)
    return Check(
        LEVEL,
        rows.action_id,
        gap.n,
        "what the decisions show less what was predicted, per decision and net of cost; the interval holds the error "
        f"of the measurement ({measured.se:.3g}) and the one the model said it has ({shared:.3g})",
        expected=expected,
        found=expected + gap.mean,
        value=gap.mean,
        lower=lower,
        upper=upper,
        threshold=0.0,
        p_value=gap.p_value(),
    )


def _slope(rows: JudgedRows, line: Line, level: float) -> Check:
    if not (math.isfinite(line.slope) and line.slope_se > 0.0):  # an error is NaN where a line without one is none
        reason = "the same was predicted for every customer, or for all but one, so there is no difference to judge"
        return Check(SLOPE, rows.action_id, line.n_clusters, reason)
    admitted = _admitted(rows)
    whole = replace(line, slope_se=math.hypot(line.slope_se, admitted))
    lower, upper = whole.interval(level)
    return Check(
        SLOPE,
        rows.action_id,
        line.n_clusters,
        "how much of a predicted difference between customers is there: 1 all of it, 0 nothing; the interval holds the "
        f"error of the measurement ({line.slope_se:.3g}) and the one the model said it has ({admitted:.3g})",
        expected=1.0,
        found=line.slope,
        value=line.slope,
        lower=lower,
        upper=upper,
        threshold=1.0,
        p_value=whole.p_value(1.0),
    )


def _admitted(rows: JudgedRows) -> float:
    """Return by how much the slope is off where all predictions are off by one shared standard deviation.

    A standard deviation has no sign: it is taken as the same for all, and with the sign of the prediction, whichever
    moves the slope more.
    """
    apart = rows.weight * (rows.predicted - np.average(rows.predicted, weights=rows.weight))
    moved = [float(apart @ error) for error in (rows.shared_sd, rows.shared_sd * np.sign(rows.predicted))]
    return max(abs(one) for one in moved) / float(apart @ rows.predicted)
