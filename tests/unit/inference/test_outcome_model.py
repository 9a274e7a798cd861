"""The outcome model of long files learns from a part of their rows, and never from the fold it is used on."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.inference.outcome_model import OutcomeRows, cross_fitted


class Counting:
    """An outcome model that predicts the mean of what it was shown, and remembers how much that was."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def fit(self, features, outcome, weight=None):
        self.shown.append(len(outcome))
        self.mean = float(np.mean(outcome))
        return self

    def fit_parts(self, features, parts):
        return (self.fit(features[rows], outcome) for rows, outcome in parts)

    def predict(self, features):
        return np.full(len(features), self.mean)


@pytest.fixture
def rows():
    rng = np.random.default_rng(5)
    return OutcomeRows(rng.normal(size=(1000, 2)), np.zeros(1000), rng.integers(0, 2, 1000), np.repeat([0.0, 1.0], 500))


def test_at_most_so_many_rows_teach_a_model_and_all_are_predicted(rows):
    folds, learner = np.tile(np.arange(5), 200), Counting()
    mu = cross_fitted(rows, folds, 2, learner, 300)
    assert learner.shown == [300] * 5
    assert mu.shape == (1000, 2)
    assert np.abs(mu - 0.5).max() < 0.12  # four standard errors of a mean of 300 halves


def test_a_short_file_teaches_with_all_rows_of_the_other_folds(rows):
    folds, learner = np.tile(np.arange(5), 200), Counting()
    assert np.array_equal(cross_fitted(rows, folds, 2, learner, 5000), cross_fitted(rows, folds, 2, Counting()))
    assert learner.shown == [800] * 5


def test_a_part_never_holds_a_row_of_the_fold_it_predicts(rows):
    own = OutcomeRows(rows.features, rows.prior, rows.arm, np.repeat([0.0, 1.0], 500))
    mu = cross_fitted(own, np.repeat([0, 1], 500), 2, Counting(), 100)
    assert (mu[:500] == 1.0).all()
    assert (mu[500:] == 0.0).all()
