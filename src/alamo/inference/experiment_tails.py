"""Heavy tails in an experiment file: how much the largest unit matters, and outcomes capped on request.

Nothing is capped unless asked for: a cap answers another question (the effect on the capped outcome), so the effect
without it stands beside, and so does what the cap removed.

Source: Kohavi, Tang & Xu (2020), "Trustworthy online controlled experiments", §22 (capping); Wilcox (2012),
"Introduction to robust estimation and hypothesis testing", §2.2.3 (winsorising).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.domain.reasons import Refusal
from alamo.inference.estimate import Estimate
from alamo.inference.experiment_outcome import Prepared
from alamo.inference.experiment_result import EffectRow, LargestUnit, WinsorisedRow
from alamo.inference.experiment_table import ExperimentRows
from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Caps:
    """Ends an outcome was capped at, how many rows that changed, and the share of the absolute total it took away."""

    lower: float
    upper: float
    rows: int
    share: float


def winsorised(data: Prepared, name: str) -> tuple[Prepared, Caps | None, tuple[Refusal, ...]]:
    """Return the rows with an outcome capped at `spec.winsorise`, or as they are where that is not asked or senseless.

    The upper end is that quantile over all arms together, so that it cannot favour one; outcomes that go below 0 are
    capped there as well.
    """
    share = data.spec.winsorise
    if share is None or name not in data.spec.outcomes:
        return data, None, ()
    values = data.rows.outcomes[name]
    if name in data.rows.ratios or ((values == values.min()) | (values == values.max())).all():
        what = "a ratio" if name in data.rows.ratios else "a flag"
        return data, None, (_not_capped(name, f"{what} is not capped", "name its parts, or outcomes with a tail"),)
    upper = float(np.quantile(values, share))
    lower = float(np.quantile(values, 1.0 - share)) if values.min() < 0.0 else float(values.min())
    if upper <= max(lower, 0.0):
        reason = f"more than {share:.4g} of the units have {upper:g}, so a cap would remove every other one"
        return data, None, (_not_capped(name, reason, "cap less: --winsorise 0.9999"),)
    capped = np.clip(values, lower, upper)
    changed = capped != values
    taken = float(np.abs(values - capped).sum() / np.abs(values).sum())
    rows = replace(data.rows, outcomes=data.rows.outcomes | {name: capped})
    return replace(data, rows=rows), Caps(lower, upper, int(changed.sum()), taken), ()


def winsorised_row(row: EffectRow, plain: EffectRow, caps: Caps) -> WinsorisedRow:
    """Return what capping did to one effect: `row` is with, `plain` without it."""
    return WinsorisedRow(
        action=row.action,
        outcome=row.outcome,
        lower_cap=caps.lower,
        upper_cap=caps.upper,
        units_capped=caps.rows,
        share_removed=caps.share,
        mean=row.mean,
        mean_uncapped=plain.mean,
        lower_uncapped=plain.lower,
        upper_uncapped=plain.upper,
    )


@dataclass(frozen=True, slots=True)
class Largest:
    """The unit with the largest outcome among two compared arms: its arm, its value, and its share of their total."""

    arm: str
    value: float
    share: float


def find_largest(rows: ExperimentRows, outcome: str, arm: int) -> tuple[Largest, Bools] | None:
    """Return the unit with the largest outcome (of a ratio: numerator) in an arm and control, and the
    rows of the others; None for flags."""
    values = np.abs(rows.outcomes[rows.ratios.get(outcome, (outcome,))[0]])
    compared = (rows.arm == arm) | (rows.arm == 0)
    if ((values == values.min()) | (values == values.max())).all():
        return None
    totals = sums_by(rows.unit, np.where(compared, values, 0.0), int(rows.unit.max()) + 1)
    largest = int(totals.argmax())
    inside = rows.unit == largest
    arm_of_largest = rows.arms[int(rows.arm[inside & compared][0])]
    return Largest(arm_of_largest, float(totals[largest]), float(totals[largest] / totals.sum())), ~inside


def largest_row(of: tuple[str, str], largest: Largest, without: Estimate) -> LargestUnit:
    """Return what the largest unit does to the effect `of` an action on an outcome."""
    return LargestUnit(*of, largest.arm, largest.value, largest.share, without.mean, without.lower, without.upper)


def _not_capped(name: str, reason: str, cure: str) -> Refusal:
    return Refusal(f"winsorising of {name!r}", reason, cure)
