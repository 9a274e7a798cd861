"""Reports: what is known now about effects, segments, value, policy and the loop, with n, interval and date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.domain.health_table import CHECKS
from alamo.domain.result import Result
from alamo.engine.break_down import stages_and_time
from alamo.engine.calibration_report import beside_effects
from alamo.engine.contact_report import fatigue_known, funnel_rows, pressure
from alamo.engine.context import Context
from alamo.engine.guard import paused
from alamo.engine.health import judge_health
from alamo.engine.health_advice import advise
from alamo.engine.infer import EVERYBODY, value_model
from alamo.engine.proposals import newest_proposal

Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, repr=False)
class Report(Result):
    """Rows of one kind of report, and what stands beside them (always ``as_of``)."""

    rows: Rows
    extra: Mapping[str, Any]

    def records(self) -> list[dict[str, Any]]:
        """Return the rows."""
        return [dict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return dict(self.extra)


class EffectsReport(Report):
    """What each action changes against no action, per decision; beside it, by lifecycle stage and over the cycles."""

    schema: ClassVar[str] = "alamo.report.effects/1"
    columns: ClassVar[tuple[str, ...]] = (
        "action", "segment", "mean", "se", "lower", "upper", "anytime_lower", "anytime_upper",
        "n", "n_control", "baseline", "method", "found", "as_of",
    )  # fmt: skip


class SegmentsReport(Report):
    """Micro-segments: how many customers, what they are worth."""

    schema: ClassVar[str] = "alamo.report.segments/1"
    columns: ClassVar[tuple[str, ...]] = (
        "segment", "customers", "share", "orders_365d_per_customer", "money_365d_per_customer",
        "margin_365d_per_customer", "recency_days", "as_of",
    )  # fmt: skip


class ValueReport(Report):
    """Residual lifetime value per segment, from the newest frozen value model."""

    schema: ClassVar[str] = "alamo.report.value/1"
    columns: ClassVar[tuple[str, ...]] = (
        "segment", "customers", "residual_value_money_per_customer", "residual_value_money", "share_of_value", "as_of",
    )  # fmt: skip


class PolicyReport(Report):
    """The newest policy: what is drawn how often, and the prices of its limits."""

    schema: ClassVar[str] = "alamo.report.policy/1"
    columns: ClassVar[tuple[str, ...]] = (
        "action", "channel", "cost_money", "customers", "share", "expected_gain_money", "cost_total_money",
    )  # fmt: skip


class LoopReport(Report):
    """The loop over time: one row per cycle."""

    schema: ClassVar[str] = "alamo.report.loop/1"
    columns: ClassVar[tuple[str, ...]] = (
        "cycle", "decided_at", "plan", "decisions", "contacted", "control", "universal_control", "cost_money",
        "observed", "gain_money", "gain_lower", "gain_upper",
    )  # fmt: skip


class ContactsReport(Report):
    """The funnel of the newest plan: who is left to each action after each stage, and why the others fell out."""

    schema: ClassVar[str] = "alamo.report.contacts/1"
    columns: ClassVar[tuple[str, ...]] = ("action", "stage", "customers", "excluded", "reason")


class HealthReport(Report):
    """Model health: what was promised before each cycle beside what it brought, newest cycle first."""

    schema: ClassVar[str] = "alamo.report.health/1"
    columns: ClassVar[tuple[str, ...]] = (
        "cycle", "aspect", "subject", "expected", "found", "value", "lower", "upper", "threshold", "p_value",
        "verdict", "n", "reason", "model", "as_of",
    )  # fmt: skip


def report(context: Context, kind: str) -> Report:
    """Return the report of `kind`: ``effects segments value policy loop contacts health``.

    Raises
    ------
    UsageError
        If `kind` is none of them.
    InsufficientDataError
        If there is nothing to report yet; the hint names the command that brings it about.
    """
    if kind not in KINDS:
        raise UsageError(
            f"there is no report {kind!r}", hint=f"Reports: {', '.join(KINDS)}", code="report.unknown_kind"
        )
    found = KINDS[kind](context)
    return replace(
        found,
        extra={
            **found.extra,
            "currency": context.settings.currency,
            "attribution": context.settings.attribution,
        },
    )


def _effects(context: Context) -> EffectsReport:
    table = context.history.query(
        """
        SELECT action_id AS action, CASE WHEN segment = '*' THEN NULL ELSE segment END AS segment,
               mean_money AS mean, se, lower, upper, anytime_lower, anytime_upper, n, n_control,
               baseline_money AS baseline, method, found, as_of
        FROM effects WHERE as_of = (SELECT max(as_of) FROM effects)
        ORDER BY action_id = '*' DESC, segment IS NOT NULL, action_id, segment
        """
    )
    detail = newest_detail(context, "infer")
    refusals = detail.get("refusals", [])
    if not table.num_rows and not refusals:
        raise _nothing("effects", "no decision has matured yet", "alamo status says when the first will")
    actions = dict.fromkeys(name for name in table["action"].to_pylist() if name != EVERYBODY)
    parts, refused = stages_and_time(context, list(actions))
    return EffectsReport(
        tuple(table.to_pylist()),
        {
            "as_of": detail.get("as_of"),
            "level": context.settings.inference.level,
            "refusals": [*refusals, *refused],
            "guardrails": detail.get("guardrails", []),
            "own_controls": detail.get("own_controls", []),
            "paused": [{"action": name, **asdict(pause)} for name, pause in paused(context).items()],
            "ratio_checks": detail.get("ratio_checks", {}),
            "intervals_shown": table.num_rows,
            "unit": f"{context.settings.currency} per decision, net of cost",
            **parts,
            **beside_effects(context, detail),
        },
    )


def _segments(context: Context) -> SegmentsReport:
    table = context.history.query(
        """
        SELECT s.segment, count(*) AS customers, count(*) / sum(count(*)) OVER () AS share,
               avg(p.orders_365d) AS orders_365d_per_customer, avg(p.money_365d) AS money_365d_per_customer,
               avg(p.margin_365d) AS margin_365d_per_customer, median(p.recency_days) AS recency_days,
               max(s.as_of) AS as_of
        FROM segments s JOIN profiles p ON p.customer_id = s.customer_id AND p.as_of_day = s.as_of_day
        WHERE s.as_of = (SELECT max(as_of) FROM segments)
        GROUP BY s.segment ORDER BY margin_365d_per_customer DESC, s.segment
        """
    )
    if not table.num_rows:
        raise _nothing("segments", "no customer has been assigned to one yet", "alamo infer")
    return SegmentsReport(tuple(table.to_pylist()), {"as_of": table["as_of"][0].as_py()})


def _value(context: Context) -> ValueReport:
    table = context.history.query(
        """
        SELECT s.segment, p.x, p.t_x_days, p.t_days, p.repeat_money, p.as_of
        FROM segments s JOIN profiles p ON p.customer_id = s.customer_id AND p.as_of_day = s.as_of_day
        WHERE s.as_of = (SELECT max(as_of) FROM segments) ORDER BY s.segment, p.customer_id
        """
    )
    if not table.num_rows:
        raise _nothing("value", "no value model has been fitted yet", "alamo infer")
    model = value_model(context, 1_000_000)
    state = [
        np.asarray(table[name].to_numpy(), dtype=np.float64) for name in ("x", "t_x_days", "t_days", "repeat_money")
    ]
    value = model.residual_value_money(*state)
    names, index = np.unique(np.asarray(table["segment"].to_pylist(), dtype=object), return_inverse=True)
    count, total = np.bincount(index), np.bincount(index, value)
    as_of = table["as_of"][0].as_py()
    rows = [
        {
            "segment": str(names[i]),
            "customers": int(count[i]),
            "residual_value_money_per_customer": float(total[i] / count[i]),
            "residual_value_money": float(total[i]),
            "share_of_value": float(total[i] / value.sum()) if value.sum() else None,
            "as_of": as_of,
        }
        for i in np.argsort(-total / count)
    ]
    return ValueReport(
        tuple(rows),
        {
            "as_of": as_of,
            "value_version": model.version,
            "horizon_days": context.settings.outcome.residual_horizon_days,
            "label": "a model's expectation, not yet calibrated against longer outcomes",
        },
    )


def _policy(context: Context) -> PolicyReport:
    plan = newest_proposal(context)
    if plan is None:
        raise _nothing("policy", "no plan has been made yet", "alamo run")
    policy = context.shelf.get(plan.policy_version)
    return PolicyReport(
        tuple(plan.summary.get("actions", ())),
        {
            "as_of": policy.scores_as_of,
            "plan": plan.plan_id,
            "state": plan.state,
            "policy_version": plan.policy_version,
            "temperature_money": policy.rule.temperature_money,
            "floor_share": policy.rule.floor_share,
            "control_share": policy.rule.control_share,
            "limits": plan.summary.get("limits", []),
        },
    )


def _loop(context: Context) -> LoopReport:
    table = context.history.query(
        """
        SELECT d.cycle, min(d.decided_at) AS decided_at, min(d.plan_id) AS plan, count(*) AS decisions,
               count(CASE WHEN d.action_id <> 'none' THEN 1 END) AS contacted,
               count(CASE WHEN d.action_id = 'none' AND NOT d.universal_control THEN 1 END) AS control,
               count(CASE WHEN d.universal_control THEN 1 END) AS universal_control,
               sum(d.cost_money) AS cost_money, count(o.decision_id) AS observed
        FROM decisions d LEFT JOIN observations o USING (decision_id) GROUP BY d.cycle ORDER BY d.cycle
        """
    )
    if not table.num_rows:
        raise _nothing("loop", "no plan has been launched yet", "alamo plan show")
    gains = {gain["cycle"]: gain for gain in newest_detail(context, "infer").get("gains", [])}
    rows = []
    for row in table.to_pylist():
        gain = gains.get(row["cycle"], {})
        rows.append(
            row | {"gain_money": gain.get("mean"), "gain_lower": gain.get("lower"), "gain_upper": gain.get("upper")}
        )
    return LoopReport(
        tuple(rows),
        {
            "as_of": context.today(),
            "level": context.settings.inference.level,
            "currency": context.settings.currency,
            "attribution": context.settings.attribution,
        },
    )


def _contacts(context: Context) -> ContactsReport:
    plan = newest_proposal(context)
    if plan is None:
        raise _nothing("contacts", "no plan has been made yet", "alamo run")
    rows = funnel_rows(plan)
    if not rows:
        raise _nothing("contacts", f"plan {plan.plan_id} is of a version that kept no funnel", "alamo run")
    beside = {"pressure": pressure(context), **fatigue_known(newest_detail(context, "infer"), context)}
    return ContactsReport(rows, {"as_of": plan.created_at, "plan": plan.plan_id, "state": plan.state, **beside})


def _health(context: Context) -> HealthReport:
    judge_health(context)
    table = context.history.query("SELECT * FROM health ORDER BY cycle DESC")
    rows = sorted(table.to_pylist(), key=lambda row: (-row["cycle"], CHECKS.index(row["aspect"]), row["subject"]))
    if not rows:
        raise _nothing("health", "no plan has been made yet", "alamo run")
    return HealthReport(
        tuple(rows),
        {
            "as_of": max(row["as_of"] for row in rows),
            "level": context.settings.inference.level,
            "advice": advise(context, rows).to_dict(),
        },
    )


def newest_detail(context: Context, step: str) -> Mapping[str, Any]:
    """Return what the newest finished run of `step` recorded; empty before the first."""
    for record in reversed(context.state.steps.all()):
        if record.key.startswith("cycle-") and record.key.endswith(f"/{step}"):
            return {**record.detail, "as_of": record.detail.get("as_of", record.finished_at)}
    return {}


def _nothing(kind: str, reason: str, command: str) -> InsufficientDataError:
    return InsufficientDataError(f"nothing to report on {kind}: {reason}", hint=command, code="report.nothing_yet")


KINDS: dict[str, Callable[[Context], Report]] = {
    "effects": _effects,
    "segments": _segments,
    "value": _value,
    "policy": _policy,
    "loop": _loop,
    "contacts": _contacts,
    "health": _health,
}
"""The reports, by the word a person types."""
