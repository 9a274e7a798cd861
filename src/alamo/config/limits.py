"""``limits.toml`` → limits and contact policy; the same file for a project and for ``alamo analyze allocation``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec

from alamo.config.contact import ContactTable, check_names, contact_policy
from alamo.config.reading import Amount, Faults, OpenShare, PositiveAmount, Source, Text, decode, read_toml
from alamo.domain.action import LEVELS, Action, ContactPolicy, Limit, Period


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
    maximum_share: OpenShare | None = None
    minimum_share: OpenShare | None = None
    minimum_rate: PositiveAmount | None = None


class _LimitsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: list[_LimitTable] = []
    contact: ContactTable | None = None


def load_limits(path: Path, actions: Sequence[Action] | None = None, *, of_project: bool = False) -> LimitsFile:
    """Read and check limits and contact policy.

    Parameters
    ----------
    path
        Of the file.
    actions
        Actions whose ids, channels and levels the file may name; `None`: any (they are those of a table).
    of_project
        Whether the file is a project's, so that ``alamo doctor`` checks it. A table of values may give a customer
        several actions, a project's cycle gives one.

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
    one_by_one = of_project or actions is not None
    read_contact = (
        partial(contact_policy, table.contact, source, actions, of_cycle=one_by_one) if table.contact else None
    )
    contact = None if read_contact is None else faults.of(read_contact)
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
    _check_bounds(table, key, source)
    source.known(f"{key}.period", table.period, get_args(Period), "period")
    for level in table.levels:
        source.known(f"{key}.levels", level, LEVELS, "level")
    if actions is not None:
        check_names(f"{key}.actions", table.actions, [action.id for action in actions], "action", source)
        check_names(f"{key}.channels", table.channels, [action.channel for action in actions], "channel", source)
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
        maximum_share=table.maximum_share,
        minimum_share=table.minimum_share,
        minimum_rate=table.minimum_rate,
    )


def _check_bounds(table: _LimitTable, key: str, source: Source) -> None:
    """Refuse a limit without a bound, one above the other, and shares of what cannot be a part of a whole."""
    amounts, shares = (table.maximum, table.minimum), (table.maximum_share, table.minimum_share)
    any_share = (*shares, table.minimum_rate) != (None, None, None)
    if amounts == (None, None) and not any_share:
        raise source.error(key, "has neither a maximum nor a minimum", code="config.missing_key")
    for word, (most, least) in (("", amounts), ("_share", shares)):
        if most is not None and least is not None and least > most:
            raise source.error(f"{key}.minimum{word}", f"{least:g} is above the maximum{word} {most:g}")
    if not any_share:
        return
    if amounts != (None, None):
        raise source.error(key, "bounds an amount and a share: write two limits, each with a name")
    if table.minimum_rate is not None and (table.minimum_share is not None or not table.where.strip()):
        raise source.error(f"{key}.minimum_rate", "is that of the customers of a `where`, and instead of a share")
    if not (table.where.strip() or table.actions or table.channels or table.levels):
        raise source.error(
            key, "bounds the share of everything: say whose by `where`, `actions`, `channels` or `levels`"
        )
    if table.period != "cycle":
        raise source.error(f"{key}.period", f"{table.period!r} is not supported: a share holds in every cycle")
