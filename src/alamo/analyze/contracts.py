"""Customers with a contract: retention and what those who stay will bring."""

from __future__ import annotations

from typing import Any, Unpack

from alamo.analyze.layout import Layout, read_layout
from alamo.config.contract_keywords import CONTRACTS, ContractKeywords
from alamo.connectors.clocks import SystemClock
from alamo.engine import analyze as engine
from alamo.inference.lifetime_value import ContractResult, ContractSpec


def fit_contracts(
    table: Any, spec: ContractSpec | None = None, *, mapping: Layout = None, **keywords: Unpack[ContractKeywords]
) -> ContractResult:
    """Return how long customers with a contract stay, and what those who are here will bring.

    Parameters
    ----------
    table, mapping
        As in `alamo.estimate_effects`; one row per contract.
    spec
        A `ContractSpec`, instead of keywords or to be changed by them.
    periods, left
        Columns of the renewals a customer was up for, and whether the last of them was refused; or
    start, end
        columns of the first day and of the last day (or the day after), empty while the contract goes on.
    every
        With dates, the time between renewals: ``"week"``, ``"month"`` (default), ``"quarter"`` or ``"year"``.
    until
        With dates, the last day known (default: the last day in the table that is not after today, UTC).
    time_format
        As for `strptime`; default: dates, timestamps and ISO 8601 text.
    calibrate_until
        With dates, the last day the model may see; renewals after it judge it.
    customer
        Column that names the customer (default: the row's number).
    covariates
        Columns known at the start, numbers or categories; their effects on leaving are shown.
    model
        ``"auto"`` (default), ``"shifted-beta-geometric"`` or ``"hazard"``.
    horizon
        Renewals to look ahead (default 12).
    margin
        Money of a renewal, or its column.
    discount
        Rate per period (default 0).
    cohorts
        With dates, calendar period by whose cohorts retention is shown (default: none).
    level
        Of intervals (default 0.9).

    Raises
    ------
    UsageError
        For a keyword, column or value that does not exist or cannot be used.
    InputError
        If a row cannot be read, naming it.

    Examples
    --------
    >>> import alamo.analyze, pyarrow as pa
    >>> ended = [1] * 369 + [2] * 163 + [3] * 86 + [4] * 56 + [5] * 37 + [6] * 27 + [7] * 21
    >>> table = pa.table({"seen": ended + [7] * 241, "gone": [True] * 759 + [False] * 241})
    >>> found = alamo.analyze.fit_contracts(table, periods="seen", left="gone")
    >>> [round(row.estimate, 2) for row in found.parameters]
    [0.7, 1.18]

    See Also
    --------
    ContractResult.customers_table : the forecast of every contract that goes on.
    """
    now = SystemClock().now()
    return engine.analyze_contracts(table, CONTRACTS.spec(spec, keywords), read_layout(mapping), now=now)
