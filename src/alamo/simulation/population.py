"""Populations: who the simulated customers are, with a past that the engine sees and latents that it does not.

Three ways: *resampled* (each customer copies the order history of a real one under a new id), *on top* (the project's
own customers, only their future is simulated) and *synthetic*. Given a history, the latent rate, dropout chance, life
and order value are drawn from their posterior, so pasts and futures fit together.

Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2), appendix: under
BG/NBD the posterior given (x, t_x, T) is a two-part mixture of gamma × beta, alive and gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.cells import compress
from alamo.simulation.base_orders import BaseOrders
from alamo.simulation.purchases import Flags, Floats, Ints, Latents, Purchases, natural_cycle, season_of_days
from alamo.simulation.scenario import PurchaseSpec, Scenario
from alamo.simulation.state import Ledger
from alamo.simulation.streams import stream

_STRETCH_DAYS = 28
_FINITE = (1e-6, 1e6)
_DROPOUT = 0.08


@dataclass(frozen=True, slots=True)
class Population:
    """The customers at the start of the first cycle.

    Attributes
    ----------
    ids, countries
        Of each customer, shape (n,).
    categories
        Names behind the category indices.
    latents
        What nobody sees.
    alive
        Whether the natural process goes on, shape (n,).
    history
        Past purchases, days negative.
    known
        The past is in the project already, so it is not handed out again.
    """

    ids: tuple[str, ...]
    countries: tuple[str | None, ...]
    categories: tuple[str, ...]
    latents: Latents
    alive: Flags
    history: Purchases
    known: bool

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ledger(self) -> Ledger:
        """The books at the start."""
        return Ledger.empty(len(self)).after(self.history)


def fit_purchase_model(base: BaseOrders) -> BgNbd:
    """Fit how purchase rates and dropout chances vary over the real customers, times in days."""
    history = Purchases(base.customer, base.day, base.money, base.category)
    x, t_x, age, _ = Ledger.empty(len(base.ids)).after(history).statistics(0)
    model = fit_bg_nbd(compress(x, t_x, age)).model
    return BgNbd(*(float(np.clip(value, *_FINITE)) for value in (model.r, model.alpha, model.a, model.b)))


def resampled_population(scenario: Scenario, base: BaseOrders, seed: int) -> Population:
    """Draw ``scenario.customers`` real customers with replacement and give each its own latents."""
    model = fit_purchase_model(base)
    rng = stream(seed, 0, "population")
    compressed = _compressed(base, scenario.purchase.spend_spread)
    chosen = rng.integers(0, len(base.ids), scenario.customers)
    copy = _copies(compressed, chosen)
    ids = tuple(f"c{i + 1:06d}" for i in range(scenario.customers))
    return _posterior_population(scenario, copy, ids, model, rng, known=False)


def own_population(scenario: Scenario, base: BaseOrders, seed: int) -> Population:
    """Return the project's own customers with simulated latents; their order values stay as they are."""
    model = fit_purchase_model(base)
    rng = stream(seed, 0, "population")
    return _posterior_population(scenario, base, base.ids, model, rng, known=True)


def synthetic_population(scenario: Scenario, start: datetime, seed: int) -> Population:
    """Draw customers from ``[purchase]`` and let them buy for ``history_days`` before `start`."""
    rng = stream(seed, 0, "population")
    spec, n, days = scenario.purchase, scenario.customers, scenario.population.history_days
    names = tuple(f"category-{k + 1}" for k in range(spec.categories))
    latents = Latents(
        rate_per_day=_gamma(spec.rate_per_year / 365.0, spec.rate_spread, n, rng),
        dropout=_beta(_DROPOUT if spec.dropout is None else spec.dropout, spec.dropout_spread, n, rng),
        order_money=spec.order_money * np.exp(spec.order_spread * rng.standard_normal(n) + spec.order_noise**2 / 2),
        order_noise=spec.order_noise,
        taste=_dirichlet(np.tile(spec.taste * _falling_shares(len(names)), (n, 1)), rng),
        hidden=rng.standard_normal(n),
    )
    joined = rng.integers(-days, 0, n)
    history, alive = _lived(latents, joined, scenario, start, seed)
    ids = tuple(f"c{i + 1:06d}" for i in range(n))
    return Population(ids, (None,) * n, names, latents, alive, history, known=False)


def _lived(latents: Latents, joined: Ints, scenario: Scenario, start: datetime, seed: int) -> tuple[Purchases, Flags]:
    """Play the past in short stretches; everybody's first purchase is on the day of joining."""
    rng = stream(seed, 0, "history")
    days = scenario.population.history_days
    alive = np.ones(len(joined), dtype=bool)
    lines = latents.order_money * np.exp(
        latents.order_noise * rng.standard_normal(len(joined)) - latents.order_noise**2 / 2
    )
    favourite = np.argmax(latents.taste, axis=1).astype(np.int64)
    history = Purchases(np.arange(len(joined), dtype=np.int64), joined.astype(np.int64), lines, favourite)
    for first in range(-days, 0, _STRETCH_DAYS):
        length = min(_STRETCH_DAYS, -first)
        season = season_of_days(scenario.purchase.season, start + timedelta(days=first), length)
        here = alive & (joined < first + length)
        part = natural_cycle(latents, here, season, first, rng)
        late = part.purchases.day > joined[part.purchases.customer]
        history = history.merged(part.purchases.where(late))
        alive = np.where(here, part.alive, alive)
    return history, alive


def _posterior_population(
    scenario: Scenario,
    base: BaseOrders,
    ids: tuple[str, ...],
    model: BgNbd,
    rng: np.random.Generator,
    *,
    known: bool,
) -> Population:
    n = len(ids)
    history = Purchases(base.customer, base.day, base.money, base.category)
    x, t_x, age, _ = Ledger.empty(n).after(history).statistics(0)
    rate, dropout, alive = draw_life(model, x, t_x, age, rng)
    if scenario.purchase.dropout is not None:
        dropout = _beta(scenario.purchase.dropout, scenario.purchase.dropout_spread, n, rng)
    order_money, noise = draw_order_values(base, rng)
    names, taste, history = _draw_tastes(scenario.purchase, base, history, rng)
    latents = Latents(rate, dropout, order_money, noise, taste, rng.standard_normal(n))
    return Population(ids, base.countries, names, latents, alive, history, known)


def draw_life(
    model: BgNbd, x: Floats, t_x: Floats, age: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Flags]:
    """Draw rate per day, dropout chance and life from their posterior given (x, t_x, T) in days, shape (n,) each."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    log_odds_gone = np.log(a / np.maximum(b + x - 1, 1e-9)) + (r + x) * np.log((alpha + age) / (alpha + t_x))
    p_alive = np.where(x > 0, 1 / (1 + np.exp(np.minimum(log_odds_gone, 700.0))), 1.0)
    alive = rng.random(len(x)) < p_alive
    rate = rng.standard_gamma(r + x) / (alpha + np.where(alive, age, t_x))
    dropout = rng.beta(np.where(alive, a, a + 1), np.where(alive, b + x, np.maximum(b + x - 1, 1e-6)))
    return rate, np.minimum(dropout, 1 - 1e-9), alive


def draw_order_values(base: BaseOrders, rng: np.random.Generator) -> tuple[Floats, float]:
    """Draw every customer's mean order value given the observed ones; returns it and the log noise around it.

    Lognormal order values with normal log means over customers; variances by the method of moments.
    """
    logs, count = np.log(base.money), base.purchase_days
    mean = np.bincount(base.customer, weights=logs, minlength=len(count)) / np.maximum(count, 1)
    square = np.bincount(base.customer, weights=(logs - mean[base.customer]) ** 2, minlength=len(count))
    within = float(square.sum() / max((count - 1)[count > 1].sum(), 1))
    seen = mean[count > 0]
    centre = float(np.median(seen))
    between = max(float(np.var(seen) - within * np.mean(1 / count[count > 0])), 1e-6)
    weight = between / (between + within / np.maximum(count, 1e-9))
    own = centre + weight * (mean - centre) + np.sqrt(between * (1 - weight)) * rng.standard_normal(len(count))
    return np.exp(own + within / 2), float(np.sqrt(within))


def _draw_tastes(
    spec: PurchaseSpec, base: BaseOrders, history: Purchases, rng: np.random.Generator
) -> tuple[tuple[str, ...], Floats, Purchases]:
    """Draw tastes given what was bought; purchases without a category get one by taste."""
    n = len(base.ids)
    names = base.categories or tuple(f"category-{k + 1}" for k in range(spec.categories))
    counts = np.zeros((n, len(names)))
    seen = history.category >= 0
    np.add.at(counts, (history.customer[seen], history.category[seen]), 1.0)
    total = counts.sum(axis=0)
    shares = (total + 1) / (total + 1).sum() if seen.any() else _falling_shares(len(names))
    taste = _dirichlet(spec.taste * shares + counts, rng)
    drawn = (rng.random(len(seen))[:, None] > np.cumsum(taste[history.customer], axis=1)).sum(axis=1)
    category = np.where(seen, history.category, np.minimum(drawn, len(names) - 1))
    return names, taste, replace(history, category=category.astype(np.int64))


def _compressed(base: BaseOrders, spread: float) -> BaseOrders:
    """Multiply every log deviation of an order value from the median order by `spread`."""
    if spread == 1.0:
        return base
    logs = np.log(base.money)
    centre = np.median(logs)
    return replace(base, money=np.exp(centre + spread * (logs - centre)))


def _copies(base: BaseOrders, chosen: Ints) -> BaseOrders:
    """Return the history of the chosen customers, one copy each, in the order chosen."""
    count, first = base.purchase_days[chosen], base.first_row[chosen]
    customer = np.repeat(np.arange(len(chosen)), count)
    offset = np.arange(len(customer)) - np.repeat(np.cumsum(count) - count, count)
    rows = np.repeat(first, count) + offset
    return replace(
        base,
        ids=tuple(base.ids[i] for i in chosen),
        countries=tuple(base.countries[i] for i in chosen),
        customer=customer.astype(np.int64),
        day=base.day[rows],
        money=base.money[rows],
        category=base.category[rows],
    )


def _gamma(mean: float, variation: float, n: int, rng: np.random.Generator) -> Floats:
    shape = 1 / variation**2 if variation > 0 else np.inf
    return np.full(n, mean) if not np.isfinite(shape) else mean * rng.standard_gamma(shape, n) / shape


def _beta(mean: float, spread: float, n: int, rng: np.random.Generator) -> Floats:
    if mean in (0.0, 1.0) or spread <= 0:
        return np.full(n, mean)
    size = 1 / spread - 1
    return np.minimum(rng.beta(mean * size, (1 - mean) * size, n), 1 - 1e-9)


def _dirichlet(weights: Floats, rng: np.random.Generator) -> Floats:
    draws = np.maximum(rng.standard_gamma(weights), 1e-12)
    return draws / draws.sum(axis=1, keepdims=True)


def _falling_shares(k: int) -> Floats:
    shares = 1.0 / (np.arange(k) + 3.0)
    return np.asarray(shares / shares.sum(), dtype=np.float64)
