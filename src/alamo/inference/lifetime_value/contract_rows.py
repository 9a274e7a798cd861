"""What the functions about contracts are given, checked: renewals, who left, ages, covariates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.domain.errors import InputError, UsageError

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_HELP = "See: python -c 'import alamo.inference.lifetime_value as l; help(l.fit_shifted_beta_geometric)'"


def contract_rows(periods: npt.ArrayLike, left: npt.ArrayLike) -> tuple[Codes, Flags]:
    """Return renewals and who left at the last of them, shape (n,) each.

    Raises
    ------
    InputError
        If a number of renewals is not a whole number from 1, or a `left` is neither true nor false, nor 1 or 0.
    UsageError
        If they are not one-dimensional and equally long.
    """
    seen, gone = whole_numbers(periods, "periods", least=1), np.asarray(left)
    if seen.ndim != 1 or gone.shape != seen.shape:
        raise unusable(f"periods has shape {seen.shape} and left {gone.shape}", "Give both once per customer.")
    return seen, _flags(gone)


def whole_numbers(values: npt.ArrayLike, name: str, *, least: int) -> Codes:
    """Return whole numbers of any shape.

    Raises
    ------
    InputError
        If one is not a whole number of at least `least`.
    """
    given = np.asarray(values)
    numbers = np.full(given.shape, np.nan) if given.dtype.kind not in "iuf" else given.astype(np.float64)
    bad = np.flatnonzero(~((numbers >= least) & (np.floor(numbers) == numbers) & (numbers < 2**31)))
    if len(bad):
        raise _bad_value(name, given, int(bad[0]), f"a whole number of at least {least}")
    return numbers.astype(np.int64)


def covariate_rows(covariates: npt.ArrayLike, names: Sequence[str], n_customers: int) -> Floats:
    """Return covariates as numbers, shape (n, d).

    Raises
    ------
    UsageError
        If they are no numbers, or not one row per customer and one column per name.
    """
    given = np.asarray(covariates)
    if given.dtype.kind not in "biuf":
        raise unusable("covariates are no numbers", "Write categories as columns of 0 and 1.")
    if given.shape != (n_customers, len(names)):
        wanted = f"({n_customers}, {len(names)})"
        raise unusable(
            f"covariates have shape {given.shape}, not {wanted}", "Give a row per customer and a column per name."
        )
    return given.astype(np.float64)


def unusable(complaint: str, cure: str) -> UsageError:
    """Return the error of a call whose arguments do not fit together."""
    return UsageError(complaint, hint=f"{cure} {_HELP}", code="lifetime.bad_contract_call")


def _flags(given: npt.NDArray[Any]) -> Flags:
    if given.dtype.kind == "b":
        return given
    if given.dtype.kind == "O":
        known = np.array([isinstance(value, bool | np.bool_) for value in given], dtype=np.bool_)
    elif given.dtype.kind in "iuf":
        known = (given == 0) | (given == 1)
    else:
        known = np.zeros(given.shape, dtype=np.bool_)
    if not known.all():
        raise _bad_value("left", given, int(np.argmin(known)), "true or false, or 1 or 0")
    return given.astype(np.bool_)


def _bad_value(name: str, given: npt.NDArray[Any], place: int, wanted: str) -> InputError:
    value = given.ravel()[place]
    return InputError(
        f"{name}, value {place + 1}: {str(value)!r} is not {wanted}",
        hint=f"Values are counted from 1. Correct it or leave that customer out. {_HELP}",
        code="lifetime.bad_contract_value",
        details={"column": name, "place": place + 1, "value": str(value)},
    )
