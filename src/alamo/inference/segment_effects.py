"""Effects per segment: raw means of scores, shrunk, because a raw segment table always "finds" something."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.inference.estimate import Estimate
from alamo.numerics.fay_herriot import LEAST_SEGMENTS, ShrunkEffects, fay_herriot
from alamo.numerics.moments import sums_by
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAST_PER_ARM = 10
"""Rows of each compared arm a segment needs before its mean is looked at."""
DISTINGUISHABLE = 0.05
"""Below this p-value of τ = 0 segments are shown apart; else all show the pooled effect."""

_MOST_COVARIATES = 12


@dataclass(frozen=True, slots=True)
class SegmentScores:
    """What the segments of one comparison hand over, shapes (n,) unless said otherwise.

    Attributes
    ----------
    score
        Γ(a) − Γ(none), or sums of it by unit.
    variance
        Modelled variance of each score (up to a common factor).
    segment
        Code of the segment.
    names
        Names of the segments, by code.
    in_action, in_control
        Whether the row drew the action, or none.
    covariates
        Features to regress segment effects on, shape (n, d); d may be 0.
    design_effect
        At least 1: by how much clusters inflate the variance of a mean.
    """

    score: Floats
    variance: Floats
    segment: Integers
    names: tuple[str, ...]
    in_action: npt.NDArray[np.bool_]
    in_control: npt.NDArray[np.bool_]
    covariates: Floats
    design_effect: float = 1.0

    def sums(self) -> SegmentSums:
        """Return what the rows of each segment add up to."""
        k, typical = len(self.names), float(self.variance.mean())
        factor = self.design_effect * float(self.score.var()) / typical if typical > 0.0 else 0.0
        return SegmentSums(
            names=self.names,
            n_action=sums_by(self.segment, self.in_action.astype(np.float64), k),
            n_control=sums_by(self.segment, self.in_control.astype(np.float64), k),
            size=sums_by(self.segment, np.ones(len(self.score)), k),
            score=sums_by(self.segment, self.score, k),
            variance=sums_by(self.segment, self.variance * factor, k),
            covariates=np.column_stack(
                [np.zeros((k, 0)), *(sums_by(self.segment, column, k) for column in self.covariates.T)]
            ),
        )


@dataclass(frozen=True, slots=True)
class SegmentSums:
    """What the rows of each segment add up to: all that the shrunk effects of a comparison are made of, shapes (k,).

    Attributes
    ----------
    names
        Of the segments.
    n_action, n_control
        Rows that drew the action, or none.
    size
        Rows, whatever they drew.
    score
        Sum of the scores Γ(a) − Γ(none).
    variance
        Sum of their modelled variances, scaled so that over all segments they are the scores' own.
    covariates
        Sums of the features, shape (k, d); d may be 0.
    """

    names: tuple[str, ...]
    n_action: Floats
    n_control: Floats
    size: Floats
    score: Floats
    variance: Floats
    covariates: Floats


@dataclass(frozen=True, slots=True)
class SegmentEffect:
    """One shrunk segment effect: the point to act on, the interval to show, and the rows behind it."""

    name: str
    estimate: Estimate
    n: int
    n_control: int
    method: str

    @property
    def found(self) -> bool:
        """Whether the shrunk interval excludes zero."""
        return self.estimate.lower > 0.0 or self.estimate.upper < 0.0


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """The segments of one comparison.

    Attributes
    ----------
    effects
        Segments with an estimate.
    too_small
        Names of those with fewer than `LEAST_PER_ARM` rows in a compared arm.
    between_sd
        Standard deviation between segments beyond the covariates; None where it is not identified.
    p_zero
        p-value of no such spread; None likewise.
    """

    effects: tuple[SegmentEffect, ...]
    too_small: tuple[str, ...]
    between_sd: float | None
    p_zero: float | None


def segment_effects(data: SegmentSums, pooled: Estimate, level: float) -> SegmentTable:
    """Shrink the segment means of the scores; of rows nothing is needed but their sums.

    With fewer than `LEAST_SEGMENTS` usable segments each shows the pooled effect. Where the spread between segments is
    not distinguishable from zero each shows the pooled effect with the integrated interval: that test has little power,
    so the pooled interval would claim too much.
    """
    seen = (data.n_action + data.n_control) > 0
    places = usable_segments(data)
    too_small = tuple(data.names[g] for g in np.setdiff1d(np.flatnonzero(seen), places))
    counts = [(int(data.n_action[g]), int(data.n_control[g])) for g in places]
    if len(places) < LEAST_SEGMENTS:
        effects = [
            SegmentEffect(data.names[g], pooled, *count, method="pooled effect (too few segments)")
            for g, count in zip(places, counts, strict=True)
        ]
        return SegmentTable(tuple(effects), too_small, None, None)
    shrunk = shrink_segments(data, places, pooled)
    apart = shrunk.p_zero < DISTINGUISHABLE
    effects = [
        SegmentEffect(
            data.names[g],
            _shown(shrunk, j, pooled.mean if not apart else float(shrunk.decide_mean[j]), level),
            *count,
            method="Fay–Herriot" if apart else "Fay–Herriot, shown pooled (no spread found)",
        )
        for j, (g, count) in enumerate(zip(places, counts, strict=True))
    ]
    return SegmentTable(tuple(effects), too_small, shrunk.tau, shrunk.p_zero)


def usable_segments(data: SegmentSums) -> Integers:
    """Return the codes of the segments with `LEAST_PER_ARM` rows in each compared arm."""
    return np.flatnonzero(np.minimum(data.n_action, data.n_control) >= LEAST_PER_ARM)


def shrink_segments(data: SegmentSums, places: Integers, pooled: Estimate) -> ShrunkEffects:
    """Return the posteriors of the segments `places`, at least `LEAST_SEGMENTS` of them, shapes (len(places),)."""
    size = data.size[places]
    direct = data.score[places] / size
    variance = data.variance[places] / size**2
    scale = 0.5 * max(abs(pooled.mean), 2.0 * pooled.se)
    return fay_herriot(direct, variance, _segment_covariates(data, places, size), scale=scale)


def _segment_covariates(data: SegmentSums, places: Integers, size: Floats) -> Floats | None:
    """Return the standardised segment means of the features that differ most between segments, shape (S, p)."""
    most = min(_MOST_COVARIATES, len(places) // 4, data.covariates.shape[1])
    if most < 1:
        return None
    means = data.covariates[places] / size[:, None]
    share = size / size.sum()
    centred = means - share @ means
    spread = np.sqrt(share @ centred**2)
    chosen = np.sort(np.argsort(-spread, kind="stable")[:most])
    chosen = chosen[spread[chosen] > 1e-9]
    standardised: Floats = centred[:, chosen] / spread[chosen]
    return standardised if len(chosen) else None


def _shown(shrunk: ShrunkEffects, j: int, mean: float, level: float) -> Estimate:
    """The integrated interval, widened where needed to hold the point that is shown."""
    centre, sd = float(shrunk.show_mean[j]), float(shrunk.show_sd[j])
    half = z_value(level) * sd
    return Estimate(mean, sd, min(centre - half, mean), max(centre + half, mean), 0)
