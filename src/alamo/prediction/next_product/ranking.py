"""Which product a customer buys next: candidates, a boosted ranking of them, beside "buy again"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.prediction.learners.classifier import STAGES, BoostedClassifier, BoostedClassifierLearner
from alamo.prediction.next_product.features import Known
from alamo.prediction.next_product.orders import Orders

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

RANKS = (1, 3, 5, 10)
_OWN, _NEW = 30, 20
_BLOCK = 2_000
_MOST_CUSTOMERS = 8_000
_STAGE = STAGES[2]


@dataclass(frozen=True, slots=True)
class Lists:
    """Products in order of preference.

    Attributes
    ----------
    customers
        Shape (c,).
    products
        Best first, −1 where there is none, shape (c, places).
    log_odds
        That it is bought within the time ahead, NaN where it is not estimated, shape (c, places).
    """

    customers: Integers
    products: Integers
    log_odds: Floats


def candidates(known: Known, customers: Integers) -> tuple[Integers, Integers, Floats]:
    """Return (customer's place, product, affinity) of each candidate pair.

    A customer's candidates are the 30 products bought most lately and the 20 others that go with them best, popular
    products filling up where nothing goes with anything.
    """
    places, products, affinities = [], [], []
    popular = known.popularity[:, 0] / (known.popularity[:, 0].max(initial=0.0) + 1.0)
    for start in range(0, len(customers), _BLOCK):
        part = customers[start : start + _BLOCK]
        affinity = known.affinity(part)
        own = np.asarray(known.lately[part].todense())
        order = np.where(own > 0.0, -np.inf, affinity + 1e-3 * popular)
        chosen = np.column_stack([_best(np.where(own > 0, own, -np.inf), _OWN), _best(order, _NEW)])
        place, slot = np.nonzero(chosen >= 0)
        product = chosen[place, slot]
        places.append(place + start)
        products.append(product)
        affinities.append(affinity[place, product])
    return np.concatenate(places), np.concatenate(products), np.concatenate(affinities)


def _best(values: Floats, most: int) -> Integers:
    """Return the columns of the largest finite values of each row, −1 beyond them, shape (n, most)."""
    size = min(most, values.shape[1])
    top = np.argsort(-values, axis=1, kind="stable")[:, :size]
    finite = np.take_along_axis(values, top, axis=1) > -np.inf
    return np.where(finite, top, -1).astype(np.int64)


def fit_ranking(
    orders: Orders, days: Sequence[float], within_days: float, rng: np.random.Generator
) -> BoostedClassifier | None:
    """Learn from several past days what customers bought in the time after each; None where nobody did.

    Parameters
    ----------
    days
        Starts of the times ahead; only lines before a day describe it, only lines in [day, day + within) label it.
    """
    features, labels = [], []
    for day in days:
        known = Known.at(orders, day)
        ahead = orders.between(day, day + within_days)
        active = np.intersect1d(known.known, ahead.customer)
        if len(active) > _MOST_CUSTOMERS:
            active = np.sort(rng.choice(active, _MOST_CUSTOMERS, replace=False))
        if not len(active):
            continue
        place, product, affinity = candidates(known, active)
        features.append(known.pairs(active[place], product, affinity))
        labels.append(_bought(ahead, active[place], product))
    if not labels:
        return None
    target = np.concatenate(labels)
    if target.min() == target.max():
        return None
    return BoostedClassifierLearner().fit(np.concatenate(features), target)


def rank(model: BoostedClassifier, known: Known, customers: Integers, most: int) -> Lists:
    """Return the products each customer is most likely to buy, best first."""
    products = np.full((len(customers), most), -1, dtype=np.int64)
    log_odds = np.full((len(customers), most), np.nan)
    if not len(customers):
        return Lists(customers, products, log_odds)
    place, product, affinity = candidates(known, customers)
    score = model.log_odds(known.pairs(customers[place], product, affinity), _STAGE)
    order = np.lexsort((product, -score, place))
    place, product, score = place[order], product[order], score[order]
    at = np.arange(len(place)) - np.searchsorted(place, place)
    kept = at < most
    products[place[kept], at[kept]] = product[kept]
    log_odds[place[kept], at[kept]] = score[kept]
    return Lists(customers, products, log_odds)


def rank_plainly(known: Known, customers: Integers, most: int, method: str) -> Lists:
    """Return lists by a rule: ``buy again`` (own order days, then popularity) or ``popularity``."""
    popular = known.popularity[:, 0] / (known.popularity[:, 0].max(initial=0.0) + 1.0)
    parts = []
    for start in range(0, len(customers), _BLOCK):
        part = customers[start : start + _BLOCK]
        values = np.broadcast_to(1e-3 * popular, (len(part), len(popular)))
        if method == "buy again":
            values = values + np.asarray(known.days[part].todense()) + 0.5 * np.asarray(known.lately[part].todense())
        parts.append(_best(values, most))
    products = np.concatenate(parts) if parts else np.zeros((0, most), dtype=np.int64)
    wide = np.full((len(customers), most), -1, dtype=np.int64)
    wide[:, : products.shape[1]] = products
    return Lists(customers, wide, np.full(wide.shape, np.nan))


def hits(lists: Lists, ahead: Orders) -> Floats:
    """Return, per customer, whether one of the best 1, 3, 5 and 10 was bought, and 1 / place of the first, (c, 5)."""
    bought = np.zeros(lists.products.shape, dtype=bool)
    for place in range(lists.products.shape[1]):
        bought[:, place] = _bought(ahead, lists.customers, lists.products[:, place]) > 0
    bought &= lists.products >= 0
    first = np.where(bought.any(axis=1), bought.argmax(axis=1) + 1.0, np.inf)
    return np.column_stack([*((first <= k).astype(np.float64) for k in RANKS), 1.0 / first])


def _bought(ahead: Orders, customers: Integers, products: Integers) -> Floats:
    size = len(ahead.products)
    kept = ahead.product >= 0
    keys = np.unique(ahead.customer[kept] * size + ahead.product[kept])
    return (np.isin(customers * size + products, keys) & (products >= 0)).astype(np.float64)
