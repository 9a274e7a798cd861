"""Reads customer, day and amount from a table somebody brought: every complaint names column, row and value."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.domain.reasons import Refusal
from alamo.inference.lifetime_value.bad_rows import HELP, refuse_row
from alamo.inference.lifetime_value.days import days_of
from alamo.inference.lifetime_value.summary import PurchaseDays, purchase_days

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what.

    Attributes
    ----------
    time_format
        As for `strptime`, such as ``"%d.%m.%Y"``; None for dates, timestamps and ISO 8601 text.
    """

    customer: str
    time: str
    amount: str | None
    time_format: str | None


def read_purchases(table: pa.Table, columns: Columns) -> tuple[PurchaseDays, list[Refusal]]:
    """Return the purchase days of a table of transactions, and what had to be left out.

    Raises
    ------
    UsageError
        If a column does not exist or cannot be what it is said to be.
    InputError
        If the table is empty or a row cannot be read.
    """
    names = [name for name in (columns.customer, columns.time, columns.amount) if name is not None]
    for name in names:
        _require(table, name)
    if not table.num_rows:
        raise InputError("the file has no rows", hint=f"See an example with: {HELP}", code="lifetime.empty")
    days = days_of(_plain(table[columns.time]), columns.time, columns.time_format)
    amount = None if columns.amount is None else _amounts(table[columns.amount], columns.amount)
    customer = _plain(table[columns.customer])
    known = _named(customer)
    if not known.any():
        raise InputError(
            f"column {columns.customer!r} is empty",
            hint=f"Name the column that says who bought; see: {HELP}",
            code="lifetime.no_customer",
        )
    notes = []
    if not known.all():
        notes.append(_anonymous(int((~known).sum()), table.num_rows))
        customer, days = customer.filter(pa.array(known)), days[known]
        amount = None if amount is None else amount[known]
    kept = purchase_days(customer, days, amount)
    if kept.money is not None and (kept.money < 0.0).any():
        notes.append(_returned(int((kept.money < 0.0).sum())))
        kept = kept.selected(kept.money >= 0.0)
    if not len(kept.day):
        raise InputError("the file holds no purchase, only returns", hint=f"See: {HELP}", code="lifetime.no_purchase")
    return kept, notes


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Return one array, its text as plain strings, whoever made the table."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string_view(kind) or pa.types.is_large_string(kind):
        kind = pa.string()
    return pc.cast(column, kind).combine_chunks()


def _named(customer: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which rows name a customer: neither null, nor NaN, nor empty text."""
    known = pc.invert(pc.is_null(customer, nan_is_null=True))
    if pa.types.is_string(customer.type):
        known = pc.and_(known, pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(customer), ""), False))
    return np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _require(table: pa.Table, name: str) -> None:
    if table.column_names.count(name) == 1:
        return
    near = difflib.get_close_matches(name, table.column_names, n=3, cutoff=0.4)
    listed = ", ".join(near or table.column_names[:12])
    complaint = "occurs more than once" if name in table.column_names else "does not exist"
    raise UsageError(
        f"column {name!r} {complaint}",
        hint=f"{'Near' if near else 'Existing'} names: {listed}. See: {HELP}",
        code="lifetime.unknown_column",
        details={"column": name, "near": near, "columns": table.column_names},
    )


def _anonymous(n: int, of: int) -> Refusal:
    return Refusal(
        what=f"{n} of {of} rows",
        reason="they name no customer and were left out",
        cure="fill the customer column, if these purchases can be told apart",
    )


def _returned(n: int) -> Refusal:
    return Refusal(
        what=f"{n} days on which a customer returned more than was bought",
        reason="such a day is no purchase and was left out",
        cure="none needed; leave out returns beforehand if they should not reduce other purchases of the same day",
    )


def _amounts(values: pa.ChunkedArray, name: str) -> Floats:
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_decimal(values.type)):
        values = pc.cast(values, pa.string())
        texts = values.to_pylist()
        wrong = next((row for row, text in enumerate(texts) if not _is_number(text)), None)
        refuse_row(name, values.combine_chunks(), wrong, "no number")
    out = np.asarray(pc.cast(values, pa.float64()).to_numpy(), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(out))
    refuse_row(name, values.combine_chunks(), int(bad[0]) if len(bad) else None, "no finite number")
    return out


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
