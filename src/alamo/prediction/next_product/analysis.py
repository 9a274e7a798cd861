"""`alamo analyze next-product`: what each customer buys next, judged on the last days of the file; readiness tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.prediction.next_product.features import CUSTOMER, PAIR, Known
from alamo.prediction.next_product.orders import Orders, read_orders
from alamo.prediction.next_product.ranking import RANKS, Lists, fit_ranking, hits, rank, rank_plainly
from alamo.prediction.next_product.spec import NextProductSpec

Floats = npt.NDArray[np.float64]

_FIGURES = (*(f"hit_rate_{k}" for k in RANKS), "mrr")
_LEAST_CUSTOMERS = 50
_DEEP = 50
_PAST_DAYS = 3
_Z = 1.959964
_SAME_FOR_ALL = PAIR[5:7]
"""Features of the product alone: at one moment they are the same for everybody."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class NextProductResult(Result):
    """Hit rates on the last days of the file, and the list of every customer.

    Attributes
    ----------
    figures
        Method → hit rates at 1, 3, 5, 10 and mean reciprocal rank, among customers who bought before and in those days.
    gain
        Figure → {mean, lower, upper} of ``model`` over ``buy again``, paired by customer.
    lists
        For the time after the file's end; None where refused.
    """

    schema: ClassVar[str] = "alamo.next_product/1"
    columns: ClassVar[tuple[str, ...]] = ("method", *_FIGURES)

    customers: int
    products: int
    customers_judged: int
    judged_from: datetime | None
    within_days: float
    figures: Mapping[str, Floats] = field(default_factory=dict)
    gain: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    lists: pa.Table | None = None
    out: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per method."""
        return [
            {"method": method, **dict(zip(_FIGURES, values.tolist(), strict=True))}
            for method, values in self.figures.items()
        ]

    def beside(self) -> dict[str, Any]:
        """Return what was judged, the gain over "buy again", and refusals."""
        names = ("gain", "customers", "products", "customers_judged", "judged_from", "within_days", "refusals", "out")
        return {name: getattr(self, name) for name in names}

    def lists_table(self) -> pa.Table:
        """Return customer, place (from 1), product, and the probability that it is bought within the time ahead.

        The probability is that of a customer who buys anything in that time.
        """
        return pa.table({"customer": pa.array([], pa.string())}) if self.lists is None else self.lists


def analyze_next_product(table: pa.Table, spec: NextProductSpec) -> NextProductResult:
    """Learn which product comes next, judge it on the last `within_days` of the file, and list it for everybody.

    Raises
    ------
    UsageError
        If a column does not exist or the time cannot be read.
    InputError
        If no line is complete.
    """
    orders = read_orders(table, spec)
    end = float(np.floor(orders.day[-1])) + 1.0
    rng = np.random.default_rng(spec.seed)
    judged_from = end - spec.within_days
    past = _past_days(orders, judged_from, spec.within_days)
    known, ahead = Known.at(orders, judged_from), orders.between(judged_from, end)
    judged = np.intersect1d(known.known, ahead.customer)
    model = fit_ranking(orders, past, spec.within_days, rng) if past else None
    found = NextProductResult(
        customers=len(orders.customers),
        products=len(orders.products),
        customers_judged=len(judged),
        judged_from=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=judged_from),
        within_days=spec.within_days,
    )
    if model is None or len(judged) < _LEAST_CUSTOMERS:
        return _with(found, refusals=(_too_short(len(judged), spec),))
    per_customer = {
        "model": hits(rank(model, known, judged, _DEEP), ahead),
        "buy again": hits(rank_plainly(known, judged, _DEEP, "buy again"), ahead),
        "popularity": hits(rank_plainly(known, judged, _DEEP, "popularity"), ahead),
    }
    final = fit_ranking(orders, _past_days(orders, end, spec.within_days), spec.within_days, rng) or model
    now = Known.at(orders, end)
    gain = _gain(per_customer["model"] - per_customer["buy again"])
    return _with(
        found,
        figures={method: values.mean(axis=0) for method, values in per_customer.items()},
        gain=gain,
        lists=_lists(orders, rank(final, now, now.known, spec.top), spec),
        refusals=_no_better(gain),
    )


def _with(found: NextProductResult, **changes: Any) -> NextProductResult:
    names = ("customers", "products", "customers_judged", "judged_from", "within_days")
    return NextProductResult(**{name: getattr(found, name) for name in names}, **changes)


def _past_days(orders: Orders, until: float, within_days: float) -> list[float]:
    """Return starts of at most three times ahead that end by `until`, each with as much history before it."""
    first = float(orders.day[0])
    days = [until - within_days * (k + 1) for k in range(_PAST_DAYS)]
    return [day for day in days if day - within_days >= first]


def _gain(difference: Floats) -> dict[str, dict[str, float]]:
    mean, error = difference.mean(axis=0), difference.std(axis=0, ddof=1) / np.sqrt(len(difference))
    return {
        name: {"mean": float(m), "lower": float(m - _Z * e), "upper": float(m + _Z * e)}
        for name, m, e in zip(_FIGURES, mean, error, strict=True)
    }


def _no_better(gain: Mapping[str, Mapping[str, float]]) -> tuple[Refusal, ...]:
    if gain["mrr"]["lower"] > 0.0:
        return ()
    reason = "on the last days of the file its gain over buy again cannot be told from nothing"
    return (Refusal("that the model beats buy again", reason, "use buy again, or a longer history"),)


def _too_short(judged: int, spec: NextProductSpec) -> Refusal:
    span = f"{spec.within_days:g} days"
    reason = f"{judged} customers bought in the last {span} and before, after a history too short to learn from"
    cure = f"needs {_LEAST_CUSTOMERS} such customers and three times {span} of history, or fewer days: --within"
    return Refusal("next product", reason, cure)


def _lists(orders: Orders, lists: Lists, spec: NextProductSpec) -> pa.Table:
    customer, place = np.nonzero(lists.products >= 0)
    return pa.table(
        {
            spec.customer: orders.customers.take(pa.array(lists.customers[customer])),
            "place": place + 1,
            "product": orders.products.take(pa.array(lists.products[customer, place])),
            "probability_if_buying": expit(lists.log_odds[customer, place]),
        }
    )


def readiness_table(table: pa.Table, spec: NextProductSpec, buys: str, *, times: int = 4) -> pa.Table:
    """Return who bought `buys` within the time after each of several days, with what was known at its start.

    The table is for `analyze_scores`: target ``bought`` (null for the time after the file's end: those rows are to be
    scored), id ``customer``, time ``as_of_day``.

    Parameters
    ----------
    buys
        A value of the product column.
    times
        Past days to learn from, apart by the time ahead.

    Raises
    ------
    UsageError
        If nobody bought `buys`, or it is too rare to be followed.
    """
    orders = read_orders(table, spec)
    names = [str(name) for name in orders.products.to_pylist()]
    if buys not in names:
        raise UsageError(
            f"no product {buys!r} is among the {len(names):,} most bought",
            hint=f"Some are: {', '.join(names[:5])}.",
            code="next_product.unknown_product",
            details={"given": buys},
        )
    end = float(np.floor(orders.day[-1])) + 1.0
    days = [end - spec.within_days * k for k in range(times, -1, -1)]
    parts = [_ready_at(orders, day, names.index(buys), spec) for day in days if day > orders.day[0] + spec.within_days]
    return pa.concat_tables(parts) if parts else _ready_at(orders, end, names.index(buys), spec)


def _ready_at(orders: Orders, day: float, product: int, spec: NextProductSpec) -> pa.Table:
    known = Known.at(orders, day)
    who = known.known
    what = np.full(len(who), product)
    features = known.pairs(who, what, known.affinity(who)[:, product])
    ahead = orders.between(day, day + spec.within_days)
    bought = np.isin(who, ahead.customer[ahead.product == product]).astype(np.float64)
    unknown = day + spec.within_days > np.floor(orders.day[-1]) + 1.0
    columns: dict[str, object] = {
        "customer": orders.customers.take(pa.array(who)),
        "as_of_day": np.full(len(who), day),
        "bought": pa.array(bought, mask=np.full(len(who), unknown)),
    }
    names = (*CUSTOMER, *PAIR)
    return pa.table(columns | {name: features[:, j] for j, name in enumerate(names) if name not in _SAME_FOR_ALL})
