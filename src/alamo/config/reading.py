"""Reads a TOML file into a checked struct; unknown keys, wrong types and values out of range name file and key."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from alamo.domain.errors import ConfigError

Struct = TypeVar("Struct", bound=msgspec.Struct)
Read = TypeVar("Read")

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
OpenShare = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
PositiveAmount = Annotated[float, msgspec.Meta(gt=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]

_AT = re.compile(r" - at (?:key in )?`\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.\.\.|[^.\[\]]+")
_WORDS = {
    "`": "",
    "Expected": "expected",
    "array": "list",
    "object": "table",
    "int": "whole number",
    "float": "number",
    "str": "text",
}


class Source:
    """A file being read: builds the complaints about it.

    Parameters
    ----------
    path
        Of the file.
    then
        What to type once it is corrected; a file that belongs to no project is read again by the same command.
    """

    def __init__(self, path: Path, then: str = "then: alamo doctor") -> None:
        self.path = path
        self.then = then

    def error(self, key: str, complaint: str, *, hint: str = "", code: str = "config.value") -> ConfigError:
        """Return the complaint about `key` (empty: about the file)."""
        place = f"{key} in {self.path}" if key else str(self.path)
        return ConfigError(
            f"{self.path}, {key}: {complaint}" if key else f"{self.path}: {complaint}",
            hint=f"{hint or f'Correct {place}'}{'' if hint.endswith('.') else ','} {self._then(hint)}",
            code=code,
            details={"file": str(self.path), "key": key},
        )

    def _then(self, hint: str) -> str:
        return self.then[:1].upper() + self.then[1:] if hint.endswith(".") else self.then

    def known(self, key: str, value: str, allowed: Sequence[str], what: str) -> str:
        """Return `value` if it is one of `allowed`, else complain with the near ones."""
        if value in allowed:
            return value
        listed = f"Known: {', '.join(allowed)}." if allowed else "There are none yet."
        raise self.error(
            key, f"unknown {what} {value!r}{near(value, allowed)}", hint=listed, code="config.unknown_name"
        )


def near(name: str, allowed: Sequence[str]) -> str:
    """Return ``" (did you mean …?)"`` with the allowed names most like `name`, or nothing."""
    lowered = {other.lower(): other for other in allowed}
    found = [lowered[match] for match in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    return f" (did you mean {' or '.join(repr(match) for match in found)}?)" if found else ""


def read_toml(path: Path, source: Source | None = None) -> dict[str, Any]:
    """Return the content of a TOML file; `source` makes the complaints.

    Raises
    ------
    ConfigError
        If it is missing, is not text, or is not TOML; with line and column.
    """
    source = source or Source(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        beside = sorted(other.name for other in path.parent.glob("*.toml"))
        hint = f"In {path.parent} there are: {', '.join(beside) or 'no .toml files'}."
        raise source.error("", "there is no such file", hint=hint, code="config.missing_file") from None
    except OSError as error:
        raise source.error("", f"cannot be read: {error.strerror}", code="config.unreadable") from None
    except UnicodeDecodeError:
        raise source.error("", "is not UTF-8 text", code="config.unreadable") from None
    except tomllib.TOMLDecodeError as error:
        raise source.error("", f"is not TOML: {error}", code="config.not_toml") from None


def decode(data: Mapping[str, Any], kind: type[Struct], source: Source) -> Struct:
    """Return `data` as a struct of `kind`.

    Raises
    ------
    ConfigError
        On an unknown key (with the near ones), a missing one, a wrong type, or a value out of range; the first one,
        with all others in its details (see `joined`).
    """
    found: dict[str, ConfigError] = {}
    for error in (*_unknown(data, kind, source), *_endless(data, "", source), *_misfits(data, kind, "", source)):
        found.setdefault(error.details["key"], error)
    if found:
        raise joined(list(found.values()))
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _translated(str(error), data, "", source) from None


def joined(errors: Sequence[ConfigError]) -> ConfigError:
    """Return the first error with the others in its details, under ``further``: message and hint of each."""
    first, *others = errors
    further = [
        *first.details.get("further", ()),
        *(told for error in others for told in (_told(error), *error.details.get("further", ()))),
    ]
    if further:
        first.details["further"] = further
    return first


def _told(error: ConfigError) -> dict[str, str]:
    return {"message": error.message, "hint": error.hint}


class Faults:
    """Goes on reading after a complaint, so that all of them can be told at once."""

    def __init__(self) -> None:
        self.found: list[ConfigError] = []

    def of(self, read: Callable[[], Read]) -> Read | None:
        """Return what `read` returns, or None where it complains."""
        try:
            return read()
        except ConfigError as error:
            self.found.append(error)
            return None

    def check(self) -> None:
        """Raise what was complained about, if anything."""
        if self.found:
            raise joined(self.found)


def given(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the keys the file set, by field name; the rest keep the domain's defaults."""
    return {name: value for name, value in msgspec.structs.asdict(struct).items() if value is not msgspec.UNSET}


def _unknown(data: Any, kind: Any, source: Source) -> Iterator[ConfigError]:
    for key, unknown, allowed in _unknown_keys(data, kind, ""):
        yield source.error(
            _joined(key, unknown),
            f"unknown key{near(unknown, allowed)}",
            hint=f"Keys {'of ' + key if key else 'at the top'}: {', '.join(allowed)}.",
            code="config.unknown_key",
        )


def _unknown_keys(data: Any, kind: Any, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (path of the table, key, allowed keys) of each key that no struct knows."""
    for inner in _structs(kind):
        if isinstance(data, list):
            for i, item in enumerate(data):
                yield from _unknown_keys(item, inner, f"{path} number {i + 1}")
        elif isinstance(data, dict):
            fields = {field.encode_name: field for field in msgspec.structs.fields(inner)}
            for key, value in data.items():
                if key not in fields:
                    yield path, key, list(fields)
                else:
                    yield from _unknown_keys(value, fields[key].type, _joined(path, key))


def _structs(kind: Any) -> list[Any]:
    """Return the struct types inside a field's type (lists of them and optional ones)."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    if get_origin(kind) in {list, Union, UnionType, Annotated}:
        return [found for part in get_args(kind) for found in _structs(part)]
    return []


def _endless(data: Any, path: str, source: Source) -> Iterator[ConfigError]:
    if isinstance(data, float) and not math.isfinite(data):
        yield source.error(path, "must be a finite number")
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _endless(value, _joined(path, key), source)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _endless(value, f"{path} number {i + 1}", source)


def _misfits(data: Mapping[str, Any], kind: Any, path: str, source: Source) -> Iterator[ConfigError]:
    """Yield a complaint for each key that is missing, of a wrong type, or out of range."""
    for field in msgspec.structs.fields(kind):
        key = _joined(path, field.encode_name)
        if field.encode_name in data:
            yield from _misfit(data[field.encode_name], field.type, key, source)
        elif field.required:
            yield source.error(key, "is missing", code="config.missing_key")


def _misfit(value: Any, kind: Any, path: str, source: Source) -> Iterator[ConfigError]:
    inner = _structs(kind)
    if inner and isinstance(value, dict):
        yield from _misfits(value, inner[0], path, source)
    elif inner and isinstance(value, list):
        for i, item in enumerate(value):
            yield from _misfit(item, inner[0], f"{path} number {i + 1}", source)
    else:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield _translated(str(error), value, path, source)


def _translated(message: str, data: Any, path: str, source: Source) -> ConfigError:
    """Say a complaint of msgspec about `data` at `path` (``Expected `int` >= 1 - at `$.days` ``) in our words."""
    found = _AT.search(message)
    complaint = message[: found.start()] if found else message
    steps = _STEP.findall(found["path"]) if found else []
    for theirs, ours in _WORDS.items():
        complaint = complaint.replace(theirs, ours)
    value = _at(data, steps)
    told = "" if value is None or isinstance(value, dict | list) else f"{value!r} is not allowed: "
    return source.error(_shown(steps, path), f"{told}{complaint}")


def _shown(steps: Sequence[str], path: str) -> str:
    """Return a path below `path` for people: list elements are counted from 1, ``*`` is some key of the table."""
    for step in steps:
        path = f"{path} number {int(step) + 1}" if step.isdigit() else _joined(path, step.replace("...", "*"))
    return path


def _at(data: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(data, list) and step.isdigit():
            data = data[int(step)]
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
