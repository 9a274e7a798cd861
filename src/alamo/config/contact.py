"""``[contact]`` of ``limits.toml`` → `alamo.domain.action.ContactPolicy`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any, get_args

import msgspec

from alamo.config.reading import Count, Positive, Source
from alamo.domain.action import LEVELS, Action, ContactCap, ContactPolicy, Exclusion, FillCaps, QuietHours, Spacing


class _Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    maximum: Count
    days: Positive
    channel: str | None = None
    actions: list[str] = []
    levels: list[str] = []


class _Spacing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: Positive
    channel: str | None = None


class _Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    until: Any
    start: Any = msgspec.field(name="from")


class ContactTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table as it stands in the file."""

    max_actions: Positive = 1
    caps: list[_Cap] = []
    quiet_hours: _Quiet | None = None
    spacing: list[_Spacing] = []
    exclusive: list[Any] = []
    fill_caps: str = "first come"
    price_fatigue: bool = False


def contact_policy(
    table: ContactTable, source: Source, actions: Sequence[Action] | None, *, of_cycle: bool = True
) -> ContactPolicy:
    """Return the contact policy that `table` states.

    Parameters
    ----------
    actions
        Actions whose ids and channels it may name; `None`: any.
    of_cycle
        Whether it is that of a project's cycle, where a customer gets at most one action.

    Raises
    ------
    ConfigError
        Naming the file and the key.
    """
    if table.max_actions != 1 and of_cycle:
        raise source.error(
            "contact.max_actions",
            f"{table.max_actions} is not supported in a project: a customer gets at most one action a cycle",
            hint="Set it to 1 or leave it out; a shorter cycle (alamo.toml, [cycle] days) allows more contacts.",
            code="config.not_supported",
        )
    source.known("contact.fill_caps", table.fill_caps, get_args(FillCaps), "way to fill caps")
    exclusive = [
        _exclusion(f"contact.exclusive number {number}", entry, source, actions)
        for number, entry in enumerate(table.exclusive, start=1)
    ]
    return ContactPolicy(
        max_actions=table.max_actions,
        caps=tuple(
            _cap(f"contact.caps number {number}", cap, source, actions)
            for number, cap in enumerate(table.caps, start=1)
        ),
        quiet_hours=None if table.quiet_hours is None else _quiet(table.quiet_hours, source),
        spacing=tuple(
            _spacing(f"contact.spacing number {number}", entry, source, actions)
            for number, entry in enumerate(table.spacing, start=1)
        ),
        price_fatigue=table.price_fatigue,
        fill_caps=next(known for known in get_args(FillCaps) if known == table.fill_caps),
        exclusive=tuple(one for one in exclusive if one.days or not of_cycle),  # one action a cycle keeps a pair apart
    )


def _cap(key: str, cap: _Cap, source: Source, actions: Sequence[Action] | None) -> ContactCap:
    _check_channel(key, cap.channel, source, actions)
    for level in cap.levels:
        source.known(f"{key}.levels", level, LEVELS, "level")
    if actions is not None:
        check_names(f"{key}.actions", cap.actions, [action.id for action in actions], "action", source)
        found = ContactCap(cap.maximum, cap.days, cap.channel, tuple(cap.actions), tuple(cap.levels))
        if (cap.actions or cap.levels) and not any(found.covers(action) for action in actions):
            raise source.error(
                key,
                "counts nothing: no marketing action is of all it names",
                hint="Leave out channel, actions or levels.",
            )
    return ContactCap(cap.maximum, cap.days, cap.channel, tuple(cap.actions), tuple(cap.levels))


def _spacing(key: str, entry: _Spacing, source: Source, actions: Sequence[Action] | None) -> Spacing:
    _check_channel(key, entry.channel, source, actions)
    return Spacing(entry.days, entry.channel)


def _check_channel(key: str, channel: str | None, source: Source, actions: Sequence[Action] | None) -> None:
    if channel is not None and actions is not None:
        check_names(f"{key}.channel", [channel], [action.channel for action in actions], "channel", source)


def _exclusion(key: str, entry: Any, source: Source, actions: Sequence[Action] | None) -> Exclusion:
    within_cycle = isinstance(entry, list)
    if not within_cycle and not (isinstance(entry, dict) and entry.keys() == {"actions", "days"}):
        raise source.error(
            key,
            "must be a pair of actions, or a table with actions and days",
            hint='For instance ["a", "b"], or { actions = ["a", "b"], days = 28 }.',
        )
    named = entry if within_cycle else entry["actions"]
    if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
        raise source.error(key, "must name actions")
    if len(set(named)) < len(named) or len(named) < 2 or (within_cycle and len(named) > 2):
        raise source.error(key, f"must be a pair of two different actions{'' if within_cycle else ', or more'}")
    if actions is not None:
        check_names(key, named, [action.id for action in actions], "action", source)
    if within_cycle:
        return Exclusion(tuple(named), 0)
    days = entry["days"]
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise source.error(f"{key}.days", f"{days!r} is not allowed: expected a whole number of at least 1")
    return Exclusion(tuple(named), days)


def _quiet(table: _Quiet, source: Source) -> QuietHours:
    start, until = (
        _time_of_day(source, f"contact.quiet_hours.{key}", value)
        for key, value in (("from", table.start), ("until", table.until))
    )
    if start == until:
        raise source.error("contact.quiet_hours", "has no length: leave the key out for no quiet hours")
    return QuietHours(start, until)


def _time_of_day(source: Source, key: str, value: Any) -> time:
    try:
        found = value if isinstance(value, time) else time.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is not None:
        raise source.error(key, f'{value!r} is not allowed: expected a local time such as "21:00"')
    return found


def check_names(key: str, names: Sequence[str], allowed: Sequence[str], what: str, source: Source) -> None:
    """Complain about the first of `names` that is not `allowed`, with the near ones.

    Raises
    ------
    ConfigError
        Naming the file and the key.
    """
    for name in names:
        source.known(key, name, sorted(set(allowed)), what)
