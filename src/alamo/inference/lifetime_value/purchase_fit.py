"""A purchase model fitted to the customers of a file, and what it says about each of them.

Every model sees the customers in its own way: processes in continuous time as (x, t_x, T) in days or weeks, BG/BB as
weeks with and without a purchase. A `PurchaseFit` hides that: it answers per customer, in purchase days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.bg_bb import fit_bg_bb
from alamo.inference.lifetime_value.bg_cnbd import choose_stages, fit_bg_cnbd
from alamo.inference.lifetime_value.bg_cnbd_likelihood import Kind
from alamo.inference.lifetime_value.bg_nbd import fit_bg_nbd
from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.pareto_nbd import fit_pareto_nbd
from alamo.inference.lifetime_value.purchase_model import PurchaseModel
from alamo.inference.lifetime_value.summary import PurchaseDays, PurchaseSummary, log_gaps_days, summarise

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

MODELS = ("bg-nbd", "mbg-nbd", "pareto-nbd", "bg-cnbd-k", "bg-bb")
"""In the order in which they are preferred where nothing tells them apart."""
PARAMETERS = dict.fromkeys(MODELS, ("r", "alpha", "a", "b")) | {
    "pareto-nbd": ("r", "alpha", "s", "beta"),
    "bg-bb": ("alpha", "beta", "gamma", "delta"),
}
_PERIOD_DAYS = 7  # of BG/BB: an opportunity is a week
_QUARTER_DAYS, _YEAR_DAYS = 91.25, 365.0


@dataclass(frozen=True, slots=True, eq=False)
class PurchaseFit:
    """A fitted purchase model and the customers it was fitted to.

    Attributes
    ----------
    name
        One of `MODELS`.
    fit
        Parameters, standard errors, log-likelihood.
    x, t_x, t
        The distinct customers as the model sees them, shape (m,), times in `unit_days`.
    place
        Of each customer among them, shape (n,).
    unit_days
        Days in the model's unit of time.
    days_per_count
        Purchase days per repeat purchase the model counts: 1, but for BG/BB, which counts weeks.
    level
        Factor on expected purchases from recalibration.
    """

    name: str
    fit: Fitted[Any]
    x: Floats
    t_x: Floats
    t: Floats
    place: Codes
    unit_days: float
    days_per_count: float = 1.0
    level: float = 1.0

    @classmethod
    def of(cls, name: str, fit: Fitted[Any], summary: PurchaseSummary, unit_days: float) -> PurchaseFit:
        """Build from the customers a model was fitted to; equal ones are forecast once."""
        order = np.lexsort((summary.t_days, summary.t_x_days, summary.x))
        x, t_x, t = summary.x[order], summary.t_x_days[order], summary.t_days[order]
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = (np.diff(x) != 0) | (np.diff(t_x) != 0) | (np.diff(t) != 0)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.cumsum(first) - 1
        return cls(name, fit, x[first], t_x[first] / unit_days, t[first] / unit_days, place, unit_days)

    @property
    def model(self) -> PurchaseModel:
        """The model at its estimates."""
        model: PurchaseModel = self.fit.model
        return model

    def p_alive(self) -> Floats:
        """Return the probability that each customer has not left, shape (n,)."""
        return self.model.p_alive(self.x, self.t_x, self.t)[self.place]

    def expected_purchases(self, horizon_days: float) -> Floats:
        """Return the expected number of purchase days of each customer in the next `horizon_days`, shape (n,)."""
        expected = self.model.expected_purchases(horizon_days / self.unit_days, self.x, self.t_x, self.t)
        return self.level * self.days_per_count * expected[self.place]

    def discounted_purchases(self, horizon_days: float, rate_per_year: float) -> Floats:
        """Return expected purchase days, each discounted to now at a continuous rate by quarters, shape (n,)."""
        if rate_per_year == 0.0:
            return self.expected_purchases(horizon_days)
        n = max(1, round(horizon_days / _QUARTER_DAYS))
        ends = horizon_days * np.arange(1, n + 1) / n
        discount = np.exp(-rate_per_year * (ends - 0.5 * horizon_days / n) / _YEAR_DAYS)
        weights = discount - np.append(discount[1:], 0.0)
        parts = (weight * self.expected_purchases(end) for end, weight in zip(ends, weights, strict=True))
        return np.asarray(sum(parts))

    def recalibrated(self, level: float) -> PurchaseFit:
        """Return the fit with another level."""
        return replace(self, level=level)


def fit_purchases(
    name: str, purchases: PurchaseDays, until_day: int, *, unit_days: int = 7, stages: int | None = None
) -> PurchaseFit:
    """Fit a purchase model to everything up to and including `until_day`.

    Parameters
    ----------
    name
        One of `MODELS`.
    purchases
        Purchase days, at least one customer with a second one up to `until_day`.
    unit_days
        Days in the unit of time of the parameters: 1 or 7. BG/BB counts weeks whatever it is.
    stages
        k of BG/CNBD-k; None takes the k with the highest likelihood.
    """
    summary = summarise(purchases, until_day)
    if name == "bg-bb":
        return _fit_weeks(purchases, summary, until_day)
    unit = float(unit_days)
    cells = compress(summary.x, summary.t_x_days, summary.t_days, unit=unit)
    fit: Fitted[Any]
    if name == "bg-nbd":
        fit = fit_bg_nbd(cells)
    elif name == "pareto-nbd":
        fit = fit_pareto_nbd(cells)
    elif name == "mbg-nbd":
        fit = fit_bg_cnbd(cells, Kind(1, leaves_at_once=True))
    else:
        log_gaps = log_gaps_days(purchases, until_day) - float(summary.x.sum()) * np.log(unit)
        fit = choose_stages(cells, log_gaps) if stages is None else fit_bg_cnbd(cells, Kind(stages), log_gaps)
    return PurchaseFit.of(name, fit, summary, unit)


def _fit_weeks(purchases: PurchaseDays, summary: PurchaseSummary, until_day: int) -> PurchaseFit:
    """Fit BG/BB to weeks, see `summarise_weeks`."""
    seen = summarise_weeks(purchases, until_day)
    fit = fit_bg_bb(compress(seen.x, seen.t_x_days, seen.t_days))
    ratio = float(summary.x.sum()) / max(float(seen.x.sum()), 1.0)
    return replace(PurchaseFit.of("bg-bb", fit, seen, 1.0), unit_days=float(_PERIOD_DAYS), days_per_count=ratio)


def summarise_weeks(purchases: PurchaseDays, until_day: int) -> PurchaseSummary:
    """Summarise as BG/BB sees it: weeks for days, counted back from `until_day` so that the last one is whole."""
    weeks = PurchaseDays(
        purchases.customers, purchases.customer, -((until_day - purchases.day) // _PERIOD_DAYS), None
    ).selected(purchases.day <= until_day)
    first = np.ones(len(weeks.day), dtype=np.bool_)
    first[1:] = (np.diff(weeks.customer) != 0) | (np.diff(weeks.day) != 0)
    return summarise(weeks.selected(first), 0)


def can_be_fitted(name: str, purchases: PurchaseDays, until_day: int) -> bool:
    """Say whether the model sees anybody come back: BG/BB sees weeks, and a second day of a week is none."""
    seen = purchases.selected(purchases.day <= until_day)
    unit = _PERIOD_DAYS if name == "bg-bb" else 1
    period = (until_day - seen.day) // unit
    return bool(((np.diff(seen.customer) == 0) & (np.diff(period) != 0)).any())
