"""Calibrated scores: churn, readiness and lead scores from any table of two outcomes.

Not here: what an action changes (uplift). A score says who will, not whom a message moves.
"""

from alamo.prediction.scores.analysis import analyze_scores
from alamo.prediction.scores.estimator import ScoreClassifier
from alamo.prediction.scores.result import ScoresResult
from alamo.prediction.scores.spec import ScoreSpec

__all__ = ["ScoreClassifier", "ScoreSpec", "ScoresResult", "analyze_scores"]
