"""One turn of the loop: measure → infer → predict → steer, up to the human gate.

This is the file to read first. A turn is four steps; each reads tables, calls its room, checks the contract at the
door and writes tables, so a turn that was killed goes on with the step that had not finished. What follows is in
`alamo.engine.gate` (approve) and `alamo.engine.act` (launch); what a launch brings about comes back as events, and the
next turn measures it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from alamo.domain.errors import StateError
from alamo.domain.records import PlanRecord
from alamo.domain.result import json_value
from alamo.domain.settings import ApprovalSettings
from alamo.domain.time import iso
from alamo.engine.act import launch
from alamo.engine.context import Context, StepOutcome
from alamo.engine.gate import approve
from alamo.engine.infer import infer
from alamo.engine.measure import measure
from alamo.engine.predict import predict
from alamo.engine.steer import steer

STEPS: tuple[tuple[str, Callable[[Context, int], StepOutcome]], ...] = (
    ("measure", measure),
    ("infer", infer),
    ("predict", predict),
    ("steer", steer),
)
"""The four steps, in order."""

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: the cycle, what each step did, and the plan that waits at the gate."""

    cycle: int
    steps: tuple[StepOutcome, ...]
    plan: PlanRecord

    def to_dict(self) -> dict[str, Any]:
        """Return the turn as it stands in ``--json``."""
        plan = {"id": self.plan.plan_id, "state": self.plan.state, "summary": json_value(self.plan.summary)}
        return {"cycle": self.cycle, "steps": [step.to_dict() for step in self.steps], "plan": plan}


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns of one `Project.run`."""

    turns: tuple[Turn, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the turns as they stand in ``--json``."""
        return {"schema": "alamo.run/1", "turns": [one.to_dict() for one in self.turns]}


def current_cycle(context: Context) -> int:
    """Return the cycle that is to be decided now; from the first call on, the calendar is fixed.

    Raises
    ------
    StateError
        Before the first cycle starts.
    """
    calendar = context.fixed_calendar()
    cycle = calendar.cycle_at(context.clock.now())
    if cycle < 1:
        raise StateError(
            f"cycle 1 starts on {iso(calendar.first_start)}",
            hint="Until then: alamo status. To begin earlier, change [cycle] first_start in alamo.toml.",
            code="loop.too_early",
        )
    return cycle


def turn(context: Context, announce: Announce | None = None) -> Turn:
    """Turn the loop once, up to the human gate. Again on the same data changes nothing."""
    cycle = current_cycle(context)
    outcomes = []
    for name, step in STEPS:
        if announce is not None:
            announce(name)
        outcomes.append(step(context, cycle))
    plan = context.state.plans.get(str(outcomes[-1].detail["plan"]))
    if plan is None:  # the step log names a plan the book does not hold: the state file was tampered with
        raise StateError("the plan of this cycle is missing", hint="Look with: alamo doctor", code="plan.missing")
    return Turn(cycle, tuple(outcomes), plan)


def pass_gate(context: Context, plan_id: str, *, by: str) -> None:
    """Approve and launch in one go, for worlds in which nobody is written to (simulation, replay): one name will do."""
    free = replace(context, settings=replace(context.settings, approval=ApprovalSettings()))
    plan = context.state.plans.get(plan_id)
    if plan is not None and plan.state == "proposed":
        approve(free, plan_id, by=by)
    launch(free, plan_id, by=by)
