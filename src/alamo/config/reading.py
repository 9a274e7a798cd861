"""Reads a TOML file into a checked struct; unknown keys, wrong types and values out of range name file and key."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from alamo.domain.errors import ConfigError

Struct = TypeVar("Struct", bound=msgspec.Struct)

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
OpenShare = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]

_AT = re.compile(r" - at (?:key in )?`\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.\.\.|[^.\[\]]+")
_MISSING = re.compile(r"missing required field `(.+)`")
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
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def error(self, key: str, complaint: str, *, hint: str = "", code: str = "config.value") -> ConfigError:
        """Return the complaint about `key` (empty: about the file)."""
        return ConfigError(
            f"{self.path}, {key}: {complaint}" if key else f"{self.path}: {complaint}",
            hint=hint or "Correct the file, then check the project with: alamo status",
            code=code,
            details={"file": str(self.path), "key": key},
        )

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


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    ConfigError
        If it is missing, is not text, or is not TOML; with line and column.
    """
    source = Source(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise source.error("", "there is no such file", code="config.missing_file") from None
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
        On an unknown key (with the near ones), a missing one, a wrong type, or a value out of range.
    """
    for key, unknown, allowed in _unknown_keys(data, kind, ""):
        raise source.error(
            _joined(key, unknown),
            f"unknown key{near(unknown, allowed)}",
            hint=f"Keys {'of ' + key if key else 'at the top'}: {', '.join(allowed)}.",
            code="config.unknown_key",
        )
    for key in _endless(data, ""):
        raise source.error(key, "must be a finite number")
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise _translated(str(error), data, source) from None


def given(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the keys the file set, by field name; the rest keep the domain's defaults."""
    return {name: value for name, value in msgspec.structs.asdict(struct).items() if value is not msgspec.UNSET}


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


def _endless(data: Any, path: str) -> Iterator[str]:
    if isinstance(data, float) and not math.isfinite(data):
        yield path
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _endless(value, _joined(path, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _endless(value, f"{path} number {i + 1}")


def _translated(message: str, data: Any, source: Source) -> ConfigError:
    """Say a complaint of msgspec (``Expected `int` >= 1 - at `$.cycle.days` ``) in our words."""
    found = _AT.search(message)
    complaint = message[: found.start()] if found else message
    steps = _STEP.findall(found["path"]) if found else []
    missing = _MISSING.search(complaint)
    if missing:
        return source.error(_joined(_shown(steps), missing[1]), "is missing", code="config.missing_key")
    for theirs, ours in _WORDS.items():
        complaint = complaint.replace(theirs, ours)
    value = _at(data, steps)
    told = "" if value is None or isinstance(value, dict | list) else f"{value!r} is not allowed: "
    return source.error(_shown(steps), f"{told}{complaint}")


def _shown(steps: Sequence[str]) -> str:
    """Return a path for people: list elements are counted from 1, ``*`` is some key of the table."""
    path = ""
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
