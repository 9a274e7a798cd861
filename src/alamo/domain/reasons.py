"""Reasons: why a customer may not be contacted, why a decision came out as it did, why an estimate is absent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Ineligible(StrEnum):
    """Why an action is not open to a customer; exclusions are counted under these words, in this order."""

    NOT_VALID_NOW = "action not valid at this time"
    PAUSED = "action paused"
    PREDICATE = "outside the action's target group"
    UNKNOWN_CONSENT = "no consent on record for the channel"
    CONSENT_WITHDRAWN = "consent withdrawn for the channel"
    SUPPRESSED = "channel suppressed (bounce or complaint)"
    CHANNEL_CAP = "contact cap of the channel reached"
    TOTAL_CAP = "contact cap over all channels reached"
    GROUP_CAP = "contact cap of a group of actions reached"
    SPACING = "too soon after the last contact"
    EXCLUSIVE = "too soon after an action that excludes it"
    OWN_CONTROL = "in the action's own control"
    UNIVERSAL_CONTROL = "in the universal control"


class LeftOut(StrEnum):
    """Why nothing came of an action that was open to a customer; counted after all reasons of `Ineligible`."""

    UNSCORED = "no score for the action"
    UNAFFORDABLE = "alone uses more than a limit allows"
    NOT_DRAWN = "another action, or none, was drawn"


class DecisionReason(StrEnum):
    """Why a decision came out as it did; logged with it."""

    VALUE = "best net value"
    EXPLORATION = "drawn by exploration"
    CONTROL = "no action drawn"
    NO_ELIGIBLE_ACTION = "no action was eligible"
    UNIVERSAL_CONTROL = "held out by the universal control"
    LIMIT_REACHED = "what was left of a limit did not fit"
    STOPPED = "the launch was stopped before it was sent"
    UNKNOWN_CUSTOMER = "the customer is unknown: there is no profile"
    FAILED = "the decision failed"
    WASHOUT = "held out to take over as the universal control"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An estimate that is absent, and why.

    Attributes
    ----------
    what
        The quantity refused, in words ("effect of spring-mail on money").
    reason
        Why it cannot be given.
    cure
        What would make it available ("needs about 12 more days").
    """

    what: str
    reason: str
    cure: str

    def to_dict(self) -> dict[str, str]:
        """Return the refusal as it stands in ``--json``."""
        return asdict(self)
