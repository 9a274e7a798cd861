"""A scorecard: one log-odds point value per bin of each column, by logistic regression whose shrinkage the data choose.

Neighbouring bins of an ordered column are drawn together, levels of an unordered one towards zero, each column by a
strength of its own. A column that says nothing ends with no points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

_RIDGE = 0.05
"""Ridge beside the smoothness penalty of an ordered column: makes it proper, so that its strength can be estimated."""
_STRENGTHS = (1e-2, 1e7)
_STEPS = 40
_LEAST_WEIGHT = 1e-9
_SETTLED_POINTS = 0.03


@dataclass(frozen=True, slots=True)
class BinnedColumn:
    """How many bins a column has.

    Attributes
    ----------
    bins
        Number of codes, 0 … bins − 1; the last one is "missing".
    ordered
        Whether neighbouring codes (the last one apart) are neighbouring values.
    """

    bins: int
    ordered: bool

    def penalty(self) -> Floats:
        """Return the penalty matrix for strength one, shape (bins, bins), of full rank."""
        if not self.ordered or self.bins < 3:
            return np.eye(self.bins)
        step = np.diff(np.eye(self.bins - 1), axis=0)
        matrix = _RIDGE * np.eye(self.bins)
        matrix[:-1, :-1] += step.T @ step
        return matrix


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Points per bin.

    Attributes
    ----------
    base
        Log-odds of the mean training row.
    points
        Log-odds to add, one tuple per column and one entry per bin; their training mean is zero per column.
    """

    base: float
    points: tuple[tuple[float, ...], ...]

    def contributions(self, codes: Codes) -> Floats:
        """Return what each column adds to the log-odds of each row, shape (n, d), from codes (d, n)."""
        out = np.empty((codes.shape[1], len(self.points)))
        for j, points in enumerate(self.points):
            out[:, j] = np.asarray(points)[codes[j]]
        return out

    def log_odds(self, codes: Codes) -> Floats:
        """Return the log-odds of each row, shape (n,); summed column by column, so a row gives the same bits alone."""
        total = np.full(codes.shape[1], self.base)
        for j, points in enumerate(self.points):
            total += np.asarray(points)[codes[j]]
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"base": self.base, "points": [list(points) for points in self.points]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scorecard:
        """Return the scorecard that `to_dict` wrote."""
        return cls(float(values["base"]), tuple(tuple(map(float, points)) for points in values["points"]))


def fit_scorecard(codes: Codes, target: Floats, columns: Sequence[BinnedColumn]) -> Scorecard:
    """Fit points and their shrinkage.

    Parameters
    ----------
    codes
        Bin of each row in each column, shape (d, n).
    target
        0 or 1, shape (n,); both must occur.
    columns
        What the codes of each row of `codes` mean.

    Notes
    -----
    Penalised Newton steps, each followed by one generalised Fellner–Schall update of the strengths.

    Source: Wood & Fasiolo (2017), "A generalized Fellner–Schall method for smoothing parameter optimization",
    Biometrics 73(4), eq. (4).
    """
    problem = _Problem(codes, target, columns)
    rate = float(target.mean())
    beta = np.zeros(problem.width)
    beta[0] = np.log(rate / (1.0 - rate))
    strength = np.full(len(columns), 10.0)
    for _ in range(_STEPS):
        step, covariance = problem.newton(beta, strength)
        beta = beta + step
        strength = problem.strengths(beta, strength, covariance)
        if float(np.max(np.abs(step), initial=0.0)) < _SETTLED_POINTS:
            break
    return problem.scorecard(beta)


class _Problem:
    """Codes, target and penalties of one fit; the intercept is coefficient 0."""

    __slots__ = ("_codes", "_counts", "_offsets", "_penalties", "_target", "width")

    def __init__(self, codes: Codes, target: Floats, columns: Sequence[BinnedColumn]) -> None:
        self._codes, self._target = codes, target
        self._offsets = np.concatenate([[1], 1 + np.cumsum([column.bins for column in columns], dtype=np.int64)])
        self._penalties = [column.penalty() for column in columns]
        self._counts = [
            np.bincount(codes[j], minlength=column.bins).astype(np.float64) for j, column in enumerate(columns)
        ]
        self.width = int(self._offsets[-1])

    def newton(self, beta: Floats, strength: Floats) -> tuple[Floats, Floats]:
        """Return one damped Newton step and the inverse of the penalised curvature."""
        p = expit(self._log_odds(beta))
        weight = np.maximum(p * (1.0 - p), _LEAST_WEIGHT)
        curvature = self._gram(weight)
        gradient = self._sums(self._target - p)
        for j, part in enumerate(self._penalties):
            block = self._block(j)
            curvature[block, block] += strength[j] * part
            gradient[block] -= strength[j] * (part @ beta[block])
        covariance = cho_solve(cho_factor(curvature, check_finite=False), np.eye(self.width), check_finite=False)
        step = covariance @ gradient
        return step / max(1.0, float(np.max(np.abs(step))) / 4.0), covariance

    def strengths(self, beta: Floats, strength: Floats, covariance: Floats) -> Floats:
        """Return the strengths one Fellner–Schall update further."""
        renewed = np.empty_like(strength)
        for j, part in enumerate(self._penalties):
            block = self._block(j)
            freedom = len(part) - strength[j] * float((covariance[block, block] * part).sum())
            roughness = float(beta[block] @ part @ beta[block])
            renewed[j] = max(freedom, 0.0) / max(roughness, 1e-12)
        # one update may move a strength by a factor of twenty at most: early steps are far from the optimum
        renewed = np.clip(renewed, strength / 20.0, strength * 20.0)
        return np.clip(renewed, *_STRENGTHS)

    def scorecard(self, beta: Floats) -> Scorecard:
        """Return the coefficients as centred points."""
        base, points = float(beta[0]), []
        for j, counts in enumerate(self._counts):
            values = beta[self._block(j)]
            mean = float(counts @ values / counts.sum())
            base += mean
            points.append(tuple((values - mean).tolist()))
        return Scorecard(base, tuple(points))

    def _block(self, j: int) -> slice:
        return slice(int(self._offsets[j]), int(self._offsets[j + 1]))

    def _log_odds(self, beta: Floats) -> Floats:
        total = np.full(self._codes.shape[1], beta[0])
        for j in range(len(self._codes)):
            total += beta[self._block(j)][self._codes[j]]
        return total

    def _sums(self, values: Floats) -> Floats:
        parts = [np.array([values.sum()])]
        parts += [np.bincount(c, values, len(n)) for c, n in zip(self._codes, self._counts, strict=True)]
        return np.concatenate(parts)

    def _gram(self, weight: Floats) -> Floats:
        """Return Xᵀ diag(w) X of the one-hot matrix, pair of columns by pair: no design matrix is ever made."""
        gram = np.zeros((self.width, self.width))
        sums = self._sums(weight)
        gram[0, :] = gram[:, 0] = sums
        for j, code in enumerate(self._codes):
            block, size = self._block(j), len(self._counts[j])
            gram[block, block] = np.diag(sums[block])
            for k in range(j):
                other, width = self._block(k), len(self._counts[k])
                table = np.bincount(code * width + self._codes[k], weight, size * width).reshape(size, width)
                gram[block, other] = table
                gram[other, block] = table.T
        return gram
