"""The data horizon: up to when orders are known, so that an order nobody has imported yet is not taken for none.

Three things move it: the newest order (the end of its day, but not beyond the moment it came in), an event source,
which is pulled up to today, and the statement of who imports a file that it is complete up to a date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alamo.domain.errors import UsageError
from alamo.domain.time import iso, utc
from alamo.engine.context import Context
from alamo.measurement import WaitingWindows, orders_known_until, waiting_windows

COMPLETE_UNTIL = "complete_until"
"""Where an import record keeps the statement."""

CURE = "alamo import orders FILE   (nothing sold since? add --complete-until DATE)"

_WITH_ORDERS = ("orders", "events")


@dataclass(frozen=True, slots=True)
class Horizon:
    """What is known as of a day.

    Attributes
    ----------
    known_until
        Up to when orders are known, at most the day itself; None as long as there are none.
    waiting
        Decisions whose outcome window has closed but reaches beyond; None where there are none.
    """

    known_until: datetime | None
    waiting: WaitingWindows | None

    def complaint(self) -> str:
        """Say what is waited for; empty where nothing is."""
        if self.waiting is None:
            return ""
        n, last = self.waiting.decisions, _last_day(self.waiting.until)
        known = "none are known" if self.known_until is None else f"they are known until {_last_day(self.known_until)}"
        return f"{n:,} decisions are waiting for orders until {last}: their window has closed, but {known}"


def horizon(context: Context, as_of: datetime) -> Horizon:
    """Return up to when orders are known as of the day `as_of`, and which decisions wait for more."""
    if context.sources:  # pulled up to `as_of` before anything is measured
        return Horizon(as_of, None)
    known = [moment for moment in (orders_known_until(context.history), _stated(context)) if moment is not None]
    until = min(max(known), as_of) if known else None
    beginning = datetime(1970, 1, 1, tzinfo=as_of.tzinfo)
    return Horizon(until, waiting_windows(context.history, as_of, until or beginning, context.settings.outcome))


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


def _stated(context: Context) -> datetime | None:
    said = [record.detail.get(COMPLETE_UNTIL) for record in context.state.imports.all()]
    return max((datetime.fromisoformat(moment) for moment in said if moment), default=None)


def _last_day(moment: datetime) -> str:
    """Return the last day that lies, in part at least, before `moment`."""
    return iso(moment - timedelta(microseconds=1))[:10]
