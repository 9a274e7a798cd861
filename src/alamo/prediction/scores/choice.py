"""Which mixture of scorecard and trees, and how many trees: by the log-loss of rows the candidates had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.prediction.scores.calibration import log_loss

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_WEIGHTS = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, slots=True)
class Mixture:
    """A convex mixture of log-odds.

    Attributes
    ----------
    trees_weight
        0 is the scorecard alone, 1 the trees alone.
    stage
        Index of the number of trees.
    """

    trees_weight: float
    stage: int

    def mix(self, scorecard: Floats, trees: Floats) -> Floats:
        """Return mixed log-odds (n,) of the scorecard's (n,) and the trees' by stage (n, stages)."""
        return (1.0 - self.trees_weight) * scorecard + self.trees_weight * trees[:, self.stage]


@dataclass(frozen=True, slots=True)
class Choice:
    """The mixture for each fold, chosen by the other folds, and the one chosen by all."""

    by_fold: tuple[Mixture, ...]
    final: Mixture
    losses: dict[str, float]


def choose(scorecard: Floats, trees: Floats, target: Floats, folds: Integers) -> Choice:
    """Choose mixtures from out-of-fold log-odds.

    Parameters
    ----------
    scorecard, trees
        Out-of-fold log-odds, shapes (n,) and (n, stages).
    target, folds
        0/1 and fold of each row, shape (n,).
    """
    candidates = [Mixture(0.0, 0)]
    candidates += [Mixture(float(w), s) for s in range(trees.shape[1]) for w in _WEIGHTS[1:]]
    numbers = np.unique(folds)
    loss = np.empty((len(candidates), len(numbers)))
    for b, k in enumerate(numbers):
        rows = folds == k
        own, grown, truth = scorecard[rows], trees[rows], target[rows]
        loss[:, b] = [log_loss(candidate.mix(own, grown), truth) * len(truth) for candidate in candidates]
    total = loss.sum(axis=1)
    others = total[:, None] - loss if len(numbers) > 1 else loss
    alone = [i for i, candidate in enumerate(candidates) if candidate.trees_weight == 1.0]
    return Choice(
        by_fold=tuple(candidates[int(i)] for i in others.argmin(axis=0)),
        final=candidates[int(total.argmin())],
        losses={
            "scorecard": float(total[0]) / len(target),
            "trees": float(total[alone].min()) / len(target),
            "mixture": float(total.min()) / len(target),
        },
    )
