"""What an effect learner is: a weighted regression of doubly robust score differences on features.

Implementations of other packages are found by their entry point in the group ``alamo.learners``; the suite that each of
them must pass is `alamo.testing.LearnerSuite`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
View = Literal["tree", "linear"]
"""Which encoding of the features a learner gets: ``"tree"``, as they are with NaN for what is missing, or ``"linear"``,
imputed, standardised, clipped to six standard deviations, with a column for what was missing. Levels of text have a
column each in both."""


class FittedEffect(Protocol):
    """A fitted effect model. One row gives the same bits as the row in a batch."""

    def predict(self, features: Any, /) -> Floats:
        """Return the effect of each row of what the learner looks at (a matrix, or segment indices), shape (n,)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values, read back by the learner's `read`."""
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
    """Fits effects; every fit keeps the weighted mean of its training scores, and is the same for the same arguments.

    Features are single-precision matrices (n, d), possibly without a column, with columns that never vary, or with
    fewer rows than a learner would like: then the weighted mean of the scores is the effect of everybody.
    """

    @property
    def name(self) -> str:
        """Name under which results show the learner (``ridge``, ``boosting`` …), its entry point's name."""
        ...

    @property
    def view(self) -> View:
        """Which encoding of the features the learner gets."""
        ...

    def fit(self, features: Floats, score: Floats, weight: Floats) -> FittedEffect:
        """Fit on features (n, d), scores (n,) and positive row weights (n,)."""
        ...

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold on the other folds (n,), predict the fold, and give a model for new rows."""
        ...

    def read(self, state: Mapping[str, Any]) -> FittedEffect:
        """Return the model whose `to_dict` wrote `state`, perhaps in another process."""
        ...
