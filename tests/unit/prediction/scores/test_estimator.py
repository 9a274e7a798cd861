"""The estimator keeps scikit-learn's habits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from tests.unit.prediction.scores.samples import honest_columns, table_of

from alamo.domain.errors import StateError, UsageError
from alamo.prediction.scores import ScoreClassifier


def test_it_is_clonable_and_gives_probabilities_of_the_classes_it_was_given():
    columns, y, _ = honest_columns(800, 0.4, np.random.default_rng(1), strength=1.0)
    table, words = table_of(columns), np.where(y > 0, "stays", "goes")
    first = ScoreClassifier(folds=2, seed=3)
    twin = clone(first)
    assert twin.get_params() == {"folds": 2, "seed": 3}
    fitted = first.fit(table, words)
    assert fitted.classes_.tolist() == ["goes", "stays"]
    p = fitted.predict_proba(table)
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert (fitted.predict(table) == words).mean() > 0.7
    assert (twin.fit(table, words).predict_proba(table) == p).all()
    parts = fitted.explain(table)
    assert parts.base + parts.parts.sum(axis=1) + parts.calibration == pytest.approx(np.log(p[:, 1] / p[:, 0]))
    alone = fitted.predict_proba(table.slice(5, 1))
    assert (alone == p[5:6]).all()


def test_what_cannot_be_fitted_is_a_mistake():
    x = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(UsageError, match="3 values"):
        ScoreClassifier().fit(x, np.arange(100) % 3)
    with pytest.raises(UsageError, match="0 usable columns"):
        ScoreClassifier().fit(np.ones((100, 1)), np.arange(100) % 2)
    with pytest.raises(UsageError, match="no parameter"):
        ScoreClassifier().set_params(depth=3)
    with pytest.raises(StateError):
        ScoreClassifier().predict(x)
