"""`alamo analyze lifetime-value`: a purchase-process model of any file of transactions, judged on a holdout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma, Spending, fit_gamma_gamma
from alamo.inference.lifetime_value.holdout import Holdout, compare
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.result import LifetimeValueResult
from alamo.inference.lifetime_value.summary import PurchaseDays, PurchaseSummary, purchases_between, summarise
from alamo.inference.lifetime_value.transactions import Columns, read_purchases

Floats = npt.NDArray[np.float64]

MODELS = ("auto", "bg-nbd")
MIN_CUSTOMERS = 10
_UNIT_DAYS = {"day": 1, "week": 7}
_YEAR_DAYS = 364  # whole weeks, and whole days
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class LifetimeValueSpec:
    """What to analyse.

    Attributes
    ----------
    customer, time, amount
        Column names; without `amount` purchases are counted but not valued.
    time_format
        As for `strptime`; None for dates, timestamps and ISO 8601 text.
    unit
        Of time in the parameters and of `horizon`.
    calibrate_until
        Last day the model may see; None for the last day of the file, which leaves no holdout.
    horizon
        How far ahead to predict, in units. Default: what the file holds after `calibrate_until`, or a year.
    model
        ``"auto"`` chooses among the models there are: BG/NBD.
    """

    customer: str
    time: str
    amount: str | None = None
    time_format: str | None = None
    unit: Literal["day", "week"] = "week"
    calibrate_until: date | None = None
    horizon: float | None = None
    model: str = "auto"

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise _wrong_option("model", self.model, f"Choose one of: {', '.join(MODELS)}.")
        if self.unit not in _UNIT_DAYS:
            raise _wrong_option("unit", self.unit, "Choose day or week.")
        if self.horizon is not None and not (math.isfinite(self.horizon) and self.horizon > 0):
            raise _wrong_option("horizon", self.horizon, f"Give a number of {self.unit}s above 0.")


@dataclass(frozen=True, slots=True)
class _Span:
    """Days since 1970-01-01: the last one calibrated on, the last one in the file, and the days to predict."""

    until: int
    last: int
    horizon_days: float


def analyze_lifetime_value(table: pa.Table, spec: LifetimeValueSpec) -> LifetimeValueResult:
    """Fit purchases (BG/NBD) and, with amounts, spending (Gamma-Gamma) to a table of transactions.

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
    obstacle = _obstacle(summary)
    if obstacle is not None:
        return LifetimeValueResult(
            model="bg-nbd",
            n_customers=len(summary),
            customers=_customers_table(purchases, summary, _Forecast()),
            purchases=None,
            with_amount=spec.amount is not None,
            refusals=(*notes, obstacle),
        )
    fit = fit_bg_nbd(compress(summary.x, summary.t_x_days, summary.t_days, unit=_UNIT_DAYS[spec.unit]))
    spending, spending_notes = _spending(summary)
    forecast = _forecast(fit.model, spending, summary, span, spec)
    holdout, holdout_notes = _holdout(purchases, summary, span, forecast.expected_purchases, spec)
    return LifetimeValueResult(
        model="bg-nbd",
        n_customers=len(summary),
        customers=_customers_table(purchases, summary, forecast),
        purchases=fit,
        spending=spending,
        with_amount=spec.amount is not None,
        holdout=holdout,
        refusals=(*notes, *_limit_note(fit), *spending_notes, *holdout_notes),
    )


def _span(purchases: PurchaseDays, spec: LifetimeValueSpec) -> _Span:
    first, last = int(purchases.day.min()), int(purchases.day.max())
    until = last if spec.calibrate_until is None else (spec.calibrate_until - _EPOCH).days
    if until < first:
        raise _wrong_option(
            "calibrate-until", str(spec.calibrate_until), f"The file's first purchase is on {_date(first)}."
        )
    if until > last:
        raise _wrong_option(
            "calibrate-until",
            str(spec.calibrate_until),
            f"The file's last purchase is on {_date(last)}: what comes after it is unknown, not silence.",
        )
    if spec.horizon is not None:
        return _Span(until, last, spec.horizon * _UNIT_DAYS[spec.unit])
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


def _limit_note(fit: Fitted[BgNbd] | Fitted[GammaGamma]) -> tuple[Refusal, ...]:
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


@dataclass(frozen=True, slots=True, eq=False)
class _Forecast:
    """Columns of the customers' table, each of shape (n,) or None."""

    p_alive: Floats | None = None
    expected_purchases: Floats | None = None
    expected_money: Floats | None = None


def _forecast(
    model: BgNbd,
    spending: Fitted[GammaGamma] | None,
    summary: PurchaseSummary,
    span: _Span,
    spec: LifetimeValueSpec,
) -> _Forecast:
    days = _UNIT_DAYS[spec.unit]
    t_x, t = summary.t_x_days / days, summary.t_days / days
    return _Forecast(
        p_alive=model.p_alive(summary.x, t_x, t),
        expected_purchases=model.expected_purchases(span.horizon_days / days, summary.x, t_x, t),
        expected_money=None
        if spending is None or summary.repeat_money is None
        else spending.model.expected_money(summary.x, summary.repeat_money),
    )


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
    count, money = forecast.expected_purchases, forecast.expected_money
    value = count * money if count is not None and money is not None else None
    return pa.table(
        {
            "customer": purchases.customers.take(pa.array(summary.customer)),
            "x": pa.array(summary.x.astype(np.int64)),
            "t_x_days": pa.array(summary.t_x_days),
            "t_days": pa.array(summary.t_days),
            "p_alive": nothing if forecast.p_alive is None else pa.array(forecast.p_alive),
            "expected_purchases": nothing if count is None else pa.array(count),
            "expected_money_per_purchase": nothing if money is None else pa.array(money),
            "value": nothing if value is None else pa.array(value),
        }
    )


def _date(day: int) -> str:
    return str(_EPOCH + timedelta(days=day))


def _wrong_option(name: str, value: object, cure: str) -> UsageError:
    return UsageError(
        f"--{name} {value} cannot be used",
        hint=f"{cure} See: alamo analyze lifetime-value --help",
        code="lifetime.wrong_option",
        details={"option": name, "value": str(value)},
    )
