"""Inference: value what was seen, score every decision doubly robustly, and say what each action changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InsufficientDataError
from alamo.domain.ports import ContinuationValue
from alamo.domain.records import StepRecord
from alamo.domain.tables import CONTRACTS
from alamo.engine.calibrate import calibrate
from alamo.engine.context import Context, StepOutcome, once, rewrite, table_hash, versions
from alamo.engine.fatigue import measured
from alamo.engine.guard import begin_watching, judge_harm
from alamo.engine.micro_segments import bring_up_to_date
from alamo.engine.micro_segments import inputs as segment_inputs
from alamo.engine.permission import charged, freeze_price, prices
from alamo.engine.programme import compared_rows, own_controls
from alamo.inference import (
    ScoredLog,
    SegmentDefinition,
    assign_segments,
    cycle_dr_scores,
    define_segments,
    effect_sums,
    loop_effects,
    programme_effect,
    programme_gain,
    value_outcomes,
)
from alamo.inference.lifetime_value import NoResidualValue, ValueModel, fit_value_model

_SEGMENTS = "segments"
EVERYBODY = "*"
"""Segment of pooled effects, and the action of the programme as a whole."""


def infer(context: Context, cycle: int) -> StepOutcome:
    """Bring outcomes, segments, scores of past decisions and effects up to date for `cycle`."""
    as_of = context.today()
    inputs = versions(context, "profiles", "observations") | {
        "as_of": as_of.isoformat(),
        "inference": str(context.settings.inference),
        "outcome": str(context.settings.outcome),
        "guardrail": str(context.settings.guardrail),
        **({"fatigue": True} if context.contact.price_fatigue else {}),
        "actions": [action.id for action in context.actions],
        "controls": {action.id: action.control_share for action in context.actions if action.control_share},
        "salt": context.settings.salt,
        **segment_inputs(context.settings.segments),
    }
    return once(context, "infer", cycle, inputs, lambda: _infer(context, cycle, as_of))


def _infer(context: Context, cycle: int, as_of: datetime) -> Mapping[str, Any]:
    profiles = profiles_as_of(context, as_of)
    model = freeze_value_model(context, cycle, profiles)
    begin_watching(context)
    _write_outcomes(context)
    definition = _freeze_segments(context, profiles)
    segments = CONTRACTS["segments"].check(assign_segments(profiles, definition))
    rewrite(context, "segments", segments, {"as_of_day": _day(as_of)})
    observations = observations_with_outcome(context)
    scored = _score_matured_cycles(context, observations)
    effects = _write_effects(context, cycle, as_of, observations)
    found = {"value_model": model.version, "segments_version": definition.version, "cycles_scored": scored} | effects
    beyond = _beyond_the_window(context, cycle, as_of, observations)
    tired = measured(context, scores_so_far(context), observations) if context.contact.price_fatigue else {}
    segmented = bring_up_to_date(context, cycle, as_of)
    refusals = [*found["refusals"], *beyond.get("refusals", []), *tired.get("refusals", [])]
    refusals += segmented.get("refusals", [])
    return found | beyond | tired | segmented | {"refusals": refusals}


def _beyond_the_window(context: Context, cycle: int, as_of: datetime, observations: pa.Table) -> dict[str, Any]:
    """Price lost permissions and calibrate effects against longer outcomes, where the settings ask for it."""
    outcome = context.settings.outcome
    if not (outcome.long_days or outcome.price_permissions):
        return {}
    scores = scores_so_far(context)
    if not scores.num_rows:
        return {}
    price = freeze_price(context, cycle, as_of, scores, observations, decided=_decided_since(context, cycle))
    calibrated = calibrate(context, as_of, observations, scores, _models)
    return price | calibrated | {"refusals": [*price.get("refusals", []), *calibrated.get("refusals", [])]}


def profiles_as_of(context: Context, as_of: datetime) -> pa.Table:
    """Return the profiles of `as_of`'s day.

    Raises
    ------
    InsufficientDataError
        If they have not been built.
    """
    profiles = context.history.query("SELECT * FROM profiles WHERE as_of_day = $day", {"day": _day(as_of)})
    if not profiles.num_rows:
        raise InsufficientDataError(
            f"there are no profiles as of {_day(as_of)}",
            hint="Build them with: alamo measure",
            code="loop.no_profiles",
        )
    return profiles


def observations_with_outcome(context: Context) -> pa.Table:
    """Return OBSERVATIONS joined with the outcome written for each at maturity and the segment as of the decision.

    The outcome written at maturity is the one under the value model frozen for the decision's cycle; versions that
    later models added stand beside it in OUTCOMES and change no estimate. Observations made later than now (in a
    replay of history) are left out.
    """
    cycles = context.history.query("SELECT DISTINCT cycle FROM outcomes ORDER BY cycle")["cycle"].to_pylist()
    versions_frozen = [model.version for model in value_models(context, cycles).values()]
    frozen = pa.table({"cycle": pa.array(cycles, pa.int64()), "value_version": pa.array(versions_frozen, pa.string())})
    return context.history.query(
        """
        WITH written AS (
            SELECT o.decision_id, o.outcome_money, o.residual_value_money,
                   row_number() OVER (
                       PARTITION BY o.decision_id ORDER BY o.value_version <> f.value_version, o.value_version
                   ) AS place
            FROM outcomes o JOIN frozen f ON f.cycle = o.cycle
        ),
        assigned AS (
            SELECT o.decision_id, s.segment,
                   row_number() OVER (PARTITION BY o.decision_id ORDER BY s.as_of DESC) AS place
            FROM observations o
            JOIN segments s ON s.customer_id = o.customer_id AND s.as_of <= o.decided_at
        )
        SELECT o.*, f.outcome_money, f.residual_value_money, coalesce(a.segment, 'unknown') AS segment
        FROM observations o
        JOIN written f ON f.decision_id = o.decision_id AND f.place = 1
        LEFT JOIN assigned a ON a.decision_id = o.decision_id AND a.place = 1
        WHERE o.matured_at <= $now
        ORDER BY o.decided_at, o.decision_id
        """,
        _now(context),
        {"frozen": frozen},
    )


def scores_so_far(context: Context) -> pa.Table:
    """Return DR_SCORES of the cycles that have matured by now; a replay of history does not see later ones."""
    return context.history.query(
        "SELECT * FROM dr_scores WHERE cycle NOT IN (SELECT cycle FROM late) ORDER BY cycle, decision_id, action_id",
        None,
        {"late": pa.table({"cycle": pa.array(late_cycles(context), pa.int64())})},
    )


def late_cycles(context: Context) -> list[int]:
    """Return the cycles with observations that were made later than now."""
    late = context.history.query(
        "SELECT DISTINCT cycle FROM observations WHERE matured_at > $now ORDER BY cycle", _now(context)
    )
    return [int(cycle) for cycle in late["cycle"].to_pylist()]


def _now(context: Context) -> dict[str, datetime]:
    return {"now": context.clock.now()}


def value_model(context: Context, cycle: int) -> ContinuationValue:
    """Return the value model frozen before `cycle`; the newest earlier one where that cycle froze none."""
    return value_models(context, (cycle,))[cycle]


def value_models(context: Context, cycles: Iterable[int]) -> dict[int, ContinuationValue]:
    """Return the value model of each of `cycles`, as `value_model` does; the step log is read once."""
    steps = [step for step in context.state.steps.all() if step.key.endswith("/value-model")]
    models: dict[int, ContinuationValue] = {}
    for cycle in cycles:
        step = max((step for step in steps if _cycle_of(step) <= cycle), key=_cycle_of, default=None)
        state = None if step is None else step.detail["model"]
        models[cycle] = NoResidualValue() if state is None else ValueModel.from_dict(state)
    return models


def _cycle_of(step: StepRecord) -> int:
    return int(step.key.split("/")[0].removeprefix("cycle-"))


def _decided_since(context: Context, cycle: int) -> bool:
    """Say whether anybody has been decided about in `cycle` or a later one: what that rests on stays as it is.

    An approved plan counts as soon as it is approved, and until it is stale: its launch changes nothing in it.
    """
    plans, now = context.state.plans.all(), context.clock.now()
    if any(plan.stands_at(now) and plan.cycle >= cycle for plan in plans):
        return True
    decided = context.history.query("SELECT count(*) AS n FROM decisions WHERE cycle >= $cycle", {"cycle": cycle})
    return bool(decided["n"][0].as_py())


def freeze_value_model(context: Context, cycle: int, profiles: pa.Table) -> ContinuationValue:
    """Fit before the decisions of a cycle, never after: a later fit would let the outcome depend on what it measures.

    Until the first of them is approved a fit counts for nothing yet, so data that arrive meanwhile are used.
    """
    key = f"cycle-{cycle}/value-model"
    if context.state.steps.find(key) is not None and _decided_since(context, cycle):
        return value_model(context, cycle)
    try:
        fitted: ValueModel | None = fit_value_model(profiles, outcome=context.settings.outcome)
        reason = ""
    except InsufficientDataError as refusal:
        fitted, reason = None, refusal.message
    now = context.clock.now()
    state = None if fitted is None else fitted.to_dict()
    context.state.steps.finish(StepRecord(key, now, now, {"model": state, "refusal": reason}))
    return NoResidualValue() if fitted is None else fitted


def _freeze_segments(context: Context, profiles: pa.Table) -> SegmentDefinition:
    """Define the segments before the project's first decision, and keep them from then on."""
    found = context.state.steps.find(_SEGMENTS)
    if found is not None and _decided_since(context, 1):
        return SegmentDefinition.from_dict(found.detail["definition"])
    definition = define_segments(profiles)
    now = context.clock.now()
    context.state.steps.finish(StepRecord(_SEGMENTS, now, now, {"definition": definition.to_dict()}))
    return definition


def _write_outcomes(context: Context) -> None:
    fresh = context.history.query(
        "SELECT o.* FROM observations o WHERE o.decision_id NOT IN (SELECT decision_id FROM outcomes) "
        "ORDER BY o.decision_id"
    )
    if not fresh.num_rows:
        return
    models = _models(context, fresh)
    outcomes = CONTRACTS["outcomes"].check(value_outcomes(fresh, models, prices(context, models)))
    context.history.append("outcomes", outcomes, batch=table_hash(outcomes))


def _models(context: Context, observations: pa.Table) -> dict[int, ContinuationValue]:
    """Return the value model frozen before each cycle of `observations`."""
    return value_models(context, sorted(pc.unique(observations["cycle"]).to_pylist()))


def matured_cycles(context: Context) -> list[int]:
    """Return the cycles of which every launched decision has been observed, in order."""
    table = context.history.query(
        """
        SELECT d.cycle AS cycle
        FROM decisions d LEFT JOIN observations o ON o.decision_id = d.decision_id AND o.matured_at <= $now
        GROUP BY d.cycle HAVING count(*) = count(o.decision_id) ORDER BY d.cycle
        """,
        _now(context),
    )
    return [int(cycle) for cycle in table["cycle"].to_pylist()]


_UNSCORED_SQL = """
WITH scored AS (SELECT cycle, count(DISTINCT decision_id) AS n FROM dr_scores GROUP BY cycle)
SELECT o.cycle AS cycle
FROM observations o LEFT JOIN scored USING (cycle)
WHERE o.p_action > 0 AND NOT o.universal_control
GROUP BY o.cycle, scored.n
HAVING count(*) <> coalesce(scored.n, 0)
ORDER BY o.cycle
"""
"""Cycles with observations to be scored that are not: all of a new cycle, or late ones of a cycle scored before."""


def _score_matured_cycles(context: Context, observations: pa.Table) -> list[int]:
    matured = matured_cycles(context)
    due = [row["cycle"] for row in context.history.query(_UNSCORED_SQL).to_pylist() if row["cycle"] in matured]
    for cycle in due:
        scores = CONTRACTS["dr_scores"].check(
            cycle_dr_scores(
                observations, cycle, context.learner, salt=context.settings.salt, models=_models(context, observations)
            )
        )
        if scores.num_rows:
            rewrite(context, "dr_scores", scores, {"cycle": cycle})
    return due


def _write_effects(context: Context, cycle: int, as_of: datetime, observations: pa.Table) -> dict[str, Any]:
    late = late_cycles(context)
    scored = _scored_rows(context, late)
    if not scored:
        return {"effects": 0, "found": [], "refusals": [], "gains": [], "guardrails": []}
    level, paid = context.settings.inference.level, charged(context)
    planned = _planned_rows(context, observations)
    sums = effect_sums(ScoredLog.of(context.history, observations, late=late))
    effects = loop_effects(
        sums,
        as_of=as_of,
        actions=context.actions,
        inference=context.settings.inference,
        planned_rows=planned,
    )
    own, stint = compared_rows(context, observations)
    programme, programme_refusals = programme_effect(own, as_of=as_of, level=level, charged=paid, stint=stint)
    controls, control_refusals = own_controls(context, own, as_of=as_of, charged=paid)
    table = CONTRACTS["effects"].check(pa.concat_tables([effects.table, programme]))
    rewrite(context, "effects", table, {"as_of_day": _day(as_of)})
    return {
        "effects": table.num_rows,
        "found": found_actions(table),
        "refusals": [refusal.to_dict() for refusal in (*effects.refusals, *programme_refusals, *control_refusals)],
        "ratio_checks": effects.ratio_checks,
        "gains": _gains(context, observations, paid, scored),
        "own_controls": controls,
        "guardrails": judge_harm(context, cycle, sums, planned_rows=planned, late=late),
    }


def _scored_rows(context: Context, late: Collection[int]) -> dict[int, int]:
    """Return the number of scores of each cycle that is not `late`."""
    counted = context.history.query("SELECT cycle, count(*) AS n FROM dr_scores GROUP BY cycle ORDER BY cycle")
    return {row["cycle"]: row["n"] for row in counted.to_pylist() if row["cycle"] not in late}


def _gains(
    context: Context, observations: pa.Table, paid: Mapping[str, float], scored: Mapping[int, int]
) -> list[dict[str, Any]]:
    """Return what each matured cycle brought; scores of a cycle are written once, so its gain is worked out once."""
    level = context.settings.inference.level
    known: dict[int, dict[str, Any]] = {}
    for step in context.state.steps.all():
        if step.key.endswith("/infer"):
            known |= {gain["cycle"]: gain for gain in step.detail.get("gains", ())}
    gains = []
    for cycle in matured_cycles(context):
        stamps = {"level": level, "score_rows": scored.get(cycle, 0)}
        gain = known.get(cycle)
        if gain is None or any(gain.get(key) != value for key, value in stamps.items()):
            found = programme_gain(_scores_of(context, cycle), observations, cycle, level, paid)
            gain = {"cycle": cycle, **found.to_dict(), **stamps}
        gains.append(gain)
    return gains


def _scores_of(context: Context, cycle: int) -> pa.Table:
    return context.history.query(
        "SELECT * FROM dr_scores WHERE cycle = $cycle ORDER BY decision_id, action_id", {"cycle": cycle}
    )


def found_actions(effects: pa.Table) -> list[str]:
    """Return the actions of EFFECTS whose pooled always-valid interval excludes (or ever excluded) zero."""
    return sorted(
        {
            row["action_id"]
            for row in effects.select(["action_id", "segment", "found"]).to_pylist()
            if row["found"] and row["segment"] == EVERYBODY and row["action_id"] != EVERYBODY
        }
    )


def _planned_rows(context: Context, observations: pa.Table) -> int:
    """Rows at the planned horizon, fixed when the first cycle has matured and never moved afterwards."""
    key = "planned-rows"
    fixed = context.state.steps.find(key)
    if fixed is None:
        cycles = observations.filter(pc.greater_equal(observations["cycle"], 1))["cycle"]
        cycles = cycles if len(cycles) else observations["cycle"]
        size = pc.sum(pc.equal(cycles, pc.min(cycles))).as_py()
        now = context.clock.now()
        fixed = StepRecord(key, now, now, {"rows": size * context.settings.inference.planned_cycles})
        context.state.steps.finish(fixed)
    return int(fixed.detail["rows"])


def _day(as_of: datetime) -> str:
    return as_of.date().isoformat()
