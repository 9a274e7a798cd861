"""Learners: the only place that imports LightGBM and scikit-learn; every fitted model has a JSON-able state, no pickle.

Not here: doubly robust scores, aggregation, tables of the product. Learners see matrices.
"""

from alamo.prediction.learners.boosting import BoostedEffectLearner
from alamo.prediction.learners.cross_fitting import cross_fit_by_fold
from alamo.prediction.learners.ensemble import EnsembleEffect
from alamo.prediction.learners.forest import ForestEffectLearner
from alamo.prediction.learners.network import NetworkEffectLearner
from alamo.prediction.learners.outcome import BoostedOutcome, BoostedOutcomeLearner, boosted_outcome, file_outcome
from alamo.prediction.learners.protocol import CrossFit, EffectLearner, FittedEffect, View
from alamo.prediction.learners.registry import (
    ALWAYS,
    BUILT_IN,
    learner_named,
    learner_names,
    learners_named,
    unusable_learner,
)
from alamo.prediction.learners.ridge import RidgeEffect, RidgeEffectLearner
from alamo.prediction.learners.scikit_tags import regressor_tags
from alamo.prediction.learners.tree import TreeEffectLearner

__all__ = [
    "ALWAYS",
    "BUILT_IN",
    "BoostedEffectLearner",
    "BoostedOutcome",
    "BoostedOutcomeLearner",
    "CrossFit",
    "EffectLearner",
    "EnsembleEffect",
    "FittedEffect",
    "ForestEffectLearner",
    "NetworkEffectLearner",
    "RidgeEffect",
    "RidgeEffectLearner",
    "TreeEffectLearner",
    "View",
    "boosted_outcome",
    "cross_fit_by_fold",
    "file_outcome",
    "learner_named",
    "learner_names",
    "learners_named",
    "regressor_tags",
    "unusable_learner",
]
