"""Errors that reach a person: one sentence, a hint with the next command to type, and machine-readable details.

Every child also inherits the builtin it refines, so code that knows nothing of Alamo can still catch it.
A *statistical refusal* is not an error: it is an absent estimate with a reason (`alamo.domain.reasons.Refusal`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AlamoError(Exception):
    """Base of all errors of Alamo.

    Parameters
    ----------
    message
        One sentence that names the file, row, field, table or limit.
    hint
        What to do about it; ends with the next command to type where there is one.
    code
        Stable identifier such as ``"config.unknown_key"``; documented in ``docs/reference/errors.md``.
    details
        Machine-readable context (JSON-compatible values).
    """

    exit_code = 1

    def __init__(
        self, message: str, *, hint: str = "", code: str = "alamo.error", details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.details: dict[str, Any] = dict(details or {})


class UsageError(AlamoError, ValueError):
    """The words of a call are off: a wrong column name, option or identifier (exit code 1)."""


class ConfigError(AlamoError, ValueError):
    """A project file cannot be used: a missing file, an unknown key or a value out of range (exit code 1)."""


class StateError(AlamoError, RuntimeError):
    """The request does not fit the state of things, such as launching a plan nobody approved (exit code 1)."""


class InputError(AlamoError, ValueError):
    """Input data cannot be read, or gives no row of any kind (exit code 2)."""

    exit_code = 2


class ContractError(AlamoError, ValueError):
    """A table breaks its contract at a door; names table, column and the first bad rows (exit code 3)."""

    exit_code = 3


class NotIdentifiedError(AlamoError, ValueError):
    """The data cannot identify the quantity at all, such as an effect without overlap (exit code 1)."""


class InsufficientDataError(AlamoError, ValueError):
    """The quantity is identified but there are too few data yet (exit code 1)."""


class InfeasibleError(AlamoError, ValueError):
    """Limits that cannot be met together; details name each and the least relaxation (exit code 1)."""


class StoreError(AlamoError, OSError):
    """The store failed. ``transient`` says whether the same call may succeed later (exit code 3)."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "store.failed",
        details: Mapping[str, Any] | None = None,
        transient: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, code=code, details=details)
        self.transient = transient


class MissingExtraError(AlamoError, ImportError):
    """An optional dependency is not installed; the hint names the extra to install (exit code 1)."""
