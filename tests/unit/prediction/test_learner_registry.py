from __future__ import annotations

import json
import sys

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.prediction.test_analyze_uplift import experiment

from alamo.domain.errors import UsageError
from alamo.prediction import UpliftSpec, analyze_uplift
from alamo.prediction.learners import BUILT_IN, learner_named, learner_names, learners_named

CODE = """
from dataclasses import dataclass, field
import numpy as np
from alamo.prediction.learners import cross_fit_by_fold

@dataclass(frozen=True)
class Halves:
    values: tuple

    def predict(self, features):
        return np.where(features[:, 0] > 0.5, self.values[1], self.values[0])

    def to_dict(self):
        return {"values": list(self.values)}

@dataclass(frozen=True)
class HalvesLearner:
    name: str = "halves"
    view: str = "tree"

    def fit(self, features, score, weight):
        mean = float(weight @ score / weight.sum())
        if not features.shape[1]:
            return Halves((mean, mean))
        high = features[:, 0] > 0.5
        if high.all() or not high.any():
            return Halves((mean, mean))
        parts = [np.average(score[rows], weights=weight[rows]) for rows in (~high, high)]
        return Halves(tuple(float(part) for part in parts))

    def cross_fit(self, features, score, weight, folds):
        return cross_fit_by_fold(self, features, score, weight, folds)

    def read(self, state):
        return Halves(tuple(state["values"]))

class BadFit(HalvesLearner):
    def fit(self, features, score, weight):
        raise ZeroDivisionError("no rows at all")

class BadShape(HalvesLearner):
    def cross_fit(self, features, score, weight, folds):
        found = super().cross_fit(features, score, weight, folds)
        return type(found)(found.held_out[:, None], found.model)

class BadNumbers(HalvesLearner):
    def fit(self, features, score, weight):
        return Halves((float("nan"), 1.0))

def named(kind, name):
    return lambda: kind(name=name)

bad_fit, bad_shape = named(BadFit, "bad-fit"), named(BadShape, "bad-shape")
bad_numbers = named(BadNumbers, "bad-numbers")

def no_learner():
    return object()

def fails():
    raise RuntimeError("no licence")
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Another package is installed that offers learners."""
    (tmp_path / "other_package.py").write_text(CODE)
    info = tmp_path / "other_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[alamo.learners]\nhalves = other_package:HalvesLearner\nhalf = other_package:HalvesLearner\n"
        "empty = other_package:no_learner\nfails = other_package:fails\nridge = other_package:fails\n"
        "bad-fit = other_package:bad_fit\nbad-shape = other_package:bad_shape\n"
        "bad-numbers = other_package:bad_numbers\nzero = other_package:fails\n"
        "one effect = other_package:fails\nsegments = other_package:fails\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("other_package", None)


def test_our_own_learners_are_found_by_name():
    assert tuple(BUILT_IN) == ("ridge", "tree", "forest", "boosting", "network")
    assert [learner_named(name).name for name in BUILT_IN] == list(BUILT_IN)
    assert [learner.name for learner in learners_named(("tree", "ridge", "tree"))] == ["tree", "ridge"]


def test_a_learner_of_another_package_is_found_by_its_entry_point(installed):
    assert learner_names() == (
        *BUILT_IN, "bad-fit", "bad-numbers", "bad-shape", "empty", "fails", "half", "halves",
    )  # fmt: skip
    assert learner_named("halves").view == "tree"
    assert learner_named("ridge").name == "ridge"  # nobody takes the name of one of our own


def test_it_takes_part_is_judged_and_comes_back_by_its_name(installed):
    spec = UpliftSpec("arm", "hold", "bought", learners=("halves",), features=("loyal", "age"), segments="none")
    result = analyze_uplift(experiment(), spec)
    weights = {row["learner"]: row["weight"] for row in result.records() if row["action"] == "blue"}
    assert set(weights) == {"zero", "one effect", "segments", "halves"}
    assert weights["halves"] > 0.2
    state = json.loads(json.dumps(result.model.to_dict()))
    read = type(result.model).from_dict(state)
    assert read.predict(experiment()) == result.model.predict(experiment())
    assert np.ptp(np.asarray(read.predict(pa.table({"loyal": [True, False], "age": [30, 30]}))["value_mean"])) > 0.0


def test_a_state_whose_learner_is_not_installed_says_so(installed, monkeypatch):
    spec = UpliftSpec("arm", "hold", "bought", learners=("halves",), features=("loyal",))
    model = analyze_uplift(experiment(), spec).model
    monkeypatch.setattr(sys, "path", sys.path[1:])
    with pytest.raises(UsageError, match="no learner 'halves'"):
        type(model).from_dict(model.to_dict())


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("ridges", "uplift.unknown_learner", "Did you mean ridge"),
        ("empty", "uplift.unusable_learner", "lacks name"),
        ("half", "uplift.unusable_learner", "calls itself 'halves'"),
        ("fails", "uplift.unusable_learner", "no licence"),
        ("zero", "uplift.unusable_learner", "always takes part"),
        ("one effect", "uplift.unusable_learner", "always takes part"),
        ("segments", "uplift.unusable_learner", "always takes part"),
    ],
)
def test_a_learner_that_cannot_be_used_is_refused(installed, name, code, says):
    with pytest.raises(UsageError) as caught:
        learner_named(name)
    assert caught.value.code == code
    assert says in caught.value.message + caught.value.hint
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bad-fit", "ZeroDivisionError: no rows at all"),
        ("bad-shape", "have the shape ("),
        ("bad-numbers", "out of fold are not all finite"),
    ],
)
def test_a_learner_that_fails_while_it_fits_is_named(installed, name, says):
    spec = UpliftSpec("arm", "hold", "bought", learners=("ridge", name), features=("loyal",))
    with pytest.raises(UsageError) as caught:
        analyze_uplift(experiment(n=600), spec)
    assert caught.value.code == "uplift.unusable_learner"
    assert repr(name) in caught.value.message
    assert says in caught.value.message
