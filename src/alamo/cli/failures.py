"""Exit codes: 0 an answer (a statistical refusal is one) · 1 the user · 2 the input · 3 the program."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import click

from alamo.domain.errors import AlamoError
from alamo.domain.result import json_value

USER, INPUT, INTERNAL, INTERRUPTED = 1, 2, 3, 130

_LOG = logging.getLogger(__name__)


def report_failure(error: BaseException, *, as_json: bool) -> int:
    """Say on stderr what went wrong and what to type next; return the exit code.

    With `as_json` the same stands as one object on stdout.
    """
    if isinstance(error, AlamoError):
        return _say(error.exit_code, error.code, error.message, error.hint, error.details, as_json=as_json)
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


def _usage_hint(error: click.ClickException) -> str:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f"See: {ctx.command_path if ctx else 'alamo'} --help"


def _say(exit_code: int, code: str, message: str, hint: str, details: dict[str, Any], *, as_json: bool) -> int:
    click.echo(f"Error: {message}", err=True)
    if hint:
        click.echo(f"  → {hint}", err=True)
    if as_json:
        error = {"schema": "alamo.error/1", "code": code, "message": message, "hint": hint, "details": details}
        sys.stdout.write(json.dumps(json_value(error), ensure_ascii=False, allow_nan=False) + "\n")
    return exit_code
