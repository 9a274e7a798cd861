"""The doctor: what is wrong in a project, and the command that mends it; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from alamo.domain.errors import AlamoError, ConfigError
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.engine.decide import counter_batch
from alamo.engine.freshness import CURE, stale_orders
from alamo.engine.staleness import changes_since
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


def diagnose(context: Context, engine: AlamoError | None = None) -> Diagnosis:
    """Look at data, actions, channels, limits, plans and policies; `engine` is what keeps the engine from starting."""
    findings = [] if engine is None else [Finding("error", engine.message, engine.hint)]
    for check in CHECKS:
        try:
            findings += list(check(context))
        except AlamoError as error:
            findings.append(Finding("error", error.message, error.hint))
    return Diagnosis(len(CHECKS) + 1, tuple(findings))


def of_configuration(error: ConfigError) -> Diagnosis:
    """Return every fault of the project's files; nothing else can be looked at before they are mended."""
    findings = [Finding("error", error.message, error.hint)]
    findings += [Finding("error", told["message"], told["hint"]) for told in error.details.get("further", ())]
    return Diagnosis(1, tuple(findings))


def _has_events(context: Context) -> Iterator[Finding]:
    if not context.history.query("SELECT count(*) AS n FROM events")["n"][0].as_py():
        yield Finding("warning", "no events are stored", "alamo import orders FILE")


def _orders_are_recent(context: Context) -> Iterator[Finding]:
    stale = stale_orders(context)
    if stale is not None:
        yield Finding("warning", stale.complaint(), CURE)


def _no_event_is_to_come(context: Context) -> Iterator[Finding]:
    last = context.history.query("SELECT max(occurred_at) AS last FROM events")["last"][0].as_py()
    if last is not None and (context.clock.now() - last).days < -1:
        days = (last - context.clock.now()).days
        yield Finding("warning", f"an event lies {days:,} days in the future", "alamo import orders FILE --preview")


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
    used = {action.channel for action in context.actions}
    for channel in sorted(used):
        if channel not in granted and "*" not in granted:
            yield Finding(
                "warning",
                f"no consent is on record for channel {channel!r}: nobody may be contacted there",
                "alamo import consent FILE",
            )
    named = context.history.query(
        "SELECT DISTINCT channel FROM events "
        "WHERE kind IN ('consent_granted', 'consent_withdrawn') AND channel IS NOT NULL"
    )
    unused = sorted(set(named["channel"].to_pylist()) - used - {"*"})
    if unused and used:
        yield Finding(
            "warning",
            f"consent is recorded for {', '.join(map(repr, unused))}, a channel of no action; "
            f"actions use {', '.join(map(repr, sorted(used)))}",
            "name the channel alike in actions/NAME.toml and in the file, then: alamo import consent FILE",
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
        if plan.state == "stopping":
            yield Finding("error", f"the stop of {plan.plan_id} was interrupted", f"alamo plan stop {plan.plan_id}")


def _plans_are_fresh(context: Context) -> Iterator[Finding]:
    for plan in context.state.plans.all():
        if plan.state in ("proposed", "approved") and plan.valid_until <= context.clock.now():
            yield Finding("warning", f"plan {plan.plan_id} was valid until {iso(plan.valid_until)}", "alamo run")


def _plans_are_as_made(context: Context) -> Iterator[Finding]:
    for plan in context.state.plans.all():
        if plan.state in ("proposed", "approved") and plan.valid_until > context.clock.now():
            again = "alamo run" if plan.state == "proposed" else f"alamo plan cancel {plan.plan_id}, then: alamo run"
            said = "; ".join(change.said for change in changes_since(context, plan))
            if said:
                yield Finding("warning", f"plan {plan.plan_id} is stale: {said}", again)


def _policies_are_whole(context: Context) -> Iterator[Finding]:
    for plan in context.state.plans.all():
        context.shelf.get(plan.policy_version)
    yield from ()


def _no_send_is_unknown(context: Context) -> Iterator[Finding]:
    for plan_id, counts in context.state.ledger.counts().items():
        handed_over = len(context.state.ledger.batch(counter_batch(plan_id))) if counts.get("unknown") else 0
        lost = counts.get("unknown", 0) - handed_over
        if lost:
            yield Finding(
                "warning",
                f"{lost} deliveries of {plan_id} have no known outcome; none is sent again by itself",
                "ask the channel, then: alamo import deliveries FILE",
            )


CHECKS: tuple[Callable[[Context], Iterator[Finding]], ...] = (
    _has_events,
    _orders_are_recent,
    _no_event_is_to_come,
    _has_actions,
    _channels_are_set_up,
    _somebody_may_be_contacted,
    _predicates_are_valid,
    _launches_are_finished,
    _plans_are_fresh,
    _plans_are_as_made,
    _policies_are_whole,
    _no_send_is_unknown,
)
