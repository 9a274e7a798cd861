"""Long observations: decisions looked at again when a longer window has closed, to calibrate the short outcome against.

The long window of a decision is ``[start, start + long_days)``, with the start of its outcome window. Later decisions
about the same customer do not end it: they are part of the world the decision led to, so their costs are counted with
what they brought. The draw of the decision was random, so the difference it makes to the long outcome is its whole
effect under the policy that was running.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import pyarrow as pa

from alamo.domain.long_tables import LONG_OBSERVATIONS
from alamo.domain.money import minor_per_major
from alamo.domain.ports import Warehouse
from alamo.domain.settings import MarginSettings, OutcomeSettings
from alamo.domain.time import utc
from alamo.measurement.margins import margin_sql
from alamo.measurement.profiles import microseconds

_YEAR_US = timedelta(days=365) / timedelta(microseconds=1)


def mature_long_observations(
    warehouse: Warehouse,
    as_of: datetime,
    *,
    outcome: OutcomeSettings,
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
    outcome
        Length of the long window (``long_days`` above 0) and discount rate.
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
        "long_days": outcome.long_days,
        "long_us": timedelta(days=outcome.long_days) // timedelta(microseconds=1),
        "discount_per_us": outcome.discount_rate_per_year / _YEAR_US,
        "minor": float(minor_per_major(currency)),
        **rates.parameters,
    }
    found = warehouse.query(_sql(rates.rate, rates.join), parameters, rates.relations)
    rows = found.num_rows
    added = {
        "long_days": pa.repeat(pa.scalar(outcome.long_days, pa.int64()), rows),
        "matured_at": pa.array([measured_at] * rows, pa.timestamp("us", tz="UTC")),
    }
    columns = {name: found[name] for name in found.column_names} | added
    return LONG_OBSERVATIONS.check(pa.table({name: columns[name] for name in LONG_OBSERVATIONS.schema.names}))


@cache
def _sql(product_rate: str, product_join: str) -> str:
    text = files("alamo.measurement").joinpath("long_observations.sql").read_text(encoding="utf-8")
    return text.format(product_rate=product_rate, product_join=product_join)
