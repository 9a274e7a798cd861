"""What is answered over the counter: an action with its reason, or no action that is not in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alamo.domain.action import NO_ACTION
from alamo.domain.time import iso


@dataclass(frozen=True, slots=True)
class DecidedNow:
    """What was decided for a customer; `logged` False means that this answer is not in the log.

    Nothing could be decided then, or what was decided earlier may no longer be given. `send_after` is the end of the
    customer's quiet hours where an action was decided in them.
    """

    customer_id: str
    decision_id: str | None
    action_id: str
    reason: str
    options: list[dict[str, Any]]
    excluded: Mapping[str, str]
    logged: bool
    send_after: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as it stands in ``--json``."""
        return {
            "schema": "alamo.decision/1",
            "customer_id": self.customer_id,
            "decision_id": self.decision_id,
            "action_id": self.action_id,
            "reason": self.reason,
            "options": self.options,
            "excluded": dict(self.excluded),
            "logged": self.logged,
            "send_after": None if self.send_after is None else iso(self.send_after),
        }


def nothing(customer_id: str, reason: str, excluded: Mapping[str, str] | None = None) -> DecidedNow:
    """Return no action, as an answer that is not logged."""
    return DecidedNow(
        customer_id, None, NO_ACTION, reason, [{"action_id": NO_ACTION, "p": 1.0}], excluded or {}, logged=False
    )
