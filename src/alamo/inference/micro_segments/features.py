"""What segments may be cut by: columns of a profile, each with round cut points and the words for them.

A row goes right of a cut if its value is at least that, so every segment reads as "3 to 4 purchase days", "spent 500+".
Cut points are round, so that a refit meets the same ones and people can say them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

STAGE = "stage"
STAGES = ("prospect", "new", "active", "loyal", "at risk", "lapsed", "lost")
"""Lifecycle stages in the order of the profiles; the first cuts of every partition are between them."""
MONEY_IN = "money_in:"
SHARE_IN = "share_in:"

_DAYS = (7, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 545, 730)
_COUNTS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50)
_FEW = (1, 2, 3, 5, 8, 12)
_SHARES = (0.1, 0.25, 0.5, 0.75)
_FLAG = (1,)
_ROUND = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_QUANTILES = 12


@dataclass(frozen=True, slots=True)
class Feature:
    """One column to cut by.

    Attributes
    ----------
    name
        Of the feature; a column of the profiles, or computed from some.
    cuts
        Cut points, rising.
    """

    name: str
    cuts: tuple[float, ...]


_FIXED: dict[str, tuple[float, ...]] = {
    STAGE: tuple(range(1, len(STAGES))),
    "recency_days": _DAYS,
    "tenure_days": _DAYS,
    "purchase_days": _COUNTS,
    "orders_30d": _FEW,
    "orders_90d": _FEW,
    "categories": _COUNTS,
    "returns_365d": _FEW,
    "answered_last": _FLAG,
    "bought_on_discount": _FLAG,
}
_MONEYS = ("money", "money_per_day", "money_90d")


def features_of(profiles: pa.Table) -> tuple[Feature, ...]:
    """Return the features of PROFILES and their cut points; those that part nobody have none and are left out.

    Money is cut at round numbers near its twelfths; everything else at fixed points, as far as they lie inside.
    """
    values = feature_values(profiles, [*_FIXED, *_MONEYS, *_share_names(profiles)])
    found = []
    for name, column in values.items():
        cuts = _FIXED.get(name) or (_SHARES if name.startswith(SHARE_IN) else _round_quantiles(column))
        inside = tuple(float(cut) for cut in cuts if (column >= cut).any() and (column < cut).any())
        if inside:
            found.append(Feature(name, inside))
    return tuple(found)


def feature_values(profiles: pa.Table, names: Sequence[str]) -> dict[str, Floats]:
    """Return the values of features by name, shape (n,) each, without missing ones.

    No purchase yet reads as an endless silence; a category that the table does not hold, as nothing spent in it.
    """
    spent = {name: _column(profiles, name) for name in profiles.column_names if name.startswith(MONEY_IN)}
    total = np.maximum(np.sum([np.maximum(column, 0.0) for column in spent.values()], axis=0), 1e-9) if spent else 1.0
    computed: dict[str, Callable[[], Floats]] = {
        STAGE: lambda: np.asarray(pc.index_in(profiles[STAGE], value_set=pa.array(STAGES)), dtype=np.float64),
        "money_per_day": lambda: _column(profiles, "money") / np.maximum(_column(profiles, "purchase_days"), 1.0),
        "recency_days": lambda: _column(profiles, "recency_days", missing=np.inf),
    }
    found = {}
    for name in names:
        if name.startswith(SHARE_IN):
            column = spent.get(MONEY_IN + name.removeprefix(SHARE_IN))
            found[name] = np.zeros(profiles.num_rows) if column is None else np.maximum(column, 0.0) / total
        else:
            found[name] = computed[name]() if name in computed else _column(profiles, name)
    return found


def bins_of(profiles: pa.Table, features: Sequence[Feature]) -> Integers:
    """Return the bin of each row in each feature, shape (n, d): how many of its cut points the value has reached."""
    values = feature_values(profiles, [feature.name for feature in features])
    columns = [np.searchsorted(feature.cuts, values[feature.name], side="right") for feature in features]
    return np.column_stack(columns).astype(np.int64) if columns else np.zeros((profiles.num_rows, 0), np.int64)


def _column(profiles: pa.Table, name: str, missing: float = 0.0) -> Floats:
    column = profiles[name]
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(pc.fill_null(column.cast(pa.float64()), missing), dtype=np.float64)


def _share_names(profiles: pa.Table) -> list[str]:
    return [SHARE_IN + name.removeprefix(MONEY_IN) for name in profiles.column_names if name.startswith(MONEY_IN)]


def _round_quantiles(values: Floats) -> tuple[float, ...]:
    """Return round numbers near the twelfths of what is positive, rising."""
    positive = values[values > 0.0]
    if not len(positive):
        return ()
    near = np.quantile(positive, np.arange(1, _QUANTILES) / _QUANTILES)
    return tuple(sorted({_rounded(float(value)) for value in near}))


def _rounded(value: float) -> float:
    power = 10.0 ** np.floor(np.log10(value))
    digits = min((*_ROUND, 10.0), key=lambda digit: abs(np.log(value / (digit * power))))
    return float(np.round(digits * power, 10))
