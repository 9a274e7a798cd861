"""What a column is worth to the prediction of effects, on rows that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.normal import z_value
from alamo.prediction.explanation.mixing import Effect, ScoredRows, one_replaced

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LossChange:
    """How much the doubly robust loss of an action's effects grows when a column is shuffled, with its interval."""

    action: str
    column: str
    mean: float
    lower: float
    upper: float


def loss_changes(
    effect: Effect,
    held_out: ScoredRows,
    actions: Sequence[str],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    repeats: int = 2,
) -> tuple[LossChange, ...]:
    """Return the growth of the mean of (score − effect)² when each column is shuffled over rows, largest first.

    Scores are unbiased for the effect given the row, so the expected growth is that of the squared error against the
    true effect. An interval that holds 0 says that these rows cannot tell what the column is worth.

    Parameters
    ----------
    effect, held_out, actions
        The prediction, rows it was not fitted on, and the names of its actions.
    rng
        Shuffles.
    level
        Of the intervals: normal, by group.
    repeats
        Shuffles of each column, averaged.

    Not supported: columns that go together each look dispensable; shuffled rows may be such as nobody is.

    Source: Breiman (2001), Machine Learning 45(1), §10; Fisher, Rudin & Dominici (2019), "All models are wrong, but
    many are useful", JMLR 20, eq. 3.5.
    """
    columns = held_out.table.column_names
    as_it_is = effect(held_out.table)
    z, found = z_value(level), []
    for column in columns:
        growth = np.zeros_like(held_out.score)
        for _ in range(repeats):
            shuffled = one_replaced(held_out.table, columns, column, rng.permutation(held_out.table.num_rows))
            without = effect(shuffled)
            growth += (without - as_it_is) * (without + as_it_is - 2.0 * held_out.score) / repeats
        for j, action in enumerate(actions):
            change = mean_by_group(growth[:, j], held_out.group)
            found.append(
                LossChange(action, column, change.mean, change.mean - z * change.se, change.mean + z * change.se)
            )
    return tuple(sorted(found, key=lambda row: -row.mean))
