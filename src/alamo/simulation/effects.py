"""True effects: what a delivered contact changes for each customer, given the state it finds the customer in.

A customer's raw effect is ``centre + spread · z``, z a standardised mean of the drivers named in ``by``. Means and
scales are frozen at the start of the first cycle, and so is the centre, chosen so that the mean over the population
equals ``effect.mean`` then; afterwards effects move with the drivers only. The driver ``group`` is a standard normal
draw per action and group, the same in every cycle: an effect that no smooth function of the customer describes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from alamo.simulation.purchases import Flags, Floats, Latents, Outlook
from alamo.simulation.scenario import DRIVERS, SimulatedAction
from alamo.simulation.state import Ledger, MarketState
from alamo.simulation.streams import stream

_BISECTIONS = 60
_SPEND_BOUNDS = (-1.0, 5.0)
_VALUE_TIERS = 3


def drivers(latents: Latents, ledger: Ledger, today: int) -> dict[str, Floats]:
    """Return the raw value of every driver, shape (n,).

    recency: log days since the last purchase · frequency: log number of purchase days · money: log money to date ·
    tastes: contrasts of category probabilities · group: number of the customer's group, from 0 · hidden: the hidden
    trait.
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
        "group": groups(latents),
        "hidden": latents.hidden,
    }
    return {name: raw[name] for name in DRIVERS}


def groups(latents: Latents) -> Floats:
    """Return the group of each customer: favourite category × third of the typical order value, shape (n,)."""
    cuts = np.quantile(latents.order_money, np.arange(1, _VALUE_TIERS) / _VALUE_TIERS)
    tier = np.searchsorted(cuts, latents.order_money, side="right")
    return np.asarray(np.argmax(latents.taste, axis=1) * _VALUE_TIERS + tier, dtype=np.float64)


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
    by_group
        Draw of each group, shape (n_groups,); empty unless the effect depends on it.
    """

    action: SimulatedAction
    scales: dict[str, tuple[float, float, float]]
    combined_sd: float
    centre: float
    by_group: Floats

    def standardised(self, raw: dict[str, Floats]) -> Floats:
        """Return z, shape (n,), clipped to ±3."""
        return np.asarray(np.clip(self.total(raw) / self.combined_sd, -3.0, 3.0), dtype=np.float64)

    def total(self, raw: dict[str, Floats]) -> Floats:
        """Return the sum of the standardised drivers, shape (n,)."""
        parts = [sign * (self._driver(name, raw) - mean) / sd for name, (sign, mean, sd) in self.scales.items()]
        return np.asarray(np.sum(parts, axis=0) if parts else np.zeros(len(raw["hidden"])), dtype=np.float64)

    def scale(self, name: str, raw: dict[str, Floats]) -> tuple[float, float, float]:
        """Return sign, mean and standard deviation of a driver over the customers."""
        driver = self._driver(name, raw)
        return self.scales[name][0], float(driver.mean()), float(driver.std()) or 1.0

    def _driver(self, name: str, raw: dict[str, Floats]) -> Floats:
        return self.by_group[raw[name].astype(np.int64)] if name == "group" else raw[name]

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


def calibrated(
    action: SimulatedAction, raw: dict[str, Floats], ahead: Outlook, state: MarketState, seed: int
) -> Response:
    """Return the response of `action` with constants frozen at the opening `state`; `seed` draws those of groups.

    The centre is found by bisection; a mean that cannot be reached (fewer people buy than would have to stop) is met
    as far as possible.
    """
    own = action.effect
    names = [name.removeprefix("-") for name in own.by] if own.spread else []
    signs = {name.removeprefix("-"): -1.0 if name.startswith("-") else 1.0 for name in own.by}
    by_group = _group_draws(action, raw, seed) if "group" in names else np.zeros(0)
    plain = Response(action, {name: (signs[name], 0.0, 1.0) for name in names}, 1.0, 0.0, by_group)
    scales = {name: plain.scale(name, raw) for name in names}
    draft = replace(plain, scales=scales)
    draft = replace(draft, combined_sd=float(np.std(draft.total(raw))) or 1.0)
    spread = own.spread * draft.standardised(raw) if own.spread else np.zeros(len(state.alive))
    return replace(draft, centre=_centre(action, spread, ahead, can_borrow(action, state)))


def _group_draws(action: SimulatedAction, raw: dict[str, Floats], seed: int) -> Floats:
    count = int(raw["group"].max(initial=-1.0)) + 1
    return stream(seed, 0, f"groups/{action.id}").standard_normal(count)


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
