"""BG/CNBD-k and MBG/CNBD-k: customers who buy more regularly than at random, and MBG/NBD (k = 1, modified).

While a customer stays, the times between purchases are Erlang with k stages of rate λ ~ Gamma(r, alpha), so the rate of
purchases is λ/k; after each repeat purchase, and in the modified models after the first one too, the customer leaves
with probability p ~ Beta(a, b).

Source: Reutterer, Platzer & Schröder (2021), "Leveraging purchase regularity for predicting customer behavior the easy
way", International Journal of Research in Marketing 38(1), 194–215.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, softmax

from alamo.inference.lifetime_value.bg_cnbd_likelihood import (
    Kind,
    negative_log_likelihood,
    stage_constant,
    state_log_weights,
)
from alamo.inference.lifetime_value.bg_nbd import BgNbd, mean_dropout_inside, suspects
from alamo.inference.lifetime_value.cells import Cells
from alamo.inference.lifetime_value.count_law import CountLaw
from alamo.inference.lifetime_value.maximum_likelihood import Fitted, fitted, maximise
from alamo.inference.lifetime_value.starting import mean_age, starting_values

Floats = npt.NDArray[np.float64]

MOST_STAGES = 8
_NEGLIGIBLE = 1e-10  # purchases
_ROWS = 1 << 14


@dataclass(frozen=True, slots=True)
class BgCnbd:
    """A model of the family with known parameters; times are in the unit of `alpha`."""

    r: float
    alpha: float
    a: float
    b: float
    stages: int = 1
    leaves_at_once: bool = False

    @property
    def theta(self) -> Floats:
        """Logarithms of (r, alpha, a, b), shape (4,)."""
        return np.log([self.r, self.alpha, self.a, self.b])

    @property
    def kind(self) -> Kind:
        """Stages and chances to leave."""
        return Kind(self.stages, self.leaves_at_once)

    def moved(self, theta: Floats) -> BgCnbd:
        """Return the model at other parameters, given as logarithms, shape (4,)."""
        r, alpha, a, b = (float(value) for value in np.exp(theta))
        return replace(self, r=r, alpha=alpha, a=a, b=b)

    def p_alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return the probability that a customer has not left, shape (n,).

        Parameters
        ----------
        x, t_x, t
            Repeat purchases, time of the last one, age; shape (n,).
        """
        return np.asarray(self._states(x, t_x, t)[1:].sum(axis=0))

    def expected_purchases(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return E[purchases in (T, T + horizon] | x, t_x, T], shape (n,).

        With one stage as BG/NBD, whose future given that the customer stays has the same form; with more, the sum of
        `p_at_least_if_alive` over all counts, exact where the article approximates.
        """
        if self.stages == 1:
            return self.p_alive(x, t_x, t) * self.purchases_while_alive([horizon], [1.0], x, t)
        out = np.empty(len(x))
        for low in range(0, len(x), _ROWS):
            rows = slice(low, low + _ROWS)
            out[rows] = self._summed(horizon, x[rows], t_x[rows], t[rows])
        return out

    def purchases_while_alive(self, horizons: npt.ArrayLike, weights: npt.ArrayLike, x: Floats, t: Floats) -> Floats:
        """Return Σ_h weight_h · E[purchases in (T, T + horizon_h] | x, T, alive at T], shape (n,).

        Not supported: more than one stage, where it depends on the time of the last purchase too.
        """
        future = BgNbd(self.r, self.alpha, self.a, self.b + self.kind.chances)
        return future.purchases_while_alive(horizons, weights, x, t)

    def p_at_least_if_alive(self, count: int, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return P(purchases in (T, T + horizon] ≥ count | x, t_x, T, alive at T) for count ≥ 1, shape (n,).

        In stage j the count-th purchase needs count·k − j stage changes, negative binomial with shape r + kx + j, and
        that the customer stayed after the count − 1 purchases before it. Stages are weighed among themselves: a
        heavy buyer who has surely left has no probability of any to divide by.
        """
        k = self.stages
        stages = np.asarray(softmax(state_log_weights(self.theta, x, t_x, t, self.kind)[1:], axis=0))
        moves = np.zeros(len(x))
        for j in range(k):
            shape, rate = self.r + k * x + j, self.alpha + t
            moves += stages[j] * betainc(count * k - j, shape, horizon / (rate + horizon))
        stayed, chances = np.ones(len(x)), x + self.kind.chances
        for i in range(count - 1):
            stayed *= (self.b + chances + i) / (self.a + self.b + chances + i)
        return stayed * moves

    def count_law(self, horizon: float, x: Floats, t: Floats) -> CountLaw | None:
        """Return the law behind `p_at_least_if_alive`, shape (n,) each; None with more than one stage.

        There it depends on the time of the last purchase too.
        """
        if self.stages > 1:
            return None
        return BgNbd(self.r, self.alpha, self.a, self.b + self.kind.chances).count_law(horizon, x, t)

    def _states(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return the probabilities of having left and of each stage, shape (1 + k, n)."""
        return np.asarray(softmax(state_log_weights(self.theta, x, t_x, t, self.kind), axis=0))

    def _summed(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        total, active, count = np.zeros(len(x)), np.arange(len(x)), 1
        while len(active):
            part = self.p_at_least_if_alive(count, horizon, x[active], t_x[active], t[active])
            total[active] += part
            count, active = count + 1, active[part > _NEGLIGIBLE]
        return self.p_alive(x, t_x, t) * total


def fit_bg_cnbd(cells: Cells, kind: Kind, log_gaps: float = 0.0) -> Fitted[BgCnbd]:
    """Fit a model of the family by maximum likelihood.

    Parameters
    ----------
    cells
        Customers, of whom at least one came back and at least one has age T > 0.
    kind
        Stages and chances to leave.
    log_gaps
        Sum of the logarithms of all times between purchases, in the unit of `cells`; without it log-likelihoods of
        different stages cannot be compared.
    """

    def likelihood(theta: Floats, of: Cells) -> tuple[float, Floats, Floats]:
        return negative_log_likelihood(theta, of, kind)

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return likelihood(theta, cells)

    def plain(of: Cells) -> Floats:
        return np.log([0.5, 0.5 * mean_age(of) / kind.stages, 0.8, 2.0])

    fit = maximise(objective, starting_values(likelihood, cells, plain), cells.n_customers)
    faces = suspects(fit)
    if faces:
        fit = maximise(objective, mean_dropout_inside(fit.theta), cells.n_customers, faces)
    r, alpha, a, b = (float(value) for value in np.exp(fit.theta))
    model = BgCnbd(r, alpha, a, b, kind.stages, kind.leaves_at_once)
    constant = stage_constant(kind.stages, cells.x * cells.weight, log_gaps)
    found = fitted(model, ("r", "alpha", "a", "b"), fit, round(cells.n_customers))
    return replace(found, log_likelihood=found.log_likelihood + constant)


def choose_stages(cells: Cells, log_gaps: float, *, leaves_at_once: bool = False) -> Fitted[BgCnbd]:
    """Fit with 1, 2, … stages for as long as the likelihood rises, at most 8, and return the best."""
    best = fit_bg_cnbd(cells, Kind(1, leaves_at_once), log_gaps)
    for stages in range(2, MOST_STAGES + 1):
        fit = fit_bg_cnbd(cells, Kind(stages, leaves_at_once), log_gaps)
        if fit.log_likelihood <= best.log_likelihood:
            break
        best = fit
    return best
