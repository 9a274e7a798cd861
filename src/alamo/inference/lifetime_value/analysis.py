"""`alamo analyze lifetime-value`: a purchase-process model of any file of transactions, judged on a holdout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.inference.lifetime_value.choice import Candidate, choose_model, sampled
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma, Spending, fit_gamma_gamma
from alamo.inference.lifetime_value.holdout import Holdout, compare
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.predictive import purchase_intervals, total_interval
from alamo.inference.lifetime_value.purchase_fit import (
    MODELS,
    PARAMETERS,
    PurchaseFit,
    can_be_fitted,
    fit_purchases,
)
from alamo.inference.lifetime_value.result import LifetimeValueResult
from alamo.inference.lifetime_value.rolling import Recalibration, recalibrate, usual_miss
from alamo.inference.lifetime_value.spec import UNIT_DAYS, LifetimeValueSpec, wrong_option
from alamo.inference.lifetime_value.summary import PurchaseDays, PurchaseSummary, purchases_between, summarise
from alamo.inference.lifetime_value.transactions import Columns, read_purchases

Floats = npt.NDArray[np.float64]

MIN_CUSTOMERS = 10
_YEAR_DAYS = 364  # whole weeks, and whole days
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class _Span:
    """Days since 1970-01-01: the last one calibrated on, the last one in the file, and the days to predict."""

    until: int
    last: int
    horizon_days: float


def analyze_lifetime_value(table: pa.Table, spec: LifetimeValueSpec) -> LifetimeValueResult:
    """Fit purchases (see `MODELS`) and, with amounts, spending (Gamma-Gamma) to a table of transactions.

    Parameters
    ----------
    table
        One row per transaction.
    spec
        Columns, unit, calibration and horizon.

    Raises
    ------
    UsageError
        If a column or an option is wrong, or nothing happened up to `calibrate_until`.
    InputError
        If the table is empty or a row cannot be read.
    """
    columns = Columns(spec.customer, spec.time, spec.amount, spec.time_format)
    purchases, notes = read_purchases(table, columns)
    span = _span(purchases, spec)
    summary = summarise(purchases, span.until)
    obstacle = _obstacle(summary) or _weekly_obstacle(purchases, span, spec)
    if obstacle is not None:
        name = MODELS[0] if spec.model == "auto" else spec.model
        return LifetimeValueResult(
            model=name,
            parameters=PARAMETERS[name],
            n_customers=len(summary),
            customers=_customers_table(purchases, summary, _Forecast()),
            history=purchases,
            until_day=span.until,
            cohort_period=spec.cohorts,
            purchases=None,
            with_amount=spec.amount is not None,
            refusals=(*notes, obstacle),
        )
    fit, choice, recalibration, level_sd = _fit(purchases, span, spec)
    spending, spending_notes = _spending(summary)
    forecast = _forecast(fit, spending, summary, span, spec)
    holdout, holdout_notes = _holdout(purchases, summary, span, forecast.expected_purchases, spec)
    return LifetimeValueResult(
        model=fit.name,
        parameters=PARAMETERS[fit.name],
        stages=getattr(fit.fit.model, "stages", None) if fit.name == "bg-cnbd-k" else None,
        n_customers=len(summary),
        customers=_customers_table(purchases, summary, forecast),
        intervals=partial(purchase_intervals, fit, span.horizon_days, spec.level),
        history=purchases,
        until_day=span.until,
        cohort_period=spec.cohorts,
        purchases=fit.fit,
        spending=spending,
        with_amount=spec.amount is not None,
        holdout=holdout,
        choice=choice,
        recalibration=recalibration,
        total=total_interval(fit, span.horizon_days, spec.level, level_sd),
        refusals=(*notes, *_limit_note(fit.fit), *_interval_note(fit.fit), *spending_notes, *holdout_notes),
    )


def _fit(
    purchases: PurchaseDays, span: _Span, spec: LifetimeValueSpec
) -> tuple[PurchaseFit, tuple[Candidate, ...], Recalibration | None, float]:
    """Choose the model, fit it, and look at its past forecasts; nothing after the calibration is looked at.

    Returns the fit, how models compared, the recalibration if asked for, and how far forecasts of the total miss.
    """
    unit_days, name = UNIT_DAYS[spec.unit], spec.model
    choice: tuple[Candidate, ...] = ()
    if name == "auto":
        name, choice = choose_model(purchases, span.until, span.horizon_days, unit_days=unit_days)

    def fit(days: PurchaseDays, until_day: int) -> PurchaseFit:
        return fit_purchases(name, days, until_day, unit_days=unit_days, stages=spec.stages)

    def past(days: PurchaseDays) -> Callable[[int], PurchaseFit | None]:
        return lambda until_day: fit(days, until_day) if can_be_fitted(name, days, until_day) else None

    fitted = fit(purchases, span.until)
    if spec.recalibrate == "none":
        some = sampled(purchases, span.until)
        return fitted, choice, None, usual_miss(some, past(some), span.until, span.horizon_days)
    found = recalibrate(purchases, past(purchases), span.until, span.horizon_days)
    return fitted.recalibrated(found.level), choice, found, found.level_sd


def _weekly_obstacle(purchases: PurchaseDays, span: _Span, spec: LifetimeValueSpec) -> Refusal | None:
    if spec.model != "bg-bb" or can_be_fitted(spec.model, purchases, span.until):
        return None
    return Refusal(
        what="parameters and forecasts",
        reason="no customer bought in a second week, so BG/BB, which counts weeks, sees nobody come back",
        cure="choose another model, or a later --calibrate-until",
    )


def _span(purchases: PurchaseDays, spec: LifetimeValueSpec) -> _Span:
    first, last = int(purchases.day.min()), int(purchases.day.max())
    until = last if spec.calibrate_until is None else (spec.calibrate_until - _EPOCH).days
    if until < first:
        raise wrong_option(
            "calibrate-until", str(spec.calibrate_until), f"The file's first purchase is on {_date(first)}."
        )
    if until > last:
        raise wrong_option(
            "calibrate-until",
            str(spec.calibrate_until),
            f"The file's last purchase is on {_date(last)}: what comes after it is unknown, not silence.",
        )
    if spec.horizon is not None:
        return _Span(until, last, spec.horizon * UNIT_DAYS[spec.unit])
    return _Span(until, last, float(last - until if last > until else _YEAR_DAYS))


def _obstacle(summary: PurchaseSummary) -> Refusal | None:
    what = "purchase process"
    if len(summary) < MIN_CUSTOMERS:
        return Refusal(
            what=what,
            reason=f"{len(summary)} customers are too few to tell how customers differ",
            cure=f"needs at least {MIN_CUSTOMERS} customers who bought up to the end of the calibration",
        )
    if not (summary.x > 0).any():
        return Refusal(
            what=what,
            reason="no customer bought on a second day, so neither purchase rates nor departures can be seen",
            cure="needs customers with at least two purchase days: a longer history, or a later --calibrate-until",
        )
    return None


def _spending(summary: PurchaseSummary) -> tuple[Fitted[GammaGamma] | None, tuple[Refusal, ...]]:
    if summary.repeat_money is None:
        return None, ()
    data = Spending.of(summary.x, summary.repeat_money)
    if data.n_customers < MIN_CUSTOMERS:
        return None, (
            Refusal(
                what="money per purchase",
                reason=f"{data.n_customers} customers have repeat purchases with a positive amount",
                cure=f"needs at least {MIN_CUSTOMERS}",
            ),
        )
    fit = fit_gamma_gamma(data)
    return fit, _limit_note(fit)


def _limit_note(fit: Fitted[Any]) -> tuple[Refusal, ...]:
    if fit.identified:
        return ()
    lost = " and ".join(name for name, estimate in fit.estimates.items() if estimate is None)
    return (
        Refusal(
            what=f"estimates of {lost}",
            reason=f"heterogeneity is not identified: the likelihood is highest where {fit.limit}",
            cure="forecasts need none, they are those of the limit; estimates need more customers or a longer history",
        ),
    )


def _interval_note(fit: Fitted[Any]) -> tuple[Refusal, ...]:
    if fit.identified:
        return ()
    return (
        Refusal(
            what="uncertainty of the spread of customers in the intervals of purchases",
            reason="the intervals take the limit as known, and no data say how near to it the truth is",
            cure="read them as a least width, or bring more customers or a longer history",
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Forecast:
    """Columns of the customers' table, each of shape (n,) or None."""

    p_alive: Floats | None = None
    expected_purchases: Floats | None = None
    expected_money: Floats | None = None
    value: Floats | None = None


def _forecast(
    fit: PurchaseFit,
    spending: Fitted[GammaGamma] | None,
    summary: PurchaseSummary,
    span: _Span,
    spec: LifetimeValueSpec,
) -> _Forecast:
    count = fit.expected_purchases(span.horizon_days)
    if spending is None or summary.repeat_money is None:
        return _Forecast(fit.p_alive(), count)
    money = spending.model.expected_money(summary.x, summary.repeat_money)
    discounted = count if spec.discount_rate == 0.0 else fit.discounted_purchases(span.horizon_days, spec.discount_rate)
    return _Forecast(fit.p_alive(), count, money, spec.margin * money * discounted)


def _holdout(
    purchases: PurchaseDays, summary: PurchaseSummary, span: _Span, predicted: Floats | None, spec: LifetimeValueSpec
) -> tuple[Holdout | None, tuple[Refusal, ...]]:
    if spec.calibrate_until is None or predicted is None:
        return None, ()
    end = span.until + span.horizon_days
    if end > span.last:
        return None, (
            Refusal(
                what="holdout",
                reason=f"the file ends on {_date(span.last)}, before the horizon does",
                cure="choose an earlier --calibrate-until or a shorter --horizon",
            ),
        )
    return compare(predicted, purchases_between(purchases, summary, span.until, end)), ()


def _customers_table(purchases: PurchaseDays, summary: PurchaseSummary, forecast: _Forecast) -> pa.Table:
    nothing = pa.nulls(len(summary), pa.float64())

    def column(values: Floats | None) -> pa.Array:
        return nothing if values is None else pa.array(values)

    return pa.table(
        {
            "customer": purchases.customers.take(pa.array(summary.customer)),
            "x": pa.array(summary.x.astype(np.int64)),
            "t_x_days": pa.array(summary.t_x_days),
            "t_days": pa.array(summary.t_days),
            "p_alive": column(forecast.p_alive),
            "expected_purchases": column(forecast.expected_purchases),
            "expected_money_per_purchase": column(forecast.expected_money),
            "value": column(forecast.value),
        }
    )


def _date(day: int) -> str:
    return str(_EPOCH + timedelta(days=day))
