"""The score model: one scorecard and one ensemble per fold, mixed and calibrated; new rows get the folds' mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.prediction.learners.classifier import STAGES, BoostedClassifier, BoostedClassifierLearner
from alamo.prediction.learners.scorecard import Scorecard, fit_scorecard
from alamo.prediction.scores.calibration import Calibration, Calibrator, calibrate
from alamo.prediction.scores.choice import Choice, Mixture, choose
from alamo.prediction.scores.coding import Coded, Coder
from alamo.prediction.scores.columns import ColumnReader, Values

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Explained:
    """A score taken apart; `base` plus the row's sum of `parts` plus `calibration` is `log_odds`.

    Attributes
    ----------
    log_odds, base, calibration
        Calibrated log-odds, what the mean row has, and what calibration moves, shape (n,).
    parts
        What each column adds, shape (n, d).
    """

    log_odds: Floats
    base: Floats
    parts: Floats
    calibration: Floats


@dataclass(frozen=True, slots=True)
class Member:
    """What was learnt without one fold."""

    coder: Coder
    scorecard: Scorecard
    trees: BoostedClassifier
    mixture: Mixture
    calibrator: Calibrator

    def log_odds(self, values: Sequence[Values]) -> Floats:
        """Return calibrated log-odds, shape (n,)."""
        coded = self.coder.transform(values)
        weight, stage = self.mixture.trees_weight, STAGES[self.mixture.stage]
        mixed = (1.0 - weight) * self.scorecard.log_odds(coded.codes)
        if weight:
            mixed = mixed + weight * self.trees.log_odds(coded.features, stage)
        return self.calibrator.apply(mixed)

    def explain(self, values: Sequence[Values]) -> Explained:
        """Return the parts of the log-odds: exact for the scorecard, TreeSHAP for the trees, mixed as they are."""
        coded = self.coder.transform(values)
        weight = self.mixture.trees_weight
        parts = (1.0 - weight) * self.scorecard.contributions(coded.codes)
        base = (1.0 - weight) * self.scorecard.base
        if weight:
            tree_base, tree_parts = self.trees.contributions(coded.features, STAGES[self.mixture.stage])
            parts, base = parts + weight * tree_parts, base + weight * tree_base
        raw = base + parts.sum(axis=1)
        calibrated = self.calibrator.apply(raw)
        return Explained(calibrated, np.full(len(raw), base), parts, calibrated - raw)


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """A fitted score.

    Attributes
    ----------
    readers
        Of the columns it learnt from.
    members
        One per fold.
    choice, calibration
        What was chosen, by what losses; `calibration.log_odds` are the training rows' own, by the member that had not
        seen them.
    folds
        Of the training rows, shape (n,).
    """

    readers: tuple[ColumnReader, ...]
    members: tuple[Member, ...]
    choice: Choice
    calibration: Calibration
    folds: Integers

    @property
    def held_out(self) -> Floats:
        """Calibrated log-odds of the training rows by a model that had not seen them, shape (n,)."""
        return self.calibration.log_odds

    def read(self, table: pa.Table) -> list[Values]:
        """Return the columns of a table as the model reads them."""
        return [reader.read(table) for reader in self.readers]

    def log_odds(self, values: Sequence[Values]) -> Floats:
        """Return the calibrated log-odds of new rows: the mean over the folds' models, shape (n,)."""
        return np.asarray(np.mean([member.log_odds(values) for member in self.members], axis=0))

    def explain(self, values: Sequence[Values], fold: Integers) -> Explained:
        """Return the parts of each row's score.

        Parameters
        ----------
        fold
            Member to use for each row, shape (n,); −1 is a new row, which gets the mean of all.
        """
        n, d = len(fold), len(self.readers)
        out = Explained(np.zeros(n), np.zeros(n), np.zeros((n, d)), np.zeros(n))
        for k, member in enumerate(self.members):
            rows = np.flatnonzero((fold == k) | (fold < 0))
            if not len(rows):
                continue
            found = member.explain([column[rows] for column in values])
            share = np.where(fold[rows] < 0, 1.0 / len(self.members), 1.0)
            out.log_odds[rows] += share * found.log_odds
            out.base[rows] += share * found.base
            out.parts[rows] += share[:, None] * found.parts
            out.calibration[rows] += share * found.calibration
        return out


def fit_score_model(
    readers: Sequence[ColumnReader], values: Sequence[Values], target: Floats, folds: Integers, rng: np.random.Generator
) -> ScoreModel:
    """Cross-fit scorecard and trees, choose their mixture, calibrate.

    Parameters
    ----------
    readers, values
        Columns, at least one, each (n,).
    target
        0 or 1, shape (n,); each fold's complement must hold both.
    folds
        0 … k − 1, shape (n,).
    """
    numbers = np.unique(folds)
    scorecards, ensembles, coders = [], [], []
    own, grown = np.zeros(len(target)), np.zeros((len(target), len(STAGES)))
    for k in numbers:
        train, test = np.flatnonzero(folds != k), np.flatnonzero(folds == k)
        coder, coded = Coder.fit(readers, [column[train] for column in values], target[train], rng)
        scorecard, trees = _fit_learners(coder, coded, target[train])
        away = coder.transform([column[test] for column in values])
        own[test], grown[test] = scorecard.log_odds(away.codes), trees.log_odds_by_stage(away.features)
        coders.append(coder)
        scorecards.append(scorecard)
        ensembles.append(trees)
    choice = choose(own, grown, target, folds)
    mixed = np.empty(len(target))
    for b, k in enumerate(numbers):
        rows = folds == k
        mixed[rows] = choice.by_fold[b].mix(own[rows], grown[rows])
    calibration = calibrate(mixed, target, folds)
    members = [
        Member(*parts) for parts in zip(coders, scorecards, ensembles, choice.by_fold, calibration.by_fold, strict=True)
    ]
    return ScoreModel(tuple(readers), tuple(members), choice, calibration, folds)


def _fit_learners(coder: Coder, coded: Coded, target: Floats) -> tuple[Scorecard, BoostedClassifier]:
    return fit_scorecard(coded.codes, target, coder.binned), BoostedClassifierLearner().fit(coded.features, target)
