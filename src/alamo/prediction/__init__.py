"""The third room: which action adds most value to each customer, in money, and how sure that is.

Not here: effects of actions with their intervals (inference), decisions and limits (steering), reading or writing
tables (engine). The room gets tables and gives tables; LightGBM lives in `alamo.prediction.learners` alone.
"""

from alamo.prediction.analysis import HoldoutRow, UpliftResult, UpliftSpec, analyze_uplift
from alamo.prediction.learners.outcome import boosted_outcome
from alamo.prediction.uplift import UpliftModel, fit_uplift_model, opening_scores

__all__ = [
    "HoldoutRow",
    "UpliftModel",
    "UpliftResult",
    "UpliftSpec",
    "analyze_uplift",
    "boosted_outcome",
    "fit_uplift_model",
    "opening_scores",
]
