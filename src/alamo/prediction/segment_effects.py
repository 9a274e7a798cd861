"""Segment effects by Fay–Herriot: one point estimate to decide with, one honest standard deviation to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.fay_herriot import LEAST_SEGMENTS, ShrunkEffects, fay_herriot
from alamo.numerics.folds import systematic_rows
from alamo.numerics.moments import sums_by
from alamo.prediction.inputs import EffectInputs

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_MOST_COVARIATES = 6
_ENOUGH_ROWS = 50_000
"""Rows from which the segments' mean features are known well enough."""


@dataclass(frozen=True, slots=True)
class SegmentEffect:
    """A number per segment; the last entry is for segments never seen."""

    values: tuple[float, ...]

    def predict(self, segment: Integers) -> Floats:
        """Return the number of each row's segment, shape (n,)."""
        return np.asarray(self.values, dtype=np.float64)[segment]

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"values": list(self.values)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SegmentEffect:
        """Return what `to_dict` wrote."""
        return cls(tuple(float(value) for value in values["values"]))


@dataclass(frozen=True, slots=True)
class _Shrunk:
    """Cells with rows, what Fay–Herriot makes of them, and the standard error of the pooled effect."""

    filled: Integers
    effects: ShrunkEffects
    pooled_se: float


@dataclass(frozen=True, slots=True)
class SegmentCells:
    """The segments of the training rows and their covariates.

    Attributes
    ----------
    segment
        Index per row, shape (n,).
    size
        Number of segments; index `size` is a segment never seen.
    covariates
        Principal components of the segments' mean features, shape (size, p).
    """

    segment: Integers
    size: int
    covariates: Floats

    @classmethod
    def of(cls, inputs: EffectInputs, n_segments: int) -> SegmentCells:
        """Describe the segments of `inputs` by at most six components of their mean features (no outcome is used)."""
        some = systematic_rows(len(inputs), _ENOUGH_ROWS)
        segment, linear = inputs.segment[some], inputs.linear[some].astype(np.float64)
        counts = np.bincount(segment, minlength=n_segments)[:n_segments].astype(np.float64)
        known = np.maximum(counts, 1.0)
        columns = [sums_by(segment, linear[:, j], n_segments + 1)[:n_segments] / known for j in range(linear.shape[1])]
        means = np.column_stack(columns) if columns else np.zeros((n_segments, 0))
        return cls(inputs.segment, n_segments, _components(means, counts))

    def point_effects(self, score: Floats, weight: Floats, noise: Floats, rows: Integers) -> SegmentEffect:
        """Return shrunk effects from `rows` (scores, weights and noise of those rows), with their weighted mean kept.

        With fewer than five segments everybody shows the pooled effect.
        """
        mean = float(weight @ score / weight.sum())
        shrunk = self._shrink(score, weight, noise, self.segment[rows])
        values = np.full(self.size + 1, mean)
        if shrunk is not None:
            mass = sums_by(self.segment[rows], weight, self.size + 1)[shrunk.filled]
            effects = shrunk.effects.decide_mean
            values[shrunk.filled] = effects + (mean - float(mass @ effects / mass.sum()))
        return SegmentEffect(tuple(values.tolist()))

    def posterior_sd(self, score: Floats, weight: Floats, noise: Floats) -> SegmentEffect:
        """Return the standard deviation of each segment's mean effect under the flat prior."""
        shrunk = self._shrink(score, weight, noise, self.segment)
        if shrunk is None:
            return SegmentEffect((_pooled_se(score, weight, noise),) * (self.size + 1))
        unseen = float(np.hypot(np.hypot(shrunk.effects.tau, shrunk.effects.slope_sd), shrunk.pooled_se))
        values = np.full(self.size + 1, max(unseen, float(shrunk.effects.show_sd.max())))
        values[shrunk.filled] = shrunk.effects.show_sd
        return SegmentEffect(tuple(values.tolist()))

    def spread_within(self, effect: Floats, weight: Floats) -> float:
        """Return the standard deviation of `effect` (n,) inside segments."""
        mass = sums_by(self.segment, weight, self.size + 1)
        means = sums_by(self.segment, weight * effect, self.size + 1) / np.maximum(mass, 1e-300)
        return float(np.sqrt(weight @ (effect - means[self.segment]) ** 2 / weight.sum()))

    def _shrink(self, score: Floats, weight: Floats, noise: Floats, segment: Integers) -> _Shrunk | None:
        """Cell variances are modelled, Σ w² noise / (Σ w)²: a cell's own sample variance is far too noisy."""
        known = segment < self.size
        index, w = segment[known], weight[known]
        mass = sums_by(index, w, self.size)
        filled = np.flatnonzero(mass > 0.0)
        if len(filled) < LEAST_SEGMENTS:
            return None
        pooled = float(weight @ score / weight.sum())
        level = float(np.mean((score - pooled) ** 2 / noise))
        direct = sums_by(index, w * score[known], self.size)[filled] / mass[filled]
        variance = level * sums_by(index, w**2 * noise[known], self.size)[filled] / mass[filled] ** 2
        pooled_se = _pooled_se(score, weight, noise)
        scale = 0.5 * max(abs(pooled), 2.0 * pooled_se)
        if not (scale > 0.0 and (variance > 0.0).all()):
            return None
        effects = fay_herriot(direct, variance, self.covariates[filled], scale=scale)
        return _Shrunk(filled, effects, pooled_se)


def _pooled_se(score: Floats, weight: Floats, noise: Floats) -> float:
    """Return the standard error of the weighted mean score."""
    mean = float(weight @ score / weight.sum())
    level = float(np.mean((score - mean) ** 2 / noise))
    return float(np.sqrt(level * (weight**2 @ noise))) / float(weight.sum())


def _components(means: Floats, counts: Floats) -> Floats:
    """Return leading principal components of segment means, scaled so that the first has unit variance."""
    p = min(_MOST_COVARIATES, int((counts > 0.0).sum()) // 5, means.shape[1])
    if p < 1:
        return np.zeros((len(means), 0))
    share = counts / counts.sum()
    centred = means - share @ means
    _, values, directions = np.linalg.svd(centred * np.sqrt(share)[:, None], full_matrices=False)
    components = centred @ directions[:p].T
    return np.asarray(components / values[0], dtype=np.float64) if values[0] > 0.0 else np.zeros((len(means), 0))
