"""The data horizon: up to when orders are known, so that an order nobody has imported yet is not taken for none.

Three things move it: the newest order (the end of its day, but not beyond the moment it came in), an event source,
which is pulled up to today, and the statement of who imports a file that it is complete up to a date.

Where several files hold orders, the newest moves it for all; a file that used to grow and has fallen behind is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from alamo.domain.errors import UsageError
from alamo.domain.time import iso, utc
from alamo.engine.context import Context
from alamo.measurement import WaitingWindows, orders_known_by_source, waiting_windows

COMPLETE_UNTIL = "complete_until"
"""Where an import record keeps the statement."""

CURE = "alamo import orders FILE   (nothing sold since? add --complete-until DATE)"

_WITH_ORDERS = ("orders", "events")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is known as of a day.

    Attributes
    ----------
    known_until
        Up to when orders are known, at most the day itself; None as long as there are none.
    waiting
        Decisions whose outcome window has closed but reaches beyond; None where there are none.
    behind
        Imported sources whose content has changed before and whose orders end more than a cycle before the newest
        ones, with the moment up to which they are known.
    """

    known_until: datetime | None
    waiting: WaitingWindows | None
    behind: tuple[tuple[str, datetime], ...] = ()

    def complaint(self) -> str:
        """Say what is waited for; empty where nothing is."""
        if self.waiting is None:
            return ""
        n, last = self.waiting.decisions, _last_day(self.waiting.until)
        known = "none are known" if self.known_until is None else f"they are known until {_last_day(self.known_until)}"
        return f"{n:,} decisions are waiting for orders until {last}: their window has closed, but {known}"

    def refusals(self) -> list[dict[str, str]]:
        """Return what cannot be measured and what may be missing from what is, as rows for people."""
        waiting = [{"what": "outcomes", "reason": self.complaint(), "cure": CURE}] if self.waiting else []
        return waiting + [
            {
                "what": source,
                "reason": f"orders of {source} end on {_last_day(end)}, others go on: if it is still in use, outcomes "
                "since then are too low",
                "cure": f"import it again: {CURE}",
            }
            for source, end in self.behind
        ]


def horizon(context: Context, as_of: datetime) -> Horizon:
    """Return up to when orders are known as of the day `as_of`, and which decisions wait for more."""
    if context.sources:  # pulled up to `as_of` before anything is measured
        return Horizon(as_of, None)
    ends, stated = orders_known_by_source(context.history), _stated(context)
    known = [*ends.values(), *stated.values()]
    until = min(max(known), as_of) if known else None
    waiting = waiting_windows(context.history, as_of, until or _BEGINNING, context.settings.outcome)
    return Horizon(until, waiting, _behind(context, ends, stated, as_of))


def stated_completeness(context: Context, kind: str, until: datetime | None) -> Mapping[str, Any]:
    """Return what an import record keeps of the statement that its file holds every order before `until`.

    Today counts up to now.

    Raises
    ------
    UsageError
        If that moment has not come yet, or files of this kind hold no orders.
    """
    if until is None:
        return {}
    if kind not in _WITH_ORDERS:
        raise UsageError(
            f"a file of {kind} says nothing about orders, so it cannot be complete until a date",
            hint="Say it of the orders: alamo import orders FILE --complete-until DATE",
            code="import.complete_kind",
            details={"kind": kind},
        )
    now = utc(context.clock.now())
    if utc(until) > now + timedelta(days=1):
        yesterday = iso(now - timedelta(days=1))[:10]
        raise UsageError(
            f"no file can hold every order before {iso(until)}: now it is {iso(now)}",
            hint=f"Name a day that is over: alamo import {kind} FILE --complete-until {yesterday}",
            code="import.complete_until",
            details={"complete_until": iso(until), "now": iso(now)},
        )
    return {COMPLETE_UNTIL: min(utc(until), now).isoformat()}


def _stated(context: Context) -> dict[str, datetime]:
    """Return up to when each source that anything was said of is complete."""
    stated: dict[str, datetime] = {}
    for record in context.state.imports.all():
        said = record.detail.get(COMPLETE_UNTIL)
        if said:
            moment = datetime.fromisoformat(said)
            stated[record.source] = max(moment, stated.get(record.source, moment))
    return stated


def _behind(
    context: Context, ends: Mapping[str, datetime], stated: Mapping[str, datetime], as_of: datetime
) -> tuple[tuple[str, datetime], ...]:
    contents: dict[str, set[str]] = {}
    for record in context.state.imports.all():
        if record.content_hash:
            contents.setdefault(record.source, set()).add(record.content_hash)
    known = {source: max(end, stated.get(source, end)) for source, end in ends.items()}
    newest, cycle = min(max(known.values(), default=as_of), as_of), timedelta(days=context.settings.cycle_days)
    grew = {source for source, different in contents.items() if len(different) > 1}
    return tuple((source, end) for source, end in known.items() if source in grew and newest - end > cycle)


def _last_day(moment: datetime) -> str:
    """Return the last day that lies, in part at least, before `moment`."""
    return iso(moment - timedelta(microseconds=1))[:10]
