"""Which column of a file is which field: what a mapping file says first, then what the header suggests."""

from __future__ import annotations

import difflib
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from alamo.domain.errors import ConfigError, UsageError
from alamo.measurement.importing.fields import KINDS, Field, Kind, bare

_LETTERS = 4
"""A name must have as many to be looked for inside a heading."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """How values are written; the top-level keys of a mapping file.

    Attributes
    ----------
    time_format
        strptime format of the times, or ``unix`` for seconds since 1970; found out unless given.
    time_zone
        IANA name of times without an offset; the project's unless given.
    decimal
        ``"."`` or ``","``; found out unless given.
    return_prefix
        An order whose id starts with it is a return (``C`` in Online Retail); empty for none.
    control
        The arm of an experiment that means *no action*.
    features
        Columns of an experiment that describe the unit *before* the decision; all columns no field takes unless given.
    delimiter, encoding
        Of a text file; used when it is opened.
    """

    time_format: str | None = None
    time_zone: str | None = None
    decimal: str | None = None
    return_prefix: str = ""
    control: str | None = None
    features: tuple[str, ...] | None = None
    delimiter: str | None = None
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class ResolvedMapping:
    """A mapping that fits a header.

    Attributes
    ----------
    kind
        Name of the kind.
    columns
        Field → column of the file.
    constants
        Field → a value that holds for every row.
    options
        How values are written.
    unmapped
        Columns no field takes, in the order of the file.
    """

    kind: str
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    options: MappingOptions
    unmapped: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Say whether the field has a column or a constant."""
        return name in self.columns or name in self.constants

    def is_feature(self, column: str) -> bool:
        """Say whether an unmapped column of an experiment is a feature."""
        return self.options.features is None or column in self.options.features

    def to_dict(self) -> dict[str, Any]:
        """Return the mapping as it stands in ``--json``."""
        return {
            "kind": self.kind,
            "columns": dict(self.columns),
            "constants": dict(self.constants),
            "unmapped": list(self.unmapped),
        }


@dataclass(slots=True)
class _Taken:
    """Fields given so far, while a header is read."""

    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)


def resolve_mapping(kind: str, header: Sequence[str], mapping: Mapping[str, Any] | None = None) -> ResolvedMapping:
    """Return which column is which field.

    Parameters
    ----------
    kind
        One of `KINDS`.
    header
        Column names of the file.
    mapping
        A mapping file as read: ``[fields]`` (field = "column", or "" to leave a field out), ``[constants]``
        (field = "value") and the options of `MappingOptions`. What it says wins over the header's own names.

    Raises
    ------
    UsageError
        If the kind is unknown or a required field has no column; prints the header and an example mapping file.
    ConfigError
        If the mapping names an unknown field, option or column.
    """
    if kind not in KINDS:
        raise UsageError(
            f"unknown kind of import {kind!r}",
            hint=f"Use one of {', '.join(KINDS)}, for example: alamo import orders FILE",
            code="import.unknown_kind",
            details={"kind": kind},
        )
    spec, given = KINDS[kind], dict(mapping or {})
    taken = _from_file(spec, header, given)
    _from_header(spec, header, taken)
    resolved = ResolvedMapping(
        kind,
        taken.columns,
        taken.constants,
        _options(given, header),
        tuple(name for name in header if name not in taken.columns.values()),
    )
    _require(spec, header, resolved)
    return resolved


def _from_file(spec: Kind, header: Sequence[str], given: dict[str, Any]) -> _Taken:
    taken = _Taken()
    for name, column in dict(given.pop("fields", {})).items():
        _known(name, spec.names, f"field of {spec.name}")
        if column == "":
            taken.left_out.add(name)
            continue
        _known(column, header, "column of the file")
        taken.columns[name] = str(column)
    for name, value in dict(given.pop("constants", {})).items():
        _known(name, spec.names, f"field of {spec.name}")
        taken.constants[name] = str(value)
    return taken


def _from_header(spec: Kind, header: Sequence[str], taken: _Taken) -> None:
    """Give every field that is still open the first free column that goes by one of its names."""
    by_name: dict[str, str] = {}
    for column in header:
        by_name.setdefault(bare(column), column)
    done = {*taken.columns, *taken.constants, *taken.left_out}
    wanted = [item for item in spec.fields if item.name not in done]
    for depth in range(1 + max((len(item.synonyms) for item in wanted), default=0)):
        for item in wanted:
            names = (item.name, *item.synonyms)
            found = by_name.get(bare(names[depth])) if depth < len(names) else None
            if found is not None and item.name not in taken.columns and found not in taken.columns.values():
                taken.columns[item.name] = found


def _options(given: dict[str, Any], header: Sequence[str]) -> MappingOptions:
    for key in ("kind", "name", "format", "columns"):  # describe the file itself; read where it is opened
        given.pop(key, None)
    names = [item.name for item in fields(MappingOptions)]
    for key in given:
        _known(key, names, "option of a mapping")
    if given.get("features") is not None:
        given["features"] = tuple(given["features"])
        for column in given["features"]:
            _known(column, header, "column of the file")
    options = MappingOptions(**given)
    if options.decimal not in {".", ",", None}:
        raise _refused("decimal", options.decimal, 'Write decimal = "." or decimal = ","')
    if options.time_zone is not None and options.time_zone not in zoneinfo.available_timezones():
        raise _refused("time_zone", options.time_zone, 'Write an IANA name such as time_zone = "Europe/London"')
    return options


def _refused(key: str, value: str, hint: str) -> ConfigError:
    return ConfigError(
        f"mapping: {key} = {value!r} is not possible", hint=hint, code="config.bad_mapping", details={"key": key}
    )


def _known(name: object, known: Iterable[str], what: str) -> None:
    choices = list(known)
    if name in choices:
        return
    near = difflib.get_close_matches(str(name), choices, n=3, cutoff=0.4)
    raise ConfigError(
        f"mapping: there is no {what} {name!r}",
        hint=f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(choices)}",
        code="config.bad_mapping",
        details={"name": str(name), "near": near},
    )


def _require(spec: Kind, header: Sequence[str], resolved: ResolvedMapping) -> None:
    missing = [item.name for item in spec.fields if item.required and not resolved.has(item.name)]
    told = [f"{name} ({spec.field(name).meaning})" for name in missing]
    if spec.one_of and not any(resolved.has(name) for name in spec.one_of):
        missing.append(spec.one_of[0])
        told.append(" or ".join(f"{name} ({spec.field(name).meaning})" for name in spec.one_of))
    if not missing:
        return
    meanings = ", ".join(told)
    raise UsageError(
        f"no column of the file says {meanings}; its header is: {', '.join(header)}",
        hint=f"Write a mapping file:\n{example_mapping(spec, header, resolved.columns)}"
        f"then: alamo import {spec.name} FILE --mapping mappings/{spec.name}.toml --preview",
        code="import.missing_column",
        details={"missing": missing, "header": list(header)},
    )


def example_mapping(spec: Kind, header: Sequence[str], columns: Mapping[str, str]) -> str:
    """Return a mapping file for this header: what was found, and for each field still wanted the column it may be.

    A guess needs a heading that resembles a name of the field; without one the line says what to put there.
    """
    free = [name for name in header if name not in columns.values()]
    wanted = [item.name for item in spec.fields if item.required]
    if spec.one_of and not any(name in columns for name in spec.one_of):
        guessed = next((name for name in spec.one_of if _resembling(spec.field(name), free)), spec.one_of[0])
        wanted.append(guessed)
    lines = []
    for name in dict.fromkeys([*wanted, *columns]):
        column = columns.get(name) or _resembling(spec.field(name), free)
        if column in free:
            free.remove(column)
        said = "" if column else f"   # {spec.field(name).meaning}: which column?"
        lines.append(f'{name} = "{column or "COLUMN"}"{said}')
    return "\n".join(["[fields]", *lines, ""])


def _resembling(item: Field, free: Sequence[str]) -> str:
    """Return the free column whose heading holds a name of the field, or nearly is one; empty if none does."""
    names = [bare(name) for name in (item.name, *item.synonyms) if len(bare(name)) >= _LETTERS]
    held = [column for column in free if any(name in bare(column) for name in names)]
    by_letters = {bare(column): column for column in free}
    near = [found for name in names for found in difflib.get_close_matches(name, by_letters, n=1, cutoff=0.75)]
    return held[0] if held else by_letters[near[0]] if near else ""
