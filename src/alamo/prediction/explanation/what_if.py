"""What if a column were another for everybody: the predicted effect along a column, and how far it is borne out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.folds import systematic_rows
from alamo.numerics.laws import t_exceeded
from alamo.numerics.normal import z_value
from alamo.prediction.explanation.grid import ColumnGrid
from alamo.prediction.explanation.mixing import Effect, ScoredRows

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Shape = Literal["rising", "falling", "flat", "mixed"]

_ENOUGH_ROWS = 1_000
"""Rows over which a curve is averaged: its error is the model's, not theirs."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The mean predicted effect when the column has one value for everybody.

    Attributes
    ----------
    value
        Of the column.
    effect, lower, upper
        Mean predicted effect and its interval; None where a refit has no effect.
    n
        Held-out rows whose own value is this one, or nearest to it.
    seen, seen_lower, seen_upper
        Mean doubly robust score of those rows: what was measured where the value is really found. None without rows.
    """

    value: Any
    effect: float
    lower: float | None
    upper: float | None
    n: int
    seen: float | None
    seen_lower: float | None
    seen_upper: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The predicted effect of an action along one column.

    Attributes
    ----------
    shape
        ``rising``, ``falling``, ``flat`` or ``mixed``; None for text, which has no order.
    change, change_lower, change_upper
        Effect at the last value less that at the first, and its interval; None for text, the interval also where a
        refit has no effect.
    points
        In the order of the values.
    """

    action: str
    column: str
    shape: Shape | None
    change: float | None
    change_lower: float | None
    change_upper: float | None
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A prediction and what it is judged by.

    Attributes
    ----------
    effect
        The prediction.
    refits
        The same fitted without one fold of units each; NaN where that left too few rows for an effect.
    held_out
        Rows that none of them saw.
    actions
        Names of the actions.
    level
        Of the intervals.
    """

    effect: Effect
    refits: tuple[Effect, ...]
    held_out: ScoredRows
    actions: tuple[str, ...]
    level: float = 0.95


def what_if(judged: Judged, column: str) -> tuple[Curve, ...]:
    """Return the partial dependence of each action's predicted effect on `column`, one curve per action.

    Intervals say how much the curve would move with other units to learn from: the models fitted without one fold each
    are a delete-a-group jackknife with K − 1 degrees of freedom. They hold no bias: what shrinkage has flattened stays
    flat. What was measured where a value is really found stands beside.

    Parameters
    ----------
    judged
        See `Judged`; with fewer than two refits there are no intervals (NaN).
    column
        A column that the prediction looks at; numbers take ten quantiles (all values, where there are at most twelve),
        text its twelve most frequent levels.

    Not supported: values that no such customer has (an old customer with a new account): the curve averages over them.

    Source: Friedman (2001), Ann. Statist. 29(5), §8.2 (partial dependence); Kott (2001), "The delete-a-group
    jackknife", J. Official Statistics 17(4), eq. 1.
    """
    table = judged.held_out.table
    grid = ColumnGrid.of(table.column(column))
    some = table.take(pa.array(systematic_rows(table.num_rows, _ENOUGH_ROWS)))
    found = _dependence(judged.effect, some, column, grid)
    others = [_dependence(refit, some, column, grid) for refit in judged.refits]
    found = found.reshape(len(grid), len(judged.actions))
    refits = np.array(others).reshape(len(others), *found.shape)
    return tuple(_curve(judged, column, grid, j, found[:, j], refits[..., j]) for j in range(len(judged.actions)))


def _dependence(effect: Effect, table: pa.Table, column: str, grid: ColumnGrid) -> Floats:
    """Return the mean effect at each value, shape (values, k)."""
    means = []
    for i in range(len(grid)):
        everybody = grid.values.take(pa.array(np.full(table.num_rows, i)))
        means.append(effect(table.set_column(table.column_names.index(column), column, everybody)).mean(axis=0))
    return np.array(means)


def _curve(judged: Judged, column: str, grid: ColumnGrid, j: int, effect: Floats, refits: Floats) -> Curve:
    half = jackknife_half_width(refits, judged.level).tolist()
    points = tuple(
        _point(judged, j, np.flatnonzero(grid.nearest == i), value, (mean, *_ends(mean, reach)))
        for i, (value, mean, reach) in enumerate(zip(grid.values.to_pylist(), effect.tolist(), half, strict=True))
    )
    action = judged.actions[j]
    if not grid.ordered or len(points) < 2:
        return Curve(action, column, None, None, None, None, points)
    change = float(effect[-1] - effect[0])
    reach = float(jackknife_half_width(refits[:, -1:] - refits[:, :1], judged.level)[0])
    return Curve(action, column, shape_of(effect), change, *_ends(change, reach), points)


def _ends(mean: float, half: float) -> tuple[float | None, float | None]:
    return (mean - half, mean + half) if np.isfinite(half) else (None, None)


def _point(
    judged: Judged, j: int, rows: Integers, value: Any, ends: tuple[float, float | None, float | None]
) -> CurvePoint:
    effect, lower, upper = ends
    if len(rows) < 2:
        return CurvePoint(value, effect, lower, upper, len(rows), None, None, None)
    seen = mean_by_group(judged.held_out.score[rows, j], judged.held_out.group[rows])
    reach = z_value(judged.level) * seen.se
    return CurvePoint(value, effect, lower, upper, len(rows), seen.mean, seen.mean - reach, seen.mean + reach)


def jackknife_half_width(refits: Floats, level: float) -> Floats:
    """Return the half width of intervals from estimates without one group each, shape (g,) of refits (K, g).

    NaN where an estimate is, or where there are fewer than two.
    """
    k = len(refits)
    if k < 2:
        return np.full(refits.shape[1], np.nan)
    variance = (k - 1) / k * ((refits - refits.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(t_exceeded(0.5 - 0.5 * level, k - 1) * np.sqrt(variance), dtype=np.float64)


def shape_of(effect: Floats) -> Shape:
    """Return how a curve runs; differences of a billionth of its size are none."""
    steps = np.diff(effect)
    nothing = 1e-9 * float(np.abs(effect).max(initial=0.0))
    up, down = bool((steps > nothing).any()), bool((steps < -nothing).any())
    if up and down:
        return "mixed"
    return "rising" if up else "falling" if down else "flat"
