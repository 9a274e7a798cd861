"""What was known of customers and products at the start of a day: activity, own history, popularity, look-alikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from alamo.prediction.next_product.orders import Orders

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CUSTOMER = ("days since the last order", "order days", "order days, last 90", "tenure days", "days between orders")
PAIR = (
    "bought before, days",
    "bought lately",
    "days since it was bought",
    "share of own order days",
    "time since over own gap",
    "buyers, last 90 days",
    "buyers, last 30 over last 90",
    "goes with what was bought",
)
_HALF_LIFE_DAYS = 120.0
_NEVER_DAYS = 9_999.0
_SHRINK_BUYERS = 20.0


@dataclass(frozen=True, slots=True)
class Known:
    """The state of knowledge at the start of a day.

    Attributes
    ----------
    known
        Codes of customers with an order before it, shape (c,).
    customer
        Features of every customer code, shape (customers, 5); NaN without an order.
    days, lately, last
        Order days of a customer on which a product was bought, the same with a half-life of 120 days, and days since;
        sparse (customers, products).
    popularity
        Buyers in the last 90 and 30 days, shape (products, 2).
    goes_with
        Cosine of products over customers, shrunk, zero diagonal, shape (products, products).
    """

    known: Integers
    customer: Floats
    days: sparse.csr_matrix
    lately: sparse.csr_matrix
    last: sparse.csr_matrix
    popularity: Floats
    goes_with: Floats

    @classmethod
    def at(cls, orders: Orders, day: float) -> Known:
        """Build from `orders`, of which only lines before `day` are read."""
        past = orders.before(day)
        n_customers, n_products = len(orders.customers), len(orders.products)
        shape = (n_customers, n_products)
        whole = np.floor(past.day)
        line = np.unique(np.column_stack([past.customer, past.product, whole])[past.product >= 0], axis=0)
        who, what, when = line[:, 0].astype(np.int64), line[:, 1].astype(np.int64), line[:, 2]
        days = sparse.csr_matrix((np.ones(len(when)), (who, what)), shape=shape)
        lately = sparse.csr_matrix((0.5 ** ((day - when) / _HALF_LIFE_DAYS), (who, what)), shape=shape)
        newest = np.flatnonzero(np.append(np.diff(who * n_products + what) != 0, len(who) > 0))
        last = sparse.csr_matrix((day - when[newest], (who[newest], what[newest])), shape=shape)
        popularity = np.column_stack([_buyers(who, what, when >= day - reach, n_products) for reach in (90, 30)])
        return cls(
            known=np.unique(past.customer),
            customer=_activity(past.customer, whole, day, n_customers),
            days=days,
            lately=lately,
            last=last,
            popularity=popularity,
            goes_with=_cosines(days),
        )

    def affinity(self, customers: Integers) -> Floats:
        """Return how well each product goes with what each customer bought lately, shape (c, products)."""
        own = self.lately[customers]
        total = np.maximum(np.asarray(own.sum(axis=1)), 1e-9)
        return np.asarray(own @ self.goes_with) / total

    def pairs(self, customers: Integers, products: Integers, affinity: Floats) -> Floats:
        """Return the features of pairs: those of the customer, then those of the product for the customer.

        Parameters
        ----------
        customers, products, affinity
            Codes and affinity of each pair, shape (m,).

        Returns
        -------
        array of shape (m, 13), columns `CUSTOMER` + `PAIR`
        """
        who = self.customer[customers]
        bought = np.asarray(self.days[customers, products]).ravel()
        since = np.asarray(self.last[customers, products]).ravel()
        since = np.where(bought > 0, since, _NEVER_DAYS)
        popular = self.popularity[products]
        return np.column_stack(
            [
                who,
                bought,
                np.asarray(self.lately[customers, products]).ravel(),
                since,
                bought / np.maximum(who[:, 1], 1.0),
                since / np.maximum(who[:, 4], 1.0),
                popular[:, 0],
                (popular[:, 1] + 1.0) / (popular[:, 0] + 3.0),
                affinity,
            ]
        )


def _activity(customer: Integers, whole_day: Floats, day: float, size: int) -> Floats:
    """Return recency, order days, order days of the last 90, tenure and mean gap, shape (size, 5)."""
    visits = np.unique(np.column_stack([customer, whole_day]), axis=0)
    who, when = visits[:, 0].astype(np.int64), visits[:, 1]
    count = np.bincount(who, minlength=size).astype(np.float64)
    recent = np.bincount(who[when >= day - 90], minlength=size).astype(np.float64)
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first, who, when)
    np.maximum.at(last, who, when)
    seen = count > 0
    gap = np.where(count > 1, (last - first) / np.maximum(count - 1, 1), day - first)
    out = np.column_stack([day - last, count, recent, day - first, gap])
    out[~seen] = np.nan
    return out


def _buyers(who: Integers, what: Integers, inside: npt.NDArray[np.bool_], n_products: int) -> Floats:
    pairs = np.unique(who[inside] * n_products + what[inside])
    return np.bincount(pairs % n_products, minlength=n_products).astype(np.float64)


def _cosines(days: sparse.csr_matrix) -> Floats:
    owned = days.copy()
    owned.data = np.ones_like(owned.data)
    together = np.asarray((owned.T @ owned).todense(), dtype=np.float64)
    buyers = np.diag(together)
    out = together / (np.sqrt(np.outer(buyers, buyers)) + _SHRINK_BUYERS)
    np.fill_diagonal(out, 0.0)
    return np.asarray(out)
