"""What is true: the profit of every possible contact, and the estimand the engine's intervals are to cover.

*Profit of a contact*: the expected margin it adds minus what it takes from the customer's next purchases minus its
cost. A pulled-forward purchase is charged at once, in the cycle that pulled it forward, so profits of cycles add up.

*Estimand*: E[Y(a) − Y(none) | history] per decision, where Y is the outcome as the engine defines it: margin in the
window plus residual value at its end (by the value model frozen before the cycle) minus cost. The extra order is
integrated over its chance analytically; only its day and value, and for some effects the natural purchases, are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alamo.domain.ports import ContinuationValue
from alamo.simulation.effects import can_borrow
from alamo.simulation.purchases import Flags, Floats, Purchases, natural_cycle, ranks
from alamo.simulation.response import answer_draws, settle_debts
from alamo.simulation.scenario import SimulatedAction
from alamo.simulation.state import Ledger
from alamo.simulation.streams import stream
from alamo.simulation.world import CycleView, World

REPLICATES = 4


def true_profits(world: World) -> Floats:
    """Return the true expected profit of contacting each customer with each action this cycle, shape (n, actions)."""
    view, actions = world.view(), world.scenario.actions
    order_margin = world.scenario.margin.rate * world.population.latents.order_money
    columns = [
        _gain_in_orders(action, effect, view) * order_margin - action.cost
        for action, effect in zip(actions, view.effects, strict=True)
    ]
    return np.column_stack(columns)


def natural_margin(world: World) -> float:
    """Return the margin that all customers together are expected to bring this cycle if nobody is contacted."""
    return float(world.scenario.margin.rate * (world.view().outlook.orders @ world.population.latents.order_money))


def _gain_in_orders(action: SimulatedAction, effect: Floats, view: CycleView) -> Floats:
    """Return the expected change in orders of average value, pulled-forward ones already taken off, shape (n,)."""
    ahead, kind = view.outlook, action.effect.on
    borrowed = action.pulls_forward * can_borrow(action, view.state)
    per_loss = {
        "conversion": ahead.orders / np.maximum(ahead.p_buys, 1e-12),  # all orders of the cycle are lost
        "orders": np.ones(len(effect)),
        "spend": ahead.orders,
    }[kind]
    per_gain = ahead.orders if kind == "spend" else np.ones(len(effect))
    # a customer won for conversion had no natural purchase, so is alive to repay; others may be gone by then
    repaid = np.ones(len(effect)) if kind == "conversion" else ahead.p_stays
    return np.where(effect < 0, effect * per_loss, effect * per_gain * (1 - borrowed * repaid))


def outcome_effects(
    world: World, value: ContinuationValue, replicates: int = REPLICATES, charge_money: Floats | None = None
) -> Floats:
    """Return E[Y(a) − Y(none) | history] of each customer and action this cycle, shape (n, actions).

    Parameters
    ----------
    value
        Value model frozen before the cycle.
    replicates
        Draws of days, values and natural purchases; their error shrinks with replicates × customers.
    charge_money
        What an outcome is charged for the permission for each action's channel, shape (actions,); None: nothing.
    """
    actions = world.scenario.actions
    total = np.zeros((len(world.population), len(actions)))
    for replicate in range(replicates):
        drawn = _Replicate.draw(world, value, replicate)
        total += np.column_stack(
            [drawn.difference(action, effect) for action, effect in zip(actions, world.view().effects, strict=True)]
        )
    effects = total / replicates - np.array([action.cost for action in actions])
    return effects if charge_money is None else effects - charge_money * _p_lost(world)


def _p_lost(world: World) -> Floats:
    """Return the chance that a contact costs the permission, shape (n, actions)."""
    worn = 1.0 + world.view().state.contacts.sum(axis=1)
    fatigue = np.array([action.fatigue for action in world.scenario.actions])
    return np.asarray(np.minimum(worn[:, None] * fatigue, 1.0))


@dataclass(frozen=True, slots=True)
class _Replicate:
    """One draw of what nature would do, and of the order that an answered contact would bring."""

    world: World
    value: ContinuationValue
    window_end: int
    natural: Purchases
    extra: Purchases

    @classmethod
    def draw(cls, world: World, value: ContinuationValue, replicate: int) -> _Replicate:
        view, latents = world.view(), world.population.latents
        rng = stream(world.seed, view.cycle, f"truth-{replicate}")
        natural = natural_cycle(latents, view.state.alive, view.season, view.first_day, rng).purchases
        extra = answer_draws(latents, view.first_day, len(view.season), rng).extra
        settled = settle_debts(natural, view.state).purchases
        return cls(world, value, view.first_day + world.scenario.window_days, settled, extra)

    def difference(self, action: SimulatedAction, effect: Floats) -> Floats:
        """Return the effect on the outcome before cost, given this draw, shape (n,)."""
        kind = action.effect.on
        if kind == "spend":
            return self._changed(self.natural, self.natural.scaled(1 + effect))
        gained, lost = np.maximum(effect, 0.0), np.minimum(effect, 0.0)
        out = np.zeros(len(effect))
        if gained.any():
            before = self.natural if kind == "orders" else self.natural.where(np.zeros(len(self.natural.day), bool))
            out += gained * self._changed(before, before.merged(self.extra))
        if lost.any():
            rank = ranks(self.natural.customer)
            left = self.natural.where(rank > 0 if kind == "orders" else rank < 0)
            # conversion and orders are lost with chance |effect|/P(buys), given that the customer buys
            out += lost / np.maximum(self.world.view().outlook.p_buys, 1e-12) * self._changed(left, self.natural)
        return out

    def _changed(self, before: Purchases, after: Purchases) -> Floats:
        """Return the outcome with the purchases `after` less that with `before`, shape (n,)."""
        books = self.world.view().state.ledger
        before, after = (p.where(p.day < self.window_end) for p in (before, after))
        touched = np.zeros(len(books.total), dtype=bool)
        touched[before.customer] = touched[after.customer] = True
        out = np.zeros(len(touched))
        out[touched] = self._worth(books, after, touched) - self._worth(books, before, touched)
        return out

    def _worth(self, books: Ledger, purchases: Purchases, rows: Flags) -> Floats:
        """Return window margin plus residual value of the customers in `rows`."""
        money = np.bincount(purchases.customer, weights=purchases.money, minlength=len(rows))[rows]
        x, t_x, age, repeat = (column[rows] for column in books.after(purchases).statistics(self.window_end))
        residual = self.value.residual_value_money(x, t_x, age, repeat)
        return np.asarray(self.world.scenario.margin.rate * money + residual, dtype=np.float64)
