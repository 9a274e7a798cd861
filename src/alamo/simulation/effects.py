"""True effects: what a delivered contact changes for each customer, given the state it finds the customer in.

A customer's raw effect is ``centre + spread · z``, z a standardised mean of the drivers named in ``by``. Means and
scales are frozen at the start of the first cycle, and so is the centre, chosen so that the mean over the population
equals ``effect.mean`` then; afterwards effects move with the drivers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alamo.simulation.purchases import Flags, Floats, Latents, Outlook
from alamo.simulation.scenario import DRIVERS, SimulatedAction
from alamo.simulation.state import Ledger, MarketState

_BISECTIONS = 60
_SPEND_BOUNDS = (-1.0, 5.0)


def drivers(latents: Latents, ledger: Ledger, today: int) -> dict[str, Floats]:
    """Return the raw value of every driver, shape (n,).

    recency: log days since the last purchase · frequency: log number of purchase days · money: log money to date ·
    tastes: contrasts of category probabilities · hidden: the hidden trait.
    """
    bought = ledger.purchase_days > 0
    oldest = float((today - ledger.first_day[bought]).max()) if bought.any() else 365.0
    k = latents.taste.shape[1]
    first = np.where(np.arange(k) % 2 == 0, 1.0, -1.0)
    second = np.where(np.arange(k) % 4 < 2, 1.0, -1.0)
    raw = {
        "recency": np.log1p(np.where(bought, today - ledger.last_day, oldest)),
        "frequency": np.log1p(ledger.purchase_days.astype(np.float64)),
        "money": np.log1p(np.maximum(ledger.total, 0.0)),
        "taste_1": latents.taste @ first,
        "taste_2": latents.taste @ second,
        "hidden": latents.hidden,
    }
    return {name: raw[name] for name in DRIVERS}


@dataclass(frozen=True, slots=True)
class Response:
    """An action's effect with its frozen constants.

    Attributes
    ----------
    scales
        Driver → (sign, mean, standard deviation) at the start.
    combined_sd
        Standard deviation of the mean of the standardised drivers at the start.
    centre
        Raw effect of the average customer.
    """

    action: SimulatedAction
    scales: dict[str, tuple[float, float, float]]
    combined_sd: float
    centre: float

    def standardised(self, raw: dict[str, Floats]) -> Floats:
        """Return z, shape (n,), clipped to ±3."""
        n = len(raw["hidden"])
        parts = [sign * (raw[name] - mean) / sd for name, (sign, mean, sd) in self.scales.items()]
        total = np.sum(parts, axis=0) if parts else np.zeros(n)
        return np.asarray(np.clip(total / self.combined_sd, -3.0, 3.0), dtype=np.float64)

    def effect(self, raw: dict[str, Floats], ahead: Outlook, state: MarketState) -> Floats:
        """Return the effect on the scale of ``effect.on``, within what is possible for each customer, shape (n,)."""
        own = self.action.effect
        value = self.centre + (own.spread * self.standardised(raw) if own.spread else np.zeros(len(state.alive)))
        return bounded(self.action, value, ahead, can_borrow(self.action, state))


def can_borrow(action: SimulatedAction, state: MarketState) -> Flags:
    """Say whose next purchases can be drawn on: the living who owe none already; on spend, whoever spends."""
    if action.effect.on == "spend":
        return np.ones(len(state.alive), dtype=bool)
    return state.alive & ~state.owes


def bounded(action: SimulatedAction, value: Floats, ahead: Outlook, borrows: Flags) -> Floats:
    """Return effects cut to what can be: P(buys) stays within [0, 1]; nobody pulls forward what is not to come."""
    value = np.where((value > 0) & ~borrows, value * (1 - action.pulls_forward), value)
    if action.effect.on == "spend":
        return np.clip(value, *_SPEND_BOUNDS)
    room = 1 - ahead.p_buys if action.effect.on == "conversion" else np.ones(len(value))
    return np.clip(value, -ahead.p_buys, room)


def calibrated(action: SimulatedAction, raw: dict[str, Floats], ahead: Outlook, state: MarketState) -> Response:
    """Return the response of `action` with constants frozen at the opening `state`.

    The centre is found by bisection; a mean that cannot be reached (fewer people buy than would have to stop) is met
    as far as possible.
    """
    own = action.effect
    scales = {}
    for name in own.by if own.spread else ():
        driver = raw[name.removeprefix("-")]
        sign = -1.0 if name.startswith("-") else 1.0
        scales[name.removeprefix("-")] = (sign, float(driver.mean()), float(driver.std()) or 1.0)
    draft = Response(action, scales, 1.0, 0.0)
    parts = [sign * (raw[name] - mean) / sd for name, (sign, mean, sd) in scales.items()]
    combined_sd = float(np.std(np.sum(parts, axis=0))) if parts else 1.0
    draft = Response(action, scales, combined_sd or 1.0, 0.0)
    spread = own.spread * draft.standardised(raw) if own.spread else np.zeros(len(state.alive))
    return Response(action, scales, combined_sd or 1.0, _centre(action, spread, ahead, can_borrow(action, state)))


def _centre(action: SimulatedAction, spread: Floats, ahead: Outlook, borrows: Flags) -> float:
    """Solve mean(bounded(centre + spread)) = effect.mean; the left side grows with the centre."""
    low, high = action.effect.mean - 1 - np.ptp(spread), action.effect.mean + 1 + np.ptp(spread)
    high += 10 * action.pulls_forward * abs(action.effect.mean)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if float(bounded(action, middle + spread, ahead, borrows).mean()) < action.effect.mean:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)
