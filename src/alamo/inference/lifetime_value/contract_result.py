"""What `analyze_contracts` returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, ClassVar

import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.lifetime_value.contract_forecast import RenewalTotal, RetentionModel


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """Retention at one renewal.

    Attributes
    ----------
    renewal
        Which one, from 1.
    at_risk, left
        Customers who were up for it, and who refused it.
    retention, lower, upper
        Share that renewed, with its Wilson interval.
    retention_model
        The same, by the model, for the same customers.
    survival, survival_model
        Share of all who renewed this often: product of retentions (Kaplan & Meier 1958), and by the model.
    """

    renewal: int
    at_risk: int
    left: int
    retention: float
    lower: float
    upper: float
    retention_model: float | None
    survival: float
    survival_model: float | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the model; without an estimate where it is not identified."""

    parameter: str
    estimate: float | None
    se: float | None


@dataclass(frozen=True, slots=True)
class RenewalHoldout:
    """Renewals after the calibration, of those who were with us on its last day.

    Attributes
    ----------
    customers, due
        How many, and renewals they would have been up for had all stayed.
    predicted, actual
        Renewals made.
    aggregate_error
        Predicted over actual, minus 1; None without any.
    """

    customers: int
    due: int
    predicted: RenewalTotal
    actual: int
    aggregate_error: float | None


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class ContractResult(Result):
    """Retention by age, the model behind it, and what customers who are still here will bring.

    Attributes
    ----------
    rows
        One per renewal.
    model
        Name of the model; None where refused.
    parameters
        ``alpha`` and ``beta``, or one per covariate (change of the log-odds of leaving).
    log_likelihood, converged, identified
        Of the fit.
    fit_p_value
        Chance of ages as far from the shifted beta-geometric as these; None for the hazard, or with too few ages.
    n_customers, n_active
        Contracts, and those that go on.
    total
        Renewals of the active in the horizon.
    value_money
        Margin of these renewals, discounted; None without a margin.
    holdout
        None without `calibrate_until`.
    cohorts
        Retention by cohort; None where not asked for.
    customers
        See `customers_table`.
    retention_model
        The fitted model; None where refused.
    refusals
        What is absent, and why.
    level
        Of intervals.
    until
        The last day known; None where renewals were counted.
    out
        Where the table of customers was written.
    """

    schema: ClassVar[str] = "alamo.contracts/1"
    columns: ClassVar[tuple[str, ...]] = (
        *("renewal", "at_risk", "left", "retention", "lower", "upper"),
        *("retention_model", "survival", "survival_model"),
    )

    rows: tuple[RetentionRow, ...]
    model: str | None
    parameters: tuple[Parameter, ...]
    log_likelihood: float | None
    converged: bool
    identified: bool
    fit_p_value: float | None
    n_customers: int
    n_active: int
    total: RenewalTotal | None
    value_money: float | None
    holdout: RenewalHoldout | None
    cohorts: pa.Table | None
    customers: pa.Table
    retention_model: RetentionModel | None
    horizon: int
    refusals: tuple[Refusal, ...]
    level: float
    until: date | None = None
    out: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per renewal."""
        return [asdict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        names = ("refusals", "model", "log_likelihood", "converged", "identified", "fit_p_value", "n_customers")
        more = ("n_active", "horizon", "value_money", "level", "out")
        found = {name: getattr(self, name) for name in (*names, *more)}
        return found | {
            "until": None if self.until is None else self.until.isoformat(),
            "parameters": [asdict(row) for row in self.parameters],
            "total": None if self.total is None else asdict(self.total),
            "holdout": None if self.holdout is None else asdict(self.holdout),
            "cohorts": None if self.cohorts is None else self.cohorts.to_pylist(),
        }

    def customers_table(self) -> pa.Table:
        """Return one row per contract that goes on.

        Columns ``customer``, ``renewals`` (so far), ``p_renews`` (the next time), ``expected_renewals`` (in the
        horizon) and ``value_money`` (their margin, discounted); null where refused.
        """
        return self.customers
