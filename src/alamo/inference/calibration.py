"""Calibration: the effect on the short outcome corrected by what the longer outcomes of the same decisions say.

For an action, with Γ the doubly robust scores of its decisions,

    proxy       = mean over all decisions of Γ_short(a) − Γ_short(none)
    correction  = mean over those whose long window has closed of Γ_difference(a) − Γ_difference(none),

where *difference* is the long outcome less the short one of the same decision: what the two have in common cancels, so
the correction is known better than the long effect itself. Their sum is the calibrated effect, the effect on the longer
outcome of all decisions so far. Its error is over units, which recur in both parts, so their covariance is in it.
Corrections of several actions are shrunk towards each other (`shrink_together`).

*Assumes* that decisions whose long window is still open will be corrected like those whose window has closed. How much
the correction has differed between cycles so far is added to its variance, in proportion to how many are still open.
With fewer than `LEAST_CYCLES` closed nothing is known of that, and an effect stays a proxy.

*Not supported*: looking again and again. Long windows overlap, so the scores are no martingale in the order of time and
there is no always-valid interval of a calibrated effect.

Source: Athey, Chetty, Imbens & Kang (2019), "The surrogate index", NBER 26463: the effect on a proxy is the long-run
effect if the proxy carries all of it (surrogacy) and predicts alike where it is used and where it was learnt
(comparability). Matured experiments measure by how much surrogacy fails; comparability is what remains assumed.
DerSimonian & Laird (1986), "Meta-analysis in clinical trials", for the spread between cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.inference.estimate import Estimate, normal_estimate
from alamo.numerics.moments import sums_by
from alamo.numerics.normal_normal import shrink_together

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST_CYCLES = 3
"""Closed cycles needed before it can be said how much a correction differs between cycles."""

FEW_CYCLES, NO_SPREAD = "few cycles", "no spread"
"""Why an effect stays a proxy."""

_NOTHING = 1e-9
"""Of the size of what is corrected: an error below it is rounding."""


@dataclass(frozen=True, slots=True)
class PairedScores:
    """The scores of one action on both outcomes; rows are decisions, shapes (n,).

    Attributes
    ----------
    proxy
        Γ(a) − Γ(none) of the short outcome.
    difference
        Γ(a) − Γ(none) of the long outcome less the short one; NaN while the long window is open.
    unit
        Code of the unit, the same over all actions.
    cycle
        Of the decision.
    """

    proxy: Floats
    difference: Floats
    unit: Integers
    cycle: Integers

    @property
    def closed(self) -> Bools:
        """Whether the long window has closed, shape (n,)."""
        return ~np.isnan(self.difference)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Proxy, correction and calibrated effect of one action.

    Attributes
    ----------
    proxy
        Effect on the short outcome over all decisions.
    correction
        What the longer outcome adds to it, after shrinkage; None while the effect stays a proxy.
    calibrated
        Their sum; None likewise.
    between_cycles_sd
        How much the correction differs between cycles beyond chance; None with fewer than `LEAST_CYCLES` that can say.
    refused
        Why the effect stays a proxy: `FEW_CYCLES` closed, or `NO_SPREAD` in the longer outcome; None where it does not.
    """

    proxy: Estimate
    correction: Estimate | None
    calibrated: Estimate | None
    between_cycles_sd: float | None = None
    refused: str | None = None


def calibrate(scores: Sequence[PairedScores], level: float) -> list[Calibration]:
    """Return the calibration of each action.

    Parameters
    ----------
    scores
        One entry an action, each of at least two units; an action with fewer than `LEAST_CYCLES` closed cycles, or
        whose longer outcome is a constant apart from the short one, stays a proxy.
    level
        Of the fixed-n intervals.
    """
    n_units = 1 + max((int(part.unit.max()) for part in scores if len(part.unit)), default=-1)
    parts = [_Parts.of(part, n_units) for part in scores]
    ready = [place for place, part in enumerate(parts) if part.refused is None]
    shown = [Calibration(part.proxy(level), None, None, part.between_sd, part.refused) for part in parts]
    if not ready:
        return shown
    joint = _joint([parts[place] for place in ready])
    for row, place in enumerate(ready):
        part = parts[place]
        n = part.n_closed
        shown[place] = Calibration(
            proxy=part.proxy(level),
            correction=normal_estimate(joint.effect[row] - part.proxy_mean, joint.correction_sd[row], n, level),
            calibrated=normal_estimate(joint.effect[row], joint.effect_sd[row], n, level),
            between_cycles_sd=part.between_sd,
        )
    return shown


@dataclass(frozen=True, slots=True)
class _Parts:
    """One action as means and what each unit contributes to their errors.

    Attributes
    ----------
    proxy_mean, correction_mean
        Of the scores.
    proxy_influence, correction_influence
        Σ over the unit's rows of (score − mean)/n, shape (n_units,).
    n, n_closed
        Units with a decision, and with one whose long window has closed.
    open_share
        Share of decisions whose long window is open.
    between_sd
        See `Calibration`.
    """

    proxy_mean: float
    correction_mean: float
    proxy_influence: Floats
    correction_influence: Floats
    n: int
    n_closed: int
    open_share: float
    between_sd: float | None

    @classmethod
    def of(cls, scores: PairedScores, n_units: int) -> _Parts:
        closed = scores.closed
        proxy_mean, proxy_influence, n = _mean_by_unit(scores.proxy, scores.unit, n_units)
        mean, influence, n_closed = _mean_by_unit(scores.difference[closed], scores.unit[closed], n_units)
        spread = _between_cycles(scores.difference[closed], scores.cycle[closed])
        share = 1.0 - float(closed.mean())
        return cls(proxy_mean, mean, proxy_influence, influence, n, n_closed, share, spread)

    @property
    def refused(self) -> str | None:
        """See `Calibration`."""
        if self.n_closed < 2:
            return FEW_CYCLES
        size = max(abs(self.correction_mean), float(np.linalg.norm(self.proxy_influence)))
        if float(np.linalg.norm(self.correction_influence)) <= _NOTHING * size:
            return NO_SPREAD
        return FEW_CYCLES if self.between_sd is None else None

    def proxy(self, level: float) -> Estimate:
        """Return the effect on the short outcome."""
        return normal_estimate(self.proxy_mean, float(np.linalg.norm(self.proxy_influence)), self.n, level)


def _mean_by_unit(score: Floats, unit: Integers, n_units: int) -> tuple[float, Floats, int]:
    """Return the mean, each unit's part in its error (squares add up to the variance), and how many units there are."""
    if not len(score):
        return float("nan"), np.zeros(n_units), 0
    mean = float(score.mean())
    n = int((np.bincount(unit, minlength=n_units) > 0).sum())
    influence = sums_by(unit, score - mean, n_units) / len(score)
    return mean, influence * np.sqrt(n / max(n - 1, 1)), n


def _between_cycles(score: Floats, cycle: Integers) -> float | None:
    """Return the standard deviation of the correction between cycles beyond chance, by the method of moments.

    Cycles too thin to have an error of their own are skipped.
    """
    _, code = np.unique(cycle, return_inverse=True)
    size = np.bincount(code)
    mean = np.bincount(code, score) / size
    variance = np.bincount(code, (score - mean[code]) ** 2) / np.maximum(size - 1, 1) / size
    tells = (size > 1) & (np.sqrt(variance) > _NOTHING * np.abs(mean))
    mean, variance = mean[tells], variance[tells]
    if len(mean) < LEAST_CYCLES:
        return None
    weight = 1.0 / variance
    pooled = float(weight @ mean) / weight.sum()
    excess = float(weight @ (mean - pooled) ** 2) - (len(mean) - 1)
    scale = float(weight.sum() - (weight @ weight) / weight.sum())
    return float(np.sqrt(max(excess / scale, 0.0)))


@dataclass(frozen=True, slots=True)
class _Joint:
    """Calibrated effects of all actions together, shapes (k,)."""

    effect: Floats
    effect_sd: Floats
    correction_sd: Floats


def _joint(parts: Sequence[_Parts]) -> _Joint:
    """Return the posterior of proxy + correction of k actions, given both estimates and their joint errors.

    With p̂ = p + e, ĉ = c + f and Cov(e, f) = C: given c, the best guess of p is p̂ − C Σ⁻¹(ĉ − c), so that
    θ = p + c has mean p̂ + c̃ − C Σ⁻¹(ĉ − c̃) and variance G·Var(c)·Gᵀ + P − C Σ⁻¹ Cᵀ with G = I + C Σ⁻¹.
    """
    proxy = np.array([part.proxy_mean for part in parts])
    direct = np.array([part.correction_mean for part in parts])
    of_proxy = np.column_stack([part.proxy_influence for part in parts])
    of_correction = np.column_stack([part.correction_influence for part in parts])
    error = of_correction.T @ of_correction
    error += np.diag([(part.open_share * (part.between_sd or 0.0)) ** 2 for part in parts])
    shared = of_proxy.T @ of_correction
    together = shrink_together(direct, error)
    regression = np.linalg.solve(error, shared.T).T
    gain = np.eye(len(parts)) + regression
    effect = proxy + together.mean - regression @ (direct - together.mean)
    variance = gain @ together.covariance @ gain.T + of_proxy.T @ of_proxy - regression @ shared.T
    return _Joint(effect, np.sqrt(np.diag(variance)), np.sqrt(np.diag(together.covariance)))
