"""Staleness: what has changed since a plan was made, in words; a plan that no longer fits is not launched unseen.

A plan keeps what it was made from: the actions, the limits, the contact policy and the settings as they were, and the
moment at which customers were last measured for it. What counts as data is what is imported to describe customers;
consents and suppressions do not make a plan stale, because a launch asks for every permission anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from alamo.domain.errors import StateError
from alamo.domain.records import PlanRecord
from alamo.domain.result import json_value
from alamo.domain.time import iso
from alamo.engine.context import Context

_OF_THE_MESSAGE = ("name", "content")
"""Fields of an action that a plan may outlive, or that have a door of their own (`alamo.engine.gate`)."""

_SETTINGS = (
    "currency",
    "time_zone",
    "cycle_days",
    "salt",
    "outcome",
    "margin",
    "control",
    "exploration",
    "inference",
    "realtime",
)
"""Settings that a plan follows from."""

_DESCRIBING = ("customers", "orders", "events", "experiment", "deliveries")
"""Kinds of import that change what is known of customers."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is not as it was when a plan was made; `what` is ``actions contact cycle data limits settings``."""

    what: str
    said: str

    def to_dict(self) -> dict[str, str]:
        """Return the change as it stands in ``--json``."""
        return asdict(self)


def made_from(context: Context, cycle: int) -> dict[str, Any]:
    """Return what a plan of `cycle` made now follows from, as plain JSON, to be kept with it."""
    measured = context.state.steps.find(f"cycle-{cycle}/measure")
    return {"measured_at": (context.clock.now() if measured is None else measured.started_at).isoformat()} | _project(
        context
    )


def changes_since(context: Context, plan: PlanRecord) -> tuple[Change, ...]:
    """Return what has changed since `plan` was made; of a plan of an earlier version, as far as it is known."""
    before = plan.summary.get("made_from") or {}
    return (
        *_project_changes(before, _project(context)),
        *_ended(context, plan),
        *_imports(context, plan, before),
        *_over(context, plan),
    )


def refuse_changed_since(context: Context, plan: PlanRecord, anyway: str) -> dict[str, Any]:
    """Return what is to be logged beside going on with a plan: what has changed, if somebody gave a reason `anyway`.

    Raises
    ------
    StateError
        If something has changed and nobody gave a reason.
    """
    changes = changes_since(context, plan)
    if not changes:
        return {}
    if not anyway.strip():
        again = "alamo run" if plan.state == "proposed" else f"alamo plan cancel {plan.plan_id}, then alamo run"
        raise StateError(
            f"plan {plan.plan_id} is stale: {'; '.join(change.said for change in changes)}",
            hint=f'Plan again with: {again}. To go on with this one all the same: --anyway "REASON"',
            code="plan.changed_since",
            details={"plan": plan.plan_id, "changes": [change.to_dict() for change in changes]},
        )
    return {"stale": [change.to_dict() for change in changes]}


def _project(context: Context) -> dict[str, Any]:
    whole = asdict(context.settings)
    found: dict[str, Any] = json_value(
        {
            "actions": {
                action.id: {key: item for key, item in asdict(action).items() if key not in (*_OF_THE_MESSAGE, "id")}
                for action in context.actions
            },
            "limits": {
                limit.name: {key: item for key, item in asdict(limit).items() if key != "name"}
                for limit in context.limits
            },
            "contact": asdict(context.contact),
            "settings": {key: whole[key] for key in _SETTINGS},
        }
    )
    return found


def _project_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for what, word in (("actions", "action"), ("limits", "limit")):
        if what in before:
            yield from (Change(what, said) for said in _named(word, before[what], now[what]))
    if "contact" in before:
        yield from (Change("contact", f"contact policy: {said}") for said in _values(before["contact"], now["contact"]))
    for section, old in before.get("settings", {}).items():
        new = now["settings"].get(section, old)
        values = _values(old, new) if isinstance(old, Mapping) else _values({section: old}, {section: new})
        yield from (Change("settings", f"setting {said}") for said in values)


def _named(word: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say which of the named things were added, dropped or changed."""
    for name in [*before, *(name for name in now if name not in before)]:
        if name not in now:
            yield f"{word} {name!r} is gone"
        elif name not in before:
            yield f"{word} {name!r} is new"
        else:
            said = ", ".join(_values(before[name], now[name]))
            if said:
                yield f"{word} {name!r}: {said}"


def _values(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say which values differ; a key that only a later version knows is left out."""
    for key, old in before.items():
        if key in now and now[key] != old:
            yield f"{key} {_shown(old)} → {_shown(now[key])}"


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "", [], {}) else f"{value:g}" if isinstance(value, float) else str(value)


def _imports(context: Context, plan: PlanRecord, before: Mapping[str, Any]) -> Iterator[Change]:
    measured = before.get("measured_at")
    since = plan.created_at if measured is None else datetime.fromisoformat(measured)
    newer = {
        record.source: record
        for record in context.state.imports.all()
        if record.kind in _DESCRIBING and record.imported_at > since
    }
    for source, record in newer.items():
        yield Change("data", f"{source} ({record.kind}) was imported on {iso(record.imported_at)}")


def _ended(context: Context, plan: PlanRecord) -> Iterator[Change]:
    """Say which actions the plan has drawn whose dates are over by now; a launch drops them."""
    now = context.clock.now()
    drawn = {row["action"] for row in plan.summary.get("actions", ()) if row.get("customers")}
    for action in context.actions:
        if action.id in drawn and action.valid_until is not None and action.valid_until <= now:
            yield Change("actions", f"action {action.id!r} was valid until {iso(action.valid_until)}: it is not sent")


def _over(context: Context, plan: PlanRecord) -> Iterator[Change]:
    cycle = context.calendar().cycle_at(context.clock.now())
    if cycle > plan.cycle:
        yield Change("cycle", f"it is of cycle {plan.cycle}, and today falls into cycle {cycle}")
