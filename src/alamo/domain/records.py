"""Records of the operational half and of what is handed to a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from unicodedata import category, normalize

import pyarrow as pa

from alamo.domain.result import json_value

PLAN_STATES = (
    "proposed",
    "approved",
    "launching",
    "launched",
    "stopping",
    "stopped",
    "rolled_back",
    "cancelled",
    "superseded",
)
DELIVERY_STATES = ("reserved", "sent", "failed", "dropped", "unknown", "cancelled")


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A finished step of a run: `key` such as ``"cycle-3/infer"``, what it changed, and when."""

    key: str
    started_at: datetime
    finished_at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """A finished import of one logical source; without a hash, its rows are about to change or were taken out."""

    source: str
    kind: str
    content_hash: str
    imported_at: datetime
    rows: int
    quarantined: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A proposed cycle: `summary` holds the money, the limits and the counts a person approves."""

    plan_id: str
    cycle: int
    state: str
    policy_version: str
    created_at: datetime
    valid_until: datetime
    summary: Mapping[str, Any]
    approved_by: str | None = None
    approved_at: datetime | None = None
    launched_by: str | None = None
    launched_at: datetime | None = None

    def stands_at(self, now: datetime) -> bool:
        """Say whether the plan is what its cycle is decided by: launched, or approved and not yet stale at `now`."""
        return self.state in ("launching", "launched") or (self.state == "approved" and now < self.valid_until)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as it stands in ``--json``."""
        return {"schema": "alamo.plan/1"} | {item.name: json_value(getattr(self, item.name)) for item in fields(self)}


_UNSEEN = "\u034f\u115f\u1160\u3164\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800" + "".join(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
"""Characters that show nothing although their category does not say so: blanks, joiners, variation selectors."""


def spelled(name: str) -> str:
    """Return what of a name counts: its letters, digits and signs, whatever their case and width, without spaces.

    Characters that nobody sees do not count either. Empty where nothing is left.
    """
    folded = normalize("NFKC", normalize("NFKC", name).casefold())
    seen = "".join(one for one in folded if category(one)[0] not in "CZ" and one not in _UNSEEN)
    return normalize("NFKC", seen)  # once more: what nobody sees may have stood between a letter and its accent


def same_person(one: str, other: str) -> bool:
    """Say whether two names mean the same person; see `spelled` for what counts.

    Not supported: letters of another alphabet that look alike. Where that matters, list the people.
    """
    return spelled(one) == spelled(other)


@dataclass(frozen=True, slots=True)
class PlanAct:
    """One line of the audit log of plans: who did what, when and why; lines are added, never changed.

    Attributes
    ----------
    plan_id
        The plan.
    act
        The state that the plan was brought into, such as ``approved``.
    by
        Who takes responsibility; ``steer`` where the program did it.
    at
        UTC.
    reason
        In the words of that person; empty where none was asked for.
    detail
        What was known at that moment, such as what had changed since the plan was made.
    """

    plan_id: str
    act: str
    by: str
    at: datetime
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the line as it stands in ``--json``."""
        return {item.name: json_value(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One decision on its way through a channel."""

    decision_id: str
    plan_id: str
    batch_id: str
    customer_id: str
    action_id: str
    channel: str
    cost_minor: int
    state: str = "reserved"
    provider_id: str | None = None
    attempted_at: datetime | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryBatch:
    """What a channel delivers at once: one action, one plan.

    Attributes
    ----------
    rows
        ``decision_id, customer_id``, what is known of the customer's addresses (``email``, ``phone``), and
        ``send_at``, the first moment outside the customer's quiet hours; ordered by decision id.
    """

    batch_id: str
    plan_id: str
    cycle: int
    action_id: str
    channel: str
    content: Mapping[str, Any]
    decided_at: datetime
    rows: pa.Table
