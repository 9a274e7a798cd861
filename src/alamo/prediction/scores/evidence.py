"""What one column says about a target: alone, beyond what others say, and where it leaves no room for chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtri

from alamo.numerics.laws import poisson_share
from alamo.prediction.scores.coding import LevelMeans, NumberBins
from alamo.prediction.scores.columns import ColumnReader, Values

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

_NEWTON_STEPS = 6
_PRIOR_PRECISION = 1.0
_TREND_STEPS = 25


@dataclass(frozen=True, slots=True)
class Purity:
    """When a region counts as pure: (seen + `plus`) ≤ `limit` · expected, with at least `least` rows expected."""

    plus: float
    limit: float
    least: float

    def holds(self, seen: Floats | float, expected: Floats | float) -> Any:
        """Say whether regions are pure, elementwise."""
        return (np.asarray(seen) + self.plus <= self.limit * np.asarray(expected)) & (
            np.asarray(expected) >= self.least
        )


STRICT = Purity(plus=1.0, limit=0.03, least=1.0)
SINGLE = Purity(plus=1.0, limit=0.01, least=1.0)
"""Pure enough where no trend can be told: one value against the rest."""
NEARLY = Purity(plus=0.0, limit=0.035, least=25.0)
"""Pure enough where the column also rivals all others."""


@dataclass(frozen=True, slots=True)
class Coded:
    """One column in fine bins.

    Attributes
    ----------
    codes
        Bin of each row, shape (n,); the last bin is "missing".
    size
        Number of bins.
    ordered
        Whether neighbouring bins are neighbouring values.
    """

    codes: Codes
    size: int
    ordered: bool

    @classmethod
    def of(cls, reader: ColumnReader, values: Values) -> Coded:
        """Return the column `values` (n,) in bins."""
        if reader.kind == "level":
            return cls(values.astype(np.int32), len(reader.levels) + 2, ordered=False)
        bins = NumberBins.fit(values)
        return cls(bins.codes(values), len(bins.edges) + 2, ordered=True)

    @property
    def absent(self) -> Flags:
        """Which rows lack a value, shape (n,)."""
        return np.asarray(self.codes == self.size - 1)


@dataclass(frozen=True, slots=True)
class Pocket:
    """Rows of a column's values in which the target (nearly) never, or always, holds.

    Attributes
    ----------
    rows
        Which rows, shape (n,).
    always
        Whether the target always holds there rather than never.
    seen, expected
        Rows against the rule, and how many there were to be if the column said nothing.
    where
        ``"low"``, ``"high"``, ``"missing"`` or ``"value"``.
    """

    rows: Flags
    always: bool
    seen: float
    expected: float
    where: str

    def is_pure(self, purity: Purity) -> bool:
        """Say whether the region is as pure as that."""
        return bool(purity.holds(self.seen, self.expected))


def alone(column: Coded, target: Floats, folds: Codes) -> Floats:
    """Return out-of-fold log-odds of the target by this column alone, shape (n,); `folds` in 0 … 4."""
    return LevelMeans.held_out(column.codes, target, column.size, folds)


def explained(log_odds: Floats, target: Floats) -> float:
    """Return the share of the target's deviance that log-odds (n,) explain (McFadden's R²)."""
    mean = float(target.mean())
    null = -(mean * np.log(mean) + (1.0 - mean) * np.log1p(-mean))
    return 1.0 - float(np.mean(np.logaddexp(0.0, log_odds) - target * log_odds)) / null


def beyond(column: Coded, base: Floats, target: Floats, folds: Codes) -> float:
    """Return what share of the deviance a column explains beyond log-odds `base` (n,), out of fold.

    Each bin shifts the log-odds by an amount fitted on the other folds, with a standard normal prior.
    """
    shifted = base.copy()
    for k in np.unique(folds):
        train, test = folds != k, folds == k
        shift = np.zeros(column.size)
        codes, z, y = column.codes[train], base[train], target[train]
        for _ in range(_NEWTON_STEPS):
            p = expit(z + shift[codes])
            slope = np.bincount(codes, y - p, column.size) - _PRIOR_PRECISION * shift
            curve = np.bincount(codes, p * (1.0 - p), column.size) + _PRIOR_PRECISION
            shift += np.clip(slope / curve, -2.0, 2.0)
        shifted[test] += shift[column.codes[test]]
    return explained(shifted, target) - explained(base, target)


def pocket(column: Coded, target: Floats, p: Floats, purity: Purity) -> Pocket | None:
    """Return the largest pure region of a column: an end of an ordered one, one value, or "missing"; None without one.

    Parameters
    ----------
    p
        Probability of the target if the column said nothing, shape (n,): the base rate, or what other columns say.
    purity
        When a region counts as pure.
    """
    best: Pocket | None = None
    for always in (False, True):
        against = 1.0 - target if always else target
        due = 1.0 - p if always else p
        seen = np.bincount(column.codes, against, column.size).astype(np.float64)
        expected = np.bincount(column.codes, due, column.size).astype(np.float64)
        for where, bins in _regions(column, seen, expected, purity):
            found = Pocket(bins[column.codes], always, float(seen[bins].sum()), float(expected[bins].sum()), where)
            if found.is_pure(purity) and (best is None or found.expected > best.expected):
                best = found
    return best


def _regions(column: Coded, seen: Floats, expected: Floats, purity: Purity) -> list[tuple[str, Flags]]:
    """Return candidate regions as flags of bins: the longest pure run from each end, and each bin alone."""
    found: list[tuple[str, Flags]] = []
    places = np.arange(column.size)
    single = purity.holds(seen, expected)
    for b in np.flatnonzero(single):
        found.append(("missing" if b == column.size - 1 else "value", places == b))
    if column.ordered and column.size > 2:
        values = column.size - 1
        for where, order in (("low", np.arange(values)), ("high", np.arange(values)[::-1])):
            pure = np.flatnonzero(purity.holds(np.cumsum(seen[order]), np.cumsum(expected[order])))
            if len(pure):
                found.append((where, np.isin(places, order[: pure[-1] + 1])))
    return found


def within(found: Pocket, target: Floats, p: Floats) -> Pocket:
    """Return the same region judged against other probabilities `p` (n,)."""
    due = 1.0 - p if found.always else p
    return Pocket(found.rows, found.always, found.seen, float(due[found.rows].sum()), found.where)


def is_single(column: Coded, found: Pocket) -> bool:
    """Say whether a region, or what is left beside it, is one value: then it has no trend to be judged by."""
    inside = len(np.unique(column.codes[found.rows]))
    outside = len(np.unique(column.codes[~found.rows & ~column.absent]))
    return not column.ordered or found.where in ("value", "missing") or min(inside, outside) <= 1


def trend_p_value(column: Coded, found: Pocket, base: Floats, target: Floats) -> float:
    """Return the chance of so few rows against the rule if the column's own smooth trend simply went on to its end.

    The trend is a parabola in the normal score of the value, beside log-odds `base` (n,) and a shift where it is
    missing. A strong honest column empties its ends just as its trend says; what follows the outcome, beyond it. Every
    shorter end of the region is looked at, too; the smallest chance counts, times their number (Bonferroni).
    """
    design = _trend_design(column)
    beta = np.zeros(design.shape[1])
    pull = 1e-2 * np.eye(len(beta))
    for _ in range(_TREND_STEPS):
        p = expit(base + design @ beta)
        curve = (design * (p * (1.0 - p))[:, None]).T @ design + pull
        step = np.linalg.solve(curve, design.T @ (target - p) - pull @ beta)
        step /= max(1.0, float(np.abs(step).max()) / 2.0)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-6:
            break
    p = expit(base + design @ beta)
    against, due = (1.0 - target, 1.0 - p) if found.always else (target, p)
    bins = np.unique(column.codes[found.rows])
    order = bins if found.where == "low" else bins[::-1]
    seen = np.cumsum(np.bincount(column.codes, against, column.size)[order])
    expected = np.cumsum(np.bincount(column.codes, due, column.size)[order])
    return min(1.0, len(order) * float(poisson_share(seen, expected).min()))


def _trend_design(column: Coded) -> Floats:
    counts = np.bincount(column.codes, minlength=column.size).astype(np.float64)
    counts[-1] = 0.0
    middle = (np.cumsum(counts) - 0.5 * counts) / max(float(counts.sum()), 1.0)
    score = ndtri(np.clip(middle, 1e-4, 1.0 - 1e-4))
    score[-1] = 0.0
    x = score[column.codes]
    return np.column_stack([np.ones_like(x), column.absent.astype(np.float64), x, x**2])
