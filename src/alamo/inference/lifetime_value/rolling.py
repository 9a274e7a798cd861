"""Rolling origins: forecasts made again and again in the past, and the recalibration they suggest.

Nothing after the end of the calibration is looked at: an origin's horizon ends there at the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alamo.inference.lifetime_value.purchase_fit import PurchaseFit
from alamo.inference.lifetime_value.summary import PurchaseDays, purchases_between, summarise

YEAR_DAYS = 364  # whole weeks
N_ORIGINS = 6
_FIRST_SHARE = 1 / 3  # of the history before the first origin
_HORIZON_SHARE = 1 / 3  # of the wanted horizon, at least
_LEAST_JUDGED = 2  # past forecasts that earlier ones could have corrected
_LEAST_PURCHASES = 30  # in an origin's horizon: fewer say little about a level


@dataclass(frozen=True, slots=True)
class Origin:
    """A forecast of the past beside what happened.

    Attributes
    ----------
    until_day
        Last day the model saw, days since 1970-01-01.
    predicted, actual
        Purchases of all customers known by then in the `horizon_days` after it.
    """

    until_day: int
    horizon_days: int
    n_customers: int
    predicted: float
    actual: float

    @property
    def error(self) -> float:
        """Predicted over actual, minus 1."""
        return self.predicted / self.actual - 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the origin as it stands in ``--json``."""
        until = str(np.datetime64(self.until_day, "D"))
        shown = {"horizon_days": self.horizon_days, "predicted": self.predicted, "actual": self.actual}
        return {"until": until, **shown, "error": self.error}


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What past forecasts say about the next one.

    Attributes
    ----------
    chosen
        ``"none"``, ``"level"`` (what matched horizons missed) or ``"season"`` (what the same weeks of earlier years
        missed).
    level
        Factor on expected purchases.
    level_sd
        Standard deviation of log(actual/predicted) that is left.
    season
        Whether the season of the year could be told from chance, and why not.
    origins
        The forecasts of the past.
    """

    chosen: str
    level: float
    level_sd: float
    reason: str
    season: str
    origins: tuple[Origin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the recalibration as it stands in ``--json``."""
        shown = {name: getattr(self, name) for name in ("chosen", "level", "level_sd", "reason", "season")}
        return shown | {"origins": [origin.to_dict() for origin in self.origins]}


def rolling_origins(
    purchases: PurchaseDays, fit: Callable[[int], PurchaseFit | None], plan: Sequence[tuple[int, int]]
) -> tuple[Origin, ...]:
    """Forecast from each origin with a model that saw nothing after it.

    Parameters
    ----------
    fit
        Maps the last day seen to a fit, or to None where the model sees nobody come back.
    plan
        (last day seen, horizon in days); origins before which nobody came back, or with fewer than 30 purchases in
        their horizon, are left out, and so are those whose fit is absent or has not converged.
    """
    out = []
    for until_day, horizon_days in plan:
        summary = summarise(purchases, until_day)
        if not (summary.x > 0).any():
            continue
        actual = float(purchases_between(purchases, summary, until_day, until_day + horizon_days).sum())
        if actual < _LEAST_PURCHASES:
            continue
        past = fit(until_day)
        if past is None or not past.fit.converged:
            continue
        predicted = float(past.expected_purchases(horizon_days).sum())
        out.append(Origin(until_day, horizon_days, len(summary), predicted, actual))
    return tuple(out)


def matched_plan(first_day: int, until_day: int, horizon_days: float) -> list[tuple[int, int]]:
    """Return up to six (origin, horizon) within the calibration, with horizons as near the wanted one as they fit."""
    span = until_day - first_day + 1
    earliest = first_day + round(_FIRST_SHARE * span)
    shortest = min(_HORIZON_SHARE * horizon_days, (1.0 - _FIRST_SHARE) * span / 2.0)
    latest = until_day - max(7, round(shortest))
    if latest <= earliest:
        return []
    origins = np.unique(np.linspace(earliest, latest, N_ORIGINS).round().astype(np.int64)).tolist()
    return [(day, min(int(horizon_days), until_day - day)) for day in origins]


def yearly_plan(first_day: int, until_day: int, horizon_days: float) -> list[tuple[int, int]]:
    """Return (origin, horizon) at the same weeks of earlier years, as far as a third of the history lies before."""
    earliest = first_day + round(_FIRST_SHARE * (until_day - first_day + 1))
    days = range(until_day - YEAR_DAYS, earliest - 1, -YEAR_DAYS)
    return [(day, int(horizon_days)) for day in days if day + int(horizon_days) <= until_day]


def recalibrate(
    purchases: PurchaseDays, fit: Callable[[int], PurchaseFit | None], until_day: int, horizon_days: float
) -> Recalibration:
    """Choose between no recalibration, a level, and a season, inside the calibration window alone.

    A level is taken if each past forecast, corrected by those whose horizon was over before it was made, would have
    been better on average, for at least two of them: neighbours whose horizons overlap saw the same purchases and
    say nothing about each other. So a horizon much longer than a fifth of the history is not recalibrated. A season is
    taken if the same weeks of every earlier year are predicted better by the other years than by nothing and than by
    the level that other weeks ask for: what is missed all year round is no season. The level is shrunk by how
    far the origins agree (positive-part James–Stein), counting overlapping horizons once.

    Source: Tashman (2000), "Out-of-sample tests of forecasting accuracy", International Journal of Forecasting 16(4)
    (rolling origins).
    """
    first_day = int(purchases.day.min())
    yearly = rolling_origins(purchases, fit, yearly_plan(first_day, until_day, horizon_days))
    matched = rolling_origins(purchases, fit, matched_plan(first_day, until_day, horizon_days))
    corrections = _corrected_by_earlier(matched)
    helps = len(corrections) >= _LEAST_JUDGED and bool(np.mean(corrections) < 0.0)
    usual = _shrunk_level(matched)[0] if helps else 1.0
    seasonal = len(yearly) >= 2 and _helps(yearly) and _helps(yearly, usual)
    season = _season_note(until_day - first_day + 1, len(yearly), seasonal)
    if seasonal:
        level, sd = _shrunk_level(yearly)
        reason = f"the same weeks of {len(yearly)} earlier years missed alike, and otherwise than other weeks"
        return Recalibration("season", level, sd, reason, season, yearly)
    if helps:
        level, sd = _shrunk_level(matched)
        reason = f"{len(corrections)} past forecasts would have been better, corrected by earlier ones"
        return Recalibration("level", level, sd, reason, season, matched)
    return Recalibration("none", 1.0, _usual_miss(matched), _why_not(matched, corrections), season, matched)


def usual_miss(
    purchases: PurchaseDays, fit: Callable[[int], PurchaseFit | None], until_day: int, horizon_days: float
) -> float:
    """Return how far past forecasts missed: the root mean square of log(actual/predicted), 0 with fewer than two."""
    plan = matched_plan(int(purchases.day.min()), until_day, horizon_days)
    return _usual_miss(rolling_origins(purchases, fit, plan))


def _usual_miss(origins: Sequence[Origin]) -> float:
    return float(np.sqrt(np.mean(_log_ratios(origins) ** 2))) if len(origins) >= 2 else 0.0


def _corrected_by_earlier(origins: Sequence[Origin]) -> list[float]:
    """Return by how much the miss of each origin grows if those known when it was made correct it; below 0 is better.

    Misses are absolute logarithms of actual over predicted; origins before which no horizon was over are left out.
    """
    ratios, grown = _log_ratios(origins), []
    for number, origin in enumerate(origins):
        known = [i for i, past in enumerate(origins) if past.until_day + past.horizon_days <= origin.until_day]
        if known:
            grown.append(float(abs(ratios[number] - ratios[known].mean()) - abs(ratios[number])))
    return grown


def _why_not(origins: Sequence[Origin], corrections: Sequence[float]) -> str:
    if len(origins) < 2:
        return "fewer than two past forecasts fit into the calibration"
    if len(corrections) < _LEAST_JUDGED:
        return "the horizon is too long for this history: past forecasts cannot be judged by earlier ones"
    return "past forecasts would have been no better, corrected by earlier ones"


def _season_note(days: int, n_years: int, used: bool) -> str:
    if n_years >= 2 and not used:
        return f"looked for in {n_years} earlier years: their weeks missed no otherwise than other weeks, or not alike"
    if n_years == 2:
        return "weak: seen in 2 earlier years, which a trend may explain as well; a third year would tell"
    if n_years > 2:
        return f"seen in {n_years} earlier years"
    return (
        f"not identified: {days} days of history show the weeks ahead {'once' if n_years else 'never'}, which cannot "
        "tell a season from a trend; forecasts know none"
    )


def _log_ratios(origins: Sequence[Origin]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.log([origin.actual / max(origin.predicted, 1e-9) for origin in origins])


def _helps(origins: Sequence[Origin], level: float = 1.0) -> bool:
    """Say whether the mean of the other origins predicts each one better than `level`, the same for all, does."""
    ratios = _log_ratios(origins)
    others = (ratios.sum() - ratios) / (len(ratios) - 1)
    return bool(np.abs(ratios - others).mean() < np.abs(ratios - np.log(level)).mean())


def _shrunk_level(origins: Sequence[Origin]) -> tuple[float, float]:
    """Return the factor, and the standard deviation of log(actual/predicted) around it."""
    ratios = _log_ratios(origins)
    span = max(o.until_day + o.horizon_days for o in origins) - min(o.until_day for o in origins)
    apart = float(np.clip(span / np.mean([o.horizon_days for o in origins]), 1.0, len(origins)))
    mean, variance = float(ratios.mean()), float(ratios.var(ddof=1))
    shrunk = mean * max(0.0, 1.0 - variance / apart / max(mean**2, 1e-12))
    return float(np.exp(shrunk)), float(np.sqrt(variance * (1.0 + 1.0 / apart) + (mean - shrunk) ** 2))
