"""Reads a scenario: a TOML table checked key by key, with the file and the key in every complaint."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from alamo.domain.action import LEVELS, NO_ACTION, ContactCap, ContactPolicy, Exclusion, Limit, QuietHours, Spacing
from alamo.domain.errors import ConfigError
from alamo.domain.money import minor_unit_exponent
from alamo.domain.settings import (
    ControlSettings,
    ExplorationSettings,
    GuardrailSettings,
    InferenceSettings,
    MarginSettings,
    OutcomeSettings,
)
from alamo.simulation.scenario import DRIVERS, Effect, PopulationSpec, PurchaseSpec, Scenario, SimulatedAction

Convert = Callable[["_Table", str, Any], Any]
_HINT = "The keys of a scenario: docs/reference/scenarios.md. Then run again: alamo simulate {origin}"
_IDENTIFIER = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]*$")


def scenario_from_dict(data: Mapping[str, Any], origin: str) -> Scenario:
    """Return the scenario of a parsed TOML file.

    Parameters
    ----------
    data
        The parsed file.
    origin
        Its path, for messages.

    Raises
    ------
    ConfigError
        On an unknown key (near names are listed), a missing one, a wrong type or a value out of range.
    """
    table = _Table(data, origin, "")
    values = table.read(_SCENARIO, required=("name", "action"))
    values["actions"] = values.pop("action")
    values["limits"] = values.pop("limit", ())
    scenario = Scenario(**values)
    if "planned_cycles" not in data.get("inference", {}):  # intervals are to be tightest at the end of the run
        scenario = replace(scenario, inference=replace(scenario.inference, planned_cycles=scenario.cycles))
    _check_references(scenario, table)
    return scenario


@dataclass(frozen=True, slots=True)
class _Table:
    """One TOML table on its way in."""

    data: Mapping[str, Any]
    origin: str
    path: str

    def error(self, key: str, complaint: str, code: str = "scenario.bad_value") -> ConfigError:
        where = f"{self.path}.{key}" if self.path else key
        return ConfigError(
            f"{self.origin}: {where}: {complaint}",
            hint=_HINT.format(origin=self.origin),
            code=code,
            details={"file": self.origin, "key": where},
        )

    def child(self, key: str, value: Any) -> _Table:
        if not isinstance(value, Mapping):
            raise self.error(key, f"must be a table, is {value!r}")
        return _Table(value, self.origin, f"{self.path}.{key}" if self.path else key)

    def read(self, fields: Mapping[str, Convert], required: Collection[str] = ()) -> dict[str, Any]:
        """Convert every key; unknown and missing ones are errors."""
        for key in self.data:
            if key not in fields:
                raise self.error(key, f"unknown key{near(key, fields)}", "scenario.unknown_key")
        for key in required:
            if key not in self.data:
                raise self.error(key, "is missing", "scenario.missing_key")
        return {key: fields[key](self, key, value) for key, value in self.data.items()}


def near(name: str, known: Collection[str]) -> str:
    """Return the end of a complaint about `name`: the near ones of those known, or all of them."""
    alike = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    listed = alike or sorted(known)
    return f"; {'near names' if alike else 'known'}: {', '.join(listed)}"


def _number(low: float = -math.inf, high: float = math.inf, *, open_end: bool = False) -> Convert:
    def convert(table: _Table, key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise table.error(key, f"must be a number, is {value!r}")
        if not low <= value <= high or (open_end and value == high):
            raise table.error(key, f"must lie between {low:g} and {high:g}, is {value:g}")
        return float(value)

    return convert


def _whole(low: int, high: int) -> Convert:
    def convert(table: _Table, key: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise table.error(key, f"must be a whole number between {low} and {high}, is {value!r}")
        return value

    return convert


def _text(table: _Table, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise table.error(key, f"must be text, is {value!r}")
    return value


def _identifier(table: _Table, key: str, value: Any) -> str:
    if not _IDENTIFIER.match(_text(table, key, value)) or value == NO_ACTION:
        raise table.error(key, f"{value!r} is no identifier: letters, digits, - and _; {NO_ACTION!r} is taken")
    return str(value)


def _choice(*allowed: str) -> Convert:
    def convert(table: _Table, key: str, value: Any) -> str:
        if value not in allowed:
            raise table.error(key, f"must be one of {', '.join(allowed)}, is {value!r}{near(str(value), allowed)}")
        return str(value)

    return convert


def _list_of(item: Convert) -> Convert:
    def convert(table: _Table, key: str, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise table.error(key, f"must be a list, is {value!r}")
        return tuple(item(table, key, entry) for entry in value)

    return convert


def _tables(build: Convert) -> Convert:
    def convert(table: _Table, key: str, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise table.error(key, f"must be one or more tables [[{key}]]")
        return tuple(build(table, f"{key}[{i + 1}]", entry) for i, entry in enumerate(value))

    return convert


def _block(build: Callable[..., Any], fields: Mapping[str, Convert]) -> Convert:
    """Read a table straight into a settings class of the same keys."""
    return lambda table, key, value: build(**table.child(key, value).read(fields))


def _currency(table: _Table, key: str, value: Any) -> str:
    minor_unit_exponent(_text(table, key, value))
    return str(value)


def _by(table: _Table, key: str, value: Any) -> str:
    name = _text(table, key, value).removeprefix("-")
    if name not in DRIVERS:
        raise table.error(key, f"{value!r} is not known{near(name, DRIVERS)}")
    return str(value)


def _effect(table: _Table, key: str, value: Any) -> Effect:
    inner = table.child(key, value)
    effect = Effect(**inner.read(_EFFECT, required=("mean",)))
    if effect.on == "conversion" and not -1 <= effect.mean <= 1:
        raise inner.error("mean", f"a change of a probability lies between -1 and 1, is {effect.mean:g}")
    return replace(effect, by=("hidden",)) if effect.spread and not effect.by else effect


def _action(table: _Table, key: str, value: Any) -> SimulatedAction:
    return SimulatedAction(**table.child(key, value).read(_ACTION, required=("id", "channel", "cost", "effect")))


def _limit(table: _Table, key: str, value: Any) -> Limit:
    inner = table.child(key, value)
    limit = Limit(**inner.read(_LIMIT, required=("name",)))
    if limit.maximum is None and limit.minimum is None:
        raise inner.error("maximum", "a limit needs a maximum, a minimum or both", "scenario.missing_key")
    return limit


def _cap(table: _Table, key: str, value: Any) -> ContactCap:
    fields = {"channel": _text, "maximum": _whole(0, 10_000), "days": _whole(1, 3_660)}
    fields |= {"actions": _list_of(_text), "levels": _list_of(_choice(*LEVELS))}
    return ContactCap(**table.child(key, value).read(fields, required=("maximum", "days")))


def _spacing(table: _Table, key: str, value: Any) -> Spacing:
    return Spacing(**table.child(key, value).read({"days": _whole(1, 3_660), "channel": _text}, required=("days",)))


def _time(table: _Table, key: str, value: Any) -> time:
    try:
        return value if isinstance(value, time) else time.fromisoformat(_text(table, key, value))
    except ValueError:
        raise table.error(key, f'must be a time of day such as "21:00", is {value!r}') from None


def _quiet(table: _Table, key: str, value: Any) -> QuietHours:
    hours = table.child(key, value).read({"from": _time, "until": _time}, required=("from", "until"))
    return QuietHours(hours["from"], hours["until"])


def _contact(table: _Table, key: str, value: Any) -> ContactPolicy:
    read = table.child(key, value).read(_CONTACT)
    exclusive = read.pop("exclusive", ())
    return ContactPolicy(**read, exclusive=tuple(one for one in exclusive if one.days))  # one action a cycle: no pairs


def _exclusion(table: _Table, key: str, value: Any) -> Exclusion:
    pair = isinstance(value, list)
    fields = {"actions": _list_of(_text), "days": _whole(1, 3_660)}
    inner = _Table({"actions": value}, table.origin, table.path) if pair else table.child(key, value)
    read = inner.read(fields, required=("actions",) if pair else ("actions", "days"))
    named = read["actions"]
    if len(set(named)) < len(named) or len(named) < 2 or (pair and len(named) > 2):
        raise table.error(key, f"must be a pair of two different actions{'' if pair else ', or more'}, is {value!r}")
    return Exclusion(named, read.get("days", 0))


def _consent(table: _Table, key: str, value: Any) -> dict[str, float]:
    inner = table.child(key, value)
    return {channel: _number(0, 1)(inner, channel, share) for channel, share in inner.data.items()}


def _population(table: _Table, key: str, value: Any) -> PopulationSpec:
    read = table.child(key, value).read({"from": _choice("orders", "synthetic"), "history_days": _whole(28, 3_660)})
    if "from" in read:
        read["source"] = read.pop("from")
    return PopulationSpec(**read)


def _season(table: _Table, key: str, value: Any) -> tuple[float, ...]:
    season: tuple[float, ...] = _list_of(_number(0, 100))(table, key, value)
    if not 1 <= len(season) <= 366 or not any(season):
        raise table.error(key, "must be 1 to 366 numbers, not all zero")
    return season


def _margin(table: _Table, key: str, value: Any) -> MarginSettings:
    inner = table.child(key, value)
    return MarginSettings(**inner.read({"rate": _number(0, 1)}))


def _flag(table: _Table, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise table.error(key, f"must be true or false, is {value!r}")
    return value


def _outcome(table: _Table, key: str, value: Any) -> OutcomeSettings:
    inner = table.child(key, value)
    outcome = OutcomeSettings(**inner.read(_OUTCOME))
    wrong = outcome.complaint()
    if wrong is not None:
        raise inner.error(*wrong)
    return outcome


_SHARE = _number(0, 1)
_EFFECT: dict[str, Convert] = {
    "mean": _number(-10, 10),
    "on": _choice("conversion", "spend", "orders"),
    "spread": _number(0, 10),
    "by": _list_of(_by),
}
_ACTION: dict[str, Convert] = {
    "id": _identifier,
    "channel": _identifier,
    "cost": _number(0),
    "effect": _effect,
    "name": _text,
    "level": _choice(*LEVELS),
    "eligible": _text,
    "pulls_forward": _SHARE,
    "fatigue": _SHARE,
    "control": _number(0, 1, open_end=True),
}
_LIMIT: dict[str, Convert] = {
    "name": _text,
    "use": _choice("count", "cost"),
    "actions": _list_of(_text),
    "channels": _list_of(_text),
    "levels": _list_of(_choice(*LEVELS)),
    "where": _text,
    "maximum": _number(0),
    "minimum": _number(0),
    "period": _choice("cycle", "day", "week", "month"),
}
_CONTACT: dict[str, Convert] = {
    "max_actions": _whole(1, 1),
    "caps": _list_of(_cap),
    "quiet_hours": _quiet,
    "spacing": _list_of(_spacing),
    "fill_caps": _choice("first come", "by value"),
    "price_fatigue": _flag,
    "exclusive": _list_of(_exclusion),
}
_PURCHASE: dict[str, Convert] = {
    "rate_per_year": _number(0.01, 365),
    "rate_spread": _number(0, 10),
    "dropout": _number(0, 1, open_end=True),
    "dropout_spread": _number(0, 1, open_end=True),
    "order_money": _number(0.01),
    "order_spread": _number(0, 5),
    "order_noise": _number(0, 5),
    "spend_spread": _number(0, 5),
    "categories": _whole(4, 50),
    "taste": _number(0.01, 1000),
    "season": _season,
}
_OUTCOME: dict[str, Convert] = {
    "window_days": _whole(1, 366),
    "residual_horizon_days": _whole(0, 3_660),
    "discount_rate_per_year": _number(0, 10),
    "long_days": _whole(0, 3_660),
    "act_on_calibrated": _flag,
    "price_permissions": _flag,
}
_SCENARIO: dict[str, Convert] = {
    "name": _text,
    "customers": _whole(100, 10_000_000),
    "cycle_days": _whole(1, 366),
    "cycles": _whole(1, 1_000),
    "currency": _currency,
    "population": _population,
    "purchase": _block(PurchaseSpec, _PURCHASE),
    "consent": _consent,
    "action": _tables(_action),
    "limit": _tables(_limit),
    "contact": _contact,
    "control": _block(
        ControlSettings,
        {"share": _number(0, 0.95), "universal_share": _number(0, 0.95), "universal_cycles": _whole(1, 1000)},
    ),
    "exploration": _block(
        ExplorationSettings,
        {"opening_cycles": _whole(0, 1_000), "strict": _flag}
        | dict.fromkeys(("opening_share", "cost_share", "floor_minimum"), _SHARE),
    ),
    "outcome": _outcome,
    "margin": _margin,
    "guardrail": _block(
        GuardrailSettings,
        {"pause": _flag, "error_rate": _number(1e-6, 0.5), "outcome_money": _number(0)}
        | dict.fromkeys(("unsubscribes", "complaints", "returns"), _SHARE),
    ),
    "inference": _block(InferenceSettings, {"level": _number(0.5, 0.9999), "planned_cycles": _whole(1, 1_000)}),
}


def _check_references(scenario: Scenario, table: _Table) -> None:
    """Check that ids are unique and that limits, caps and consent name actions and channels that exist."""
    ids = [action.id for action in scenario.actions]
    for name, seen in (("action.id", ids), ("limit.name", [limit.name for limit in scenario.limits])):
        doubled = sorted({entry for entry in seen if seen.count(entry) > 1})
        if doubled:
            raise table.error(name, f"{doubled[0]!r} occurs twice")
    for limit in scenario.limits:
        _known(table, f"limit {limit.name!r}.actions", limit.actions, ids)
        _known(table, f"limit {limit.name!r}.channels", limit.channels, scenario.channels)
        if limit.minimum is not None and limit.maximum is not None and limit.minimum > limit.maximum:
            raise table.error(
                f"limit {limit.name!r}.minimum", f"{limit.minimum:g} is above its maximum {limit.maximum:g}"
            )
    _known(table, "consent", tuple(scenario.consent), scenario.channels)
    caps = tuple(cap.channel for cap in scenario.contact.caps if cap.channel is not None)
    _known(table, "contact.caps.channel", caps, scenario.channels)
    for exclusion in scenario.contact.exclusive:
        _known(table, "contact.exclusive", exclusion.actions, ids)


def _known(table: _Table, key: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise table.error(key, f"{name!r} is not known{near(name, known)}")
