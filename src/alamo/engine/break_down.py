"""Where and when actions work: effects by lifecycle stage and by cycle, from the scores of past decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alamo.engine.context import Context
from alamo.engine.infer import late_cycles, observations_with_outcome
from alamo.inference import ScoredLog, break_down
from alamo.measurement import STAGES

_NOTHING: dict[str, Any] = {"by_stage": [], "over_time": [], "trends": []}


def stages_and_time(context: Context, actions: Sequence[str]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the effects of `actions` by stage and by cycle with their trends, as JSON-able values, and the refusals.

    Imported experiments, which are cycles of 0 and below, are left out. Stages stand in the order of a customer's life.
    """
    if not actions:
        return _NOTHING, []
    observations = observations_with_outcome(context)
    imported = context.history.query("SELECT DISTINCT cycle FROM observations WHERE cycle < 1")["cycle"].to_pylist()
    log = ScoredLog.of(context.history, observations, late=[*late_cycles(context), *imported], by_stage=True)
    found = break_down(log, actions, context.settings.inference.level)
    shown = found.to_dict()
    shown["by_stage"].sort(key=lambda row: (actions.index(row["action"]), _place(row["stage"])))
    return shown, [refusal.to_dict() for refusal in found.refusals]


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)
