"""``alamo.toml`` → `alamo.domain.settings.Settings`; a key left out keeps the default of its dataclass."""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from alamo.config.reading import Amount, Count, OpenShare, Positive, Share, Source, Text, decode, given, near, read_toml
from alamo.domain.errors import ConfigError
from alamo.domain.money import minor_unit_exponent
from alamo.domain.records import same_person
from alamo.domain.settings import (
    ENGINES,
    ApprovalSettings,
    ControlSettings,
    EngineSettings,
    ExplorationSettings,
    GateSettings,
    GuardrailSettings,
    InferenceSettings,
    MarginSettings,
    OutcomeSettings,
    RealtimeSettings,
    SegmentsSettings,
    Settings,
    SimulationSettings,
)
from alamo.domain.time import utc


class _Cycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: Positive | UnsetType = UNSET
    first_start: Any = UNSET


class _Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    window_days: Positive | UnsetType = UNSET
    residual_horizon_days: Count | UnsetType = UNSET
    discount_rate_per_year: Share | UnsetType = UNSET
    long_days: Count | UnsetType = UNSET
    act_on_calibrated: bool | UnsetType = UNSET
    price_permissions: bool | UnsetType = UNSET


class _Margin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate: Share | UnsetType = UNSET
    products: dict[str, Share] | UnsetType = UNSET


class _Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    share: OpenShare | UnsetType = UNSET
    universal_share: Share | UnsetType = UNSET
    universal_cycles: Positive | UnsetType = UNSET


class _Exploration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    opening_share: Share | UnsetType = UNSET
    opening_cycles: Count | UnsetType = UNSET
    cost_share: Share | UnsetType = UNSET
    floor_minimum: OpenShare | UnsetType = UNSET
    strict: bool | UnsetType = UNSET


class _Inference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: OpenShare | UnsetType = UNSET
    planned_cycles: Positive | UnsetType = UNSET


class _Guardrail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pause: bool | UnsetType = UNSET
    error_rate: OpenShare | UnsetType = UNSET
    outcome_money: Amount | UnsetType = UNSET
    unsubscribes: Share | UnsetType = UNSET
    complaints: Share | UnsetType = UNSET
    returns: Share | UnsetType = UNSET


class _Segments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    find: bool | UnsetType = UNSET
    least: Annotated[int, msgspec.Meta(ge=2)] | UnsetType = UNSET
    cycles_ahead: Positive | UnsetType = UNSET


class _Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: str | UnsetType = UNSET
    plan_valid_days: Positive | UnsetType = UNSET


class _Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    second_person_above_money: Amount | UnsetType = UNSET
    second_person_above_contacts: Count | UnsetType = UNSET
    people: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)] | UnsetType = UNSET


class _Realtime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reserve_share: Annotated[float, msgspec.Meta(ge=0, lt=1)] | UnsetType = UNSET
    slices: Positive | UnsetType = UNSET
    expected_customers: Count | UnsetType = UNSET


class _Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state_url: Text | UnsetType = UNSET
    history_path: Text | UnsetType = UNSET


class _Engine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str | UnsetType = UNSET
    master: Text | UnsetType = UNSET
    work_path: Text | UnsetType = UNSET
    customers_per_slice: Positive | UnsetType = UNSET
    options: dict[str, str] | UnsetType = UNSET


class _Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scenario: Text
    seed: int | UnsetType = UNSET


class _ProjectTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    currency: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    salt: Text | UnsetType = UNSET
    attribution: str | UnsetType = UNSET
    cycle: _Cycle = _Cycle()
    outcome: _Outcome = _Outcome()
    margin: _Margin = _Margin()
    control: _Control = _Control()
    exploration: _Exploration = _Exploration()
    inference: _Inference = _Inference()
    guardrail: _Guardrail = _Guardrail()
    segments: _Segments = _Segments()
    gate: _Gate = _Gate()
    approval: _Approval = _Approval()
    realtime: _Realtime = _Realtime()
    store: _Store = _Store()
    engine: _Engine = _Engine()
    simulation: _Simulation | None = None


def load_settings(path: Path) -> Settings:
    """Read and check ``alamo.toml``.

    Raises
    ------
    ConfigError
        Naming the file and the key.
    """
    source = Source(path)
    table = decode(read_toml(path), _ProjectTable, source)
    top = {
        key: getattr(table, key)
        for key in ("name", "currency", "time_zone", "salt", "attribution")
        if getattr(table, key) is not UNSET
    }
    settings = Settings(
        **top,
        **_cycle(table.cycle, source),
        **given(table.store),
        outcome=OutcomeSettings(**given(table.outcome)),
        margin=MarginSettings(**given(table.margin)),
        control=ControlSettings(**given(table.control)),
        exploration=ExplorationSettings(**given(table.exploration)),
        inference=InferenceSettings(**given(table.inference)),
        guardrail=GuardrailSettings(**given(table.guardrail)),
        segments=SegmentsSettings(**given(table.segments)),
        gate=GateSettings(**_gate(table.gate, source)),
        approval=ApprovalSettings(**_approval(table.approval, source)),
        engine=EngineSettings(**_engine(table.engine, source)),
        realtime=RealtimeSettings(**given(table.realtime)),
        simulation=None if table.simulation is None else SimulationSettings(**given(table.simulation)),
    )
    _check(settings, source)
    return settings


def moment(source: Source, key: str, value: Any) -> datetime:
    """Return a TOML date or date-time as a UTC moment; a date means its midnight."""
    if not isinstance(value, date):
        raise source.error(key, f"{value!r} is not allowed: expected a date such as 2026-12-01, without quotes")
    return utc(value)


def _cycle(table: _Cycle, source: Source) -> dict[str, Any]:
    values = {} if table.days is UNSET else {"cycle_days": table.days}
    if table.first_start is not UNSET:
        return values | {"first_start": moment(source, "cycle.first_start", table.first_start)}
    return values


def _gate(table: _Gate, source: Source) -> dict[str, Any]:
    values = given(table)
    if "mode" in values:
        source.known("gate.mode", values["mode"], ["person"], "mode")
    return values


def _approval(table: _Approval, source: Source) -> dict[str, Any]:
    values = given(table)
    people = values.get("people", ())
    twice = [name for i, name in enumerate(people) if any(same_person(name, other) for other in people[:i])]
    if twice:
        raise source.error("approval.people", f"{twice[0]!r} stands there twice: case and spaces do not count")
    if len(people) == 1 and len(values) > 1:
        raise source.error("approval.people", "names one person, and plans above the limit take two: name another")
    return values


def _engine(table: _Engine, source: Source) -> dict[str, Any]:
    values = given(table)
    if "name" in values:
        source.known("engine.name", values["name"], list(ENGINES), "engine")
    return values


def _check(settings: Settings, source: Source) -> None:
    try:
        minor_unit_exponent(settings.currency)
    except ConfigError as error:
        raise source.error("currency", error.message, hint=error.hint, code=error.code) from None
    try:
        zoneinfo.ZoneInfo(settings.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        zones = sorted(zoneinfo.available_timezones())
        raise source.error(
            "time_zone",
            f"unknown time zone {settings.time_zone!r}{near(settings.time_zone, zones)}",
            hint="Use an IANA name such as Europe/Berlin or UTC.",
            code="config.unknown_time_zone",
        ) from None
    if settings.control.share + settings.exploration.floor_minimum >= 1:
        raise source.error("control.share", "must stay below 1 together with exploration.floor_minimum")
    wrong = settings.outcome.complaint()
    if wrong is not None:
        raise source.error(f"outcome.{wrong[0]}", wrong[1])
