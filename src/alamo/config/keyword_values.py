"""Values of keywords, as a notebook types them, as what a spec holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from alamo.config.limits import LimitsFile, load_limits
from alamo.domain.action import ContactPolicy, Limit

Read = Callable[[Any], Mapping[str, Any]]
"""From the value of a keyword to fields of a spec."""


def field(name: str, read: Callable[[Any], Any]) -> Read:
    """Return the reading of a keyword that is one field of the spec."""
    return lambda value: {name: read(value)}


def as_is(value: Any) -> Any:
    """Return a value that needs no reading."""
    return value


def text(value: Any) -> str:
    """Return a value as text."""
    return str(value)


def number(value: Any) -> float:
    """Return a number; true and false are none."""
    if isinstance(value, bool):
        raise TypeError("it is no number")
    return float(value)


def perhaps(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a reading that lets None pass."""
    return lambda value: None if value is None else read(value)


def whole(value: Any) -> int:
    """Return a whole number."""
    if isinstance(value, bool) or int(value) != float(value):
        raise ValueError("it must be a whole number")
    return int(value)


def names(value: Any) -> tuple[str, ...]:
    """Return one name, or several, as a tuple; a name given twice counts once."""
    return (value,) if isinstance(value, str) else tuple(dict.fromkeys(str(name) for name in value))


def one_name(value: Any) -> str:
    """Return one name, also where it stands in a list."""
    found = names(value)
    if len(found) != 1:
        raise ValueError("it must be one column")
    return found[0]


def choice(value: Any) -> Any:
    """Return ``"auto"``, ``"none"`` (also for None) or names."""
    return "none" if value is None else value if value in ("auto", "none") else names(value)


def by_arm(value: Mapping[Any, Any]) -> dict[str, float]:
    """Return a mapping from names of arms to numbers."""
    return {str(arm): number(amount) for arm, amount in value.items()}


def name_pairs(value: Mapping[Any, Any]) -> dict[str, str]:
    """Return a mapping from names to names."""
    return {str(name): str(other) for name, other in value.items()}


def chance(value: Any) -> float | str:
    """Return a probability, or the name of its column."""
    return value if isinstance(value, str) else number(value)


def day(value: Any) -> date:
    """Return a date, also from ISO 8601 text."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def limits(value: Any) -> dict[str, Any]:
    """Return limits, the file they came from, and which actions a customer may get together where the file says so."""
    file = str(value) if isinstance(value, str | Path) else None
    read = load_limits(Path(value)) if isinstance(value, str | Path) else value
    found = read.limits if isinstance(read, LimitsFile) else tuple(read)
    if not all(isinstance(limit, Limit) for limit in found):
        raise TypeError("it must be the path of a file of limits, or a list of Limit")
    contact = read.contact if isinstance(read, LimitsFile) else None
    together = {} if contact is None else {"max_actions": contact.max_actions, "exclusive": _kept_apart(contact)}
    return {"limits": found, "limits_file": file, **together}


def _kept_apart(contact: ContactPolicy) -> tuple[tuple[str, ...], ...]:
    """Return the actions that exclude each other within one period, and so those that do for longer."""
    return tuple(exclusion.actions for exclusion in contact.exclusive)
