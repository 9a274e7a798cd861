"""From one plan to another, or from a plan to what it would be under other limits, in people and in money.

The what-if steers the plan's cycle again as of the moment the plan was made, with the same salt: who moves, moves
because of the limits. Nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from alamo.domain.action import ContactPolicy, Limit
from alamo.domain.errors import UsageError
from alamo.domain.records import PlanRecord
from alamo.domain.result import Result
from alamo.engine.cap_values import cap_values
from alamo.engine.context import Context
from alamo.engine.infer import profiles_as_of
from alamo.engine.plan_advice import scores_of_plan
from alamo.engine.proposals import proposal_named
from alamo.engine.propose import propose
from alamo.engine.steer import request_of, scores_as_of
from alamo.steering.plan_changes import Changes, changes

_DECIDED = "SELECT customer_id, action_id FROM {table} WHERE plan_id = $plan"


@dataclass(frozen=True, slots=True)
class OtherLimits:
    """Limits that a what-if steers by.

    Attributes
    ----------
    file
        Where they stand, for people.
    limits
        Instead of the project's.
    contact
        Instead of the project's contact policy; None keeps it.
    """

    file: str
    limits: tuple[Limit, ...]
    contact: ContactPolicy | None = None


@dataclass(frozen=True, slots=True, repr=False)
class PlanDiff(Result):
    """What changes from one plan to another.

    Attributes
    ----------
    before, after
        The plans, or the files of the limits; `before` None where there is no earlier plan.
    rows
        Figures that differ, ``what before after``: totals, then actions, then limits with their prices.
    changes
        Who moves from which action to which; None without an earlier plan.
    level
        Of the interval of the change.
    currency
        Of the money.
    as_of
        Moment of the scores that value both sides.
    """

    schema: ClassVar[str] = "alamo.plan.diff/1"
    columns: ClassVar[tuple[str, ...]] = ("what", "before", "after")

    before: str | None
    after: str
    rows: tuple[Mapping[str, Any], ...]
    changes: Changes | None
    level: float
    currency: str
    as_of: str

    def records(self) -> list[dict[str, Any]]:
        """Return one row per figure that differs."""
        return [dict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        found = self.changes
        gain = None if found is None or found.gain is None else found.gain
        return {
            "before": self.before,
            "after": self.after,
            "moves": [] if found is None else [dict(row) for row in found.moves],
            "same": None if found is None else found.same,
            "unscored": None if found is None else found.unscored,
            "gain_change": None
            if gain is None
            else {"mean": gain.mean, "lower": gain.lower, "upper": gain.upper, "level": self.level},
            "cost_change_money": None if found is None else found.cost_money,
            "currency": self.currency,
            "as_of": self.as_of,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One side of a comparison."""

    name: str
    summary: Mapping[str, Any]
    decisions: pa.Table


class Asked(NamedTuple):
    """Which plan (None: the newest), the earlier one (None: the one made before it), or other limits instead."""

    plan_id: str | None
    before: str | None
    others: Sequence[OtherLimits]


def compare(context: Context, asked: Asked, at: Callable[[datetime], Context]) -> PlanDiff:
    """Return what changes, as asked; `at` gives the context with a clock that stands at a moment.

    Raises
    ------
    StateError
        As `alamo.engine.proposals.proposal_named`.
    UsageError
        If there are more than two sets of limits, or limits and an earlier plan.
    """
    after = proposal_named(context, asked.plan_id)
    if asked.others:
        if len(asked.others) > 2 or asked.before is not None:
            raise UsageError(
                "limits are compared with one plan, or with one other set of limits",
                hint="Give one file, or two, and no second plan: alamo plan diff --limits FILE",
                code="plan.diff_too_many",
            )
        return what_if(at(after.created_at), after, asked.others)
    if asked.before is not None:
        return plan_diff(context, proposal_named(context, asked.before), after)
    plans = [record for record in context.state.plans.all() if "restores" not in record.summary]
    earlier = [record for record in plans if record.created_at < after.created_at]
    return plan_diff(context, earlier[-1] if earlier else None, after)


def plan_diff(context: Context, before: PlanRecord | None, after: PlanRecord) -> PlanDiff:
    """Return what changes from the plan `before` to the plan `after`, both valued by the scores of `after`."""
    scores = scores_as_of(context, after.created_at)
    old = None if before is None else _stored(context, before)
    return _diff(context, old, _stored(context, after), scores)


def what_if(context: Context, plan: PlanRecord, others: Sequence[OtherLimits]) -> PlanDiff:
    """Return what changes from `plan` to what it would be under other limits, or between two sets of them.

    Parameters
    ----------
    context
        With a clock that stands at the moment the plan was made.
    others
        One set of limits, compared with the plan as it is; or two, compared with each other.

    Raises
    ------
    InfeasibleError
        If limits cannot be met together.
    InsufficientDataError
        If the profiles or scores of the plan's day are gone.
    """
    scores = scores_of_plan(context, plan.created_at)
    sides = [_steered(context, plan, other, scores) for other in others]
    if len(sides) == 1:
        sides.insert(0, _stored(context, plan))
    return _diff(context, sides[0], sides[1], scores)


def _steered(context: Context, plan: PlanRecord, other: OtherLimits, scores: pa.Table) -> _Side:
    contact = context.contact if other.contact is None else other.contact
    there = replace(context, contact=contact)
    request = replace(request_of(there, plan.cycle, cap_values(there, plan.created_at)), limits=other.limits)
    found = propose(context.history, profiles_as_of(context, plan.created_at), scores, request)
    return _Side(other.file, found.summary, found.decisions.select(["customer_id", "action_id"]))


def _stored(context: Context, plan: PlanRecord) -> _Side:
    """Return a plan as it was put before the gate."""
    for table in ("proposals", "decisions"):
        found = context.history.query(_DECIDED.format(table=table), {"plan": plan.plan_id})
        if found.num_rows:
            break
    return _Side(plan.plan_id, plan.summary, found)


def _diff(context: Context, before: _Side | None, after: _Side, scores: pa.Table) -> PlanDiff:
    level = context.settings.inference.level
    as_of = max(scores["as_of"].to_pylist()).isoformat() if scores.num_rows else ""
    return PlanDiff(
        before=None if before is None else before.name,
        after=after.name,
        rows=tuple(differences({} if before is None else before.summary, after.summary)),
        changes=None if before is None else changes(before.decisions, after.decisions, scores, level),
        level=level,
        currency=context.settings.currency,
        as_of=as_of,
    )


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the figures of two plan summaries that differ, one row each: totals, then actions, then limits."""
    old, new = figures(before), figures(after)
    names = dict.fromkeys([*new, *old])
    rows = [{"what": name, "before": old.get(name), "after": new.get(name)} for name in names]
    return [row for row in rows if row["before"] != row["after"]]


def figures(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a plan summary by what they are of."""
    named = {
        key.replace("_money", "").replace("_", " "): value
        for key, value in summary.items()
        if isinstance(value, int | float) and key != "cycle"
    }
    if summary.get("gain"):
        named["expected gain"] = summary["gain"].get("mean")
    for action in summary.get("actions", ()):
        named[f"customers with {action['action']}"] = action.get("customers")
    for limit in summary.get("limits", ()):
        named[f"price of {limit['limit']}"] = limit.get("price")
        named[f"used of {limit['limit']}"] = limit.get("used")
        named[f"bound of {limit['limit']}"] = limit.get("bound")
    return named
