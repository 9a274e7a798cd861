"""Puts the contacts of a cycle on top of its natural purchases: extra, cancelled, larger and pulled-forward orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alamo.simulation.effects import can_borrow
from alamo.simulation.purchases import Flags, Floats, Ints, Latents, Outlook, Purchases, order_lines, ranks
from alamo.simulation.scenario import SimulatedAction
from alamo.simulation.state import MarketState

RESPONSE_DAYS = 14
"""An extra order falls on one of the first days after the contact, each as likely."""

UNTREATED = -1


@dataclass(frozen=True, slots=True)
class Answered:
    """A cycle with its contacts: what was bought, and what is owed afterwards."""

    purchases: Purchases
    owes: Flags
    owes_money: Floats


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers of a cycle's answers, one of each kind per customer whoever is contacted, shape (n,)."""

    answers: Floats
    borrows: Floats
    extra: Purchases


def answer_draws(latents: Latents, first_day: int, days: int, rng: np.random.Generator) -> Draws:
    """Draw whether each customer would answer a contact, and the order it would bring."""
    n = len(latents.hidden)
    answers, borrows = rng.random(n), rng.random(n)
    day = first_day + rng.integers(0, min(RESPONSE_DAYS, days), n)
    everybody = np.arange(n, dtype=np.int64)
    money, category = order_lines(latents, everybody, rng)
    return Draws(answers, borrows, Purchases(everybody, day.astype(np.int64), money, category))


def settle_debts(natural: Purchases, state: MarketState) -> Answered:
    """Take from the natural purchases what earlier cycles pulled forward."""
    n = len(state.alive)
    rank = ranks(natural.customer)
    skipped = (rank == 0) & state.owes[natural.customer]
    owes = state.owes.copy()
    owes[natural.customer[skipped]] = False
    left = natural.where(~skipped)
    spent = np.bincount(left.customer, weights=left.money, minlength=n)
    repaid = np.minimum(state.owes_money, 0.9 * spent)
    factor = 1 - repaid / np.maximum(spent, 1e-9)
    return Answered(left.scaled(factor) if repaid.any() else left, owes, state.owes_money - repaid)


def answer(
    settled: Answered,
    treated: Ints,
    effects: Sequence[Floats],
    actions: Sequence[SimulatedAction],
    world: tuple[MarketState, Outlook, Draws],
) -> Answered:
    """Return the cycle's purchases after the contacts.

    Parameters
    ----------
    treated
        Index of the action each customer received, `UNTREATED` for none, shape (n,).
    effects
        Per action the bounded effect of every customer, shape (n,) each.
    world
        State at the start, outlook of the natural process, random numbers.
    """
    state, ahead, draws = world
    n = len(treated)
    bought = np.zeros(n, dtype=bool)
    bought[settled.purchases.customer] = True
    extra, cancel_all, cancel_first = (np.zeros(n, dtype=bool) for _ in range(3))
    factor, borrows = np.ones(n), np.zeros(n, dtype=bool)
    owes_money = settled.owes_money.copy()
    for index, action in enumerate(actions):
        mine, effect = treated == index, effects[index]
        if action.effect.on == "spend":
            factor = np.where(mine, 1 + effect, factor)
            owes_money += _borrowed_spend(action, settled.purchases, np.where(mine, effect, 0.0))
            continue
        lost = mine & bought & (draws.answers < -effect / np.maximum(ahead.p_buys, 1e-12))
        if action.effect.on == "conversion":
            won = mine & ~bought & (draws.answers < effect / np.maximum(1 - ahead.p_buys, 1e-12))
            cancel_all |= lost
        else:
            won = mine & (draws.answers < effect)
            cancel_first |= lost
        extra |= won
        borrows |= won & can_borrow(action, state) & (draws.borrows < action.pulls_forward)
    kept = settled.purchases
    gone = cancel_all[kept.customer] | (cancel_first[kept.customer] & (ranks(kept.customer) == 0))
    purchases = kept.where(~gone).scaled(factor).where(factor[kept.customer[~gone]] > 0)
    return Answered(purchases.merged(draws.extra.where(extra)), settled.owes | borrows, owes_money)


def _borrowed_spend(action: SimulatedAction, purchases: Purchases, effect: Floats) -> Floats:
    """Return the share of the extra spend that the next purchases will lack, shape (n,)."""
    spent = np.bincount(purchases.customer, weights=purchases.money, minlength=len(effect))
    return np.asarray(action.pulls_forward * np.maximum(effect, 0.0) * spent, dtype=np.float64)
