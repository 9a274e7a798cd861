"""Standing approvals: a person lets plans pass by themselves, within limits, for a time, and can take that back.

A standing approval says up to what cost and how many contacts a plan may be, through which channels, with which
actions, until when, and what all its launches together may cost. A plan outside it waits for a person as ever, and so
does one that is stale, carries a warning, or holds anything a person would be refused with. Each automatic launch is
logged with the approval's id. Above the limits of ``[approval]`` it takes a second person, like a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from alamo.domain.errors import StateError, UsageError
from alamo.domain.records import PlanRecord, StepRecord, same_person
from alamo.domain.result import json_value
from alamo.domain.time import iso, utc
from alamo.engine.act import Progress, launch
from alamo.engine.context import Context
from alamo.engine.gate import WAITING, approve, plan_named
from alamo.engine.responsibility import lacks_person, responsible, why_two_of
from alamo.engine.staleness import changes_since
from alamo.engine.takeback import Launch

_KEY = "standing/"
_LOCK, _PATIENCE_SECONDS = "standing-approval", 10.0
_MOMENTS = ("granted_at", "until", "revoked_at")


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """What somebody lets pass without being asked.

    Attributes
    ----------
    id, by, granted_at
        Its name, who granted it, and when.
    until
        Not valid from this moment on.
    most_money, most_contacts
        Cost and contacted customers of one plan at most.
    channels, actions
        The only ones a plan may use; empty for all.
    total_money
        What all launches under it may cost together; None for no such limit.
    second
        The second person, where it takes two.
    revoked_by, revoked_at, reason
        Who took it back, when and why.
    """

    id: str
    by: str
    granted_at: datetime
    until: datetime
    most_money: float
    most_contacts: int
    channels: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    total_money: float | None = None
    second: str | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the approval as it stands in ``--json``."""
        found: dict[str, Any] = json_value(asdict(self))
        return found


def standing_approvals(context: Context) -> Sequence[StandingApproval]:
    """Return all of them, revoked and expired ones included, oldest first."""
    found = [_read(record.detail) for record in context.state.steps.all() if record.key.startswith(_KEY)]
    return sorted(found, key=lambda one: (one.granted_at, one.id))


def grant(context: Context, wanted: StandingApproval) -> StandingApproval:
    """Grant a standing approval; its id and moment are filled in.

    Raises
    ------
    UsageError
        If its limits are not positive, it ends in the past, or names a channel or action that there is none of.
    """
    now = context.clock.now()
    made = replace(wanted, by=responsible(context, wanted.by), granted_at=now, until=utc(wanted.until))
    complaint = _complaint(context, made, now)
    if complaint:
        raise UsageError(complaint, hint="See: alamo plan standing grant --help", code="standing.wrong", details={})
    with _alone(context):
        return _kept(context, replace(made, id=f"standing-{1 + len(standing_approvals(context))}"))


def second(context: Context, approval_id: str, *, by: str) -> StandingApproval:
    """Confirm a standing approval that takes two people, as the second.

    Raises
    ------
    StateError
        If the same person granted it, or it is no longer in force.
    """
    name = responsible(context, by)
    with _alone(context):
        found = _named(context, approval_id)
        if same_person(found.by, name):
            raise StateError(
                f"{found.by} has granted {found.id} already",
                hint=f"Somebody else confirms it: alamo plan standing second {found.id} --by NAME",
                code="plan.same_person",
                details={"standing": found.id, "by": found.by},
            )
        _refuse_over(context, found)
        return _kept(context, replace(found, second=name))


def revoke(context: Context, approval_id: str, *, by: str, reason: str = "") -> StandingApproval:
    """Take a standing approval back; nothing is launched under it any more. Again changes nothing."""
    name = responsible(context, by)
    with _alone(context):
        found = _named(context, approval_id)
        if found.revoked_at is not None:
            return found
        return _kept(context, replace(found, revoked_by=name, revoked_at=context.clock.now(), reason=reason.strip()))


def launch_standing(context: Context, plan_id: str | None, *, progress: Progress | None = None) -> Launch:
    """Approve and launch a plan under the first standing approval that covers it.

    Raises
    ------
    StateError
        If none does, saying why of each, or the plan cannot be approved or launched.
    """
    plan = plan_named(context, plan_id)
    told = [(one, refusal(context, one, plan)) for one in standing_approvals(context)]
    covering = next((one for one, why in told if not why), None)
    if covering is None:
        said = "; ".join(f"{one.id}: {why}" for one, why in told) or "there is none"
        raise StateError(
            f"no standing approval covers plan {plan.plan_id} ({said})",
            hint=f"A person decides: alamo plan approve {plan.plan_id}, then alamo plan launch {plan.plan_id}",
            code="standing.not_covered",
            details={"plan": plan.plan_id, "approvals": {one.id: why for one, why in told}},
        )
    if plan.state == "proposed":
        approve(context, plan.plan_id, by=covering.by, under=covering.id)
    if covering.second and plan.state in WAITING and lacks_person(context, plan, covering.by):
        approve(context, plan.plan_id, by=covering.second, under=covering.id)
    return launch(context, plan.plan_id, by=covering.by, progress=progress, under=covering.id)


def refusal(context: Context, approval: StandingApproval, plan: PlanRecord) -> str:
    """Return why a standing approval does not cover a plan at this moment; empty where it does."""
    over = _over(approval, context.clock.now())
    if over:
        return over
    if approval.second is None and _takes_two(context, _as_plan(approval)):
        return "it takes a second person, who has not confirmed it"
    if plan.state not in (*WAITING, "launching") or not _is_own(context, approval, plan):
        return f"the plan is {plan.state}"
    if plan.state != "launching" and changes_since(context, plan):
        return "the plan is stale"
    if plan.summary.get("warnings"):
        return "the plan carries a warning"
    return _beyond(context, approval, plan)


def _beyond(context: Context, approval: StandingApproval, plan: PlanRecord) -> str:
    """Return which limit of an approval a plan passes."""
    cost, contacts = float(plan.summary.get("cost_money") or 0.0), int(plan.summary.get("contacted") or 0)
    currency = context.settings.currency
    if cost > approval.most_money:
        return f"the plan costs {cost:,.10g} {currency}, above {approval.most_money:,.10g}"
    if contacts > approval.most_contacts:
        return f"the plan contacts {contacts:,} customers, above {approval.most_contacts:,}"
    spent = _spent(context, approval, but=plan.plan_id)
    if approval.total_money is not None and spent + cost > approval.total_money:
        return f"all its launches would cost {spent + cost:,.10g} {currency}, above {approval.total_money:,.10g}"
    for row in plan.summary.get("actions", ()):
        for kind, allowed in (("channel", approval.channels), ("action", approval.actions)):
            if row.get("customers") and row["action"] != "none" and allowed and row[kind] not in allowed:
                return f"{kind} {row[kind]!r} of the plan is none of its own"
    return ""


def _is_own(context: Context, approval: StandingApproval, plan: PlanRecord) -> bool:
    """Say whether nobody has taken the plan up yet, or this approval has: what a person began, a person ends."""
    acts = [act for act in context.state.plans.log(plan.plan_id) if act.act in ("approved", "launching")]
    return all(act.detail.get("standing") == approval.id for act in acts)


def _spent(context: Context, approval: StandingApproval, but: str) -> float:
    launched = {
        act.plan_id
        for act in context.state.plans.log()
        if act.act == "launching" and act.detail.get("standing") == approval.id
    }
    found = [context.state.plans.get(plan_id) for plan_id in sorted(launched - {but})]
    return sum(float(plan.summary.get("cost_money") or 0.0) for plan in found if plan is not None)


def _takes_two(context: Context, summary: Mapping[str, Any]) -> bool:
    return bool(why_two_of(context, summary))


def _as_plan(approval: StandingApproval) -> dict[str, Any]:
    return {"cost_money": approval.most_money, "contacted": approval.most_contacts}


def _complaint(context: Context, made: StandingApproval, now: datetime) -> str:
    known = {"channel": set(context.channels), "action": {action.id for action in context.actions}}
    for kind, names in (("channel", made.channels), ("action", made.actions)):
        for name in names:
            if name not in known[kind]:
                return f"there is no {kind} {name!r}; there are {', '.join(sorted(known[kind])) or 'none'}"
    limits = {"money": made.most_money, "contacts": made.most_contacts, "total money": made.total_money}
    for word, most in limits.items():
        if most is not None and not 0 < most < float("inf"):
            return f"the most {word} must be a number above 0, not {most:g}"
    return "" if made.until > now else f"{iso(made.until)} is over already"


def _over(approval: StandingApproval, now: datetime) -> str:
    if approval.revoked_at is not None:
        return f"revoked by {approval.revoked_by}"
    return "" if now < approval.until else f"ended on {iso(approval.until)}"


def _refuse_over(context: Context, approval: StandingApproval) -> None:
    over = _over(approval, context.clock.now())
    if over:
        raise StateError(
            f"{approval.id} is {over}",
            hint="Grant a new one: alamo plan standing grant --help",
            code="standing.over",
            details={"standing": approval.id},
        )


def _named(context: Context, approval_id: str) -> StandingApproval:
    known = standing_approvals(context)
    for one in known:
        if one.id == approval_id:
            return one
    raise StateError(
        f"there is no standing approval {approval_id!r}",
        hint=f"There are: {', '.join(one.id for one in known) or 'none yet'}. See: alamo plan standing list",
        code="standing.unknown",
        details={"given": approval_id},
    )


def _alone(context: Context) -> AbstractContextManager[None]:
    """Hold the book of standing approvals from reading it to writing it: nothing said meanwhile is lost."""
    return context.state.lock(_LOCK, wait_seconds=_PATIENCE_SECONDS)


def _kept(context: Context, approval: StandingApproval) -> StandingApproval:
    now = context.clock.now()
    context.state.steps.finish(StepRecord(_KEY + approval.id, approval.granted_at, now, approval.to_dict()))
    return approval


def _read(detail: Mapping[str, Any]) -> StandingApproval:
    values = dict(detail)
    for name in _MOMENTS:
        values[name] = None if values.get(name) is None else datetime.fromisoformat(values[name])
    for name in ("channels", "actions"):
        values[name] = tuple(values.get(name, ()))
    return StandingApproval(**values)
