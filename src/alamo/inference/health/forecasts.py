"""Forecast against outcome: what a plan promised beside what its cycle brought, and residual value beside what came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.inference.health.checks import Check
from alamo.inference.health.plan_gain import PlanGain
from alamo.numerics.confidence_sequence import LEAST_NONZERO
from alamo.numerics.normal import z_value
from alamo.numerics.skewed_mean import SkewedMean

Floats = npt.NDArray[np.float64]

FORECAST, VALUE_FORECAST = "forecast", "value forecast"
TOLERANCE = 0.25
"""A total that is off by less, either way as a factor, is no fault: seasons and prices move totals without the model
being wrong about customers."""
LEAST_BUYERS = 50
PROGRAMME = "programme"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a plan expected its cycle to gain against contacting nobody, money, and its standard error."""

    mean: float
    se: float


def programme_forecast(promise: Promise, brought: PlanGain, level: float) -> Check:
    """Return what a cycle brought less what its plan promised, in money over all its decisions.

    Judged against both errors: the one of measuring what came, and the one the plan's interval admitted. Where few
    bought in one of the arms its error cannot be told, and nothing is said; where nobody bought at all, what came is
    certain, and a plan that was sure of a gain is told that there was none.

    Parameters
    ----------
    promise
        Of the plan that decided the cycle, as an expectation over its draws.
    brought
        Doubly robust gain of the plan's decisions against contacting nobody.
    level
        Of the interval.
    """
    gap, n = brought.total.less(promise.mean, promise.se), brought.n
    if brought.total.n < 2 or not gap.se > 0.0:
        return Check(FORECAST, PROGRAMME, n, "no decision of the plan could be measured; see: alamo status")
    if any(brought.buyers) and min(brought.buyers) < LEAST_NONZERO:
        few = "{:,} of those who drew an action bought, and {:,} of those who drew none".format(*brought.buyers)
        return Check(FORECAST, PROGRAMME, n, f"{few}; {LEAST_NONZERO} of both are needed; wait for the next cycle")
    (lower, upper), (low, high), z = gap.interval(level), brought.total.interval(level), z_value(level)
    return Check(
        FORECAST,
        PROGRAMME,
        n,
        f"promised {promise.mean:,.0f} ({promise.mean - z * promise.se:,.0f} … {promise.mean + z * promise.se:,.0f}), "
        f"brought {brought.total.mean:,.0f} ({low:,.0f} … {high:,.0f})",
        expected=promise.mean,
        found=brought.total.mean,
        value=gap.mean,
        lower=lower,
        upper=upper,
        threshold=0.0,
        p_value=gap.p_value(),
    )


def value_forecast(subject: str, predicted: Floats, came: Floats, level: float) -> Check:
    """Return the margin that came as a share of the one a frozen value model expected in the same days.

    `value` is the ratio of the two totals; it fails where chance does not explain that it lies outside 0.8 … 1.25.

    Parameters
    ----------
    subject
        The span of days, in words.
    predicted, came
        Expected and realised margin of each customer, money, shape (n,); customers of whom nothing was expected, since
        nothing was known of them at the start, hold NaN and are left out.
    level
        Of the interval.

    Assumes
    -------
    Customers buy independently of each other. What moves all of them (season, prices) is not in the error, hence the
    tolerance.

    Source: ratio estimator, Cochran (1977), "Sampling Techniques", §6.4.
    """
    known = np.isfinite(predicted)
    predicted, came = predicted[known], came[known]
    buyers, total = int(np.count_nonzero(came)), float(predicted.sum())
    if buyers < LEAST_BUYERS or total <= 0.0 or came.sum() <= 0.0:
        what = f"{buyers} customers bought, {LEAST_BUYERS} are needed" if total > 0.0 else "no value model was fitted"
        return Check(VALUE_FORECAST, subject, len(came), f"{what}; wait for the next cycle")
    ratio = SkewedMean.of(came, units=predicted)
    if not 0.0 < ratio.se < ratio.mean:
        reason = "what came has no error to judge by, or one as large as itself (returns?); wait for the next cycle"
        return Check(VALUE_FORECAST, subject, len(came), reason)
    lower, upper = ratio.interval(level)
    most = 1.0 + TOLERANCE
    return Check(
        VALUE_FORECAST,
        subject,
        len(came),
        f"{came.sum():,.0f} came where {total:,.0f} were expected; between 0.8 and 1.25 of it nothing is wrong",
        expected=total,
        found=float(came.sum()),
        value=ratio.mean,
        lower=lower,
        upper=upper,
        threshold=1.0,
        p_value=ratio.less(most).p_above() if ratio.mean > 1.0 else ratio.less(1.0 / most).p_below(),
    )
