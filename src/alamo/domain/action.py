"""Actions (an offer or message in one channel), the limits they share, and the contact policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Literal

NO_ACTION = "none"
"""Identifier of *no action*: always in the eligible set, never an action file."""

LEVELS = (
    "brand awareness",
    "lead conversion and nurturing",
    "customer conversion",
    "customer service",
    "retention and loyalty",
    "upsell",
    "passionate subscribers",
)
"""The seven customer-journey levels."""

Period = Literal["cycle", "day", "week", "month"]
MessageClass = Literal["marketing", "transactional"]
FillCaps = Literal["first come", "by value"]
Passage = Literal["quiet_hours", "control"]
"""What a transactional action may be declared to pass besides caps."""


@dataclass(frozen=True, slots=True)
class Action:
    """An offer or message in one channel.

    Attributes
    ----------
    id
        Identifier, unique in the project; letters, digits, ``-`` and ``_``.
    name
        For people; the id where it is left out.
    channel
        Name of the channel that delivers it; consent is looked up under this name.
    level
        Journey level it serves: brand awareness, lead conversion and nurturing, customer conversion, customer service,
        retention and loyalty, upsell, or passionate subscribers.
    cost_money
        Variable cost of one contact in major units.
    eligible
        SQL predicate over ``profiles`` (DuckDB dialect); empty means everybody.
    valid_from, valid_until
        UTC bounds, half-open ``[from, until)``; `None` means unbounded.
    content
        What the channel needs to deliver it (subject, template, voucher code …).
    message_class
        ``marketing``, or ``transactional``: a service message (a renewal notice, a recall). It passes caps, spacing and
        exclusions and does not count towards them; consent and suppression hold for it all the same.
    passes
        What else a transactional action passes: ``quiet_hours``, ``control`` (it is open to the universal control).
    control_share
        Share of customers to whom this action is never open, always the same ones by a salted hash; other actions are.
        They show what the action adds to everything else in the long run. 0: nobody.
    """

    id: str
    name: str
    channel: str
    level: str
    cost_money: float = 0.0
    eligible: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    message_class: MessageClass = "marketing"
    passes: tuple[Passage, ...] = ()
    control_share: float = 0.0

    @property
    def is_marketing(self) -> bool:
        """Whether caps, spacing and exclusions hold for it and count it."""
        return self.message_class == "marketing"

    def is_valid_at(self, now: datetime) -> bool:
        """Say whether `now` lies within the dates of the action."""
        begun = self.valid_from is None or self.valid_from <= now
        return begun and (self.valid_until is None or now < self.valid_until)


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget, capacity or minimum volume over a set of actions and customers.

    Attributes
    ----------
    name
        The key that prices, warm starts and messages use.
    use
        ``"count"``, ``"cost"`` or the name of a money or number column of the values.
    actions, channels, levels
        Restrict the actions it counts; empty means all.
    where
        SQL predicate over ``profiles`` that restricts the customers; empty means all.
    maximum, minimum
        Bounds in units of `use`.
    maximum_share, minimum_share
        Bounds as a part of a whole instead: with `where`, of what all customers use of the same actions, else of what
        all actions use.
    minimum_rate
        Instead of `minimum_share`: what these customers use per head, at least so many times the mean over everybody.
    period
        Over which the bounds hold.
    """

    name: str
    use: str = "count"
    actions: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    where: str = ""
    maximum: float | None = None
    minimum: float | None = None
    period: Period = "cycle"
    maximum_share: float | None = None
    minimum_share: float | None = None
    minimum_rate: float | None = None

    @property
    def is_share(self) -> bool:
        """Whether it bounds a part of a whole instead of an amount."""
        return (self.maximum_share, self.minimum_share, self.minimum_rate) != (None, None, None)

    def covers(self, action: Action) -> bool:
        """Say whether `action` counts towards this limit."""
        return (
            (not self.actions or action.id in self.actions)
            and (not self.channels or action.channel in self.channels)
            and (not self.levels or action.level in self.levels)
        )


@dataclass(frozen=True, slots=True)
class ContactCap:
    """At most `maximum` marketing contacts per customer in any `days` days, of everything or of what it is limited to.

    Attributes
    ----------
    maximum
        Contacts one customer may get at most; 0 means none at all.
    days
        Length of the window that is counted back from every decision.
    channel
        Channel whose contacts are counted; left out: those of all channels together.
    actions, levels
        Restrict the actions it counts and closes; empty means all.
    """

    maximum: int
    days: int
    channel: str | None = None
    actions: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    def covers(self, action: Action) -> bool:
        """Say whether a contact with `action` counts towards this cap, and is closed once it is reached."""
        return (
            action.is_marketing
            and (self.channel is None or action.channel == self.channel)
            and (not self.actions or action.id in self.actions)
            and (not self.levels or action.level in self.levels)
        )


@dataclass(frozen=True, slots=True)
class Spacing:
    """At least `days` days between two marketing contacts of a customer, in one channel or over all.

    Attributes
    ----------
    days
        Days that have to pass after a contact.
    channel
        Channel it holds in; left out: over all channels together.
    """

    days: int
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """None of `actions` within `days` days after another of them; the same action again is a matter for a cap.

    Attributes
    ----------
    actions
        Two or more actions that keep each other out.
    days
        For how long; a pair without days is kept apart within a cycle (0).
    """

    actions: tuple[str, ...]
    days: int


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which nothing is delivered; may wrap over midnight.

    Attributes
    ----------
    start
        First time of day that is quiet, such as ``"21:00"``.
    until
        First time of day that is not quiet any more, such as ``"08:00"``.
    """

    start: time
    until: time

    def contains(self, local: time) -> bool:
        """Say whether the local time of day `local` is quiet."""
        if self.start <= self.until:
            return self.start <= local < self.until
        return local >= self.start or local < self.until


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """What a single customer may receive.

    Attributes
    ----------
    max_actions
        Per customer and cycle. A project knows 1 only; ``alamo analyze allocation`` takes more, and adds up values.
    caps
        Contact caps per channel and over all channels.
    quiet_hours
        In the customer's time zone, else the project's.
    spacing
        Days between contacts, per channel and over all channels.
    fill_caps
        ``first come``, or ``by value``: a contact is charged what it keeps out while it counts towards a cap.
    price_fatigue
        Measure what a contact takes away from the contacts of the next cycles, and take it off its value once found.
    exclusive
        Actions that exclude each other: a pair ``["a", "b"]`` within a cycle, a table with `days` beyond it.
    """

    max_actions: int = 1
    caps: tuple[ContactCap, ...] = ()
    quiet_hours: QuietHours | None = None
    spacing: tuple[Spacing, ...] = ()
    exclusive: tuple[Exclusion, ...] = ()
    fill_caps: FillCaps = "first come"
    price_fatigue: bool = False
