"""The policy snapshot: everything a decision depends on besides the customer; immutable, named by its content hash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from alamo.domain.action import Action
from alamo.domain.result import json_value
from alamo.numerics.hashing import content_hash


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """How values become probabilities.

    Attributes
    ----------
    temperature_money
        τ of the softmax, in money; must be positive.
    floor_share
        Share of the probability spread over the eligible actions, none included.
    control_share
        Further least share of *no action*.
    floor_weights
        How that share is spread: the weight of each action in the order of their index, beside 1 for none; empty for 1
        each.
    """

    temperature_money: float
    floor_share: float
    control_share: float
    floor_weights: tuple[float, ...] = ()

    def floor_of(self, n_actions: int) -> tuple[float, ...]:
        """Return the weights of `n_actions` actions in the floor beside 1 for none.

        Raises
        ------
        ValueError
            If there are weights for another number of actions, or one is not a positive number.
        """
        if not self.floor_weights:
            return (1.0,) * n_actions
        weights = self.floor_weights
        if len(weights) != n_actions or not all(0.0 < weight < math.inf for weight in weights):
            raise ValueError(f"{len(weights)} floor weights {weights} do not fit {n_actions} actions")
        return weights


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One one-sided row of the allocation problem: Σ use ≤ bound (a minimum is stored with negative sign).

    Attributes
    ----------
    limit
        Name of the limit it comes from.
    column
        ``"count"``, ``"cost"`` or a use column.
    bound
        Signed bound in units of `column`.
    sign
        +1 for a maximum, −1 for a minimum.
    action_ids
        Actions it counts.
    where
        Predicate over profiles, empty for everybody.
    hard
        Whether nothing may be drawn that no longer fits (true for every maximum of an amount).
    share, of_action_ids
        For a part of a whole: the part, and the actions whose use by everybody is the whole; the row then counts the
        use of its own actions and customers less `share` times that of the whole.
    """

    limit: str
    column: str
    bound: float
    sign: int
    action_ids: tuple[str, ...]
    where: str
    hard: bool
    share: float = 0.0
    of_action_ids: tuple[str, ...] = ()

    @property
    def side(self) -> str:
        """``"maximum"`` or ``"minimum"``."""
        return "maximum" if self.sign > 0 else "minimum"


@dataclass(frozen=True, slots=True)
class BlockState:
    """What the rule was told for one block: a price per row (money per unit of use) and how much of each it could use.

    That is what was left, less what the block must leave to later ones (`alamo.steering.pacing`).
    """

    block: int
    prices: tuple[float, ...]
    remaining: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CapCharge:
    """What a contact that a cap counts displaces, by the state of the customer's slots and the worth of one.

    Attributes
    ----------
    maximum, days, channel, actions, levels
        Of the cap, see `alamo.domain.action.ContactCap`.
    cycle_days
        Length of a cycle.
    value_money
        Worth of a slot at each level, ascending, shape (n_levels,).
    charge_money
        What a contact displaces, shape (n_states, n_levels); states as in `alamo.numerics.contact_slots.Slots`.
    """

    maximum: int
    days: int
    channel: str | None
    actions: tuple[str, ...]
    levels: tuple[str, ...]
    cycle_days: int
    value_money: tuple[float, ...]
    charge_money: tuple[tuple[float, ...], ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CapCharge:
        """Return the charge of these JSON values."""
        names = ("actions", "levels", "value_money")
        rows = tuple(tuple(row) for row in values["charge_money"])
        return cls(**{**values, **{name: tuple(values[name]) for name in names}, "charge_money": rows})


@dataclass(frozen=True, slots=True)
class CounterTerms:
    """What decisions over the counter are priced by while the cycle runs; rows in the order of the policy's.

    Attributes
    ----------
    slices
        Time slices of the cycle.
    expected_customers
        Customers expected in the cycle; 0 when nobody knows.
    reserved
        What the plan kept of each row, in its units.
    scale
        Units of use that a scaled 1 stands for.
    prices, ceiling
        Scaled prices of the plan, and those at which a row outweighs every value.
    use, variance
        Expected scaled use of a customer at these prices, and its variance.
    response
        By how much a customer's expected use falls with each scaled price, one tuple per row.
    """

    slices: int
    expected_customers: float
    reserved: tuple[float, ...]
    scale: tuple[float, ...]
    prices: tuple[float, ...]
    ceiling: tuple[float, ...]
    use: tuple[float, ...]
    variance: tuple[float, ...]
    response: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """Everything needed to decide again, bit for bit, given the customer's eligible values.

    Attributes
    ----------
    cycle
        The cycle it decides.
    action_ids
        Actions in the order of their index in the rule.
    rows
        Limits as one-sided rows, in the order of prices and remaining.
    rule
        Temperature, floor and control share.
    salt
        Of the block and draw hashes, particular to the cycle.
    universal_salt, universal_share
        Of the universal control's hash and its share.
    universal_start, universal_waiting
        Where its arc begins, and the arc that is held out to take over, if any; see `alamo.steering.control`.
    blocks
        One state per block, in order; a decision names its block.
    model_version, scores_as_of
        Which scores it was computed from.
    actions
        Identity and cost of the actions, for people: id → {channel, level, cost_money, eligible, message}; `message` is
        the `message_hash` of what a person approves and a launch may send.
    displacement
        What contacts displace where caps are filled by value; empty where they are not.
    fatigue_money
        What a contact with an action takes away from the next contacts; empty where nothing is charged.
    counter
        How prices follow the time over the counter; None: those of the last block hold.
    """

    cycle: int
    action_ids: tuple[str, ...]
    rows: tuple[LimitRow, ...]
    rule: RuleSettings
    salt: str
    universal_salt: str
    universal_share: float
    n_blocks: int
    blocks: tuple[BlockState, ...]
    model_version: str
    scores_as_of: str
    actions: Mapping[str, Mapping[str, Any]]
    universal_start: float = 0.0
    universal_waiting: float | None = None
    displacement: tuple[CapCharge, ...] = ()
    fatigue_money: Mapping[str, float] = field(default_factory=dict)
    counter: CounterTerms | None = None

    def state_of(self, block: int) -> BlockState:
        """Return the state of a block by its number; the last one where it was not recorded."""
        return next((state for state in self.blocks if state.block == block), self.blocks[-1])

    @property
    def version(self) -> str:
        """Content hash (hex SHA-256 of the canonical JSON); what came later is left out where it says nothing."""
        values = asdict(self)
        for name, silent in (("universal_start", 0.0), ("universal_waiting", None), ("counter", None)):
            if values[name] == silent:
                del values[name]
        for name in ("displacement", "fatigue_money"):
            if not values[name]:
                del values[name]
        if not self.rule.floor_weights:
            del values["rule"]["floor_weights"]
        for row in values["rows"]:
            if not row["of_action_ids"]:
                del row["share"], row["of_action_ids"]
        return content_hash(values)


def passage(action: Action) -> dict[str, Any]:
    """Return what a snapshot notes of an action that passes part of the contact policy, or has a control of its own."""
    noted: dict[str, Any] = {"control": action.control_share} if action.control_share else {}
    return noted if action.is_marketing else {**noted, "class": action.message_class, "passes": list(action.passes)}


def message_hash(action: Action) -> str:
    """Return the content hash (hex SHA-256) of what a customer receives: the action, its channel and its content.

    Name, cost, target group and validity are not part of it: they say who gets it and at what price, and decisions
    hold that already.
    """
    return content_hash({"id": action.id, "channel": action.channel, "content": json_value(action.content)})
