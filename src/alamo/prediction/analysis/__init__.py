"""Uplift of any experiment file: fitted on one part, judged on the part held out."""

from alamo.prediction.analysis.analyze import analyze_uplift
from alamo.prediction.analysis.spec import HoldoutRow, UpliftResult, UpliftSpec

__all__ = ["HoldoutRow", "UpliftResult", "UpliftSpec", "analyze_uplift"]
