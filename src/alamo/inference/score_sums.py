"""Scores of one action against control from cell sums alone, without a row: Γ(a) − Γ(none) by segment.

With a constant chance of every arm and an outcome model that is constant in a cell, everything about the scores follows
from n, mean and squares of the arm's outcomes there. Two such models: the arm's mean over everybody (the difference in
means), and the arm's mean in the segment, *leaving the row itself out* (post-stratification; cross-fitted with as many
folds as rows, so that a thin cell does not look surer than it is). With ȳ the mean of a cell, e = y − ȳ and p the
chance of its arm, the score of a row that drew the arm is ȳ + e/p with the first model and ȳ + e·(m/p − 1)/(m − 1) with
the second, m the rows of the cell.

Source: Robins, Rotnitzky & Zhao (1994) for the score; Miratrix, Sekhon & Yu (2013), JRSS B 75(2), for
post-stratification.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.inference.segment_effects import SegmentSums
from alamo.numerics.cell_sums import CellSums
from alamo.numerics.doubly_robust import ScoreMean, variance_by_cell

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmGrid:
    """The cells of one outcome: arms × segments.

    Attributes
    ----------
    cells
        Outcome before cost, arm by arm: cell (arm, segment) at ``arm * n_segments + segment``.
    p
        Chance of each arm, control first, shape (n_arms,).
    cost
        Taken off the outcome of each arm, shape (n_arms,).
    """

    cells: CellSums
    p: Floats
    cost: Floats

    @property
    def size(self) -> Floats:
        """Rows of each segment, shape (n_segments,)."""
        size: Floats = self.cells.n.reshape(len(self.p), -1).sum(axis=0)
        return size

    def arm(self, arm: int) -> CellSums:
        """Return the cells of one arm, means net of cost; what else they count is of the outcome before it."""
        k = len(self.cells) // len(self.p)
        own = self.cells.take(np.arange(arm * k, (arm + 1) * k))
        return replace(own, mean=np.where(own.n > 0.0, own.mean - self.cost[arm], 0.0))

    def everybody(self, arm: int) -> CellSums:
        """Return `arm` with the segments merged, one cell."""
        return _of_everybody(self.arm(arm))


@dataclass(frozen=True, slots=True)
class ScoreSums:
    """What the scores of one comparison add up to, by segment, shapes (k,).

    Attributes
    ----------
    size
        Rows, whatever they drew.
    n_action, n_control
        Rows that drew the action, or none.
    effect
        Mean score.
    within
        Sum of squares of the scores about the segment's mean.
    residual
        Sum of (Y − μ)² over the rows of both compared arms.
    level
        μ under control.
    nonzero
        Non-zero outcomes (before cost) of both compared arms.
    p_action, p_control
        Chance of each, the same in every row.
    """

    size: Floats
    n_action: Floats
    n_control: Floats
    effect: Floats
    within: Floats
    residual: Floats
    level: Floats
    nonzero: Floats
    p_action: float
    p_control: float

    @classmethod
    def of(cls, grid: ArmGrid, arm: int, *, by_segment: bool) -> ScoreSums:
        """Return the sums of the scores of `arm` (index; control is 0); `by_segment` chooses the outcome model."""
        action, control = grid.arm(arm), grid.arm(0)
        if not by_segment:
            action, control = _of_everybody(action), _of_everybody(control)
        p_action, p_control = float(grid.p[arm]), float(grid.p[0])
        squares = _left_out if by_segment else _kept
        within, residual = (
            one + other for one, other in zip(squares(action, p_action), squares(control, p_control), strict=True)
        )
        return cls(
            size=grid.size if by_segment else grid.size.sum(keepdims=True),
            n_action=action.n,
            n_control=control.n,
            effect=_levels(action) - _levels(control),
            within=within,
            residual=residual,
            level=_levels(control),
            nonzero=action.nonzero + control.nonzero,
            p_action=p_action,
            p_control=p_control,
        )

    @property
    def baseline(self) -> float:
        """Mean outcome under control."""
        return float(self.size @ self.level / self.size.sum())

    @property
    def scatter(self) -> float:
        """Sum of squares of the scores about their mean."""
        return float((self.within + self.size * (self.effect - self._mean) ** 2).sum())

    @property
    def mean(self) -> ScoreMean:
        """Mean score with its standard error over rows."""
        n = int(self.size.sum())
        variance = self.scatter / (n - 1)
        return ScoreMean(self._mean, float(np.sqrt(variance / n)), n, variance)

    @property
    def floor(self) -> float:
        """Floor under the variance of a score; see `alamo.numerics.confidence_sequence.residual_floor`."""
        return float(self.residual.sum() / (self.n_action + self.n_control).sum()) * self._inverse

    def segments(self, names: tuple[str, ...]) -> SegmentSums:
        """Return what the segments hand over to be shrunk; their variance is drawn towards that of all."""
        expected = self._inverse * variance_by_cell(self.residual, self.n_action + self.n_control, self.nonzero)
        n = self.size.sum()
        typical = float(self.size @ expected / n)
        factor = self.scatter / n / typical if typical > 0.0 else 0.0
        return SegmentSums(
            names=names,
            n_action=self.n_action,
            n_control=self.n_control,
            size=self.size,
            score=self.size * self.effect,
            variance=self.size * expected * factor,
            covariates=np.zeros((len(names), 0)),
        )

    @property
    def _mean(self) -> float:
        return float(self.size @ self.effect / self.size.sum())

    @property
    def _inverse(self) -> float:
        return 1.0 / self.p_action + 1.0 / self.p_control


def _of_everybody(cells: CellSums) -> CellSums:
    return cells.grouped(np.zeros(len(cells), dtype=np.int64), 1)


def _levels(cells: CellSums) -> Floats:
    """Return the mean of each cell; an empty one has that of all of them."""
    return np.where(cells.n > 0.0, cells.mean, _of_everybody(cells).mean)


def _kept(cells: CellSums, p: float) -> tuple[Floats, Floats]:
    """Return the squares of the scores and of the residuals of one arm where every row counts in its own mean."""
    return cells.scatter / p**2, cells.scatter


def _left_out(cells: CellSums, p: float) -> tuple[Floats, Floats]:
    """Return them where no row counts in its own mean."""
    others = np.maximum(cells.n - 1.0, 1.0)
    return cells.scatter * ((cells.n / p - 1.0) / others) ** 2, cells.scatter * (cells.n / others) ** 2
