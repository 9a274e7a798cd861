"""The doctor: what is wrong in a project, and the command that mends it; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from alamo.domain.errors import AlamoError
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.steering.predicates import predicate_masks


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `severity` is ``error`` or ``warning``."""

    severity: str
    what: str
    cure: str

    def to_dict(self) -> dict[str, str]:
        """Return the finding as it stands in ``--json``."""
        return {"severity": self.severity, "what": self.what, "cure": self.cure}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at and found."""

    checks: int
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as it stands in ``--json``."""
        return {
            "schema": "alamo.doctor/1",
            "checks": self.checks,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def diagnose(context: Context) -> Diagnosis:
    """Look at data, actions, channels, limits, plans and policies."""
    findings = []
    for check in CHECKS:
        try:
            findings += list(check(context))
        except AlamoError as error:
            findings.append(Finding("error", error.message, error.hint))
    return Diagnosis(len(CHECKS), tuple(findings))


def _has_events(context: Context) -> Iterator[Finding]:
    if not context.history.query("SELECT count(*) AS n FROM events")["n"][0].as_py():
        yield Finding("warning", "no events are stored", "alamo import orders FILE")


def _events_are_recent(context: Context) -> Iterator[Finding]:
    last = context.history.query("SELECT max(occurred_at) AS last FROM events")["last"][0].as_py()
    if last is None:
        return
    days = (context.clock.now() - last).days
    if days > 2 * context.settings.cycle_days:
        yield Finding(
            "warning",
            f"the last event is {days:,} days old: profiles describe customers gone quiet since",
            "import newer data, or replay the past: alamo run --until DATE with [cycle] first_start in alamo.toml",
        )
    if days < -1:
        yield Finding("warning", f"an event lies {-days:,} days in the future", "alamo import orders FILE --preview")


def _has_actions(context: Context) -> Iterator[Finding]:
    if not context.actions:
        yield Finding("warning", "there are no actions, so every decision is no action", "add a file actions/NAME.toml")


def _channels_are_set_up(context: Context) -> Iterator[Finding]:
    for action in context.actions:
        if action.channel not in context.channels:
            yield Finding(
                "error",
                f"action {action.id!r} uses channel {action.channel!r}, which is not set up",
                f"edit actions/{action.id}.toml",
            )


def _somebody_may_be_contacted(context: Context) -> Iterator[Finding]:
    granted = context.history.query("SELECT DISTINCT channel FROM events WHERE kind = 'consent_granted'")[
        "channel"
    ].to_pylist()
    if context.settings.simulation is not None:
        return
    for channel in sorted({action.channel for action in context.actions}):
        if channel not in granted and "*" not in granted:
            yield Finding(
                "warning",
                f"no consent is on record for channel {channel!r}: nobody may be contacted there",
                "alamo import consent FILE",
            )


def _predicates_are_valid(context: Context) -> Iterator[Finding]:
    predicates = {f"actions/{action.id}.toml": action.eligible for action in context.actions if action.eligible}
    predicates |= {f"limits.toml, limit {limit.name!r}": limit.where for limit in context.limits if limit.where}
    empty = context.history.query("SELECT * FROM profiles LIMIT 0")
    for place, predicate in predicates.items():
        try:
            predicate_masks(context.history, "profiles", empty, {place: predicate})
        except AlamoError as error:
            yield Finding("error", error.message, error.hint)


def _launches_are_finished(context: Context) -> Iterator[Finding]:
    for plan in context.state.plans.all():
        if plan.state == "launching":
            yield Finding("error", f"the launch of {plan.plan_id} was interrupted", f"alamo plan launch {plan.plan_id}")


def _plans_are_fresh(context: Context) -> Iterator[Finding]:
    for plan in context.state.plans.all():
        if plan.state in ("proposed", "approved") and plan.valid_until <= context.clock.now():
            yield Finding("warning", f"plan {plan.plan_id} was valid until {iso(plan.valid_until)}", "alamo run")


def _policies_are_whole(context: Context) -> Iterator[Finding]:
    for plan in context.state.plans.all():
        context.shelf.get(plan.policy_version)
    yield from ()


def _no_send_is_unknown(context: Context) -> Iterator[Finding]:
    for plan_id, counts in context.state.ledger.counts().items():
        if counts.get("unknown"):
            yield Finding(
                "warning",
                f"{counts['unknown']} deliveries of {plan_id} have no known outcome; none is sent again by itself",
                "ask the channel, then: alamo import deliveries FILE",
            )


CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    _has_events,
    _events_are_recent,
    _has_actions,
    _channels_are_set_up,
    _somebody_may_be_contacted,
    _predicates_are_valid,
    _launches_are_finished,
    _plans_are_fresh,
    _policies_are_whole,
    _no_send_is_unknown,
)
