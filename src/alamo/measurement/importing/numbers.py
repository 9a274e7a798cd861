"""Numbers and money out of text, exactly.

Money is counted in ten-thousandths and quantities likewise, both as integers: a decimal fraction with at most four
places and below 10¹⁰ is the nearest integer of its float64 times 10⁴ (the error is below 0.02), so no cent is lost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.measurement.importing.rows import Inspection, Mask, as_text, flags

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_SCALE = 10_000
_PLACES = 4
_LARGEST = 1e10
_PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_GROUPED = r"^[+-]?[0-9]{1,3}([ ,.'\x{00a0}\x{202f}][0-9]{3})+([.,][0-9]+)?$"
_COMMA = r"^[+-]?[0-9]+,[0-9]+$"
_EITHER = r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$"
_COMMA_NUMBER = r"^[+-]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?$"
_BOTH_MARKS = {
    ".": r"^[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+$",
    ",": r"^[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+$",
}
"""Numbers with a thousands separator that can mean one thing only, by decimal mark: the mark stands right of it."""


def read_numbers(values: pa.Array, field: str, mark: str | None, inspection: Inspection) -> Floats:
    """Return the numbers, shape (n,), NaN where there is none; rows with something unreadable are quarantined.

    Parameters
    ----------
    values
        Text or any numeric type.
    field
        For the complaint.
    mark
        The decimal mark, ``"."`` or ``","``. A thousands separator is read where the mark stands right of it
        (``1,234.50``, or ``1.234,50`` with ``","``); without one the number is refused, since ``1,234`` could mean
        two. So could ``1.234``, and it is refused where nothing shows the file's mark (None).
    """
    if not is_text(values.type):
        numbers = _floats(values.cast(pa.float64(), safe=False))
        _refuse_infinite(numbers, values, field, inspection)
        return numbers
    text, decimal = as_text(values), mark or "."
    if mark is None:
        reason = 'is 1234 or 1.234: set decimal = "," or decimal = "." in the mapping'
        inspection.reject(flags(pc.match_substring_regex(text, _EITHER)), field, reason, text)
    pointed = _with_point(text) if decimal == "," else text
    try:
        numbers = _floats(pointed.cast(pa.float64()))
    except pa.ArrowInvalid:
        numbers = _sorted_out(text, pointed, field, decimal, inspection)
    _refuse_infinite(numbers, text, field, inspection)
    return numbers


def with_points(values: pa.Array) -> pa.Array:
    """Return a column of a file with decimal commas, its numbers written plainly: ``1.249,50`` becomes ``1249.50``.

    Other texts, and columns that are no text, stay as they are.
    """
    if not is_text(values.type):
        return values
    text = pc.utf8_trim_whitespace(values)
    bare = pc.replace_substring(pc.replace_substring(text, ".", ""), ",", ".")
    return pc.if_else(pc.match_substring_regex(text, _COMMA_NUMBER), bare, values)


def _sorted_out(text: pa.Array, pointed: pa.Array, field: str, decimal: str, inspection: Inspection) -> Floats:
    """Read what can mean one number only and quarantine the rest with the reason that fits."""
    pointed = _without_separators(text, pointed, decimal)
    plain = pc.match_substring_regex(pointed, _PLAIN)
    unread = ~flags(plain) & flags(pc.is_valid(text))
    grouped = unread & flags(pc.match_substring_regex(text, _GROUPED))
    comma = unread & flags(pc.match_substring_regex(text, _COMMA)) & (decimal == ".")
    # 1,234 may be either; the message names both readings
    inspection.reject(
        comma, field, 'has a comma: write 1234.50, or set decimal = "," in the mapping if it is a decimal comma', text
    )
    inspection.reject(grouped, field, f"has a thousands separator: write 1234{decimal}50", text)
    inspection.reject(unread, field, "is not a number", text)
    return _floats(pc.if_else(plain, pointed, pa.scalar(None, pa.string())).cast(pa.float64()))


def _with_point(text: pa.Array) -> pa.Array:
    """Read a decimal comma; a point left of it would be a thousands separator and stays, so that it is refused."""
    pointed = pc.match_substring(text, ".")
    swapped = pc.replace_substring(text, pattern=",", replacement=".", max_replacements=1)
    return pc.if_else(pointed, pc.binary_join_element_wise(text, "?", ""), swapped)


def _without_separators(text: pa.Array, pointed: pa.Array, decimal: str) -> pa.Array:
    """Return `pointed` with the numbers that have a thousands separator left of their decimal mark written plainly."""
    separator = "," if decimal == "." else "."
    bare = pc.replace_substring(pc.replace_substring(text, separator, ""), decimal, ".")
    return pc.if_else(pc.match_substring_regex(text, _BOTH_MARKS[decimal]), bare, pointed)


def _refuse_infinite(numbers: Floats, values: pa.Array, field: str, inspection: Inspection) -> None:
    odd = ~np.isfinite(numbers) & flags(pc.is_valid(values))
    if pa.types.is_floating(values.type):
        odd &= ~np.isnan(numbers)  # NaN is how data frames write a missing number
    inspection.reject(odd, field, "is not a number", values)


def _floats(values: pa.Array) -> Floats:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def is_text(kind: pa.DataType) -> bool:
    """Say whether a column holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def too_large(*factors: Floats) -> Mask:
    """Say which rows hold a factor or a product too large to be counted exactly, shape (n,)."""
    product = np.abs(np.prod(np.nan_to_num(np.stack(factors)), axis=0))
    single = np.max(np.abs(np.nan_to_num(np.stack(factors))), axis=0)
    return np.asarray((product >= _LARGEST) | (single >= _LARGEST))


def minor_units(quantity: Floats, price: Floats, exponent: int) -> Integers:
    """Return round-half-even(quantity × price) in minor units of a currency with `exponent` places, shape (n,).

    Exact where both have at most four decimal places; beyond that the float64 product is rounded. NaN gives 0.
    """
    exact = _half_even(_scaled(quantity) * _scaled(price), 10 ** (2 * _PLACES - exponent))
    longer = _longer(quantity) | _longer(price)
    if not longer.any():
        return exact
    product = np.where(too_large(quantity, price), 0.0, np.nan_to_num(quantity) * np.nan_to_num(price))
    return np.where(longer, np.rint(product * 10**exponent).astype(np.int64), exact)


def money_minor(money: Floats, exponent: int) -> Integers:
    """Return an amount of money in minor units, rounded half to even, shape (n,); NaN gives 0."""
    return _half_even(_scaled(money), 10 ** (_PLACES - exponent))


def _scaled(numbers: Floats) -> Integers:
    safe = np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)
    return np.rint(np.where(np.abs(safe) < _LARGEST, safe, 0.0) * _SCALE).astype(np.int64)


def _longer(numbers: Floats) -> Mask:
    """Say which numbers have more than four decimal places, shape (n,)."""
    scaled = np.nan_to_num(numbers, posinf=0.0, neginf=0.0) * _SCALE
    return np.asarray(np.abs(scaled - np.rint(scaled)) > 1e-7 * np.maximum(np.abs(scaled), 1.0))


def _half_even(numerator: Integers, denominator: int) -> Integers:
    quotient, rest = np.divmod(numerator, denominator)
    twice = 2 * rest
    up = (twice > denominator) | ((twice == denominator) & (quotient % 2 == 1))
    return np.asarray(quotient + up, dtype=np.int64)
