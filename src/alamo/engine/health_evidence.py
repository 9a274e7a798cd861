"""What health is judged by: plans, predictions and profiles of past cycles as they were, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.policy import PolicySnapshot
from alamo.domain.records import PlanRecord
from alamo.engine.context import Context
from alamo.engine.gate import closes_cycle

MOST_CUSTOMERS = 100_000
"""Customers looked at for the drift of features: more cost seconds and show nothing smaller that matters."""


@dataclass(frozen=True, slots=True)
class JudgedCycle:
    """A cycle whose promises can be judged.

    Attributes
    ----------
    cycle, plan, policy
        The cycle, the plan that decided it, and the policy approved with it.
    finished
        Whether every decision of it has been observed.
    opening
        Whether nothing had been learnt yet, so that nothing was predicted.
    """

    cycle: int
    plan: PlanRecord
    policy: PolicySnapshot
    finished: bool
    opening: bool

    @property
    def day(self) -> str:
        """Day of the profiles and scores that the plan was made from."""
        return self.policy.scores_as_of[:10]


def judged_cycles(context: Context, finished: Sequence[int]) -> list[JudgedCycle]:
    """Return the finished cycles of the project and the one that is planned or under way, in order.

    Parameters
    ----------
    finished
        Cycles of which every decision has been observed; imported experiments (0 and below) are left out.
    """
    decided: dict[int, PlanRecord] = {}
    for plan in context.state.plans.all():
        stands = plan.state == "approved" or closes_cycle(context, plan)
        if "restores" in plan.summary:  # the policy of an earlier cycle, in force for real time alone
            continue
        if stands or (plan.state == "proposed" and plan.cycle not in decided):
            decided[plan.cycle] = plan
    newest = max(decided, default=0)
    return [
        JudgedCycle(cycle, plan, context.shelf.get(plan.policy_version), cycle in finished, _opening(context, cycle))
        for cycle, plan in sorted(decided.items())
        if cycle >= 1 and (cycle in finished or cycle == newest)
    ]


def _opening(context: Context, cycle: int) -> bool:
    """Say whether a cycle was scored before anything had been learnt; what an experiment taught counts."""
    step = context.state.steps.find(f"cycle-{cycle}/predict")
    return cycle <= 1 if step is None else step.detail.get("model") == "opening"


def decisions_judged(context: Context, cycles: Sequence[JudgedCycle]) -> pa.Table:
    """Return every decision and action of the loop's scored cycles, with what was predicted for it before.

    Columns are those of `alamo.inference.health.judged_rows`; predictions are there for `cycles` alone, without what a
    calibration against longer outcomes had added: what is judged is the short outcome.
    """
    days = pa.table(
        {
            "cycle": pa.array([one.cycle for one in cycles], pa.int64()),
            "as_of_day": pa.array([one.day for one in cycles], pa.string()),
        }
    )
    added = [(one.cycle, *item) for one in cycles for item in _corrections(context, one.cycle).items()]
    corrections = pa.table(
        {
            "cycle": pa.array([row[0] for row in added], pa.int64()),
            "action_id": pa.array([row[1] for row in added], pa.string()),
            "money": pa.array([row[2] for row in added], pa.float64()),
        }
    )
    return context.history.query(
        """
        SELECT s.cycle, s.action_id, o.unit_id, o.segment_day, o.action_id AS drawn, s.p, n.p AS p_none,
               s.gamma_money - n.gamma_money AS effect_money, o.bought,
               v.value_mean_money - coalesce(c.money, 0) AS value_mean_money, v.shared_sd_money
        FROM dr_scores s
        JOIN dr_scores n ON n.decision_id = s.decision_id AND n.cycle = s.cycle AND n.action_id = 'none'
        JOIN (
            SELECT o.decision_id, o.cycle, o.unit_id, o.customer_id, o.action_id, o.margin_money <> 0 AS bought,
                   d.as_of_day AS segment_day
            FROM observations o LEFT JOIN days d USING (cycle) WHERE o.matured_at <= $now
        ) o ON o.decision_id = s.decision_id AND o.cycle = s.cycle
        LEFT JOIN scores v
               ON v.customer_id = o.customer_id AND v.action_id = s.action_id AND v.as_of_day = o.segment_day
        LEFT JOIN corrections c ON c.cycle = s.cycle AND c.action_id = s.action_id
        WHERE s.cycle >= 1 AND s.action_id <> 'none'
        ORDER BY s.cycle, s.decision_id, s.action_id
        """,
        {"now": context.clock.now()},
        {"days": days, "corrections": corrections},
    )


def rivals_judged(context: Context, one: JudgedCycle, before: JudgedCycle | None) -> pa.Table:
    """Return a cycle's decisions and actions with the values of its model and of simpler rules known on the same day.

    Columns are those of `alamo.inference.health.Rivals`. Effects are those of the day the plan was made; an action that
    had none yet is worth minus its cost, as in an opening.
    """
    corrections = _corrections(context, one.cycle)
    added = pa.table(
        {
            "action_id": pa.array(list(corrections), pa.string()),
            "money": pa.array(list(corrections.values()), pa.float64()),
        }
    )
    return context.history.query(
        """
        SELECT s.decision_id, o.unit_id, s.action_id, o.action_id AS drawn, s.p, n.p AS p_none,
               s.gamma_money - n.gamma_money AS effect_money,
               coalesce(o.margin_money <> 0, false) AS bought,
               v.value_mean_money - coalesce(c.money, 0) AS champion,
               0.0 AS zero,
               coalesce(everybody.mean_money, -v.cost_money) AS "one effect",
               coalesce(segment.mean_money, everybody.mean_money, -v.cost_money) AS segments,
               last.value_mean_money AS "last model"
        FROM dr_scores s
        JOIN dr_scores n ON n.decision_id = s.decision_id AND n.cycle = s.cycle AND n.action_id = 'none'
        JOIN observations o ON o.decision_id = s.decision_id AND o.cycle = s.cycle AND o.matured_at <= $now
        LEFT JOIN scores v ON v.customer_id = o.customer_id AND v.action_id = s.action_id AND v.as_of_day = $day
        LEFT JOIN scores last
               ON last.customer_id = o.customer_id AND last.action_id = s.action_id AND last.as_of_day = $before
        LEFT JOIN effects everybody
               ON everybody.action_id = s.action_id AND everybody.as_of_day = $day AND everybody.segment = '*'
        LEFT JOIN segments g ON g.customer_id = o.customer_id AND g.as_of_day = $day
        LEFT JOIN effects segment
               ON segment.action_id = s.action_id AND segment.as_of_day = $day AND segment.segment = g.segment
        LEFT JOIN added c ON c.action_id = s.action_id
        WHERE s.cycle = $cycle AND s.action_id <> 'none'
        ORDER BY s.decision_id, s.action_id
        """,
        {
            "now": context.clock.now(),
            "cycle": one.cycle,
            "day": one.day,
            "before": "" if before is None or before.opening else before.day,
        },
        {"added": added},
    )


def _corrections(context: Context, cycle: int) -> dict[str, float]:
    """Return what longer outcomes added to the values of each action in a cycle; empty where they added nothing."""
    step = context.state.steps.find(f"cycle-{cycle}/predict")
    return {} if step is None else dict(step.detail.get("corrections", {}))


def counted_on_longer_outcomes(context: Context, cycle: int) -> bool:
    """Say whether a cycle's plan counted on longer outcomes, which its own window does not show."""
    return bool(_corrections(context, cycle))


def scores_of_plan(context: Context, one: JudgedCycle) -> tuple[pa.Table, pa.Table]:
    """Return DR_SCORES of a cycle, and ``decision_id, action_id, bought`` of the decisions of its plan."""
    scores = context.history.query("SELECT * FROM dr_scores WHERE cycle = $cycle", {"cycle": one.cycle})
    decided = context.history.query(
        """
        SELECT d.decision_id, d.action_id, coalesce(o.margin_money <> 0, false) AS bought
        FROM decisions d LEFT JOIN observations o ON o.decision_id = d.decision_id AND o.cycle = $cycle
        WHERE d.plan_id = $plan ORDER BY d.decision_id
        """,
        {"plan": one.plan.plan_id, "cycle": one.cycle},
    )
    return scores, decided


def windows_of(context: Context, first: int, last: int) -> pa.Table:
    """Return the window of each decision of the cycles `first` … `last`: the state at its start, and what it brought.

    Columns ``customer_id, cycle, days, x, t_x_days, t_days, repeat_money, margin_money``.
    """
    return context.history.query(
        """
        SELECT customer_id, cycle, epoch(window_end - decided_at) / 86400 AS days, x, t_x_days, t_days, repeat_money,
               margin_money
        FROM observations WHERE cycle BETWEEN $first AND $last AND matured_at <= $now
        ORDER BY customer_id, decided_at, decision_id
        """,
        {"first": first, "last": last, "now": context.clock.now()},
    )


def features_then_and_now(context: Context, one: JudgedCycle, features: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    """Return the features of the decisions that a cycle's model learned from, and of the customers it scored.

    Where there are many customers, the same part of them is looked at on both sides.
    """
    day = {"day": one.day}
    count = context.history.query("SELECT count(*) AS n FROM profiles WHERE as_of_day = $day", day)["n"][0].as_py()
    part = f"hash(customer_id) % {max(1, -(-count // MOST_CUSTOMERS))} = 0"
    known = context.history.query("SELECT * FROM profiles LIMIT 0").column_names
    seen = context.history.query("SELECT * FROM observations LIMIT 0").column_names
    names = ", ".join(f'"{name}"' for name in ("customer_id", *features) if name in known and name in seen)
    training = context.history.query(
        f"SELECT {names} FROM observations WHERE cycle BETWEEN 1 AND $last AND matured_at <= $made AND {part}",
        {"last": one.cycle - 1, "made": one.plan.created_at},
    )
    now = context.history.query(f"SELECT {names} FROM profiles WHERE as_of_day = $day AND {part}", day)
    return training, now


def rows_of_cycle(table: pa.Table, cycle: int) -> pa.Table:
    """Return the rows of one cycle."""
    return table.filter(pc.equal(table["cycle"], cycle))
