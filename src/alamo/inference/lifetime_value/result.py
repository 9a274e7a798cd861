"""What `analyze_lifetime_value` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.lifetime_value.bg_nbd import BgNbd
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma
from alamo.inference.lifetime_value.holdout import Holdout
from alamo.inference.lifetime_value.maximum_likelihood import Fitted


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
    holdout
        Predicted against actual numbers of purchases; None without a holdout.
    customers
        See `customers_table`.
    refusals
        What is absent or was left out, and why.
    out
        Where the table of customers was written.
    """

    schema: ClassVar[str] = "alamo.lifetime_value/1"
    columns: ClassVar[tuple[str, ...]] = ("parameter", "estimate", "se")

    model: str
    n_customers: int
    customers: pa.Table
    purchases: Fitted[BgNbd] | None
    spending: Fitted[GammaGamma] | None = None
    with_amount: bool = False
    holdout: Holdout | None = None
    refusals: tuple[Refusal, ...] = field(default=())
    out: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per parameter: ``r alpha a b``, and ``p q v`` with amounts."""
        rows = _rows(("r", "alpha", "a", "b"), self.purchases)
        return rows + _rows(("p", "q", "v"), self.spending) if self.with_amount else rows

    def beside(self) -> dict[str, Any]:
        """Return model, fit, holdout, refusals; ``money`` describes the fit of spending."""
        return {
            "refusals": self.refusals,
            "model": self.model,
            **_fit(self.purchases),
            "n_customers": self.n_customers,
            "holdout": self.holdout,
            "money": None if self.spending is None else _money(self.spending),
            "out": self.out,
        }

    def customers_table(self) -> pa.Table:
        """Return one row per customer of the calibration.

        Columns ``customer``, ``x``, ``t_x_days``, ``t_days``, ``p_alive``, ``expected_purchases`` (in the horizon),
        ``expected_money_per_purchase`` and ``value`` (their product, undiscounted, before margin); null where refused.
        """
        return self.customers


def _rows(names: tuple[str, ...], fit: Fitted[BgNbd] | Fitted[GammaGamma] | None) -> list[dict[str, Any]]:
    estimates, errors = ({}, {}) if fit is None else (fit.estimates, fit.standard_errors)
    return [{"parameter": name, "estimate": estimates.get(name), "se": errors.get(name)} for name in names]


def _fit(fit: Fitted[BgNbd] | Fitted[GammaGamma] | None) -> dict[str, Any]:
    return {
        "log_likelihood": None if fit is None else fit.log_likelihood,
        "converged": fit is not None and fit.converged,
        "identified": fit is not None and fit.identified,
    }


def _money(fit: Fitted[GammaGamma]) -> dict[str, Any]:
    return {"model": "gamma-gamma", **_fit(fit), "n_customers": fit.n_customers}
