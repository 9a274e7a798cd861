"""Scenarios: a market described in one file, as frozen dataclasses (the file is read by `scenario_reading`).

Besides the keys that every scenario shares (see `Scenario`), each table's own keys stand in the class of its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from alamo.domain.action import Action, ContactPolicy, Limit
from alamo.domain.settings import (
    ControlSettings,
    ExplorationSettings,
    GuardrailSettings,
    InferenceSettings,
    MarginSettings,
    OutcomeSettings,
)

DRIVERS = ("recency", "frequency", "money", "taste_1", "taste_2", "group", "hidden")
"""What an effect's spread over customers may depend on.

``group`` is a draw of the action's own for each group of like customers: favourite category × typical order value.
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an action truly does to a customer within the cycle it is delivered in.

    Attributes
    ----------
    mean
        Mean over the population at the start. On ``conversion``: change of the probability to buy at least once in the
        cycle (0.02 = two points). On ``orders``: extra orders per customer. On ``spend``: relative change of the value
        of the cycle's orders (0.05 = five per cent).
    on
        ``"conversion"``, ``"orders"`` or ``"spend"``.
    spread
        Standard deviation of the effect over customers.
    by
        What the spread depends on, in equal parts: recency, frequency, money, taste_1, taste_2 (contrasts of
        categories), group (each action's own draw for every favourite category × third of typical order value) and
        hidden (in no data); a leading ``-`` turns the direction round.
    """

    mean: float
    on: Literal["conversion", "spend", "orders"] = "conversion"
    spread: float = 0.0
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SimulatedAction:
    """``[[action]]``: an action and the truth about it.

    Attributes
    ----------
    id, name, channel, level, cost, eligible
        As in ``actions/NAME.toml``.
    effect
        The truth: what one contact changes.
    pulls_forward
        Share of a positive effect that is only taken from the customer's next natural purchase.
    fatigue
        Chance per contact to lose the permission for the channel; doubled, tripled … by one, two … contacts
        in the two cycles before.
    control
        Share of customers to whom the action is never open, as in ``actions/NAME.toml``.
    """

    id: str
    channel: str
    cost: float
    effect: Effect
    name: str = ""
    level: str = "customer conversion"
    eligible: str = ""
    pulls_forward: float = 0.0
    fatigue: float = 0.0
    control: float = 0.0

    @property
    def action(self) -> Action:
        """The action as the engine knows it, without the truth."""
        return Action(
            id=self.id,
            name=self.name or self.id,
            channel=self.channel,
            level=self.level,
            cost_money=self.cost,
            eligible=self.eligible,
            control_share=self.control,
        )


@dataclass(frozen=True, slots=True)
class PopulationSpec:
    """``[population]``: who the customers are.

    Attributes
    ----------
    source
        Key ``from``: ``"orders"`` resamples the project's real customers with their order history, ``"synthetic"``
        draws customers from ``[purchase]``.
    history_days
        Past of a synthetic customer that the engine gets to see.
    """

    source: Literal["orders", "synthetic"] = "synthetic"
    history_days: int = 364


@dataclass(frozen=True, slots=True)
class PurchaseSpec:
    """``[purchase]``: how customers buy when nobody contacts them.

    Keys marked (synthetic) are read from the orders instead where the population comes from ``orders``.

    Attributes
    ----------
    rate_per_year
        Mean purchase days per year of a living customer (synthetic).
    rate_spread
        Coefficient of variation of the rate over customers, gamma distributed (synthetic).
    dropout
        Mean chance to be gone for good after a purchase; not given: 0.08 (synthetic), or as the orders have it.
    dropout_spread
        0 to 1 (excluded): share of the largest possible variance of that chance, beta distributed (with `dropout`).
    order_money
        Median over customers of the typical order value (synthetic).
    order_spread
        Log standard deviation of the typical order value over customers (synthetic).
    order_noise
        Log standard deviation of a customer's order values around the own mean (synthetic).
    spend_spread
        Factor on every log deviation of an order value from the median, past and future (orders only): 1 leaves
        the values as they are, 0.5 turns a wholesaler's 100-fold order into a 10-fold one.
    categories
        Number of product categories where the orders bring none, at least 4.
    taste
        Concentration of tastes: small, and everybody buys in few categories; large, and all customers are alike.
    season
        Multipliers of the rate, spread evenly over the calendar year: 12 numbers are about months, 52 weeks.
    """

    rate_per_year: float = 4.0
    rate_spread: float = 1.0
    dropout: float | None = None
    dropout_spread: float = 0.2
    order_money: float = 60.0
    order_spread: float = 0.4
    order_noise: float = 0.4
    spend_spread: float = 1.0
    categories: int = 6
    taste: float = 1.5
    season: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A market with known truth, and the settings the engine runs it under.

    Attributes
    ----------
    name
        Of the scenario.
    actions
        At least one.
    customers
        Number of customers drawn.
    cycle_days, cycles
        Length and default number of cycles.
    consent
        ``[consent]``: channel → share of customers with consent on record at the start; channels not named: 0.9.
    population, purchase
        ``[population]`` and ``[purchase]``: who the customers are and how they buy by themselves.
    limits, contact
        ``[[limit]]`` and ``[contact]`` as in ``limits.toml``.
    control, exploration, outcome, margin, inference, guardrail
        Tables of ``alamo.toml`` of the same name.
    currency
        Of all money where no project says otherwise.
    """

    name: str
    actions: tuple[SimulatedAction, ...]
    customers: int = 20_000
    cycle_days: int = 28
    cycles: int = 8
    currency: str = "GBP"
    population: PopulationSpec = field(default_factory=PopulationSpec)
    purchase: PurchaseSpec = field(default_factory=PurchaseSpec)
    consent: Mapping[str, float] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    contact: ContactPolicy = field(default_factory=ContactPolicy)
    control: ControlSettings = field(default_factory=ControlSettings)
    exploration: ExplorationSettings = field(default_factory=ExplorationSettings)
    outcome: OutcomeSettings = field(default_factory=OutcomeSettings)
    margin: MarginSettings = field(default_factory=MarginSettings)
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    guardrail: GuardrailSettings = field(default_factory=GuardrailSettings)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels of the actions, in order of first mention."""
        return tuple(dict.fromkeys(action.channel for action in self.actions))

    @property
    def window_days(self) -> int:
        """Length of the outcome window: it ends when the customer is decided again."""
        return min(self.outcome.window_days, self.cycle_days)

    def consent_share(self, channel: str) -> float:
        """Return the share of customers with consent for `channel` at the start."""
        return self.consent.get(channel, 0.9)
