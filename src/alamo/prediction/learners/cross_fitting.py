"""Cross-fitting of a learner that can fit and predict, for learners that have no shorter way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.protocol import CrossFit, EffectLearner

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def cross_fit_by_fold(
    learner: EffectLearner, features: Floats, score: Floats, weight: Floats, folds: Integers
) -> CrossFit:
    """Fit once per fold on the others and predict the fold; new rows get the fit on all rows.

    Parameters
    ----------
    learner
        Its `fit` is called k + 1 times.
    features, score, weight, folds
        As in `EffectLearner.cross_fit`.
    """
    held_out = np.zeros(len(score))
    for train, test in fold_splits(folds):
        held_out[test] = learner.fit(features[train], score[train], weight[train]).predict(features[test])
    return CrossFit(held_out, learner.fit(features, score, weight))
