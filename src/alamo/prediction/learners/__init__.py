"""Learners: the only place that imports LightGBM; every fitted model has a JSON-able state and no pickle.

Not here: doubly robust scores, aggregation, tables of the product. Learners see matrices.
"""

from alamo.prediction.learners.boosting import BoostedEffect, BoostedEffectLearner
from alamo.prediction.learners.outcome import BoostedOutcome, BoostedOutcomeLearner, boosted_outcome
from alamo.prediction.learners.protocol import CrossFit, EffectLearner, FittedEffect
from alamo.prediction.learners.ridge import RidgeEffect, RidgeEffectLearner

__all__ = [
    "BoostedEffect",
    "BoostedEffectLearner",
    "BoostedOutcome",
    "BoostedOutcomeLearner",
    "CrossFit",
    "EffectLearner",
    "FittedEffect",
    "RidgeEffect",
    "RidgeEffectLearner",
    "boosted_outcome",
]
