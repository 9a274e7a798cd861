"""Customers with a contract: renewals by the shifted beta-geometric.

Leaving is seen, so nothing has to be inferred about it; what is unknown is how chances to leave differ. A customer
leaves at each renewal with probability θ ~ Beta(alpha, beta): retention rises with age, because the loyal are left.

Source: Fader & Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1), 76–90;
Fader & Hardie (2010), "Customer-base valuation in a contractual setting: the perils of ignoring heterogeneity",
Marketing Science 29(1), 85–93 (residual value).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.errors import InsufficientDataError
from alamo.inference.lifetime_value.bg_nbd import DROPOUT_BLOCKS
from alamo.inference.lifetime_value.contract_rows import contract_rows, unusable, whole_numbers
from alamo.inference.lifetime_value.maximum_likelihood import FAR, Face, Fitted, fitted, maximise

Floats = npt.NDArray[np.float64]

_LEAST = 10
_MEANINGS = (
    "",
    "all customers leave with the same probability",
    "every customer leaves at the first renewal or never",
    "no customer ever leaves",
)
_BLOCKS = tuple(
    Face(meaning, ("alpha", "beta") if meaning else (), face.offset, face.directions, face.seed)
    for meaning, face in zip(_MEANINGS, DROPOUT_BLOCKS, strict=True)
)


@dataclass(frozen=True, slots=True)
class ShiftedBetaGeometric:
    """Chances to leave at a renewal, with known parameters; time is counted in renewals."""

    alpha: float
    beta: float

    def survival(self, periods: npt.ArrayLike) -> Floats:
        """Return P(a new customer renews at least `periods` times), same shape: Π (beta + j)/(alpha + beta + j)."""
        return self.survival_from(0, periods)

    def survival_from(self, age: npt.ArrayLike, periods: npt.ArrayLike) -> Floats:
        """Return P(renews `periods` more times | renewed `age` times), shape of both broadcast.

        Raises
        ------
        InputError
            If one is not a whole number of at least 0.
        """
        ages, ahead = np.broadcast_arrays(
            whole_numbers(age, "age", least=0), whole_numbers(periods, "periods", least=0)
        )
        table = self._log_survival(int((ages + ahead).max(initial=0)))
        return np.exp(table[ages + ahead] - table[ages])

    def retention(self, age: npt.ArrayLike) -> Floats:
        """Return P(renews once more | renewed `age` times), same shape."""
        ages = np.asarray(age, dtype=np.float64)
        return (self.beta + ages) / (self.alpha + self.beta + ages)

    def residual_value_money(
        self, age: npt.ArrayLike, margin_money: npt.ArrayLike, *, discount_per_period: float, horizon: int
    ) -> Floats:
        """Return the discounted margin of the next `horizon` renewals of customers seen just before one, shape (n,).

        Parameters
        ----------
        age
            Renewals so far, shape (n,).
        margin_money
            Margin of a renewal, shape (n,) or a number.
        discount_per_period
            Rate d; the i-th coming renewal counts 1/(1 + d)^(i−1).
        horizon
            Renewals, at least 1.

        Raises
        ------
        InputError, UsageError
            If an age or the horizon is no such whole number, or the rate is not above −1.
        """
        ages = np.atleast_1d(whole_numbers(age, "age", least=0))
        horizon = int(whole_numbers(horizon, "horizon", least=1))
        if not discount_per_period > -1.0:
            raise unusable(f"discount_per_period {discount_per_period} is no rate", "Give a share, such as 0.1.")
        levels, place = np.unique(ages, return_inverse=True)
        steps = np.arange(1, horizon + 1)
        stays = self.survival_from(levels[:, None], steps[None, :])
        return np.asarray(margin_money) * (stays @ (1.0 + discount_per_period) ** -(steps - 1.0))[place]

    def _log_survival(self, most: int) -> Floats:
        j = np.arange(most, dtype=np.float64)
        return np.concatenate([[0.0], -np.cumsum(np.log1p(self.alpha / (self.beta + j)))])


def fit_shifted_beta_geometric(periods: npt.ArrayLike, left: npt.ArrayLike) -> Fitted[ShiftedBetaGeometric]:
    """Fit by maximum likelihood.

    Parameters
    ----------
    periods
        Renewals that customers were up for and we know the answer of: whoever left at the third has 3, whoever is
        with us after three has 3; whole numbers ≥ 1, shape (n,).
    left
        Whether the customer left at the last of them, shape (n,).

    Raises
    ------
    InsufficientDataError
        With fewer than ten who left, or fewer than ten renewals.
    InputError, UsageError
        See `contract_rows`.
    """
    seen, gone = contract_rows(periods, left)
    at_risk = np.bincount(seen, minlength=2)[::-1].cumsum()[::-1][1:].astype(np.float64)
    leavers = np.bincount(seen[gone], minlength=len(at_risk) + 1)[1:].astype(np.float64)
    if leavers.sum() < _LEAST or (at_risk - leavers).sum() < _LEAST:
        raise InsufficientDataError(
            f"{leavers.sum():.0f} customers left and {(at_risk - leavers).sum():.0f} renewals were made",
            hint=f"A retention model needs {_LEAST} of each: use a longer history or more customers.",
            code="lifetime.too_few_renewals",
        )

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return _renewals(theta, leavers, at_risk - leavers, len(seen))

    fit = maximise(objective, np.zeros(2), len(seen))
    alpha, beta = np.exp(np.clip(fit.theta, -FAR, FAR))
    if not fit.converged or alpha + beta > 60.0 or min(alpha, beta) < 0.02:
        fit = maximise(objective, np.clip(fit.theta, -3.0, 3.0), len(seen), (_BLOCKS,))
    alpha, beta = (float(value) for value in np.exp(fit.theta))
    return fitted(ShiftedBetaGeometric(alpha, beta), ("alpha", "beta"), fit, len(seen))


def _renewals(theta: Floats, leavers: Floats, stayers: Floats, n: int) -> tuple[float, Floats, Floats]:
    """Negative mean log-likelihood: at age j a customer leaves with probability alpha/(alpha + beta + j)."""
    alpha, beta = np.exp(theta)
    j = np.arange(len(leavers), dtype=np.float64)
    total = alpha + beta + j
    p_left, b_total, b_share = alpha / total, beta / total, beta / (beta + j)
    both = leavers + stayers
    value = leavers @ (theta[0] - np.log(total)) - stayers @ np.log1p(alpha / (beta + j))
    gradient = np.array([leavers.sum() - both @ p_left, stayers @ b_share - both @ b_total])
    cross = both @ (p_left * b_total)
    hessian = np.array(
        [
            [-both @ (p_left * (1.0 - p_left)), cross],
            [cross, stayers @ (b_share * (j / (beta + j))) - both @ (b_total * (1.0 - b_total))],
        ]
    )
    return -float(value) / n, -gradient / n, -hessian / n
