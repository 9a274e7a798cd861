"""Exit codes: 0 an answer (a statistical refusal is one) · 1 the user · 2 the input · 3 the program."""

from __future__ import annotations

import json
import logging
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from alamo.domain.errors import AlamoError
from alamo.domain.result import json_value

USER, INPUT, INTERNAL, INTERRUPTED = 1, 2, 3, 130

_LOG = logging.getLogger(__name__)
_FILE = re.compile(r"\bFILE\b(?!\.)(?:…| …)?")
_FLAGS = frozenset({"--json", "--preview"})
_COMMANDS_WITH_FILE = ("analyze", "import")


def report_failure(error: BaseException, *, as_json: bool, words: Sequence[str] = ()) -> int:
    """Say on stderr what went wrong and what to type next; return the exit code.

    With `as_json` the same stands as one object on stdout. `words` are those typed after ``alamo``.
    """
    if isinstance(error, AlamoError):
        hint = typeable(error.hint, error.details, words)
        return _say(error.exit_code, error.code, error.message, hint, error.details, as_json=as_json)
    if isinstance(error, click.ClickException):
        return _say(USER, "usage", error.format_message(), _usage_hint(error), {}, as_json=as_json)
    if isinstance(error, click.Abort | KeyboardInterrupt):
        hint = "Nothing half-done is kept: the same command again goes on."
        return _say(INTERRUPTED, "interrupted", "stopped", hint, {}, as_json=as_json)
    if isinstance(error, MemoryError):
        hint = "Import the file in parts, or give the machine more memory."
        return _say(INPUT, "memory", "the machine ran out of memory", hint, {}, as_json=as_json)
    _LOG.debug("internal error", exc_info=error)
    message = f"internal error: {type(error).__name__}: {error}"
    hint = "This is a fault of the program. Run the command again with ALAMO_LOG=debug and report what it prints."
    return _say(INTERNAL, "internal", message, hint, {}, as_json=as_json)


def typeable(hint: str, details: Mapping[str, Any], words: Sequence[str]) -> str:
    """Return a hint whose commands can be typed as they stand: with the file's name, and with what was misspelt mended.

    Parameters
    ----------
    details
        Of the error; ``near`` holds the names most like the one that was ``given`` (or the ``column``).
    """
    file = _file_among(words)
    if file is not None:
        hint = _FILE.sub(shlex.quote(file), hint)
    hint = hint.replace("run the same again", f"run: {_command(words)}") if words else hint
    given, near = details.get("given", details.get("column")), details.get("near")
    if not given or not near:
        return hint
    mended = [_mended(word, str(given), str(near[0])) for word in words]
    return hint if mended == list(words) else f"{hint} Then: {_command(mended)}"


def _command(words: Sequence[str]) -> str:
    return shlex.join(["alamo", *words])


def _file_among(words: Sequence[str]) -> str | None:
    """Return the file that an analysis or an import was asked to read."""
    rest, found = iter(words), []
    for word in rest:
        if word.startswith("-") and word != "-":
            if word not in _FLAGS and "=" not in word:
                next(rest, None)
        else:
            found.append(word)
    return found[2] if len(found) > 2 and found[0] in _COMMANDS_WITH_FILE else None


def _mended(word: str, given: str, near: str) -> str:
    option, sign, value = word.partition("=") if word.startswith("--") else ("", "", word)
    parts = [near if part.strip() == given else part for part in value.split(",")]
    return f"{option}{sign}{near if value == given else ','.join(parts)}"


def _usage_hint(error: click.ClickException) -> str:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f"See: {ctx.command_path if ctx else 'alamo'} --help"


def _say(exit_code: int, code: str, message: str, hint: str, details: dict[str, Any], *, as_json: bool) -> int:
    click.echo(f"Error: {message}", err=True)
    if hint:
        click.echo(f"  → {hint}", err=True)
    for told in details.get("further", ()):
        click.echo(f"Also: {told['message']}", err=True)
    if as_json:
        error = {"schema": "alamo.error/1", "code": code, "message": message, "hint": hint, "details": details}
        sys.stdout.write(json.dumps(json_value(error), ensure_ascii=False, allow_nan=False) + "\n")
    return exit_code
