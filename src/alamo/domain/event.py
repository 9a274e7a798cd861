"""Events: what customers did and what happened to what we sent them."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """Kinds the product understands; any other kind is stored and ignored by the profiles."""

    ORDER_LINE = "order_line"
    """A line of an order: positive `amount_minor`."""
    RETURN_LINE = "return_line"
    """A cancelled or returned line: negative `amount_minor`; nets out against orders."""
    VISIT = "visit"
    SENT = "sent"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    """A delivery fact that suppresses the channel."""
    COMPLAINED = "complained"
    """A delivery fact that suppresses the channel."""
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    CONSENT_GRANTED = "consent_granted"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    """A choice of the customer; an unsubscribe is one."""


CONSENT_KINDS = (EventKind.CONSENT_GRANTED, EventKind.CONSENT_WITHDRAWN)
SUPPRESSION_KINDS = (EventKind.SUPPRESSED, EventKind.UNSUPPRESSED, EventKind.BOUNCED, EventKind.COMPLAINED)
ALL_CHANNELS = "*"
"""Channel of a consent or suppression event that concerns every channel."""
