"""Status: where the loop stands, and what the data can and cannot support yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alamo.domain.errors import AlamoError
from alamo.domain.health_table import CHECKS
from alamo.domain.records import PlanRecord
from alamo.domain.result import json_value
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.engine.freshness import CURE as STALE
from alamo.engine.freshness import stale_orders
from alamo.engine.gate import WAITING, newest_plan
from alamo.engine.guard import paused
from alamo.engine.health_advice import newest_failures
from alamo.engine.horizon import CURE, Horizon, horizon
from alamo.engine.infer import matured_cycles
from alamo.engine.report import newest_detail
from alamo.engine.responsibility import lacks_person
from alamo.engine.staleness import Change, changes_since
from alamo.inference import cycles_needed

_NEXT = {
    "proposed": "alamo plan show, then: alamo plan approve",
    "approved": "alamo plan launch",
    "launching": "alamo plan launch   (goes on where it stopped)",
    "launched": "alamo run   (when the next cycle starts)",
    "stopping": "alamo plan stop   (ends what was begun)",
    "stopped": "alamo run   (when the next cycle starts; now, if nothing was sent)",
    "rolled_back": "alamo run   (when the next cycle starts)",
    "cancelled": "alamo run",
    "superseded": "alamo run",
}


@dataclass(frozen=True, slots=True)
class Support:
    """Whether the data support a capability, in words."""

    what: str
    supported: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the line as it stands in ``--json``."""
        return {"what": self.what, "supported": self.supported, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Status:
    """Where the loop stands."""

    project: str
    today: str
    data: Mapping[str, Any]
    cycle: Mapping[str, Any]
    support: tuple[Support, ...]
    next_command: str
    attribution: str

    def to_dict(self) -> dict[str, Any]:
        """Return the status as it stands in ``--json``."""
        return {
            "schema": "alamo.status/1",
            "project": self.project,
            "today": self.today,
            "data": json_value(self.data),
            "cycle": json_value(self.cycle),
            "support": [line.to_dict() for line in self.support],
            "next": self.next_command,
            "attribution": self.attribution,
        }


def status(context: Context) -> Status:
    """Say where the loop stands; reads only."""
    data = _data(context)
    plan = newest_plan(context)
    changes = () if plan is None or plan.state not in WAITING else changes_since(context, plan)
    lacks = "" if plan is None or plan.state not in WAITING else lacks_person(context, plan)
    known = horizon(context, context.today())
    return Status(
        project=context.settings.name,
        today=iso(context.clock.now()),
        data=data,
        cycle=_cycle(context, plan),
        support=(
            _orders(data),
            *_recent(context),
            *_stale(plan, changes),
            _lifetime_value(context),
            *_outcomes(known),
            *_effects(context),
            *_paused(context),
            *_health(context),
        ),
        next_command=_next(data, plan, known, stale=bool(changes), lacks_person=lacks),
        attribution=context.settings.attribution,
    )


def _data(context: Context) -> dict[str, Any]:
    events = context.history.query(
        """
        SELECT count(*) AS events, count(DISTINCT customer_id) AS customers,
               min(occurred_at) AS first, max(occurred_at) AS last FROM events
        """
    ).to_pylist()[0]
    imports = [record for record in context.state.imports.all() if record.content_hash]
    return events | {
        "imports": len(imports),
        "last_import": iso(imports[-1].imported_at) if imports else None,
        "quarantined": sum(record.quarantined for record in imports),
    }


def _cycle(context: Context, plan: PlanRecord | None) -> dict[str, Any]:
    try:
        calendar = context.calendar()
    except AlamoError as error:
        return {"number": None, "reason": error.message}
    number = calendar.cycle_at(context.clock.now())
    return {
        "number": max(number, 0),
        "start": iso(calendar.start(max(number, 1))),
        "next_start": iso(calendar.start(max(number, 0) + 1)),
        "matured": matured_cycles(context),
        "plan": None if plan is None else {"id": plan.plan_id, "state": plan.state, "cycle": plan.cycle},
    }


def _orders(data: Mapping[str, Any]) -> Support:
    if not data["events"]:
        return Support("profiles", False, "no events yet; start with: alamo import orders FILE")
    return Support("profiles", True, f"{data['events']:,} events of {data['customers']:,} customers")


def _recent(context: Context) -> list[Support]:
    """Say that the orders are too old to decide by; nothing where they are recent."""
    stale = stale_orders(context)
    return [] if stale is None else [Support("a plan for today", False, f"{stale.complaint()}; {STALE}")]


def _stale(plan: PlanRecord | None, changes: tuple[Change, ...]) -> list[Support]:
    """Say what has changed since the plan at the gate was made; nothing where nothing has."""
    if plan is None or not changes:
        return []
    return [Support(f"plan {plan.plan_id} as it is", False, "; ".join(change.said for change in changes))]


def _lifetime_value(context: Context) -> Support:
    for step in reversed(context.state.steps.all()):
        if step.key.endswith("/value-model"):
            refusal = step.detail.get("refusal")
            return Support("lifetime value", not refusal, refusal or f"value model fitted {step.finished_at:%Y-%m-%d}")
    return Support("lifetime value", False, "not fitted yet; run: alamo infer")


def _outcomes(known: Horizon) -> list[Support]:
    """Say which decisions wait for orders; nothing where none do."""
    return [Support("outcomes", False, f"{known.complaint()}; {CURE}")] if known.waiting else []


def _effects(context: Context) -> list[Support]:
    matured = matured_cycles(context)
    if not matured:
        waiting = _waiting(context)
        return [Support("effects", False, waiting or _before_the_first_cycle(context))]
    detail = newest_detail(context, "infer")
    found = detail.get("found", [])
    lines = [
        Support("effects", True, f"{_cycles(len(matured), 'matured ')}; found so far: {', '.join(found) or 'nothing'}")
    ]
    lines += [
        Support(refusal["what"], False, f"{refusal['reason']}; {refusal['cure']}")
        for refusal in detail.get("refusals", [])
    ]
    return lines


def _paused(context: Context) -> list[Support]:
    """Say which actions are paused, why, and how they come back; nothing where none is."""
    return [
        Support(
            f"action {action_id}",
            False,
            f"paused on {pause.at[:10]} by {pause.by}: {pause.reason}; "
            f"back with: alamo actions resume {action_id} --reason WORDS",
        )
        for action_id, pause in paused(context).items()
    ]


def _health(context: Context) -> list[Support]:
    """Say in one line what fails in the newest judged cycle; nothing where nothing does, or nobody has asked yet."""
    failing = newest_failures(context.history.query("SELECT cycle, aspect, subject, verdict FROM health").to_pylist())
    if not failing:
        return []
    first = min(failing, key=lambda row: (CHECKS.index(row["aspect"]), row["subject"]))
    more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
    told = f"{first['aspect']} of {first['subject']}, cycle {first['cycle']}, {first['verdict']}{more}"
    return [Support("the model as it is", False, told + "; alamo report health")]


def _waiting(context: Context) -> str:
    """Say which decisions wait for their windows to close; empty before the first launch."""
    launched = context.history.query("SELECT count(*) AS n, max(decided_at) AS last FROM decisions").to_pylist()[0]
    if not launched["n"]:
        return ""
    closes = launched["last"] + timedelta(days=context.settings.outcome.window_days)
    verb = "closes" if closes > context.clock.now() else "closed"
    return f"{launched['n']:,} randomised decisions are launched, their window {verb} on {iso(closes)[:10]}"


def _before_the_first_cycle(context: Context) -> str:
    profiles = context.history.query(
        """
        SELECT count(*) AS n, avg(margin_30d) AS mean, stddev_samp(margin_30d) AS sd
        FROM profiles WHERE as_of = (SELECT max(as_of) FROM profiles)
        """
    ).to_pylist()[0]
    if not profiles["n"] or not profiles["sd"]:
        return "no randomised decisions so far, the next cycle starts them"
    share = context.settings.exploration.opening_share / (len(context.actions) + 1)
    effect = 0.1 * abs(profiles["mean"])
    needed = cycles_needed(
        effect_money=effect,
        outcome_sd_money=profiles["sd"],
        n_per_cycle=profiles["n"],
        p_action=share,
        p_none=1 - share * len(context.actions),
        level=context.settings.inference.level,
    )
    return (
        f"no randomised decisions so far, the next cycle starts them; an effect of 10 % of the monthly margin "
        f"({effect:,.2f} {context.settings.currency}) needs about {_cycles(needed)}"
    )


def _next(data: Mapping[str, Any], plan: PlanRecord | None, known: Horizon, *, stale: bool, lacks_person: str) -> str:
    over = plan is None or plan.state not in (*WAITING, "launching", "stopping")
    if not data["events"] or (known.waiting and over):
        return "alamo import orders FILE"
    if lacks_person and not stale and plan is not None and plan.state == "approved":
        return f"alamo plan launch {plan.plan_id} --by NAME   (somebody else than {plan.approved_by})"
    if stale and plan is not None and plan.state == "approved":
        return f"alamo plan cancel {plan.plan_id}, then: alamo run"
    return "alamo run" if plan is None or stale else _NEXT[plan.state]


def _cycles(n: int, which: str = "") -> str:
    return f"{n} {which}cycle{'' if n == 1 else 's'}"
