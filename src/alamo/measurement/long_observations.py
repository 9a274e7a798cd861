"""Long observations: decisions looked at again when a longer window has closed, to calibrate the short outcome against.

The long window of a decision is ``[start, start + long_days)``, with the start of its outcome window. Later decisions
about the same customer do not end it: they are part of the world the decision led to, so their costs are counted with
what they brought. The draw of the decision was random, so the difference it makes to the long outcome is its whole
effect under the policy that was running.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import pyarrow as pa

from alamo.domain.long_tables import LONG_OBSERVATIONS
from alamo.domain.money import minor_per_major
from alamo.domain.ports import Warehouse
from alamo.domain.settings import MarginSettings
from alamo.domain.time import utc
from alamo.measurement.margins import margin_sql
from alamo.measurement.profiles import microseconds

_YEAR_US = timedelta(days=365) / timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LongWindow:
    """The long window, and how the money in it is discounted to the end of the outcome window.

    Attributes
    ----------
    days
        Length, above 0.
    discount_rate_per_year
        Continuous; of cycles that `by_cycle` lacks.
    by_cycle
        Cycle → rate at which the short outcomes of its decisions were valued. The two outcomes are compared, so a rate
        that was changed in between must not tell them apart.
    """

    days: int
    discount_rate_per_year: float
    by_cycle: Mapping[int, float] = field(default_factory=dict)


def mature_long_observations(
    warehouse: Warehouse,
    as_of: datetime,
    *,
    window: LongWindow,
    margin: MarginSettings,
    currency: str,
    known_until: datetime | None = None,
) -> pa.Table:
    """Return the long observations (LONG_OBSERVATIONS contract) that became measurable, in the order of decisions.

    Parameters
    ----------
    warehouse
        Holds ``decisions``, ``observations``, ``long_observations``, ``deliveries`` and ``events``.
    as_of
        Long windows that closed at or before this moment are measured; nothing later is read.
    window
        Length and discounting.
    margin
        Default and product rates; a margin on the line wins over both.
    currency
        Of the amounts (ISO 4217).
    known_until
        Windows that end after this moment wait, because orders in them may be missing; None: as `as_of`.
    """
    measured_at = utc(as_of)
    moment = measured_at if known_until is None else min(measured_at, utc(known_until))
    rates = margin_sql(margin)
    parameters = {
        "as_of": moment,
        "as_of_us": microseconds(moment),
        "long_days": window.days,
        "long_us": timedelta(days=window.days) // timedelta(microseconds=1),
        "minor": float(minor_per_major(currency)),
        **rates.parameters,
    }
    relations = {**rates.relations, "discounts": _discounts(warehouse, window)}
    found = warehouse.query(_sql(rates.rate, rates.join), parameters, relations)
    rows = found.num_rows
    added = {
        "long_days": pa.repeat(pa.scalar(window.days, pa.int64()), rows),
        "matured_at": pa.array([measured_at] * rows, pa.timestamp("us", tz="UTC")),
    }
    columns = {name: found[name] for name in found.column_names} | added
    return LONG_OBSERVATIONS.check(pa.table({name: columns[name] for name in LONG_OBSERVATIONS.schema.names}))


def _discounts(warehouse: Warehouse, window: LongWindow) -> pa.Table:
    """Return the discount rate of each observed cycle, per microsecond."""
    cycles = warehouse.query("SELECT DISTINCT cycle FROM observations ORDER BY cycle")["cycle"].to_pylist()
    rates = [window.by_cycle.get(cycle, window.discount_rate_per_year) / _YEAR_US for cycle in cycles]
    return pa.table({"cycle": pa.array(cycles, pa.int64()), "discount_per_us": pa.array(rates, pa.float64())})


@cache
def _sql(product_rate: str, product_join: str) -> str:
    text = files("alamo.measurement").joinpath("long_observations.sql").read_text(encoding="utf-8")
    return text.format(product_rate=product_rate, product_join=product_join)
