"""Model health: judge what was promised before each cycle by what the cycle brought, once, when somebody asks.

Nothing here is part of a turn: a report brings HEALTH up to date, the loop never waits for it and never reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.features import FEATURES
from alamo.domain.health_table import ALARMS
from alamo.domain.ports import ContinuationValue
from alamo.domain.tables import CONTRACTS
from alamo.engine.context import Context, once, rewrite
from alamo.engine.health_evidence import (
    JudgedCycle,
    counted_on_longer_outcomes,
    decisions_judged,
    features_then_and_now,
    judged_cycles,
    rivals_judged,
    rows_of_cycle,
    scores_of_plan,
    windows_of,
)
from alamo.engine.infer import matured_cycles, value_model
from alamo.inference.health import (
    Check,
    PlanGain,
    Promise,
    Rivals,
    calibration,
    challenged,
    effect_drift,
    feature_drift,
    health_table,
    judged,
    judged_rows,
    programme_forecast,
    value_forecast,
)
from alamo.numerics.hashing import content_hash
from alamo.numerics.moments import codes, sums_by
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]

_RULES = 7
"""Raised when checks change, so that what was judged by older ones is judged again."""


def judge_health(context: Context) -> list[int]:
    """Bring HEALTH up to date and return the cycles judged now; a cycle that has been judged is not looked at again.

    A finished cycle is judged once. Of the cycle planned or under way only the customers are compared with those its
    model learned from.
    """
    cycles = judged_cycles(context, matured_cycles(context))
    scored = context.history.query("SELECT cycle, count(*) AS n FROM dr_scores GROUP BY cycle").to_pylist()
    rows = {row["cycle"]: row["n"] for row in scored}
    due = [(one, inputs) for one in cycles if _is_due(context, one, inputs := _inputs(context, one, rows))]
    if not due:
        return []
    decisions = decisions_judged(context, [one for one, _ in due if one.finished])
    known = {one.cycle: one for one in cycles}
    for one, inputs in due:
        evidence = (decisions, known.get(one.cycle - 1))
        once(context, "health", one.cycle, inputs, partial(_judge, context, one, evidence))
    return [one.cycle for one, _ in due]


def _inputs(context: Context, one: JudgedCycle, scored: Mapping[int, int]) -> dict[str, Any]:
    """Return what a judgement rests on: the same again is not judged again."""
    asked = {"rules": _RULES, "level": context.settings.inference.level, "plan": one.plan.plan_id}
    return asked | ({"scores": scored.get(one.cycle, 0)} if one.finished else {"under_way": True})


def _is_due(context: Context, one: JudgedCycle, inputs: Mapping[str, Any]) -> bool:
    found = context.state.steps.find(f"cycle-{one.cycle}/health")
    return found is None or found.detail.get("fingerprint") != content_hash(dict(inputs))


def _judge(context: Context, one: JudgedCycle, evidence: tuple[pa.Table, JudgedCycle | None]) -> dict[str, Any]:
    """Judge one cycle by all scored decisions, and by what the cycle before had valued."""
    decisions, before = evidence
    level = context.settings.inference.level
    checks = _drift_of_features(context, one, level)
    if one.finished:
        checks += [*_predictions(one, decisions, level), *_forecasts(context, one, level)]
        checks += _challengers(context, one, before, level)
    found = judged(checks, level)
    table = health_table(found, cycle=one.cycle, model=one.policy.model_version, as_of=context.today())
    rewrite(context, "health", CONTRACTS["health"].check(table), {"cycle": one.cycle})
    return {"checks": len(found), "failed": [[item.aspect, item.subject] for item in found if item.verdict in ALARMS]}


def _drift_of_features(context: Context, one: JudgedCycle, level: float) -> list[Check]:
    if one.opening:
        reason = "an opening: the model had learnt from no decision, so there is nothing to have drifted from"
        return [Check("feature drift", "*", 0, reason)]
    training, now = features_then_and_now(context, one, FEATURES)
    return feature_drift(training, now, FEATURES, level)


def _predictions(one: JudgedCycle, decisions: pa.Table, level: float) -> list[Check]:
    """Return calibration and effect drift of every action."""
    checks: list[Check] = []
    mine = rows_of_cycle(decisions, one.cycle)
    if one.opening:
        reason = "an opening: nothing had been learnt yet, everybody's effect was taken for nil"
        checks += [Check(check, "*", 0, reason) for check in ("calibration level", "calibration slope")]
    else:
        checks += [check for rows in judged_rows(mine) for check in calibration(rows, level)]
    so_far = decisions.filter(pc.less_equal(decisions["cycle"], one.cycle))
    drawn = set(pc.unique(mine["action_id"]).to_pylist())
    return checks + [effect_drift(rows, level) for rows in judged_rows(so_far) if rows.action_id in drawn]


def _challengers(context: Context, one: JudgedCycle, before: JudgedCycle | None, level: float) -> list[Check]:
    if one.opening:
        reason = "an opening: the model valued nothing yet, so there is no champion to challenge"
        return [Check("challenger", "*", 0, reason)]
    return challenged(Rivals.of(rivals_judged(context, one, before)), level)


def _forecasts(context: Context, one: JudgedCycle, level: float) -> list[Check]:
    return [_forecast_of_plan(context, one, level), *_forecasts_of_value(context, one, level)]


def _forecast_of_plan(context: Context, one: JudgedCycle, level: float) -> Check:
    """Compare what the plan promised with what its decisions brought, both against contacting nobody."""
    if one.opening:
        return Check("forecast", "programme", 0, "an opening: it promised what it costs, for nothing was known to gain")
    if counted_on_longer_outcomes(context, one.cycle):
        reason = "the plan counted on longer outcomes, which its own window does not show; see: alamo report effects"
        return Check("forecast", "programme", 0, reason)
    summary = one.plan.summary
    gain, z = summary["gain"], z_value(summary["gain"]["level"])
    promise = Promise(summary["expected"]["gain_money"], (gain["upper"] - gain["lower"]) / (2.0 * z))
    return programme_forecast(promise, PlanGain.of(*scores_of_plan(context, one)), level)


def _forecasts_of_value(context: Context, one: JudgedCycle, level: float) -> list[Check]:
    """Compare the margin the value models of this cycle and of the first expected with what came.

    Over more than one cycle only where windows leave no gap between them.
    """
    settings = context.settings
    spans = [one.cycle]
    if one.cycle > 1 and settings.outcome.window_days >= settings.cycle_days:
        spans.append(1)
    checks = []
    for first in spans:
        windows = windows_of(context, first, one.cycle)
        model = value_model(context, first)
        predicted, came, days = _expected_and_came(windows, model)
        subject = f"cycle {first}: {days} days" if first == one.cycle else f"cycles {first} to {one.cycle}: {days} days"
        checks.append(value_forecast(subject, predicted, came, level))
    return checks


def _expected_and_came(windows: pa.Table, model: ContinuationValue) -> tuple[Floats, Floats, int]:
    """Return expected and realised margin of each customer of the first window, and the usual length in days.

    Both are discounted to the first decision: what came at the rate of the model and the middle of its window.
    """
    customer, n = codes(np.asarray(windows["customer_id"].to_numpy(zero_copy_only=False)))
    if not n:
        return np.zeros(0), np.zeros(0), 0
    days, margin = (windows[name].to_numpy().astype(np.float64) for name in ("days", "margin_money"))
    first = np.unique(customer, return_index=True)[1]  # rows are in the order of time within a customer
    whole = sums_by(customer, days, n)
    before = np.cumsum(days) - days
    middle = before - before[first][customer] + 0.5 * days
    came = sums_by(customer, margin * np.exp(-model.discount_rate_per_year * middle / 365.0), n)
    state = [windows[name].to_numpy().astype(np.float64)[first] for name in ("x", "t_x_days", "t_days", "repeat_money")]
    predicted, span = np.zeros(n), np.rint(whole).astype(np.int64)
    for length in np.unique(span).tolist():
        rows = span == length
        predicted[rows] = model.over(length).residual_value_money(*(part[rows] for part in state))
    return predicted, came, int(np.median(span))
