"""Uplift of any experiment file: fitted on one part, judged on the part held out."""

from alamo.prediction.analysis.analyze import analyze_uplift
from alamo.prediction.analysis.estimator import UpliftRegressor
from alamo.prediction.analysis.model import FittedUplift
from alamo.prediction.analysis.result import HoldoutRow, UpliftResult
from alamo.prediction.analysis.spec import UpliftSpec

__all__ = ["FittedUplift", "HoldoutRow", "UpliftRegressor", "UpliftResult", "UpliftSpec", "analyze_uplift"]
