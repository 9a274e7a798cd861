"""Forecast against outcome: what a plan promised beside what its cycle brought, and residual value beside what came."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.inference.estimate import Estimate
from alamo.inference.health.checks import Check
from alamo.numerics.normal import z_value

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


def programme_forecast(promise: Promise, brought: Estimate, level: float) -> Check:
    """Return what a cycle brought less what its plan promised, in money over all its decisions.

    Judged against both errors: the one of measuring what came, and the one the plan's interval admitted.

    Parameters
    ----------
    promise
        Of the plan that decided the cycle, as an expectation over its draws.
    brought
        Doubly robust gain of the plan's decisions against contacting nobody.
    level
        Of the interval.
    """
    se = math.hypot(promise.se, brought.se)
    if brought.n < 2 or not math.isfinite(se) or se <= 0.0:
        return Check(FORECAST, PROGRAMME, brought.n, "no decision of the plan could be measured; see: alamo status")
    gap, z = brought.mean - promise.mean, z_value(level)
    return Check(
        FORECAST,
        PROGRAMME,
        brought.n,
        f"promised {promise.mean:,.0f} ({promise.mean - z * promise.se:,.0f} … {promise.mean + z * promise.se:,.0f}), "
        f"brought {brought.mean:,.0f} ({brought.mean - z * brought.se:,.0f} … {brought.mean + z * brought.se:,.0f})",
        expected=promise.mean,
        found=brought.mean,
        value=gap,
        lower=gap - z * se,
        upper=gap + z * se,
        threshold=0.0,
        p_value=math.erfc(abs(gap) / se / math.sqrt(2.0)),
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

    Source: ratio estimator, Cochran (1977), "Sampling Techniques", §6.4, on the log scale.
    """
    known = np.isfinite(predicted)
    predicted, came = predicted[known], came[known]
    buyers, total = int(np.count_nonzero(came)), float(predicted.sum())
    if buyers < LEAST_BUYERS or total <= 0.0 or came.sum() <= 0.0:
        what = f"{buyers} customers bought, {LEAST_BUYERS} are needed" if total > 0.0 else "no value model was fitted"
        return Check(VALUE_FORECAST, subject, len(came), f"{what}; wait for the next cycle")
    ratio = float(came.sum()) / total
    left = came - ratio * predicted
    se = float(np.sqrt(left @ left * len(came) / (len(came) - 1))) / float(came.sum())
    if not 0.0 < se < 1.0:
        reason = "what came has no error to judge by, or one as large as itself (returns?); wait for the next cycle"
        return Check(VALUE_FORECAST, subject, len(came), reason)
    beyond = (abs(math.log(ratio)) - math.log1p(TOLERANCE)) / se
    half = z_value(level) * se
    return Check(
        VALUE_FORECAST,
        subject,
        len(came),
        f"{came.sum():,.0f} came where {total:,.0f} were expected; between 0.8 and 1.25 of it nothing is wrong",
        expected=total,
        found=float(came.sum()),
        value=ratio,
        lower=ratio * math.exp(-half),
        upper=ratio * math.exp(half),
        threshold=1.0,
        p_value=0.5 * math.erfc(beyond / math.sqrt(2.0)),
    )
