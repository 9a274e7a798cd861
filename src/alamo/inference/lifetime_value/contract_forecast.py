"""What a retention model says of customers with a contract: chances, renewals to come and their interval, value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.contracts import ShiftedBetaGeometric
from alamo.inference.lifetime_value.hazard import Hazard
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class RenewalTotal:
    """Renewals of many customers, with their interval; without one where the parameters' uncertainty is not known."""

    mean: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, eq=False)
class RetentionModel:
    """A fitted model, whichever it is.

    Attributes
    ----------
    model
        What is known of leaving.
    deviations
        Steps of (log alpha, log beta) whose outer products add up to their covariance; None where there are none.
    """

    model: ShiftedBetaGeometric | Hazard
    deviations: tuple[tuple[float, ...], ...] | None = None

    def survival(self, age: Codes, covariates: Floats, horizon: int) -> Floats:
        """Return P(renews 1, …, horizon more times | renewed `age` times), shape (n, horizon)."""
        if isinstance(self.model, Hazard):
            return self.model.survival_from(age, covariates, horizon)
        levels, place = np.unique(age, return_inverse=True)
        return self.model.survival_from(levels[:, None], np.arange(1, horizon + 1)[None, :])[place]

    def expected(self, age: Codes, covariates: Floats, ahead: Codes, discount: float = 0.0) -> Floats:
        """Return each customer's renewals among the next `ahead`, the i-th worth 1/(1 + discount)^(i−1), shape (n,)."""
        out = np.zeros(len(age))
        for rows, stays, counts in self._blocks(age, covariates, ahead):
            worth = (1.0 + discount) ** -np.arange(stays.shape[1], dtype=np.float64)
            out[rows] = (stays * counts) @ worth
        return out

    def total(self, age: Codes, covariates: Floats, ahead: Codes, level: float) -> RenewalTotal:
        """Return all renewals among the next `ahead` of each customer, shape (n,), with their interval.

        Chance and, for the shifted beta-geometric, the parameters, by central differences along their deviations.
        """
        mean = float(self.expected(age, covariates, ahead).sum())
        if self.deviations is None or isinstance(self.model, Hazard):
            return RenewalTotal(mean, None, None)
        variance = self._chance(age, covariates, ahead)
        for step in self.deviations:
            up, down = (
                float(RetentionModel(moved).expected(age, covariates, ahead).sum())
                for moved in _moved(self.model, step)
            )
            variance += ((up - down) / 2.0) ** 2
        half = z_value(level) * float(np.sqrt(variance))
        return RenewalTotal(mean, max(0.0, mean - half), min(float(ahead.sum()), mean + half))

    def _chance(self, age: Codes, covariates: Floats, ahead: Codes) -> float:
        """Return the variance of all renewals given the parameters: E N² = Σ (2i − 1)·P(N ≥ i)."""
        variance = 0.0
        for _, stays, counts in self._blocks(age, covariates, ahead):
            kept = stays * counts
            variance += float((kept @ (2.0 * np.arange(1, kept.shape[1] + 1) - 1.0) - kept.sum(axis=1) ** 2).sum())
        return variance

    def _blocks(self, age: Codes, covariates: Floats, ahead: Codes) -> Iterator[tuple[slice, Floats, Any]]:
        most = max(int(ahead.max(initial=0)), 1)
        for low in range(0, len(age), _ROWS):
            rows = slice(low, low + _ROWS)
            counts = np.arange(1, most + 1) <= ahead[rows, None]
            yield rows, self.survival(age[rows], covariates[rows], most), counts


def _moved(model: ShiftedBetaGeometric, step: tuple[float, ...]) -> Iterator[ShiftedBetaGeometric]:
    for sign in (1.0, -1.0):
        alpha, beta = np.exp(np.log([model.alpha, model.beta]) + sign * np.asarray(step))
        yield ShiftedBetaGeometric(float(alpha), float(beta))
