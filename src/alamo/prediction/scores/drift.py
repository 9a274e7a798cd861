"""Whether yesterday's rows describe tomorrow's: forward folds beside random ones, and how far columns have moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.prediction.scores.columns import ColumnReader, Values
from alamo.prediction.scores.evidence import Coded
from alamo.prediction.scores.figures import Figures, Interval

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LARGE_SHIFT = 0.25
_SURE_Z = 4.0
_MISCALIBRATED = 0.05


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a column's latest rows are from the earlier ones (population stability index)."""

    column: str
    psi: float

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as it stands in ``--json``."""
        return {"column": self.column, "psi": self.psi}


@dataclass(frozen=True, slots=True)
class Drift:
    """What time changes.

    Attributes
    ----------
    warning
        Whether figures of random folds are not to be trusted for what comes next.
    messages
        Why, one sentence each.
    columns
        Largest shift first.
    """

    warning: bool
    messages: tuple[str, ...]
    base_rate_earlier: float
    base_rate_latest: float
    columns: tuple[Shift, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return the object as it stands in ``--json``."""
        return {
            "warning": self.warning,
            "messages": list(self.messages),
            "base_rate_earlier": self.base_rate_earlier,
            "base_rate_latest": self.base_rate_latest,
            "columns": [shift.to_dict() for shift in self.columns],
        }


def stability_index(codes: npt.NDArray[np.int32], size: int, earlier: Integers, latest: Integers) -> float:
    """Return the population stability index of coded rows, less what chance alone gives; never below zero.

    Σ (a − b) ln(a / b) over the bins' shares a and b, half a row added to each; chance gives about
    (bins − 1)(1/n_a + 1/n_b).

    Source: Yurdakul & Naranjo (2020), "Statistical properties of the population stability index", §3.
    """
    a = np.bincount(codes[earlier], minlength=size) + 0.5
    b = np.bincount(codes[latest], minlength=size) + 0.5
    used = int(((a + b) > 1.0).sum())
    p, q = a / a.sum(), b / b.sum()
    chance = max(used - 1, 0) * (1.0 / max(len(earlier), 1) + 1.0 / max(len(latest), 1))
    return max(float(((p - q) * np.log(p / q)).sum()) - chance, 0.0)


def find_drift(
    readers: Sequence[ColumnReader],
    values: Sequence[Values],
    target: Floats,
    latest: tuple[Integers, Integers],
    judged: tuple[Figures, Figures | None, Interval | None],
) -> Drift:
    """Return what time changes.

    Parameters
    ----------
    latest
        Earlier rows, and rows of the last block.
    judged
        Pooled figures of random folds, of forward folds, and the interval of the latter's AUC.
    """
    before, last = latest
    shifts = []
    for reader, column in zip(readers, values, strict=True):
        coded = Coded.of(reader, column)
        shifts.append(Shift(reader.name, stability_index(coded.codes, coded.size, before, last)))
    shifts.sort(key=lambda shift: -shift.psi)
    then, now = float(target[before].mean()), float(target[last].mean())
    messages = [*_worse(*judged), *_rate(then, now, len(before), len(last)), *_moved(shifts)]
    return Drift(bool(messages), tuple(messages), then, now, tuple(shifts))


def _worse(random: Figures, forward: Figures | None, interval: Interval | None) -> list[str]:
    if forward is None:
        return []
    out = []
    if forward.auc is not None and random.auc is not None and interval is not None and interval[1] < random.auc:
        out.append(
            f"forward in time the AUC is {forward.auc:.3f}, against {random.auc:.3f} in random folds: "
            "expect the forward figure"
        )
    if forward.ece > max(_MISCALIBRATED, 3.0 * random.ece):
        out.append(f"forward in time probabilities are off by {forward.ece:.1%} on average: use ranks, or learn anew")
    return out


def _rate(then: float, now: float, n_then: int, n_now: int) -> list[str]:
    pooled = (then * n_then + now * n_now) / (n_then + n_now)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n_then + 1.0 / n_now))
    if error == 0.0 or abs(now - then) < _SURE_Z * error or abs(now - then) < 0.2 * max(then, 1e-9):
        return []
    return [f"the target moved from {then:.1%} of the earlier rows to {now:.1%} of the latest"]


def _moved(shifts: Sequence[Shift]) -> list[str]:
    large = [shift for shift in shifts if shift.psi > LARGE_SHIFT]
    if not large:
        return []
    named = ", ".join(f"{shift.column} ({shift.psi:.2f})" for shift in large[:5])
    more = f" and {len(large) - 5} more" if len(large) > 5 else ""
    return [f"columns whose values have moved (stability index above {LARGE_SHIFT}): {named}{more}"]
