"""What bandits see of a customer: the columns the loop's own models see, as numbers a linear model can use.

Skewed amounts are logged, everything is standardised and clipped, texts become one indicator per frequent value, and a
few squares are added. Scales are those of the first cycle's customers and stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.features import FLAG_FEATURES, NUMERIC_FEATURES

Floats = npt.NDArray[np.float64]

_TEXTS = ("category_1", "category_2", "stage")
_SQUARED = ("recency_days", "purchase_days", "money", "repeat_money", "orders_365d", "margin_90d")
_CLIP = 4.0
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """Frozen scales: name → (median, mean, standard deviation), and the values of each text worth an indicator."""

    scales: dict[str, tuple[float, float, float]]
    values: dict[str, list[str]]

    @classmethod
    def of(cls, profiles: pa.Table) -> Encoder:
        """Take the scales from profiles or observations."""
        scales, values = {}, {}
        for name in NUMERIC_FEATURES:
            raw = _number(profiles, name)
            median = float(np.nanmedian(raw)) if np.isfinite(raw).any() else 0.0
            filled = np.where(np.isfinite(raw), raw, median)
            if filled.std() > 0:
                scales[name] = (median, float(filled.mean()), float(filled.std()))
        for name in _TEXTS:
            counts = pc.value_counts(profiles[name].drop_null()).to_pylist()
            least = _LEAST_SHARE * profiles.num_rows
            values[name] = sorted(str(entry["values"]) for entry in counts if entry["counts"] >= least)
        return cls(scales, values)

    def matrix(self, table: pa.Table, *, intercept: bool = True) -> Floats:
        """Return the features of each row, shape (n, d), the first column 1 if `intercept`."""
        columns = [np.ones(table.num_rows)] if intercept else []
        for name, (median, mean, sd) in self.scales.items():
            raw = _number(table, name)
            z = np.clip((np.where(np.isfinite(raw), raw, median) - mean) / sd, -_CLIP, _CLIP)
            columns += [z, z**2 - 1.0] if name in _SQUARED else [z]
        columns += [table[name].to_numpy().astype(np.float64) for name in FLAG_FEATURES]
        for name, known in self.values.items():
            columns += [np.asarray(pc.fill_null(pc.equal(table[name], value), False), dtype=float) for value in known]
        return np.column_stack(columns)


def _number(table: pa.Table, name: str) -> Floats:
    raw = np.asarray(pc.cast(table[name], pa.float64()).to_numpy(), dtype=np.float64)
    return np.asarray(np.sign(raw) * np.log1p(np.abs(raw)), dtype=np.float64)
