"""Inference: what each action really changes, for whom, and what a customer is worth; with honest intervals.

Not here: who should get what (steering), predictions per customer (prediction), SQL and files (measurement, store).
Every function takes tables under contract and returns tables or frozen results; an estimate that the data do not
support is absent, with a `Refusal` that says what would cure it.
"""

from __future__ import annotations

from alamo.inference.calibrated_effects import LongEvidence, calibrated_effects
from alamo.inference.dr_scores import cycle_dr_scores
from alamo.inference.effect_breakdown import EffectBreakdown, break_down
from alamo.inference.effect_sums import ActionSums, effect_sums
from alamo.inference.effects import LoopEffects, loop_effects
from alamo.inference.estimate import Estimate
from alamo.inference.experiment import analyze_experiment
from alamo.inference.experiment_cells import ExperimentCells
from alamo.inference.experiment_from_cells import effects_of_cells
from alamo.inference.experiment_result import EffectRow, ExperimentResult, Trend
from alamo.inference.experiment_scan import column_to_quarter, needs_rows, scan_experiment
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.fatigue import Fatigue, fatigue
from alamo.inference.guardrail import Guardrail, guardrails_of
from alamo.inference.harm import Harm, counting, event_harm, outcome_harm, wave_share
from alamo.inference.harm_sums import EventSums, event_sums
from alamo.inference.long_outcomes import value_long_outcomes
from alamo.inference.outcomes import value_outcomes
from alamo.inference.permission_gain import PriceTerms, not_charged, permission_price
from alamo.inference.permission_price import PermissionPrice, PermissionPrices, Prices
from alamo.inference.power import cycles_needed, cycles_needed_fixed
from alamo.inference.programme import programme_effect, programme_gain
from alamo.inference.scored_log import ScoredLog
from alamo.inference.segments import SegmentDefinition, assign_segments, define_segments

__all__ = [
    "ActionSums",
    "EffectBreakdown",
    "EffectRow",
    "Estimate",
    "EventSums",
    "ExperimentCells",
    "ExperimentResult",
    "ExperimentSpec",
    "Fatigue",
    "Guardrail",
    "Harm",
    "LongEvidence",
    "LoopEffects",
    "PermissionPrice",
    "PermissionPrices",
    "PriceTerms",
    "Prices",
    "ScoredLog",
    "SegmentDefinition",
    "Trend",
    "analyze_experiment",
    "assign_segments",
    "break_down",
    "calibrated_effects",
    "column_to_quarter",
    "counting",
    "cycle_dr_scores",
    "cycles_needed",
    "cycles_needed_fixed",
    "define_segments",
    "effect_sums",
    "effects_of_cells",
    "event_harm",
    "event_sums",
    "fatigue",
    "guardrails_of",
    "loop_effects",
    "needs_rows",
    "not_charged",
    "outcome_harm",
    "permission_price",
    "programme_effect",
    "programme_gain",
    "scan_experiment",
    "value_long_outcomes",
    "value_outcomes",
    "wave_share",
]
