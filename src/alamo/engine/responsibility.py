"""Responsibility: who may take it for a plan, and when it takes two people.

A plan that costs more or reaches more people than ``[approval]`` allows to one person needs two: one who approves and
another who approves as well or launches. Names are compared without regard to case, spaces and what nobody sees, so
that ``Ann`` is not a second person beside ``ann``.

Not supported: proof of identity. A name is what was typed; who may write to the project folder can type any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.domain.errors import StateError, UsageError
from alamo.domain.records import PlanRecord, same_person, spelled
from alamo.engine.context import Context


def responsible(context: Context, by: str) -> str:
    """Return the name that goes on record for `by`: as ``people`` spells it, where the project lists them.

    Raises
    ------
    UsageError
        If nobody is named, or somebody whom the project does not list.
    """
    people = context.settings.approval.people
    if not spelled(by):
        raise UsageError(
            "nobody takes responsibility", hint="Say who does: add --by NAME", code="plan.nobody", details={}
        )
    if not people:
        return by.strip()
    for name in people:
        if same_person(name, by):
            return name
    raise UsageError(
        f"{by.strip()!r} may not approve, launch or cancel plans of this project",
        hint=f"Those who may are {', '.join(people)} ([approval] people in alamo.toml): add --by NAME",
        code="plan.stranger",
        details={"by": by.strip(), "people": list(people)},
    )


def why_two(context: Context, plan: PlanRecord) -> str:
    """Return why a plan takes two people, in words; empty where one is enough."""
    return why_two_of(context, plan.summary)


def why_two_of(context: Context, summary: Mapping[str, Any]) -> str:
    """Return why something of the cost and contacts of a plan's `summary` takes two people; empty if it does not."""
    limits = context.settings.approval
    told = (
        ("cost_money", "costs", f" {context.settings.currency}", limits.second_person_above_money),
        ("contacted", "contacts", " customers", limits.second_person_above_contacts),
    )
    for key, verb, unit, most in told:
        figure = float(summary.get(key) or 0.0)
        if most is not None and figure > most:
            return f"it {verb} {figure:,.10g}{unit}, and one person may let pass {most:,.10g}"
    return ""


def approvers(context: Context, plan: PlanRecord) -> tuple[str, ...]:
    """Return who has approved a plan, in order."""
    return tuple(act.by for act in context.state.plans.log(plan.plan_id) if act.act == "approved")


def lacks_person(context: Context, plan: PlanRecord, launcher: str = "") -> str:
    """Return why a plan still lacks a second person when `launcher` launches it, in words; empty where it does not."""
    first, *others = [name for name in (*approvers(context, plan), launcher) if name] or [""]
    alone = all(same_person(first, name) for name in others)
    return why_two(context, plan) if alone else ""


def refuse_alone(context: Context, plan: PlanRecord, by: str) -> None:
    """Refuse a launch that only one person stands for, where it takes two.

    Raises
    ------
    StateError
        Naming the limit that is passed.
    """
    why = lacks_person(context, plan, by)
    if why:
        raise StateError(
            f"plan {plan.plan_id} takes two people: {why}; so far there is only {by}",
            hint=f"Somebody else launches it: alamo plan launch {plan.plan_id} --by NAME. "
            f"Or approves it, too: alamo plan approve {plan.plan_id} --by NAME",
            code="plan.second_person",
            details={"plan": plan.plan_id, "by": by},
        )
