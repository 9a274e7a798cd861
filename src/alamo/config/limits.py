"""``limits.toml`` → limits and contact policy; the same file for a project and for ``alamo analyze allocation``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from alamo.config.reading import Amount, Count, Faults, Positive, Source, Text, decode, read_toml
from alamo.domain.action import LEVELS, Action, ContactCap, ContactPolicy, Limit, Period, QuietHours


class LimitsFile(NamedTuple):
    """What ``limits.toml`` says; `contact` is None where it says nothing about single customers."""

    limits: tuple[Limit, ...]
    contact: ContactPolicy | None


class _LimitTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    use: Text = "count"
    actions: list[str] = []
    channels: list[str] = []
    levels: list[str] = []
    where: str = ""
    maximum: Amount | None = None
    minimum: Amount | None = None
    period: str = "cycle"


class _Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    maximum: Count
    days: Positive
    channel: str | None = None


class _Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    until: Any
    start: Any = msgspec.field(name="from")


class _Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    max_actions: Positive = 1
    caps: list[_Cap] = []
    quiet_hours: _Quiet | None = None
    exclusive: list[list[str]] = []


class _LimitsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: list[_LimitTable] = []
    contact: _Contact | None = None


def load_limits(path: Path, actions: Sequence[Action] | None = None, *, of_project: bool = False) -> LimitsFile:
    """Read and check limits and contact policy.

    Parameters
    ----------
    path
        Of the file.
    actions
        Actions whose ids, channels and levels the file may name; `None`: any (they are those of a table).
    of_project
        Whether the file is a project's, so that ``alamo doctor`` checks it.

    Raises
    ------
    ConfigError
        Naming the file and the key; further complaints stand in its details.
    """
    source = Source(path) if of_project else Source(path, then="then run the same again")
    table = decode(read_toml(path, source), _LimitsTable, source)
    faults = Faults()
    limits = [faults.of(partial(_limit, item, f"limit {item.name!r}", source, actions)) for item in table.limit]
    faults.of(partial(_refuse_twice, [item.name for item in table.limit], source))
    contact = None if table.contact is None else faults.of(partial(_contact, table.contact, source, actions))
    faults.check()
    return LimitsFile(tuple(limit for limit in limits if limit is not None), contact)


def _refuse_twice(names: Sequence[str], source: Source) -> None:
    for name in names:
        if names.count(name) > 1:
            raise source.error(
                "limit.name",
                f"{name!r} names two limits",
                hint="Prices and messages go by the name: give one of the two another.",
                code="config.duplicate_id",
            )


def _limit(table: _LimitTable, key: str, source: Source, actions: Sequence[Action] | None) -> Limit:
    if table.maximum is None and table.minimum is None:
        raise source.error(key, "has neither a maximum nor a minimum", code="config.missing_key")
    if table.maximum is not None and table.minimum is not None and table.minimum > table.maximum:
        raise source.error(f"{key}.minimum", f"{table.minimum:g} is above the maximum {table.maximum:g}")
    source.known(f"{key}.period", table.period, get_args(Period), "period")
    for level in table.levels:
        source.known(f"{key}.levels", level, LEVELS, "level")
    if actions is not None:
        _check_names(f"{key}.actions", table.actions, [action.id for action in actions], "action", source)
        _check_names(f"{key}.channels", table.channels, [action.channel for action in actions], "channel", source)
    return Limit(
        name=table.name,
        use=table.use,
        actions=tuple(table.actions),
        channels=tuple(table.channels),
        levels=tuple(table.levels),
        where=table.where.strip(),
        maximum=table.maximum,
        minimum=table.minimum,
        period=next(period for period in get_args(Period) if period == table.period),
    )


def _contact(table: _Contact, source: Source, actions: Sequence[Action] | None) -> ContactPolicy:
    if table.max_actions != 1:
        raise source.error(
            "contact.max_actions",
            f"{table.max_actions} is not supported yet: a customer gets at most one action a cycle",
            hint="Set it to 1 or leave it out; a shorter cycle (alamo.toml, [cycle] days) allows more contacts.",
            code="config.not_supported",
        )
    channels = None if actions is None else [action.channel for action in actions]
    for number, cap in enumerate(table.caps, start=1):
        if cap.channel is not None and channels is not None:
            _check_names(f"contact.caps number {number}.channel", [cap.channel], channels, "channel", source)
    _check_exclusive(table.exclusive, source, actions)
    return ContactPolicy(
        max_actions=table.max_actions,
        caps=tuple(ContactCap(cap.maximum, cap.days, cap.channel) for cap in table.caps),
        quiet_hours=None if table.quiet_hours is None else _quiet(table.quiet_hours, source),
    )


def _check_exclusive(groups: Sequence[Sequence[str]], source: Source, actions: Sequence[Action] | None) -> None:
    """Check the pairs; with one action a cycle they always hold, so nothing further is kept of them."""
    for number, group in enumerate(groups, start=1):
        key = f"contact.exclusive number {number}"
        if len(group) != 2 or group[0] == group[1]:
            raise source.error(key, "must be a pair of two different actions")
        if actions is not None:
            _check_names(key, group, [action.id for action in actions], "action", source)


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


def _check_names(key: str, names: Sequence[str], allowed: Sequence[str], what: str, source: Source) -> None:
    for name in names:
        source.known(key, name, sorted(set(allowed)), what)
