"""Eligibility: which action is open to which customer, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import Action, ContactPolicy
from alamo.domain.event import ALL_CHANNELS
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import Ineligible
from alamo.numerics.hashing import unit_keys
from alamo.steering.contact_policy import Ledger, closed_by_contacts
from alamo.steering.control import in_own_control
from alamo.steering.funnel import Stage, stage
from alamo.steering.predicates import list_holds, predicate_masks

Flags = npt.NDArray[np.bool_]


_STEPS = {
    Ineligible.PREDICATE: "eligible",
    Ineligible.SUPPRESSED: "consented",
    Ineligible.TOTAL_CAP: "under the cap",
    Ineligible.UNIVERSAL_CONTROL: "not in the universal control",
}
"""What is true of the customers left once all reasons up to and including this one have been applied."""


@dataclass(frozen=True, slots=True, eq=False)
class Eligibility:
    """Which action is open to which customer.

    Attributes
    ----------
    open
        Shape (n_customers, n_actions).
    stages
        What fell out and what was left after each reason, in the order of counting; each pair counts under the first
        reason that applies.
    """

    open: Flags
    stages: tuple[Stage, ...]

    @property
    def excluded(self) -> tuple[dict[str, int], ...]:
        """Per action: reason → customers it excluded, each customer counted under the first reason that applies."""
        return tuple(
            {at.reason.value: at.excluded[a] for at in self.stages if at.excluded[a]} for a in range(self.open.shape[1])
        )

    @property
    def anything(self) -> tuple[tuple[str, int], ...]:
        """Customers left with at least one action after each step, over all actions: (step in words, customers)."""
        left = {at.reason: at.customers for at in self.stages}
        return (("customers", len(self.open)), *((words, left[reason]) for reason, words in _STEPS.items()))

    def to_dict(self, action_ids: Sequence[str]) -> dict[str, Any]:
        """Return the counts as they stand in a plan."""
        return {
            "steps": [{"step": step, "customers": n} for step, n in self.anything],
            "actions": [
                {"action": action_id, "customers": int(self.open[:, a].sum()), "excluded": self.excluded[a]}
                for a, action_id in enumerate(action_ids)
            ],
        }


@dataclass(frozen=True, slots=True, eq=False)
class Gatekeeper:
    """What decides on eligibility besides the customer.

    Attributes
    ----------
    actions
        In the order of their index.
    contact
        Caps per customer.
    now
        The moment of the decision.
    paused
        Ids of actions that a guardrail or a person has paused: open to nobody.
    salt
        Of the project; the controls of single actions are drawn by it.
    """

    actions: tuple[Action, ...]
    contact: ContactPolicy
    now: datetime
    paused: frozenset[str] = frozenset()
    salt: str = ""

    def judge(self, warehouse: Warehouse, profiles: pa.Table, held_out: Flags) -> Eligibility:
        """Return what is open to the customers of `profiles`; `held_out` are in the universal control, shape (n,).

        Consent that is not on record counts as refused.

        Raises
        ------
        ConfigError
            If the predicate of an action is not valid SQL over the profiles.
        """
        is_open = np.ones((profiles.num_rows, len(self.actions)), dtype=bool)
        stages: list[Stage] = []
        for reason, masks in self._reasons(warehouse, profiles, held_out):
            hit = [a for a, mask in enumerate(masks) if mask.any()]
            before = is_open.sum(axis=0) if hit or not stages else None
            for a in hit:
                is_open[:, a] &= ~masks[a]
            stages.append(stages[-1].unchanged(reason) if before is None else stage(reason, before, is_open))
        return Eligibility(is_open, tuple(stages))

    def _reasons(
        self, warehouse: Warehouse, profiles: pa.Table, held_out: Flags
    ) -> Iterator[tuple[Ineligible, list[Flags]]]:
        """Yield each reason with the customers it excludes from each action, in the order of counting."""
        ids, n = profiles["customer_id"], profiles.num_rows
        wanted = {f"action {action.id!r}": action.eligible for action in self.actions}
        target = predicate_masks(warehouse, "profiles", profiles, wanted)
        yield Ineligible.NOT_VALID_NOW, [np.full(n, not action.is_valid_at(self.now)) for action in self.actions]
        yield Ineligible.PAUSED, [np.full(n, action.id in self.paused) for action in self.actions]
        yield (
            Ineligible.PREDICATE,
            [~target[action.eligible] if action.eligible else np.zeros(n, dtype=bool) for action in self.actions],
        )
        consent, withdrawn, suppressed = (
            self._per_channel(profiles[name]) for name in ("consent", "withdrawn", "suppressed")
        )
        yield Ineligible.UNKNOWN_CONSENT, [~yes & ~no for yes, no in zip(consent, withdrawn, strict=True)]
        yield Ineligible.CONSENT_WITHDRAWN, withdrawn
        yield Ineligible.SUPPRESSED, suppressed
        ledger = Ledger(warehouse, ids, self.actions, self.now)
        yield from closed_by_contacts(ledger, self.contact)
        nobody = np.zeros(n, dtype=bool)
        yield Ineligible.OWN_CONTROL, self._own_controls(ids)
        yield (
            Ineligible.UNIVERSAL_CONTROL,
            [nobody if "control" in action.passes else held_out for action in self.actions],
        )

    def _own_controls(self, ids: pa.ChunkedArray) -> list[Flags]:
        nobody = np.zeros(len(ids), dtype=bool)
        if not any(action.control_share for action in self.actions):
            return [nobody] * len(self.actions)
        keys = unit_keys(ids.to_pylist())
        return [
            in_own_control(keys, self.salt, action.id, action.control_share) if action.control_share else nobody
            for action in self.actions
        ]

    def _per_channel(self, column: pa.ChunkedArray) -> list[Flags]:
        found = {
            channel: list_holds(column, (channel, ALL_CHANNELS))
            for channel in {action.channel for action in self.actions}
        }
        return [found[action.channel] for action in self.actions]
