"""Calibration: a monotone map of log-odds, chosen by log-loss among Platt's, the beta map and isotonic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, logit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_LEAST_P = 1e-5
_LEAST_ISOTONIC_ROWS = 2_000
_STEPS = 30


class Calibrator(Protocol):
    """A fitted monotone map of log-odds."""

    def apply(self, log_odds: Floats) -> Floats:
        """Return calibrated log-odds, shape (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class SmoothMap:
    """intercept + on_yes · ln p − on_no · ln(1 − p); equal slopes are Platt's map of log-odds, 0 1 1 is no change.

    Source: Kull, Silva Filho & Flach (2017), "Beta calibration", AISTATS, eq. (6); Platt (1999).
    """

    intercept: float = 0.0
    on_yes: float = 1.0
    on_no: float = 1.0

    def apply(self, log_odds: Floats) -> Floats:
        """Return calibrated log-odds, shape (n,)."""
        if self.on_yes == self.on_no:
            return self.intercept + self.on_yes * log_odds
        return self.intercept + self.on_yes * log_expit(log_odds) - self.on_no * log_expit(-log_odds)


@dataclass(frozen=True, slots=True)
class StepMap:
    """Isotonic regression, joined by straight lines between the middles of its steps, in log-odds."""

    at: tuple[float, ...]
    log_odds: tuple[float, ...]

    def apply(self, log_odds: Floats) -> Floats:
        """Return calibrated log-odds, shape (n,)."""
        return np.interp(log_odds, self.at, self.log_odds)


def log_loss(log_odds: Floats, target: Floats) -> float:
    """Return the mean log-loss of log-odds (n,) on a 0/1 target (n,)."""
    return float(np.mean(np.logaddexp(0.0, log_odds) - target * log_odds))


def fit_platt(log_odds: Floats, target: Floats) -> Calibrator:
    """Fit a line in the log-odds."""
    fitted = _logistic(np.column_stack([np.ones_like(log_odds), log_odds]), target, np.array([0.0, 1.0]))
    return SmoothMap(float(fitted[0]), float(fitted[1]), float(fitted[1])) if fitted[1] > 0.0 else SmoothMap()


def fit_beta(log_odds: Floats, target: Floats) -> Calibrator:
    """Fit the beta map; Platt's where it would not be monotone."""
    design = np.column_stack([np.ones_like(log_odds), log_expit(log_odds), -log_expit(-log_odds)])
    fitted = _logistic(design, target, np.array([0.0, 1.0, 1.0]))
    if min(fitted[1], fitted[2]) <= 0.0:
        return fit_platt(log_odds, target)
    return SmoothMap(float(fitted[0]), float(fitted[1]), float(fitted[2]))


def fit_isotonic(log_odds: Floats, target: Floats) -> Calibrator:
    """Fit isotonic regression by pooling adjacent violators.

    Source: Zadrozny & Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates".
    """
    order = np.argsort(log_odds, kind="stable")
    mean, weight, middle = pool_violators(log_odds[order], target[order])
    p = np.clip((mean * weight + 0.5 * target.mean()) / (weight + 0.5), _LEAST_P, 1.0 - _LEAST_P)
    return StepMap(tuple(middle.tolist()), tuple(np.maximum.accumulate(logit(p)).tolist()))


def pool_violators(values: Floats, target: Floats) -> tuple[Floats, Floats, Floats]:
    """Return mean target, rows and mean value of each step of the isotonic fit to rows sorted by value."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values) > 0.0]))
    weights = np.diff(np.append(starts, len(values))).astype(np.float64)
    sums = np.add.reduceat(target, starts)
    places = np.add.reduceat(values, starts)
    kept: list[list[float]] = []
    for w, s, v in zip(weights.tolist(), sums.tolist(), places.tolist(), strict=True):
        step = [w, s, v]
        while kept and kept[-1][1] * step[0] >= step[1] * kept[-1][0]:
            last = kept.pop()
            step = [last[0] + step[0], last[1] + step[1], last[2] + step[2]]
        kept.append(step)
    table = np.asarray(kept)
    return table[:, 1] / table[:, 0], table[:, 0], table[:, 2] / table[:, 0]


def _logistic(design: Floats, target: Floats, start: Floats) -> Floats:
    """Return logistic coefficients drawn very slightly to `start`, by damped Newton steps."""
    beta, pull = start.copy(), 1e-3 * np.eye(design.shape[1])
    for _ in range(_STEPS):
        p = expit(design @ beta)
        gradient = design.T @ (target - p) - pull @ (beta - start)
        step = np.linalg.solve((design * (p * (1.0 - p))[:, None]).T @ design + pull, gradient)
        step /= max(1.0, float(np.max(np.abs(step))) / 2.0)
        beta = beta + step
        if float(np.max(np.abs(step))) < 1e-8:
            break
    return beta


_MAPS = {"none": lambda z, y: SmoothMap(), "platt": fit_platt, "beta": fit_beta, "isotonic": fit_isotonic}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibrators of cross-fitted log-odds.

    Attributes
    ----------
    log_odds
        Calibrated log-odds of each row by a map that did not see the row's fold, shape (n,).
    by_fold
        The map used for each fold.
    final
        The map for new rows, from all rows.
    kind
        Of `final`: ``none``, ``platt``, ``beta`` or ``isotonic``.
    """

    log_odds: Floats
    by_fold: tuple[Calibrator, ...]
    final: Calibrator
    kind: str


def calibrate(log_odds: Floats, target: Floats, folds: Integers) -> Calibration:
    """Fit and choose maps of out-of-fold log-odds (n,), each fold's by the log-loss of the others.

    Assumes
    -------
    A row's label moves other rows' scores too little to matter: the models of other folds have seen it, one map of a
    single number over all their rows hardly notices.
    """
    numbers = np.unique(folds)
    kinds = [kind for kind in _MAPS if kind != "isotonic" or len(target) >= _LEAST_ISOTONIC_ROWS]
    fitted = {kind: [_MAPS[kind](log_odds[folds != k], target[folds != k]) for k in numbers] for kind in kinds}
    mapped = {kind: np.empty(len(target)) for kind in kinds}
    loss = np.zeros((len(kinds), len(numbers)))
    for a, kind in enumerate(kinds):
        for b, k in enumerate(numbers):
            rows = folds == k
            mapped[kind][rows] = fitted[kind][b].apply(log_odds[rows])
            loss[a, b] = log_loss(mapped[kind][rows], target[rows]) * rows.sum()
    others = loss.sum(axis=1, keepdims=True) - loss
    best = others.argmin(axis=0)
    out, used = np.empty(len(target)), []
    for b, k in enumerate(numbers):
        rows = folds == k
        out[rows] = mapped[kinds[best[b]]][rows]
        used.append(fitted[kinds[best[b]]][b])
    kind = kinds[int(loss.sum(axis=1).argmin())]
    return Calibration(out, tuple(used), _MAPS[kind](log_odds, target), kind)
