"""What `analyze_lifetime_value` returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.lifetime_value.choice import Candidate
from alamo.inference.lifetime_value.cohorts import cohort_table
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma
from alamo.inference.lifetime_value.holdout import Holdout
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.predictive import Total
from alamo.inference.lifetime_value.rolling import Recalibration
from alamo.inference.lifetime_value.summary import PurchaseDays

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class LifetimeValueResult(Result):
    """Parameters of the purchase process and of spending, how well they predict, and a forecast per customer.

    Attributes
    ----------
    model
        Purchase process used.
    purchases, spending
        Fits; None where refused, `spending` also without amounts.
    with_amount
        Whether amounts were given, so that rows ``p q v`` are shown.
    parameters
        Names of the purchase model's parameters.
    stages
        k of BG/CNBD-k; None for other models.
    holdout
        Predicted against actual numbers of purchases; None without a holdout.
    choice
        How each model did on time held back; empty if the model was given.
    recalibration
        What past forecasts said; None if it was not asked for.
    total
        Purchases of all customers in the horizon, with their interval; None where refused.
    customers
        See `customers_table`, without the intervals.
    intervals
        Computes the ends of the intervals of each customer's number of purchases, shape (n,) each; None where refused.
    refusals
        What is absent or was left out, and why.
    history, until_day
        Purchase days, and the last day of the calibration (days since 1970-01-01), for `cohorts_table`.
    cohort_period
        Period of the cohort table that is shown; None shows none.
    out
        Where the table of customers was written.
    """

    schema: ClassVar[str] = "alamo.lifetime_value/1"
    columns: ClassVar[tuple[str, ...]] = ("parameter", "estimate", "se")

    model: str
    n_customers: int
    customers: pa.Table
    history: PurchaseDays
    until_day: int
    purchases: Fitted[Any] | None
    intervals: Callable[[], tuple[Floats, Floats]] | None = None
    parameters: tuple[str, ...] = ("r", "alpha", "a", "b")
    stages: int | None = None
    spending: Fitted[GammaGamma] | None = None
    with_amount: bool = False
    holdout: Holdout | None = None
    choice: tuple[Candidate, ...] = ()
    recalibration: Recalibration | None = None
    total: Total | None = None
    refusals: tuple[Refusal, ...] = field(default=())
    cohort_period: str | None = None
    out: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per parameter, such as ``r alpha a b``, and ``p q v`` with amounts."""
        rows = _rows(self.parameters, self.purchases)
        return rows + _rows(("p", "q", "v"), self.spending) if self.with_amount else rows

    def beside(self) -> dict[str, Any]:
        """Return model, fit, holdout, refusals; ``money`` describes the fit of spending.

        ``choice`` says how each model did on time held back, ``recalibration`` what past forecasts missed, ``total``
        how many purchases all customers will make.
        """
        return {
            "refusals": self.refusals,
            "model": self.model,
            **_fit(self.purchases),
            "n_customers": self.n_customers,
            "holdout": self.holdout,
            "money": None if self.spending is None else _money(self.spending),
            "stages": self.stages,
            "choice": [candidate.to_dict() for candidate in self.choice],
            "recalibration": self.recalibration,
            "total": self.total,
            "cohorts": None if self.cohort_period is None else self.cohorts_table(self.cohort_period).to_pylist(),
            "out": self.out,
        }

    def customers_table(self) -> pa.Table:
        """Return one row per customer of the calibration.

        Columns ``customer``, ``x``, ``t_x_days``, ``t_days``, ``p_alive``, ``expected_purchases`` (in the horizon),
        ``expected_money_per_purchase``, ``value`` (margin share × money × purchases, discounted where a rate is given;
        by default money, undiscounted), ``purchases_lower`` and ``purchases_upper``; null where refused.
        """
        if self.intervals is None:
            lower, upper = (pa.nulls(self.customers.num_rows, pa.float64()) for _ in range(2))
        else:
            lower, upper = (pa.array(end) for end in self.intervals())
        return self.customers.append_column("purchases_lower", lower).append_column("purchases_upper", upper)

    def cohorts_table(self, period: str = "month") -> pa.Table:
        """Return retention, purchases and money by cohort and age within the calibration; see `cohort_table`.

        Raises
        ------
        UsageError
            If the period is not week, month, quarter or year.
        """
        return cohort_table(self.history, period=period, until_day=self.until_day)


def _rows(names: tuple[str, ...], fit: Fitted[Any] | None) -> list[dict[str, Any]]:
    estimates, errors = ({}, {}) if fit is None else (fit.estimates, fit.standard_errors)
    return [{"parameter": name, "estimate": estimates.get(name), "se": errors.get(name)} for name in names]


def _fit(fit: Fitted[Any] | None) -> dict[str, Any]:
    return {
        "log_likelihood": None if fit is None else fit.log_likelihood,
        "converged": fit is not None and fit.converged,
        "identified": fit is not None and fit.identified,
    }


def _money(fit: Fitted[GammaGamma]) -> dict[str, Any]:
    return {"model": "gamma-gamma", **_fit(fit), "n_customers": fit.n_customers}
