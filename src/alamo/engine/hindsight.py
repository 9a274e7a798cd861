"""Hindsight: turn the loop as of the start of each past cycle of a real project; nothing is launched.

A turn sees what had happened and what had been measured by its day, nothing later. It writes the same tables as a live
turn, under its own day, so it is for projects that have not been run live: where a person's plan exists, a replay
would write over what that plan was made from, or overtake it, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from alamo.domain.errors import StateError, UsageError
from alamo.domain.records import PlanRecord
from alamo.domain.time import Calendar, iso, utc
from alamo.engine.context import Context, once, unchanged, versions
from alamo.engine.gate import plan_named
from alamo.engine.loop import STEPS, Announce, Turn, Turns, current_cycle, turn

At = Callable[[datetime], Context]
"""Returns the project as it is handed to a turn at a moment of the past."""

_DECIDED = ("approved", "launching", "launched", "stopping", "stopped", "rolled_back")


def replay_history(context: Context, until: datetime, at: At, announce: Announce | None = None) -> Turns:
    """Turn the loop at the start of every cycle up to `until`; again changes nothing.

    Raises
    ------
    UsageError
        If `until` lies ahead: there is nothing to replay.
    StateError
        If cycle 1 starts after `until`, or if the project has plans that no replay made.
    """
    now = utc(context.clock.now())
    if utc(until) > now:
        raise UsageError(
            f"{iso(until)} lies ahead, and a replay goes over the past",
            hint=f"Replay up to today: alamo run --until {now.date().isoformat()}; decide the present cycle: alamo run",
            code="run.future",
        )
    calendar = context.calendar()
    live = [plan for plan in context.state.plans.all() if not _replayed(plan, calendar)]
    if live:
        raise _run_live(live[-1], until)
    cycles = range(1, current_cycle(at(utc(until))) + 1)
    return Turns(tuple(_replay_cycle(context, cycle, at(calendar.start(cycle)), announce) for cycle in cycles))


def _replay_cycle(context: Context, cycle: int, then: Context, announce: Announce | None) -> Turn:
    """Turn the loop as of one cycle, unless that was done from the same records and settings."""
    inputs = versions(context, "events", "customers", "decisions", "deliveries") | {
        "project": [str(part) for part in (context.settings, context.actions, context.limits, context.contact)]
    }
    turned: list[Turn] = []

    def work() -> dict[str, Any]:
        turned.append(turn(then, announce))
        return {"plan": turned[0].plan.plan_id}

    done = once(context, "replay", cycle, inputs, work)
    return turned[0] if turned else _as_recorded(context, cycle, str(done.detail["plan"]))


def _as_recorded(context: Context, cycle: int, plan_id: str) -> Turn:
    records = [(name, context.state.steps.find(f"cycle-{cycle}/{name}")) for name, _ in STEPS]
    outcomes = [unchanged(name, cycle, record) for name, record in records if record is not None]
    return Turn(cycle, tuple(outcomes), plan_named(context, plan_id))


def _replayed(plan: PlanRecord, calendar: Calendar) -> bool:
    """Say whether a replay made the plan, at the very start of its cycle, and nobody has taken it up since."""
    return plan.created_at == calendar.start(plan.cycle) and plan.state not in _DECIDED


def _run_live(plan: PlanRecord, until: datetime) -> StateError:
    return StateError(
        f"this project has been run live: plan {plan.plan_id} ({plan.state}) was made at {iso(plan.created_at)}, and a "
        "replay of history would write over what it was made from",
        hint="Replay in a project of its own: alamo init ../replay, put the same settings there and import the same "
        f"files, then: alamo -C ../replay run --until {utc(until).date().isoformat()}",
        code="run.live_plans",
        details={"plan": plan.plan_id},
    )
