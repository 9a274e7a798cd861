"""Actions as they stand: which are paused and why, what is known of their harm; pausing and resuming by a person."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alamo.domain.errors import StateError, UsageError
from alamo.domain.time import iso
from alamo.engine.context import Context
from alamo.engine.guard import Pause, Watch, begin_watching, pause, paused, start, watches


@dataclass(frozen=True, slots=True)
class ActionStates:
    """Every action of the project and the harm that is known of it.

    Attributes
    ----------
    rows
        ``action channel state since by reason watched_since_cycle error_share``; `state` is ``active``, ``paused``,
        ``not yet valid`` or ``expired``.
    guardrails
        Harm by action and metric, as of the newest inference.
    """

    rows: tuple[Mapping[str, Any], ...]
    guardrails: tuple[Mapping[str, Any], ...]
    attribution: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the actions as they stand in ``--json``."""
        return {
            "schema": "alamo.actions/1",
            "rows": [dict(row) for row in self.rows],
            "guardrails": [dict(row) for row in self.guardrails],
            "attribution": self.attribution,
        }


def action_states(context: Context) -> ActionStates:
    """Say how every action stands; reads only."""
    known, now = watches(context), context.clock.now()
    rows = []
    for action in context.actions:
        watch = known.get(action.id)
        stopped = None if watch is None else watch.pause
        state = "active"
        if action.valid_from is not None and now < action.valid_from:
            state = "not yet valid"
        if action.valid_until is not None and now >= action.valid_until:
            state = "expired"
        rows.append(
            {
                "action": action.id,
                "channel": action.channel,
                "state": state if stopped is None else "paused",
                "since": None if watch is None else watch.at if stopped is None else stopped.at,
                "by": None if watch is None else watch.by if stopped is None else stopped.by,
                "reason": None if watch is None else watch.reason if stopped is None else stopped.reason,
                "watched_since_cycle": None if watch is None else watch.since_cycle,
                "error_share": None if watch is None else watch.share,
            }
        )
    return ActionStates(tuple(rows), tuple(_newest_harm(context)), context.settings.attribution)


def pause_action(context: Context, action_id: str, *, by: str, reason: str) -> ActionStates:
    """Pause an action from now on; one that is paused stays as it is.

    What a plan drew before stays on record and explained; a plan that holds the action can no longer be approved or
    launched, and what a launch has not handed to its channel yet is dropped.

    Raises
    ------
    UsageError
        If there is no such action, or no reason is given.
    """
    watch = _watched(context, action_id)
    why = Pause(iso(context.clock.now()), _cycle(context), by, _reason(reason, "pause", action_id))
    if watch.pause is None:
        pause(context, watch, why)
    return action_states(context)


def resume_action(context: Context, action_id: str, *, by: str, reason: str) -> ActionStates:
    """Open a paused action again: a new start, whose evidence begins with the decisions made from now on.

    Raises
    ------
    UsageError
        If there is no such action, or no reason is given.
    StateError
        If it is not paused.
    """
    why = _reason(reason, "resume", action_id)
    if _watched(context, action_id).pause is None:
        others = ", ".join(paused(context)) or "none"
        raise StateError(
            f"action {action_id!r} is not paused",
            hint=f"Paused are: {others}. See: alamo actions list",
            code="action.not_paused",
        )
    start(context, [action_id], since_cycle=_next_to_decide(context), by=by, reason=why)
    return action_states(context)


def _watched(context: Context, action_id: str) -> Watch:
    ids = [action.id for action in context.actions]
    if action_id not in ids:
        near = difflib.get_close_matches(action_id, ids, n=3) or ids
        raise UsageError(
            f"there is no action {action_id!r}",
            hint=f"Actions: {', '.join(near) or 'none yet'}. See: alamo actions list",
            code="action.unknown",
        )
    begin_watching(context)
    return watches(context)[action_id]


def _reason(words: str, verb: str, action_id: str) -> str:
    if not words.strip():
        raise UsageError(
            f"nobody says why {action_id!r} is to {verb}",
            hint=f'Say it in your words: alamo actions {verb} {action_id} --reason "…"',
            code="action.no_reason",
        )
    return words.strip()


def _cycle(context: Context) -> int:
    return max(context.calendar().cycle_at(context.clock.now()), 0)


def _next_to_decide(context: Context) -> int:
    """Return the first cycle of which nobody has been decided about, the present one at the earliest."""
    last = context.history.query("SELECT coalesce(max(cycle), 0) AS cycle FROM decisions")["cycle"][0].as_py()
    return max(_cycle(context), int(last) + 1, 1)


def _newest_harm(context: Context) -> list[Mapping[str, Any]]:
    steps = (step for step in reversed(context.state.steps.all()) if step.key.endswith("/infer"))
    newest = next(steps, None)
    return [] if newest is None else list(newest.detail.get("guardrails", []))
