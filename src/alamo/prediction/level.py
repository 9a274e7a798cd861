"""The mean effect of an action, and how far it gives way when it is drawn towards zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.prediction.candidates import Target

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EffectLevel:
    """The mean effect of one action, in units of the money scale where the spread is relative.

    Attributes
    ----------
    mixture
        Precision-weighted mean of what the mixture predicts.
    estimate, se
        Precision-weighted mean of the scores, and its standard error.
    slope_se
        Standard error of the slope of the scores on the mixture's differences between customers: by how much, as a
        share, all of these differences together may be wrong.
    """

    mixture: float = 0.0
    estimate: float = 0.0
    se: float = 0.0
    slope_se: float = 0.0

    @classmethod
    def of(cls, mixture: Floats, target: Target) -> EffectLevel:
        """Measure out-of-fold predictions (n,) against the scores of `target`."""
        share = target.weight / target.weight.sum()
        mean, left = float(share @ mixture), share * (target.score - target.mean)
        differs = mixture - mean
        square = float(share @ differs**2)
        error = float(np.sqrt(np.sum((left * differs) ** 2)))
        slope_se = error / square if np.ptp(mixture) > 0.0 else 0.0
        return cls(mean, target.mean, float(np.sqrt(left @ left)), slope_se)

    def shared_sd(self, differs: Floats) -> Floats:
        """Return what customers share of their uncertainty, shape (n,); `differs` is the prediction less its mean."""
        return np.hypot(self.se, self.slope_se * differs)

    def shift(self, keep: float) -> float:
        """Return what takes the mixture's mean down to the share `keep` of the estimate; never away from zero."""
        wanted = keep * self.estimate
        if wanted * self.mixture <= 0.0:
            return -self.mixture if self.mixture else 0.0
        return wanted - self.mixture if abs(wanted) < abs(self.mixture) else 0.0
