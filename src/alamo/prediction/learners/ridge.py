"""Ridge regression of effects with an empirical-Bayes penalty, from moments that add over blocks of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.protocol import CrossFit, View

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_BLOCK = 16_384
_SIGNAL_SHARES = np.concatenate([[0.0], np.geomspace(1e-6, 10.0, 57)])
"""Prior variance of the standardised linear predictor over the noise variance, the grid of the evidence."""


@dataclass(frozen=True, slots=True)
class RidgeEffect:
    """An intercept plus a coefficient per feature."""

    intercept: float
    coefficients: tuple[float, ...]

    def predict(self, features: Floats) -> Floats:
        """Return the effect at features (n, d), shape (n,).

        Summed column by column: a matrix product would give a row other last bits in a batch than alone.
        """
        total = np.full(len(features), self.intercept)
        for j, coefficient in enumerate(self.coefficients):
            if coefficient:
                total = total + coefficient * features[:, j]
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"intercept": self.intercept, "coefficients": list(self.coefficients)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RidgeEffect:
        """Return the model that `to_dict` wrote."""
        return cls(float(values["intercept"]), tuple(float(value) for value in values["coefficients"]))


@dataclass(frozen=True, slots=True)
class RidgeMoments:
    """Weighted cross-products of (1, features, score); they add and subtract.

    Attributes
    ----------
    n
        Rows.
    products
        Zᵀ diag(w) Z with Z = (1, X, s), shape (d + 2, d + 2).
    """

    n: int
    products: Floats

    @classmethod
    def of(cls, features: Floats, score: Floats, weight: Floats) -> RidgeMoments:
        """Sum over rows, block by block (bounded memory)."""
        d = features.shape[1]
        products = np.zeros((d + 2, d + 2))
        for start in range(0, len(score), _BLOCK):
            rows = slice(start, start + _BLOCK)
            z = np.column_stack([np.ones(len(score[rows])), features[rows], score[rows]])
            products += (z * weight[rows, None]).T @ z
        return cls(len(score), products)

    def __add__(self, other: RidgeMoments) -> RidgeMoments:
        return RidgeMoments(self.n + other.n, self.products + other.products)

    def __sub__(self, other: RidgeMoments) -> RidgeMoments:
        return RidgeMoments(self.n - other.n, self.products - other.products)

    def solve(self) -> RidgeEffect:
        """Return the ridge fit whose penalty maximises the evidence.

        With standardised columns, s ~ N(α, σ²(W⁻¹ + h XXᵀ/d)), flat α, σ² profiled, h on a grid; h = 0 is no slope.

        Source: MacKay (1992), "Bayesian interpolation", Neural Computation 4(3), §4; one prior variance, on a grid.
        """
        total = self.products[0, 0]
        means = self.products[0, 1:] / total
        centred = self.products[1:, 1:] / total - np.outer(means, means)
        spread = np.sqrt(np.maximum(np.diag(centred)[:-1], 0.0))
        size = np.sqrt(np.maximum(np.diag(self.products)[1:-1] / total, 0.0))
        use = np.flatnonzero(spread > 1e-9 * size)
        coefficients = np.zeros(len(spread))
        if len(use) and self.n > 2 and centred[-1, -1] > 0.0:
            gram = centred[np.ix_(use, use)] / np.outer(spread[use], spread[use])
            cross = centred[use, -1] / spread[use]
            coefficients[use] = _evidence_ridge(gram, cross, centred[-1, -1], self.n) / spread[use]
        intercept = float(means[-1] - coefficients @ means[:-1])
        return RidgeEffect(intercept, tuple(coefficients.tolist()))


def _evidence_ridge(gram: Floats, cross: Floats, square: float, n: int) -> Floats:
    """Return standardised slopes from mean cross-products (weights of mean one) by the best h of the grid."""
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0.0)
    turned = vectors.T @ cross
    d = len(values)

    def shrunk(h: float) -> Floats:
        return (n * h / d) / (1.0 + n * h / d * values)

    def evidence(h: float) -> float:
        explained = float((turned**2 * shrunk(h)).sum())
        noise = max(square - explained, 1e-12 * square)
        return -float(np.log1p(n * h / d * values).sum()) - n * float(np.log(noise))

    best = max(_SIGNAL_SHARES, key=evidence)
    return np.asarray(vectors @ (shrunk(float(best)) * turned), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class RidgeEffectLearner:
    """Fits `RidgeEffect` on standardised features.

    Assumes effects that are a straight line in the features. Not supported: interactions that no column spells out.

    Source: see `RidgeMoments.solve`; Kennedy (2023), EJS 17(2), alg. 1, with a linear second stage.
    """

    @property
    def name(self) -> str:
        """``ridge``."""
        return "ridge"

    @property
    def view(self) -> View:
        """A line needs numbers without gaps."""
        return "linear"

    def fit(self, features: Floats, score: Floats, weight: Floats) -> RidgeEffect:
        """Fit on features (n, d), scores (n,), weights (n,)."""
        return RidgeMoments.of(features, score, weight).solve()

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold by subtracting the fold's moments from the total; new rows get the fit on all rows."""
        scale = weight / weight.mean()
        parts = [(test, RidgeMoments.of(features[test], score[test], scale[test])) for _, test in fold_splits(folds)]
        total = RidgeMoments(0, np.zeros((features.shape[1] + 2, features.shape[1] + 2)))
        for _, part in parts:
            total = total + part
        held_out = np.zeros(len(score))
        for test, part in parts:
            held_out[test] = (total - part).solve().predict(features[test])
        return CrossFit(held_out, total.solve())

    def read(self, state: Mapping[str, Any]) -> RidgeEffect:
        """Return the model whose `to_dict` wrote `state`."""
        return RidgeEffect.from_dict(state)
