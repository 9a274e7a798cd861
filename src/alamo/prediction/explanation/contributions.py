"""What each column adds to a row's predicted effect: interventional Shapley values, by sampling orders of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.prediction.explanation.mixing import Effect, mixed

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


_MOST_ROWS = 200_000
"""Rows of mixed columns that stand in memory at a time."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """Parts of predicted effects; `base` plus all parts of a row are its effect.

    Attributes
    ----------
    actions, columns
        What the last axes run over.
    base
        Mean effect of the background rows, shape (k,).
    effect
        Shape (n, k).
    parts
        What each column adds, shape (n, d, k).
    """

    actions: tuple[str, ...]
    columns: tuple[str, ...]
    base: Floats
    effect: Floats
    parts: Floats

    def mean_absolute(self) -> Floats:
        """Return the mean size of each column's part, shape (d, k)."""
        if not len(self.parts):
            return np.zeros(self.parts.shape[1:])
        return np.asarray(np.abs(self.parts).mean(axis=0), dtype=np.float64)

    def table(self, beside: Mapping[str, Any]) -> pa.Table:
        """Return one row per row and action, action by action.

        Parameters
        ----------
        beside
            Further columns that name the rows, n entries each; they come first.

        Notes
        -----
        Columns: those of `beside`, ``action``, ``effect``, ``base`` and a ``part:…`` per column.
        """
        blocks = []
        for j, action in enumerate(self.actions):
            n = len(self.effect)
            columns: dict[str, Any] = dict(beside)
            columns |= {"action": pa.repeat(action, n), "effect": self.effect[:, j], "base": np.full(n, self.base[j])}
            columns |= {f"part:{name}": self.parts[:, i, j] for i, name in enumerate(self.columns)}
            blocks.append(pa.table(columns))
        return pa.concat_tables(blocks) if blocks else pa.table(dict(beside)).slice(0, 0)


def contributions(
    effect: Effect, rows: pa.Table, background: pa.Table, actions: Sequence[str], rng: np.random.Generator
) -> Contributions:
    """Return what each column adds to the effects of `rows`, against rows of `background`.

    With v(S) the mean effect over the background when the columns S are the row's own and the others the background
    row's, a column's part is its Shapley value. For every background row one order of the columns is drawn (every
    second is the first in reverse) and the columns change hands one after the other: the steps add up to the row's
    effect less the background row's, whatever the order, so parts are additive exactly. Where columns do not interact
    (a linear effect) every order gives the same steps and the values are exact; else their error falls with the root of
    the number of background rows.

    Parameters
    ----------
    effect
        From a table of columns to effects, shape (n, k).
    rows, background
        The columns that `effect` looks at; each column is one player, whatever it is encoded into.
    actions
        Names of the k actions.
    rng
        Draws the orders.

    Assumes nothing of the model. Not supported: causes; columns that go together share what either could say.

    Source: Štrumbelj & Kononenko (2014), "Explaining prediction models and individual predictions with feature
    contributions", Knowl. Inf. Syst. 41, alg. 1; Lundberg & Lee (2017), NeurIPS, §3; Janzing, Minorics & Blöbaum
    (2020), AISTATS, on why columns not in S keep the background's distribution (interventional).
    """
    columns = tuple(rows.column_names)
    n, d, m = rows.num_rows, len(columns), background.num_rows
    orders = [rng.permutation(d) for _ in range((m + 1) // 2)]
    orders = [order for drawn in orders for order in (drawn, drawn[::-1])][:m]
    whole, other = effect(rows), effect(background)
    parts = np.zeros((n, d, len(actions)))
    size = max(_MOST_ROWS // max(d - 1, 1), 1)
    for start in range(0, n, size):
        block = slice(start, start + size)
        both = pa.concat_tables([rows.slice(start, size), background])
        parts[block] = _sum_of_steps(effect, both, (whole[block], other), orders)
    return Contributions(tuple(actions), columns, other.mean(axis=0), whole, parts / max(m, 1))


def _sum_of_steps(effect: Effect, both: pa.Table, ends: tuple[Floats, Floats], orders: Sequence[Integers]) -> Floats:
    """Return the sum over background rows, the last of `both`, of what each column's change of hands adds, (n, d, k).

    `ends` holds the effects of the rows, (n, k), and of the background rows, (m, k).
    """
    columns, (whole, other) = tuple(both.column_names), ends
    n, k, d = *whole.shape, len(columns)
    parts = np.zeros((n, d, k))
    for b, order in enumerate(orders):
        steps = np.empty((d + 1, n, k))
        steps[0], steps[-1] = other[b], whole
        if d > 1:
            steps[1:-1] = effect(mixed(both, _exchange(columns, order, n, n + b))).reshape(d - 1, n, k)
        parts[:, order] += np.moveaxis(np.diff(steps, axis=0), 0, 1)
    return parts


def _exchange(columns: Sequence[str], order: Integers, n: int, partner: int) -> dict[str, Integers]:
    """Return the rows that columns are taken from when the first 1, 2 … d − 1 of `order` are a row's own."""
    place = np.argsort(order)
    own, step = np.arange(n), np.repeat(np.arange(1, len(order)), n)
    return {
        name: np.where(place[j] < step, np.tile(own, len(order) - 1), partner).astype(np.int64)
        for j, name in enumerate(columns)
    }
