"""How far a mixture of candidates is borne out by the scores it has not seen, and how much of it is kept.

A mixture says two things: how much an action changes altogether, and for whom it changes more. Each is tested for
itself. Tested together, an effect that is there vouches for differences between customers that are not, and the
customers whom chance made look best get an action that does nothing, or harm, for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_NOTHING = 1e-9
"""Of the largest part: a part below it says nothing."""
_COMMON = (0.7, 0.5)
"""Mean and standard deviation of the prior of the common part's slope: below 1, because the mixture was chosen on the
scores it is tested on. Chosen on seeds 600 to 611 of four worlds of `benchmarks/uplift_worlds.py` and seeds 104, 105,
301 and 302 of the scenario `shop`, judged on others: a wider prior around 0 also drops what works, where actions are
many and decisions few."""
CONTRAST_IN_LOOP = (0.6, 0.3)
"""The same of differences between customers, which have more ways to be luck. Chosen on seeds 901 to 906 of the markets
`smooth`, `mixed` and `homogeneous`, where differences are found cycles earlier than with (.2, .3): regret of 8 cycles
is 3 to 17 % less in four of five runs, 5 % more in one. On `shop`, where most differences are luck, the share of the
oracle stays what it is (+.0005 ± .001 on seeds 541 to 546)."""
_BEFORE_IT_WAS_KEPT = (0.2, 0.3)
"""The prior of models fitted before the prior was part of their state."""


@dataclass(frozen=True, slots=True)
class EffectLevel:
    """The slope of the scores on what the mixture predicts out of fold, through the origin: 1 where it is right.

    Attributes
    ----------
    slope, slope_se
        Weighted least squares and its standard error, robust and clustered by unit; both 0 where the mixture predicts
        nothing.
    """

    slope: float = 0.0
    slope_se: float = 0.0

    @classmethod
    def of(cls, mixture: Floats, score: Floats, weight: Floats, unit: Integers) -> EffectLevel:
        """Measure out-of-fold predictions against scores, rows weighted by precision, shape (n,) each."""
        return slopes(mixture[:, None], score, weight, unit)[0]

    def keep(self, prior: tuple[float, float]) -> float:
        """Return the share that is kept under a prior (mean, sd): the posterior mean of the slope, within [0, 1].

        Source: normal mean with known variance and a normal prior; Efron & Morris (1973), "Stein's estimation rule and
        its competitors", JASA 68, §2, for why a prior below 1 pays.
        """
        if self.slope_se <= 0.0:
            return 1.0
        mean, sd = prior
        weight, measured = sd**-2, self.slope_se**-2
        return min(1.0, max(0.0, (mean * weight + self.slope * measured) / (weight + measured)))

    @property
    def beyond(self) -> float:
        """The slope of what a mixture leaves, kept as far as chance does not explain it: 0 within 1.4 standard errors.

        Source: with a slope drawn from N(0, τ²) and τ² estimated from it alone, its posterior mean is 1 − se²/slope² of
        it (Efron & Morris, 1973, JASA 68, §2, positive part); twice that pays for having been looked for.
        """
        if self.slope == 0.0:
            return 0.0
        return self.slope * max(0.0, 1.0 - 2.0 * (self.slope_se / self.slope) ** 2)


@dataclass(frozen=True, slots=True)
class EffectParts:
    """The two parts of a mixture: what is common to all customers, and the differences between them.

    Attributes
    ----------
    centre
        Weighted mean of the mixture in units of the money scale (money where there is none).
    common, contrast
        How far each part is borne out, measured beside the other.
    contrast_prior
        Mean and standard deviation of the prior of the slope of `contrast`.
    """

    centre: float = 0.0
    common: EffectLevel = field(default_factory=EffectLevel)
    contrast: EffectLevel = field(default_factory=EffectLevel)
    contrast_prior: tuple[float, float] = CONTRAST_IN_LOOP

    @classmethod
    def of(cls, mixture: Floats, score: Floats, weight: Floats, unit: Integers, scale: Floats) -> EffectParts:
        """Measure out-of-fold predictions (money) against scores, shape (n,) each; `scale` is 1 where there is none."""
        mass = weight * scale
        centre = float(mass @ mixture / (mass @ scale))
        common = centre * scale
        found, contrast = slopes(np.column_stack([common, mixture - common]), score, weight, unit)
        return cls(centre, found, contrast)

    @property
    def common_kept(self) -> float:
        """Share kept of what is common."""
        return self.common.keep(_COMMON)

    @property
    def contrast_kept(self) -> float:
        """Share kept of the differences."""
        return self.contrast.keep(self.contrast_prior)

    def kept(self, mixture: Floats, scale: Floats) -> Floats:
        """Return what is kept of a mixture, money, shape (n,)."""
        common = self.centre * scale
        return self.common_kept * common + self.contrast_kept * (mixture - common)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return asdict(self) | {"contrast_prior": list(self.contrast_prior)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EffectParts:
        """Return the parts that `to_dict` wrote."""
        mean, sd = values.get("contrast_prior", _BEFORE_IT_WAS_KEPT)
        common, contrast = EffectLevel(**values["common"]), EffectLevel(**values["contrast"])
        return cls(float(values["centre"]), common, contrast, (float(mean), float(sd)))


def slopes(parts: Floats, score: Floats, weight: Floats, unit: Integers) -> tuple[EffectLevel, ...]:
    """Return the slope of the scores (n,) on each column of `parts` (n, k), the others beside it.

    Weighted least squares without an intercept; errors robust and clustered by unit. A column without any variation
    of its own has slope and error 0.

    Source: Liang & Zeger (1986), "Longitudinal data analysis using generalized linear models", Biometrika 73(1), §2.
    """
    found = [EffectLevel()] * parts.shape[1]
    size = np.sqrt(weight @ parts**2)
    use = np.flatnonzero(size > _NOTHING * size.max(initial=0.0))
    if not len(use):
        return tuple(found)
    unit_columns = parts[:, use] / size[use]
    weighted = unit_columns * weight[:, None]
    inverse = np.linalg.pinv(weighted.T @ unit_columns, hermitian=True)
    slope = inverse @ (weighted.T @ score)
    left = score - unit_columns @ slope
    n = int(unit.max()) + 1
    sums = np.column_stack([sums_by(unit, column * left, n) for column in weighted.T])
    variance = np.diag(inverse @ (sums.T @ sums) @ inverse)
    for j, b, v, s in zip(use.tolist(), slope.tolist(), variance.tolist(), size[use].tolist(), strict=True):
        found[j] = EffectLevel(b / s, float(np.sqrt(v)) / s)
    return tuple(found)
