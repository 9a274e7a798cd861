"""A table of contracts as arrays: renewals counted, or dates from which they are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.inference.experiment_table import require_column
from alamo.inference.lifetime_value.contract_calendar import NEVER, Renewals, renewals
from alamo.inference.lifetime_value.contract_covariates import covariate_matrix
from alamo.inference.lifetime_value.contract_rows import contract_rows, whole_numbers
from alamo.inference.lifetime_value.contract_spec import ContractSpec
from alamo.inference.lifetime_value.days import days_of
from alamo.numerics.encoding import numbers

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """First and last days of contracts, days since 1970-01-01, shape (n,); and the last day known."""

    start: Days
    end: Days
    until: int


@dataclass(frozen=True, slots=True, eq=False)
class Contracts:
    """Contracts of a table.

    Attributes
    ----------
    known
        Renewals as they are known on the last day.
    dates
        What they were counted from; None where the table has them counted.
    covariates, names
        Shape (n, d).
    margin_money
        Of a renewal, shape (n,); None without one.
    customers
        Their names, or row numbers from 1.
    """

    known: Renewals
    dates: Dates | None
    covariates: Floats
    names: tuple[str, ...]
    margin_money: Floats | None
    customers: pa.Array


def read_contracts(table: pa.Table, spec: ContractSpec, today: date) -> Contracts:
    """Return the contracts of `table`; without `spec.until` what is known reaches to its last date up to `today`.

    Raises
    ------
    UsageError
        If a column does not exist or cannot be what it is said to be, or nothing began by `calibrate_until`.
    InputError
        If the table is empty or a row cannot be read.
    """
    if not table.num_rows:
        raise InputError(
            "the file has no rows",
            hint="Give a file with one row per contract: alamo analyze contracts FILE",
            code="contracts.empty",
        )
    money = spec.margin if isinstance(spec.margin, str) else None
    for name in (spec.periods, spec.left, spec.start, spec.end, spec.customer, money, *spec.covariates):
        if name is not None:
            require_column(table, name)
    covariates, names = covariate_matrix(table, spec.covariates)
    dates = None if spec.start is None or spec.end is None else _dates(table, (spec.start, spec.end), spec, today)
    if dates is not None:
        known = renewals(dates.start, dates.end, dates.until, spec.every)
    else:
        known = _counted(table, str(spec.periods), str(spec.left))
    rows = pa.array(np.arange(1, table.num_rows + 1))
    customers = rows if spec.customer is None else _plain(table, spec.customer)
    return Contracts(known, dates, covariates, names, _margin(table, spec), customers)


def _dates(table: pa.Table, columns: tuple[str, str], spec: ContractSpec, today: date) -> Dates:
    start, end = columns
    first, last = days_of(_plain(table, start), start, spec.time_format), _ends(table, end, spec)
    bad = np.flatnonzero(last < first)
    if len(bad):
        raise InputError(
            f"row {bad[0] + 1}: the contract ends on {_date(last[bad[0]])}, before it begins on {_date(first[bad[0]])}",
            hint=f"Correct these rows ({len(bad):,}), or exchange the columns: --start {end} --end {start}",
            code="contracts.backwards",
            details={"rows": [int(row) + 1 for row in bad[:50]]},
        )
    return Dates(first, last, _until(first, last, spec, today))


def _counted(table: pa.Table, periods: str, left: str) -> Renewals:
    column, flags = table.column(periods), table.column(left)
    plain = numbers(column) if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) else None
    given = np.array(column.to_pylist(), dtype=object) if plain is None else plain
    gone = np.array(flags.to_pylist(), dtype=object) if flags.null_count else np.asarray(flags.to_numpy())
    seen = whole_numbers(given, periods, least=0)
    _, refused = contract_rows(np.maximum(seen, 1), gone)
    bad = np.flatnonzero((seen == 0) & refused)
    if len(bad):
        raise InputError(
            f"row {bad[0] + 1}: {left!r} is true although {periods!r} is 0: nobody leaves at a renewal not due yet",
            hint="Count the renewal that was refused as well, or leave these rows out: --periods COL",
            code="contracts.left_before",
            details={"rows": [int(row) + 1 for row in bad[:50]]},
        )
    return Renewals(seen, refused, ~refused)


def _ends(table: pa.Table, name: str, spec: ContractSpec) -> Days:
    column = _plain(table, name)
    if pa.types.is_string(column.type):
        blank = pc.equal(pc.utf8_trim_whitespace(column), "")
        column = pc.if_else(blank, pa.scalar(None, pa.string()), column)
    known = np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False), dtype=np.bool_)
    end = np.full(len(column), NEVER)
    if known.any():
        end[known] = days_of(column.filter(pa.array(known)), name, spec.time_format)
    return end


def _until(start: Days, end: Days, spec: ContractSpec, today: date) -> int:
    """Return the last day known: as given, or the last date of the table that has come by `today`."""
    dates, now = np.concatenate([start, end[end != NEVER]]), (today - _EPOCH).days
    come = dates[dates <= now]
    last = int((come if len(come) else dates).max())
    until = (last if len(come) else now) if spec.until is None else (spec.until - _EPOCH).days
    for name, day in (("until", until), ("calibrate-until", _day(spec.calibrate_until))):
        if day is not None and day < int(start.min()):
            raise UsageError(
                f"--{name} {_date(day)} lies before the first contract begins ({_date(int(start.min()))})",
                hint=f"Name a later day: --{name} {_date(last)}",
                code="contracts.too_early",
            )
    return until


def _day(day: date | None) -> int | None:
    return None if day is None else (day - _EPOCH).days


def _margin(table: pa.Table, spec: ContractSpec) -> Floats | None:
    if spec.margin is None:
        return None
    if not isinstance(spec.margin, str):
        return np.full(table.num_rows, float(spec.margin))
    column = table.column(spec.margin)
    try:
        values = numbers(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        values = np.full(table.num_rows, np.nan)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(
            f"margin {spec.margin!r} is no number in row {bad[0] + 1} ({len(bad):,} rows)",
            hint="Fill it in, or give one number for all: --margin 20",
            code="contracts.margin",
            details={"rows": [int(row) + 1 for row in bad[:50]]},
        )
    return values


def _plain(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        kind = pa.string()
    return pc.cast(column, kind).combine_chunks()


def _date(day: int) -> str:
    return str(np.datetime64(int(day), "D"))
