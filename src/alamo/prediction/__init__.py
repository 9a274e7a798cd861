"""The third room: which action adds most value to each customer, in money, and how sure that is.

Not here: effects of actions with their intervals (inference), decisions and limits (steering), reading or writing
tables (engine). The room gets tables and gives tables; LightGBM and scikit-learn live in
`alamo.prediction.learners` alone.
"""

from alamo.prediction.analysis import (
    FittedUplift,
    HoldoutRow,
    UpliftRegressor,
    UpliftResult,
    UpliftSpec,
    analyze_uplift,
)
from alamo.prediction.corrections import Correction, corrected
from alamo.prediction.learners.outcome import boosted_outcome
from alamo.prediction.next_product import NextProductResult, NextProductSpec, analyze_next_product, readiness_table
from alamo.prediction.scores import ScoreSpec, ScoresResult, analyze_scores
from alamo.prediction.uplift import UpliftModel, fit_uplift_model, opening_scores

__all__ = [
    "Correction",
    "FittedUplift",
    "HoldoutRow",
    "NextProductResult",
    "NextProductSpec",
    "ScoreSpec",
    "ScoresResult",
    "UpliftModel",
    "UpliftRegressor",
    "UpliftResult",
    "UpliftSpec",
    "analyze_next_product",
    "analyze_scores",
    "analyze_uplift",
    "boosted_outcome",
    "corrected",
    "fit_uplift_model",
    "opening_scores",
    "readiness_table",
]
