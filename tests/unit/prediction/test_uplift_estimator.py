"""Uplift with scikit-learn's habits."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from alamo.domain.errors import StateError, UsageError
from alamo.prediction import UpliftRegressor
from alamo.prediction.analysis.estimator import as_table


def draw(n=1000, seed=3):
    """A matrix, arms 0 and 1, and an outcome that arm 1 raises by 2 where the first column is above 0."""
    rng = np.random.default_rng(seed)
    x, arm = rng.normal(size=(n, 3)), rng.integers(0, 2, n)
    return x, arm, (arm == 1) * 2.0 * (x[:, 0] > 0) + rng.normal(size=n)


def test_the_estimator_keeps_the_habits_of_its_kind():
    rng = np.random.default_rng(3)
    x, arm = rng.normal(size=(4000, 3)), rng.integers(0, 3, 4000)
    y = (arm == 1) * 2.0 * (x[:, 0] > 0) + rng.normal(size=4000)
    first = UpliftRegressor(learners=("tree",), seed=4)
    twin = clone(first)
    assert twin.get_params() == {"learners": ("tree",), "segments": "none", "propensity": None, "seed": 4}
    fitted = first.fit(x, y, treatment=arm)
    effects = fitted.predict(x)
    assert (fitted.actions_, effects.shape, fitted.n_features_in_) == (("1", "2"), (4000, 2), 3)
    assert np.corrcoef(effects[:, 0], x[:, 0] > 0)[0, 1] > 0.9
    assert (fitted.predict_sd(x) > 0.0).all()
    assert np.array_equal(twin.fit(x, y, treatment=arm).predict(x), effects)
    named = UpliftRegressor(segments=["x0"]).fit(pa.table({"x0": x[:, 0] > 0}), y, treatment=arm, control=2)
    assert named.actions_ == ("0", "1")
    with pytest.raises(StateError):
        UpliftRegressor().predict(x)
    with pytest.raises(UsageError, match="no parameter"):
        UpliftRegressor().set_params(depth=1)
    assert UpliftRegressor().set_params(seed=2).seed == 2


@pytest.mark.parametrize(
    ("kind", "control"), [(bool, False), (float, 0.0), (float, 0), (np.int8, 0), (str, "0"), (object, 0)]
)
def test_arms_of_any_type_have_a_control_of_the_same_type(kind, control):
    x, arm, y = draw()
    plain = UpliftRegressor(learners="ridge").fit(x, y, treatment=arm)
    for given in (None, control):
        fitted = UpliftRegressor(learners="ridge").fit(x, y, treatment=arm.astype(kind), control=given)
        assert len(fitted.actions_) == 1
        assert np.array_equal(fitted.predict(x[:9]), plain.predict(x[:9]))


def test_it_ends_a_pipeline():
    x, arm, y = draw()
    alone = UpliftRegressor(learners=["tree"]).fit(StandardScaler().fit_transform(x), y, treatment=arm)
    line = make_pipeline(StandardScaler(), UpliftRegressor(learners=["tree"]))
    line.fit(x, y, upliftregressor__treatment=arm)
    assert np.array_equal(line.predict(x), alone.predict(StandardScaler().fit_transform(x)))
    assert line.__sklearn_tags__().estimator_type == "regressor"
    assert clone(line).get_params()["upliftregressor__learners"] == ["tree"]


def test_the_index_of_pandas_is_no_feature():
    described = b'{"index_columns": ["__index_level_0__"], "columns": []}'
    table = pa.table({"a": [1.0, 2.0], "__index_level_0__": [7, 3]})
    assert as_table(table.replace_schema_metadata({b"pandas": described})).column_names == ["a"]
    ranged = b'{"index_columns": [{"kind": "range", "start": 0, "stop": 2, "step": 1}]}'
    assert as_table(table.replace_schema_metadata({b"pandas": ranged})).column_names == ["a", "__index_level_0__"]
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0]}, index=[7, 3])
    assert as_table(frame).column_names == ["a"]
    assert as_table(frame.rename_axis("customer")).column_names == ["a"]


@pytest.mark.parametrize(
    ("made", "fitted", "code"),
    [
        ({}, {"treatment": np.ones(1000)}, "uplift.one_arm"),
        ({}, {"control": 7}, "analyze.unknown_control"),
        ({}, {"control": "none"}, "analyze.unknown_control"),
        ({"learners": "ridgy"}, {}, "uplift.unknown_learner"),
        ({"segments": "some"}, {}, "uplift.unknown_choice"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(made, fitted, code):
    x, arm, y = draw()
    with pytest.raises(UsageError) as caught:
        UpliftRegressor(**made).fit(x, y, **{"treatment": arm, **fitted})
    assert caught.value.code == code
    assert caught.value.hint
