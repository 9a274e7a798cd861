"""Guardrails: an action that is established to do harm is paused; a person brings it back, with a reason.

What is watched since when, and with which part of the error rate, is fixed in the step log before an action's decisions
are looked at: ``guardrail/watch/WAVE`` holds the actions that start together, ``guardrail/pause/WAVE/ACTION`` a pause.
An action is paused while the newest start of it has a pause. Resuming is a new start: its evidence begins anew with the
decisions made after it, and it has an error rate of its own, so the declared chance of a false pause holds however
often somebody resumes. Each record is written whole or not at all, and nothing is ever taken out: what was drawn before
a pause stays explained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from alamo.domain.records import StepRecord
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.inference import ActionSums, Harm, counting, event_harm, event_sums, outcome_harm, wave_share
from alamo.inference.harm import EVENTS, METRIC_SHARES, OUTCOME

BY = "guardrail"
"""Who paused an action that the program paused."""

_WATCH, _PAUSE = "guardrail/watch/", "guardrail/pause/"
_COSTS_SQL = """
SELECT action_id, max(cost_money) AS cost_money FROM observations
WHERE cycle >= 1 AND matured_at <= $now GROUP BY action_id ORDER BY action_id
"""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause: when (UTC), by whom, and why; `evidence` is the row of harm where a guardrail was crossed."""

    at: str
    cycle: int
    by: str
    reason: str
    evidence: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """One start of an action: its part of the error rate, the first cycle whose decisions count, and how it ended.

    Attributes
    ----------
    action_id, wave
        Which action, and the how-manieth start of actions it is one of.
    share
        Part of the error rate that is this start's.
    since_cycle
        Decisions of earlier cycles do not count.
    at, by, reason
        When it began; by whom and why, where somebody resumed it.
    pause
        None while it is not paused.
    """

    action_id: str
    wave: int
    share: float
    since_cycle: int
    at: str
    by: str = ""
    reason: str = ""
    pause: Pause | None = None


def watches(context: Context, moment: datetime | None = None) -> dict[str, Watch]:
    """Return the newest start of each action as it stood at `moment`, or stands now."""
    until = iso(context.clock.now() if moment is None else moment)
    steps = context.state.steps.all()
    pauses = {step.key: step.detail for step in steps if step.key.startswith(_PAUSE) and step.detail["at"] <= until}
    starts = [step.detail for step in steps if step.key.startswith(_WATCH) and step.detail["at"] <= until]
    found: dict[str, Watch] = {}
    for start in sorted(starts, key=lambda detail: detail["wave"]):
        shared = {name: start[name] for name in ("wave", "share", "since_cycle", "at", "by", "reason")}
        for action_id in start["actions"]:
            pause = pauses.get(_pause_key(start["wave"], action_id))
            found[action_id] = Watch(action_id, **shared, pause=None if pause is None else Pause(**pause))
    return found


def paused(context: Context, moment: datetime | None = None) -> dict[str, Pause]:
    """Return the paused actions among the project's, with their pauses, at `moment` or now."""
    known = watches(context, moment)
    ids = (action.id for action in context.actions if action.id in known)
    return {action_id: pause for action_id in ids if (pause := known[action_id].pause) is not None}


def paused_ids(context: Context, moment: datetime | None = None) -> frozenset[str]:
    """Return the ids of the paused actions at `moment`, or now."""
    return frozenset(paused(context, moment))


def begin_watching(context: Context) -> None:
    """Start to watch the project's actions that are not watched yet, together; called before anything is looked at."""
    known = watches(context)
    new = [action.id for action in context.actions if action.id not in known]
    if new:
        start(context, new, since_cycle=1)


def start(context: Context, action_ids: Iterable[str], *, since_cycle: int, by: str = "", reason: str = "") -> None:
    """Start (or start again) to watch actions, which share the next part of the error rate."""
    ids, now = list(action_ids), context.clock.now()
    wave = 1 + sum(step.key.startswith(_WATCH) for step in context.state.steps.all())
    detail = {
        "wave": wave,
        "share": wave_share(wave, len(ids)),
        "since_cycle": since_cycle,
        "actions": ids,
        "at": iso(now),
        "by": by,
        "reason": reason,
    }
    context.state.steps.finish(StepRecord(f"{_WATCH}{wave}", now, now, detail))


def pause(context: Context, watch: Watch, why: Pause) -> None:
    """Put a pause on record; the first of a start stays."""
    key = _pause_key(watch.wave, watch.action_id)
    if context.state.steps.find(key) is None:
        now = context.clock.now()
        detail = {"at": why.at, "cycle": why.cycle, "by": why.by, "reason": why.reason, "evidence": why.evidence}
        context.state.steps.finish(StepRecord(key, now, now, detail))


def judge_harm(
    context: Context, cycle: int, sums: Mapping[str, ActionSums], *, planned_rows: int, late: Iterable[int]
) -> list[dict[str, Any]]:
    """Return the harm of every watched action by every metric, and pause those that crossed a guardrail.

    Parameters
    ----------
    sums
        Of the scores of all matured cycles, by action.
    planned_rows
        Decisions at which the bounds on money are tightest, fixed before the first look.
    late
        Cycles to leave out: measured later than now.
    """
    settings = context.settings.guardrail
    known = watches(context)
    mine = {action.id: known[action.id] for action in context.actions if action.id in known}
    alpha = {action_id: settings.error_rate * watch.share for action_id, watch in mine.items()}
    costs = _costs(context)
    found = [
        outcome_harm(
            counting(sums[action_id].cycles, watch.since_cycle) if action_id in sums else None,
            action_id,
            cost_money=costs.get(action_id, 0.0),
            tolerated=settings.outcome_money,
            alpha=alpha[action_id] * METRIC_SHARES[OUTCOME],
            n_opt=float(planned_rows),
        )
        for action_id, watch in mine.items()
    ]
    found += _events(context, mine, alpha, late)
    if settings.pause:
        for harm in sorted((harm for harm in found if harm.crossed), key=lambda harm: harm.metric != OUTCOME):
            watch = mine[harm.action_id]
            if watch.pause is None:
                pause(context, watch, _crossed(context, cycle, harm))
    return [{**harm.to_dict(), "since_cycle": mine[harm.action_id].since_cycle} for harm in found]


def _events(context: Context, mine: Mapping[str, Watch], alpha: Mapping[str, float], late: Iterable[int]) -> list[Harm]:
    settings, skipped = context.settings.guardrail, list(late)
    since = {action_id: watch.since_cycle for action_id, watch in mine.items()}
    found = []
    for metric, flag in EVENTS.items():
        sums = event_sums(context.history, flag, since, context.clock.now(), skipped) if since else {}
        found += [
            event_harm(
                sums.get(action_id),
                action_id,
                metric,
                tolerated=float(getattr(settings, metric)),
                alpha=alpha[action_id] * METRIC_SHARES[metric],
            )
            for action_id in mine
        ]
    return found


def _costs(context: Context) -> dict[str, float]:
    """Return the most that one decision was charged for each action (money)."""
    found = context.history.query(_COSTS_SQL, {"now": context.clock.now()})
    return dict(zip(found["action_id"].to_pylist(), pc.fill_null(found["cost_money"], 0.0).to_pylist(), strict=True))


def _crossed(context: Context, cycle: int, harm: Harm) -> Pause:
    mean, bound = harm.mean or 0.0, harm.bound or 0.0
    if harm.metric == OUTCOME:
        money = context.settings.currency
        tolerated = f", {harm.tolerated:,.2f} is tolerated" if harm.tolerated else ""
        reason = f"the outcome is {mean:,.2f} {money} lower per decision before cost, at least {bound:,.2f}{tolerated}"
    else:
        more = f"{100 * mean:.2f} more in 100 decisions, at least {100 * bound:.2f}"
        reason = f"{harm.metric}: {more}, {100 * harm.tolerated:g} are tolerated"
    return Pause(iso(context.clock.now()), cycle, BY, reason, harm.to_dict())


def _pause_key(wave: int, action_id: str) -> str:
    return f"{_PAUSE}{wave}/{action_id}"
