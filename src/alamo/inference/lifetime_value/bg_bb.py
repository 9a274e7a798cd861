"""BG/BB: customers who buy or do not buy at each of a row of opportunities, until they leave.

At every opportunity a customer who stays buys with probability p ~ Beta(alpha, beta); before every opportunity the
customer leaves with probability θ ~ Beta(gamma, delta). Made for regular opportunities (weekly markets, yearly gifts);
for purchases at any time it is an approximation with periods as opportunities.

Source: Fader, Hardie & Shang (2010), "Customer-base analysis in a discrete-time noncontractual setting", Marketing
Science 29(6), 1086–1108.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, gammaln

from alamo.inference.lifetime_value.bg_bb_likelihood import Histories, left_and_stayed, negative_log_likelihood
from alamo.inference.lifetime_value.bg_nbd import DROPOUT_BLOCKS
from alamo.inference.lifetime_value.cells import Cells
from alamo.inference.lifetime_value.count_law import CountLaw
from alamo.inference.lifetime_value.maximum_likelihood import FAR, NEAR, Face, Fitted, fitted, maximise

Floats = npt.NDArray[np.float64]

_NAMES = ("alpha", "beta", "gamma", "delta")
_LEAVING = {
    "all customers leave with the same probability after a purchase": "all customers leave with the same probability",
    "every customer leaves after the first repeat purchase or never": "every customer leaves at once or never",
}
_BUY_BLOCKS = (
    Face.interior(2),
    Face(
        meaning="all customers buy with the same probability",
        lost=("alpha", "beta"),
        offset=np.array([FAR, FAR]),
        directions=np.array([[1.0], [0.0]]),
        seed=np.array([[1.0, -1.0]]),
    ),
    Face(
        meaning="every customer who stays buys always or never",
        lost=("alpha", "beta"),
        offset=np.array([NEAR, NEAR]),
        directions=np.array([[1.0], [0.0]]),
        seed=np.array([[1.0, -1.0]]),
    ),
)
_LEAVE_BLOCKS = (
    Face.interior(2),
    *(
        Face(_LEAVING.get(face.meaning, face.meaning), ("gamma", "delta"), face.offset, face.directions, face.seed)
        for face in DROPOUT_BLOCKS[1:]
    ),
)


@dataclass(frozen=True, slots=True)
class BgBb:
    """A BG/BB model with known parameters; time is counted in opportunities since the first purchase."""

    alpha: float
    beta: float
    gamma: float
    delta: float

    @property
    def theta(self) -> Floats:
        """Logarithms of (alpha, beta, gamma, delta), shape (4,)."""
        return np.log([self.alpha, self.beta, self.gamma, self.delta])

    def moved(self, theta: Floats) -> BgBb:
        """Return the model at other parameters, given as logarithms, shape (4,)."""
        return BgBb(*(float(value) for value in np.exp(theta)))

    def p_alive(self, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return the probability that a customer has not left, shape (n,).

        Parameters
        ----------
        x, t_x, t
            Opportunities used, the last one used, opportunities had; whole numbers, shape (n,).
        """
        left, stayed = left_and_stayed(self.theta, Histories.of(x, t_x, t))
        return stayed / (left + stayed)

    def expected_purchases(self, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return E[opportunities used among the next `horizon` | x, t_x, t], shape (n,); parts count as parts."""
        stayed, stays = np.ones(len(x)), np.zeros(len(x))
        for i in range(int(np.ceil(horizon))):
            stayed *= (self.delta + t + i) / (self.gamma + self.delta + t + i)
            stays += stayed * min(1.0, horizon - i)
        return self.p_alive(x, t_x, t) * (self.alpha + x) / (self.alpha + self.beta + t) * stays

    def p_at_least_if_alive(self, count: int, horizon: float, x: Floats, t_x: Floats, t: Floats) -> Floats:
        """Return P(opportunities used among the next `horizon` ≥ count | x, t, alive) for count ≥ 1, shape (n,).

        A horizon that is no whole number is interpolated between its neighbours.
        """
        whole = int(horizon)
        out, part = np.zeros(len(x)), horizon - whole
        stayed = np.ones(len(x))
        for stays in range(whole + 1 + (part > 0)):
            leaves = stayed * self.gamma / (self.gamma + self.delta + t + stays)
            used = self._used_at_least(count, stays, x, t)
            # P(stays exactly this long) within `whole`, and within one more
            out += (1.0 - part) * np.where(stays < whole, leaves, stayed if stays == whole else 0.0) * used
            if part > 0:
                out += part * np.where(stays <= whole, leaves, stayed) * used
            stayed = stayed - leaves
        return out

    def count_law(self, horizon: float, x: Floats, t: Floats) -> CountLaw | None:
        """Return None: numbers of opportunities used are no negative binomials."""
        return None

    def _used_at_least(self, count: int, tries: int, x: Floats, t: Floats) -> Floats:
        """Return P(at least `count` of `tries` opportunities are used by one who stays), shape (n,)."""
        if tries < count:
            return np.zeros(len(x))
        a, b = self.alpha + x, self.beta + t - x
        less = np.zeros(len(x))
        for j in range(count):
            choose = gammaln(tries + 1) - gammaln(j + 1) - gammaln(tries - j + 1)
            less += np.exp(choose + betaln(a + j, b + tries - j) - betaln(a, b))
        return np.clip(1.0 - less, 0.0, 1.0)


def fit_bg_bb(cells: Cells) -> Fitted[BgBb]:
    """Fit BG/BB by maximum likelihood.

    Parameters
    ----------
    cells
        Customers by opportunities used, last one used and opportunities had, of whom at least one used one.
    """
    histories = Histories.of(cells.x, cells.t_x, cells.t, cells.weight)

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return negative_log_likelihood(theta, histories)

    fit = maximise(objective, np.log([0.5, 2.0, 0.5, 2.0]), cells.n_customers)
    alpha, beta, gamma, delta = np.exp(np.clip(fit.theta, -FAR, FAR))
    buy = not fit.converged or alpha + beta > 60.0 or min(alpha, beta) < 0.02
    leave = not fit.converged or gamma + delta > 60.0 or min(gamma, delta) < 0.02
    if buy or leave:
        suspects = (_BUY_BLOCKS if buy else _BUY_BLOCKS[:1], _LEAVE_BLOCKS if leave else _LEAVE_BLOCKS[:1])
        fit = maximise(objective, np.clip(fit.theta, -3.0, 3.0), cells.n_customers, suspects)
    model = BgBb(*(float(value) for value in np.exp(fit.theta)))
    return fitted(model, _NAMES, fit, round(cells.n_customers))
