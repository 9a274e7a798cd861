"""Why an effect is predicted: parts per customer, what a column is worth overall, and what if it were another.

Not here: fitting, and causes. A column explains the *prediction*; whether changing it would change the customer is
another experiment.
"""

from alamo.prediction.explanation.contributions import Contributions, contributions
from alamo.prediction.explanation.importance import LossChange, loss_changes
from alamo.prediction.explanation.mixing import Effect, ScoredRows
from alamo.prediction.explanation.what_if import Curve, CurvePoint, Judged, what_if

__all__ = [
    "Contributions",
    "Curve",
    "CurvePoint",
    "Effect",
    "Judged",
    "LossChange",
    "ScoredRows",
    "contributions",
    "loss_changes",
    "what_if",
]
