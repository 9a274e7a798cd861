"""Advice from the prices of a plan: its problem, put together again from what was stored, solved for other bounds.

Nothing is stored, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from alamo.domain.errors import InsufficientDataError
from alamo.domain.policy import PolicySnapshot
from alamo.domain.reasons import Refusal
from alamo.domain.records import PlanRecord
from alamo.domain.result import Result
from alamo.engine.context import Context
from alamo.engine.guard import paused_ids
from alamo.engine.infer import profiles_as_of
from alamo.engine.realtime import terms_of
from alamo.engine.steer import scores_as_of
from alamo.steering.advice import LIMIT_KEYS, Advice, Priced, advise
from alamo.steering.allocation.prices import shifted_problem, soft_prices, softmax_share
from alamo.steering.allocation.problem import build_problem
from alamo.steering.candidates import Candidates, gather
from alamo.steering.eligibility import Gatekeeper


@dataclass(frozen=True, slots=True, repr=False)
class PlanAdvice(Result):
    """What more of each limit of a plan is worth, and what a new action would have to bring.

    Attributes
    ----------
    rows
        One per limit and side; see `alamo.steering.advice.LIMIT_KEYS`.
    plan, cycle, as_of
        The plan, its cycle, and the day of the scores it rests on.
    level
        Of the intervals; they hold what the scores are unsure about, and nothing else.
    currency
        Of the money.
    new_actions
        See `alamo.steering.advice.ENTRY_KEYS`.
    refusals
        What could not be said, and why.
    """

    schema: ClassVar[str] = "alamo.plan.advice/1"
    columns: ClassVar[tuple[str, ...]] = LIMIT_KEYS

    rows: tuple[Mapping[str, Any], ...]
    plan: str
    cycle: int
    as_of: str
    level: float
    currency: str
    new_actions: tuple[Mapping[str, Any], ...]
    refusals: tuple[Refusal, ...]

    def records(self) -> list[dict[str, Any]]:
        """Return one row per limit and side."""
        return [dict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "plan": self.plan,
            "cycle": self.cycle,
            "as_of": self.as_of,
            "level": self.level,
            "currency": self.currency,
            "new_actions": [dict(row) for row in self.new_actions],
            "refusals": [refusal.to_dict() for refusal in self.refusals],
        }


def plan_advice(context: Context, plan: PlanRecord) -> PlanAdvice:
    """Return the advice from the prices of `plan`.

    Raises
    ------
    InsufficientDataError
        If the profiles or scores of its day are gone.
    """
    policy = context.shelf.get(plan.policy_version)
    level = context.settings.inference.level
    refusals: tuple[Refusal, ...] = ()
    if softmax_share(policy.rule) <= 0.0:
        found = Advice((), ())
        refusals = (
            Refusal(
                what="what more of a limit is worth",
                reason="the plan explores by lot and follows no values yet, so its limits have no prices",
                cure="ask again after the first cycles have matured: alamo run",
            ),
        )
    else:
        candidates = candidates_of(context, policy, plan.created_at)
        problem = build_problem(candidates.cells, candidates.tables)
        start = np.array(policy.blocks[0].prices) * problem.scale
        prices = soft_prices(problem, policy.rule, start)
        named = frozenset(limit.name for limit in context.limits if limit.actions)
        priced = Priced(shifted_problem(problem, policy.rule), candidates.tables, prices, policy.rule.temperature_money)
        found = advise(priced, named, level)
    return PlanAdvice(
        rows=found.limits,
        plan=plan.plan_id,
        cycle=plan.cycle,
        as_of=policy.scores_as_of,
        level=level,
        currency=context.settings.currency,
        new_actions=found.new_actions,
        refusals=refusals,
    )


def candidates_of(context: Context, policy: PolicySnapshot, created_at: datetime) -> Candidates:
    """Return who may receive what under `policy`, as it was when its plan was made.

    Raises
    ------
    InsufficientDataError
        If the profiles or scores of that day are gone.
    """
    scores = scores_of_plan(context, created_at)
    terms = terms_of(policy, Gatekeeper(context.actions, context.contact, created_at, paused_ids(context, created_at)))
    return gather(context.history, profiles_as_of(context, created_at), scores, terms)


def scores_of_plan(context: Context, created_at: datetime) -> pa.Table:
    """Return the scores that a plan made at this moment was made by.

    Raises
    ------
    InsufficientDataError
        If they are gone.
    """
    scores = scores_as_of(context, created_at)
    if not scores.num_rows:
        raise InsufficientDataError(
            f"there are no scores as of {created_at.date().isoformat()}, when the plan was made",
            hint="Score and plan again with: alamo run",
            code="plan.no_scores",
        )
    return scores
