"""The funnel: who is left after each stage on the way to a contact, of each action and of any, and why others are not.

Every pair of customer and action falls out at exactly one stage, under the first reason that applies, or is drawn; so
the numbers of a column add up to the customers. Likewise a customer loses the last open action at exactly one stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import Ineligible, LeftOut

Flags = npt.NDArray[np.bool_]
Reason = Ineligible | LeftOut

STAGES: dict[Reason, str] = {
    Ineligible.NOT_VALID_NOW: "valid now",
    Ineligible.PAUSED: "not paused",
    Ineligible.PREDICATE: "eligible",
    Ineligible.UNKNOWN_CONSENT: "consent on record",
    Ineligible.CONSENT_WITHDRAWN: "consent not withdrawn",
    Ineligible.SUPPRESSED: "consented",
    Ineligible.CHANNEL_CAP: "under the channel's cap",
    Ineligible.TOTAL_CAP: "under the cap",
    Ineligible.GROUP_CAP: "under the cap of its group",
    Ineligible.SPACING: "spaced",
    Ineligible.EXCLUSIVE: "not excluded by another action",
    Ineligible.OWN_CONTROL: "not in the action's control",
    Ineligible.UNIVERSAL_CONTROL: "not in the universal control",
    LeftOut.UNSCORED: "scored",
    LeftOut.UNAFFORDABLE: "affordable",
    LeftOut.NOT_DRAWN: "contacted",
}
"""What is true of what is left once a reason, and all before it, have been applied; in the order of counting."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the funnel.

    Attributes
    ----------
    reason
        Why pairs fell out here.
    excluded
        How many customers fell out of each action, shape (n_actions,).
    customers
        Customers left with at least one action.
    """

    reason: Reason
    excluded: tuple[int, ...]
    customers: int

    @property
    def name(self) -> str:
        """What is true of what is left, in words."""
        return STAGES[self.reason]

    def unchanged(self, reason: Reason) -> Stage:
        """Return the stage of `reason` after this one, where nobody falls out."""
        return Stage(reason, (0,) * len(self.excluded), self.customers)


def stage(reason: Reason, before: Sequence[int], left: Flags) -> Stage:
    """Return the stage of `reason` that leaves the pairs `left`, shape (n, n_actions), of `before` per action."""
    kept = left.sum(axis=0)
    excluded = tuple(int(was - now) for was, now in zip(before, kept, strict=True))
    return Stage(reason, excluded, int(left.any(axis=1).sum()))


def to_dict(n: int, stages: Sequence[Stage], action_ids: Sequence[str]) -> dict[str, Any]:
    """Return the funnel of `n` customers as it stands in a plan: over all actions, and of each.

    ``overall`` counts customers left with at least one action, ``actions`` the customers left to each.
    """
    return {
        "overall": _rows(
            n, [(at, before - at.customers) for before, at in zip(_before(n, stages), stages, strict=True)]
        ),
        "actions": [
            {"action": action_id, "stages": _rows(n, [(at, at.excluded[a]) for at in stages])}
            for a, action_id in enumerate(action_ids)
        ],
    }


def _before(n: int, stages: Sequence[Stage]) -> list[int]:
    return [n, *(at.customers for at in stages)][: len(stages)]


def _rows(n: int, lost: Sequence[tuple[Stage, int]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"stage": "customers", "customers": n, "excluded": 0, "reason": None}]
    for at, excluded in lost:
        left = rows[-1]["customers"] - excluded
        rows.append({"stage": at.name, "customers": left, "excluded": excluded, "reason": at.reason.value})
    return rows
