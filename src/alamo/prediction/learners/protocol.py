"""What an effect learner is: a weighted regression of doubly robust score differences on features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class FittedEffect(Protocol):
    """A fitted effect model. One row gives the same bits as the row in a batch."""

    def predict(self, features: Any, /) -> Floats:
        """Return the effect of each row of what the learner looks at (a matrix, or segment indices), shape (n,)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values, read back by the class's `from_dict`."""
        ...


@dataclass(frozen=True, slots=True)
class CrossFit:
    """What cross-fitting gives.

    Attributes
    ----------
    held_out
        Effect of each row by a model that did not see the row's fold, shape (n,).
    model
        The model to score new rows with.
    """

    held_out: Floats
    model: FittedEffect


class EffectLearner(Protocol):
    """Fits effects; every fit keeps the weighted mean of its training scores."""

    @property
    def name(self) -> str:
        """Name under which results show the learner (``ridge``, ``boosting`` …)."""
        ...

    def fit(self, features: Floats, score: Floats, weight: Floats) -> FittedEffect:
        """Fit on features (n, d), scores (n,) and positive row weights (n,)."""
        ...

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold on the other folds (n,), predict the fold, and give a model for new rows."""
        ...
