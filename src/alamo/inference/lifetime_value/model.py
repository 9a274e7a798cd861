"""The value model of the loop: what a customer is still worth, from purchase process, spending and margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.domain.settings import OutcomeSettings
from alamo.inference.lifetime_value.bg_cnbd import BgCnbd, fit_bg_cnbd
from alamo.inference.lifetime_value.bg_cnbd_likelihood import Kind
from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.cells import Cells, compress
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma, Spending, fit_gamma_gamma
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from alamo.numerics.hashing import content_hash

Floats = npt.NDArray[np.float64]

MIN_REPEAT_CUSTOMERS = 50
"""Fewer customers who came back do not support four parameters of purchasing and three of spending."""

_SPENDING, _NO_VALUE = "gamma-gamma", "none"
_PROCESSES: dict[type[BgNbd | BgCnbd | ParetoNbd], str] = {BgNbd: "bg-nbd", BgCnbd: "mbg-nbd", ParetoNbd: "pareto-nbd"}
_KINDS = tuple(f"{name}+{_SPENDING}" for name in _PROCESSES.values())
_QUARTER_DAYS, _YEAR_DAYS = 91.25, 365.0


@dataclass(frozen=True, slots=True)
class ValueModel:
    """Residual lifetime value: BG/NBD (or a relative) purchases × Gamma-Gamma money × margin share, discounted.

    Implements `alamo.domain.ports.ContinuationValue`. Times are in days.

    Attributes
    ----------
    margin_share
        Margin over net money of all buyers to date.
    horizon_days
        Future that counts; 0 makes every value 0.
    discount_rate_per_year
        Continuous.
    identified, limit
        Of the purchase process, as in `Fitted`.
    """

    purchases: BgNbd | BgCnbd | ParetoNbd
    spending: GammaGamma
    margin_share: float
    horizon_days: int
    discount_rate_per_year: float
    n_customers: int
    n_repeat_customers: int
    identified: bool
    limit: str

    @property
    def version(self) -> str:
        """Content hash of everything a value depends on."""
        return content_hash(self._content())

    def residual_value_money(self, x: Floats, t_x_days: Floats, t_days: Floats, repeat_money: Floats) -> Floats:
        """Return the discounted residual margin of each customer over the horizon, shape (n,), in major units.

        A customer with ``t_days`` 0 has not bought yet: it is no customer of this model, and its value is exactly 0.

        Parameters
        ----------
        x, t_x_days, t_days
            Repeat purchase days, days from the first to the last, days from the first to now; shape (n,).
        repeat_money
            Mean money of the repeat purchase days, shape (n,); not looked at where x is 0.
        """
        count, last, age, mean = (np.asarray(part, dtype=np.float64) for part in (x, t_x_days, t_days, repeat_money))
        bought = age > 0.0
        out = np.zeros(len(age))
        if self.horizon_days > 0 and bought.any():
            count, last, age, mean = count[bought], last[bought], age[bought], mean[bought]
            ends, weights = self._discounted_quarters()
            discounted = self.purchases.purchases_while_alive(ends, weights, count, age)
            money = self.expected_money(count, mean)
            out[bought] = self.margin_share * money * self.p_alive(count, last, age) * discounted
        return out

    def over(self, horizon_days: int) -> ValueModel:
        """Return the same model looking `horizon_days` ahead, at least 0."""
        return replace(self, horizon_days=max(horizon_days, 0))

    def p_alive(self, x: Floats, t_x_days: Floats, t_days: Floats) -> Floats:
        """Return the probability that a buyer has not left for good, shape (n,)."""
        return self.purchases.p_alive(x, np.minimum(t_x_days, t_days), t_days)

    def expected_purchases(self, horizon_days: float, x: Floats, t_x_days: Floats, t_days: Floats) -> Floats:
        """Return the expected number of purchase days of a buyer in the next `horizon_days`, shape (n,)."""
        return self.purchases.expected_purchases(horizon_days, x, np.minimum(t_x_days, t_days), t_days)

    def expected_money(self, x: Floats, repeat_money: Floats) -> Floats:
        """Return the expected net money per purchase day, shape (n,)."""
        return self.spending.expected_money(x, np.maximum(repeat_money, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON-compatible values."""
        return self._content() | {"version": self.version}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ValueModel:
        """Return the model that `to_dict` wrote."""
        fields = {key: value for key, value in data.items() if key not in ("kind", "version")}
        process = next(kind for kind, name in _PROCESSES.items() if data["kind"] == f"{name}+{_SPENDING}")
        return cls(**fields | {"purchases": process(**data["purchases"]), "spending": GammaGamma(**data["spending"])})

    def _content(self) -> dict[str, Any]:
        return {"kind": f"{_PROCESSES[type(self.purchases)]}+{_SPENDING}"} | asdict(self)

    def _discounted_quarters(self) -> tuple[Floats, Floats]:
        """Return ends h_i of about quarters of the horizon, and weights w_i with Σ w_i G(h_i) = Σ d_i ΔG_i.

        d_i is the discount at the middle of quarter i, G the expected purchases up to a moment: w_i = d_i − d_(i+1).
        """
        n = max(1, round(self.horizon_days / _QUARTER_DAYS))
        ends = self.horizon_days * np.arange(1, n + 1) / n
        middle_years = (ends - 0.5 * self.horizon_days / n) / _YEAR_DAYS
        discount = np.exp(-self.discount_rate_per_year * middle_years)
        return ends, discount - np.append(discount[1:], 0.0)


@dataclass(frozen=True, slots=True)
class NoResidualValue:
    """The honest fallback while data are too few: outcomes count their window alone.

    Implements `alamo.domain.ports.ContinuationValue`.
    """

    @property
    def version(self) -> str:
        """``"none"``, so that outcomes say there was no model."""
        return _NO_VALUE

    @property
    def horizon_days(self) -> int:
        """No future counts."""
        return 0

    @property
    def discount_rate_per_year(self) -> float:
        """Nothing is discounted."""
        return 0.0

    def residual_value_money(self, x: Floats, t_x_days: Floats, t_days: Floats, repeat_money: Floats) -> Floats:
        """Return zeros, shape (n,)."""
        del t_x_days, t_days, repeat_money
        return np.zeros(len(x))

    def over(self, horizon_days: int) -> NoResidualValue:
        """Return itself: nothing is expected at any horizon."""
        del horizon_days
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON-compatible values."""
        return {"kind": _NO_VALUE, "version": self.version}


def value_model_from_dict(data: Mapping[str, Any]) -> ValueModel | NoResidualValue:
    """Return the model that `to_dict` of either kind wrote.

    Raises
    ------
    UsageError
        If the kind is unknown.
    """
    if data.get("kind") in _KINDS:
        return ValueModel.from_dict(data)
    if data.get("kind") == _NO_VALUE:
        return NoResidualValue()
    raise UsageError(
        f"unknown kind of value model {data.get('kind')!r}",
        hint="It was written by another version of Alamo. Fit it again with: alamo infer",
        code="lifetime.unknown_kind",
    )


def fit_value_model(
    profiles: pa.Table, *, outcome: OutcomeSettings, model: Literal["bg-nbd", "mbg-nbd", "pareto-nbd"] = "bg-nbd"
) -> ValueModel:
    """Fit the value model to profiles.

    Parameters
    ----------
    profiles
        Columns ``x t_x_days t_days repeat_money money margin_money``; rows with ``t_days`` 0 never bought and are left
        out.
    outcome
        Horizon and discount rate.
    model
        Purchase process; the loop uses BG/NBD.

    Raises
    ------
    InsufficientDataError
        With fewer than 50 customers who bought again, without net money, or if no maximum was found.
    """
    data = {name: _column(profiles, name) for name in ("x", "t_x_days", "t_days", "repeat_money")}
    bought = data["t_days"] > 0.0
    data = {name: values[bought] for name, values in data.items()}
    spending = Spending.of(data["x"], data["repeat_money"])
    if spending.n_customers < MIN_REPEAT_CUSTOMERS:
        raise _insufficient(
            f"only {spending.n_customers} customers bought again; a value model needs {MIN_REPEAT_CUSTOMERS}",
            "lifetime.too_few_repeat_customers",
        )
    money, margin = (float(_column(profiles, name)[bought].sum()) for name in ("money", "margin_money"))
    if money <= 0.0:
        raise _insufficient("net money of all customers is not above 0", "lifetime.no_money")
    purchases = _fit_process(model, compress(data["x"], np.minimum(data["t_x_days"], data["t_days"]), data["t_days"]))
    money_fit = fit_gamma_gamma(spending)
    if not (purchases.converged and money_fit.converged):
        raise _insufficient("the likelihood of the value model has no maximum that was found", "lifetime.no_maximum")
    return ValueModel(
        purchases=purchases.model,
        spending=money_fit.model,
        margin_share=margin / money,
        horizon_days=outcome.residual_horizon_days,
        discount_rate_per_year=outcome.discount_rate_per_year,
        n_customers=purchases.n_customers,
        n_repeat_customers=spending.n_customers,
        identified=purchases.identified,
        limit=purchases.limit,
    )


def _fit_process(name: str, cells: Cells) -> Fitted[Any]:
    if name == "mbg-nbd":
        return fit_bg_cnbd(cells, Kind(1, leaves_at_once=True))
    return fit_pareto_nbd(cells) if name == "pareto-nbd" else fit_bg_nbd(cells)


def _column(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].to_numpy(), dtype=np.float64)


def _insufficient(message: str, code: str) -> InsufficientDataError:
    hint = "Outcomes count their window alone until then. Import a longer order history with: alamo import orders FILE"
    return InsufficientDataError(message, hint=hint, code=code)
