"""Model health: predictions and forecasts frozen before a cycle, judged by what the cycle brought.

Not here: estimating effects anew (that is done elsewhere, for decisions), and choosing the next model.
"""

from __future__ import annotations

from alamo.inference.health.calibration import calibration
from alamo.inference.health.challengers import Rivals, challenged
from alamo.inference.health.checks import Check, health_table, judged
from alamo.inference.health.effect_drift import effect_drift
from alamo.inference.health.feature_drift import feature_drift
from alamo.inference.health.forecasts import Promise, programme_forecast, value_forecast
from alamo.inference.health.judged_rows import JudgedRows, judged_rows
from alamo.inference.health.plan_gain import PlanGain

__all__ = [
    "Check",
    "JudgedRows",
    "PlanGain",
    "Promise",
    "Rivals",
    "calibration",
    "challenged",
    "effect_drift",
    "feature_drift",
    "health_table",
    "judged",
    "judged_rows",
    "programme_forecast",
    "value_forecast",
]
