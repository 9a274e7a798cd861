"""How noisy an outcome is: a customer of many or large orders varies more than one of few and small ones.

Money in a window is a sum of a random number of orders, so its variance is the expected number of orders times the mean
square of one: expected money times the money of an order. Rows are weighted by it. Weights of a learner that ignore how
often a customer orders hand the answer to the few who order most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.prediction.inputs import EffectInputs

Floats = npt.NDArray[np.float64]

_BINS = 20


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """Residual variance of an outcome as a power of the customer's size in money: variance = level · size^power."""

    level: float
    power: float

    @classmethod
    def fit(cls, size: Floats, residual: Floats) -> NoiseModel:
        """Fit on residuals (n,) of drawn rows: a line through the log mean squares of twenty equal-count bins."""
        square = residual**2
        level = max(float(square.mean()) if len(square) else 0.0, 1e-12)
        if len(square) < 10 * _BINS or size.min() == size.max():
            return cls(level, 0.0)
        bins = np.array_split(np.argsort(size, kind="stable"), _BINS)
        x = np.array([np.log(size[rows]).mean() for rows in bins])
        y = np.array([np.log(max(float(square[rows].mean()), 1e-6 * level)) for rows in bins])
        dx = x - x.mean()
        power = float(np.clip(dx @ y / max(dx @ dx, 1e-12), 0.0, 2.0))
        return cls(max(float(np.exp(y.mean() - power * x.mean())), 1e-12), power)

    def variance(self, size: Floats) -> Floats:
        """Return the variance at `size` (n,)."""
        return self.level * size**self.power


def customer_size(inputs: EffectInputs) -> Floats:
    """Return the size in money that noise grows with, shape (n,), positive.

    The geometric mean of the money of an order and the margin expected in the window; the money of an order alone where
    nothing is expected.
    """
    return inputs.scale if inputs.expected is None else np.sqrt(inputs.scale * inputs.expected)
