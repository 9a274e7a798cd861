"""One gradient-boosted tree ensemble by LightGBM: single-threaded, seeded, and kept as LightGBM's own model text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Objective = Literal["regression", "binary", "poisson"]


@dataclass(frozen=True, slots=True)
class BoosterSettings:
    """How trees are grown.

    Attributes
    ----------
    trees, rate, leaves
        Number of trees, learning rate, leaves of a tree.
    least_rows_share, least_rows
        A leaf holds at least max(`least_rows`, `least_rows_share` · n) rows.
    l2
        Penalty on leaf values, in rows.
    sample
        Share of rows and of columns each tree sees.
    column_sample
        Share of columns each tree sees, where it is to differ from `sample`.
    bins
        Most histogram bins of a feature.
    least_curvature
        Least second derivative of the loss in a leaf; above 0 for log loss, where pure leaves have none.
    forest
        Grow trees beside each other instead of one on what the last has left; a prediction is their mean.
    split_sample
        Share of the columns each split sees (forests).
    """

    trees: int = 100
    rate: float = 0.05
    leaves: int = 8
    least_rows_share: float = 0.005
    least_rows: int = 100
    l2: float = 10.0
    sample: float = 0.8
    column_sample: float | None = None
    bins: int = 255
    seed: int = 20_240_001
    least_curvature: float = 0.0
    forest: bool = False
    split_sample: float = 1.0

    def parameters(self, n: int, objective: Objective) -> dict[str, Any]:
        """Return LightGBM's parameters for `n` training rows."""
        forest = {"boosting": "rf", "feature_fraction_bynode": self.split_sample} if self.forest else {}
        return forest | {
            "objective": objective,
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(self.least_rows, int(self.least_rows_share * n)),
            "min_sum_hessian_in_leaf": self.least_curvature,
            "lambda_l2": self.l2,
            "bagging_fraction": self.sample,
            "bagging_freq": 1,
            "feature_fraction": self.sample if self.column_sample is None else self.column_sample,
            "max_bin": self.bins,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


def _lightgbm() -> ModuleType:
    """Return LightGBM, which loads pandas and scikit-learn: more than a second, and most commands grow no trees."""
    import lightgbm  # noqa: PLC0415 # see above

    return lightgbm


class BinnedFeatures:
    """Features cut into histogram bins once, for ensembles grown on parts of the same rows.

    The edges of the bins are quantiles of all rows. They hold nothing of any target, so a row that an ensemble is to
    be judged on gives nothing away by having been counted for them.
    """

    def __init__(self, features: npt.NDArray[np.floating], settings: BoosterSettings) -> None:
        """Cut features (n, d)."""
        self._settings = settings
        parameters = {"max_bin": settings.bins, "feature_pre_filter": False, "force_row_wise": True}
        fixed = {"seed": settings.seed, "deterministic": True, "num_threads": 1, "verbosity": -1}
        self._data = _lightgbm().Dataset(features, np.zeros(len(features)), params=parameters | fixed).construct()

    def grow(self, rows: Integers, target: Floats, *, objective: Objective = "regression") -> Trees:
        """Grow trees on ascending `rows` and the target of each of them, by the settings of the bins."""
        parameters = self._settings.parameters(len(rows), objective) | {"feature_pre_filter": False}
        part = self._data.subset(rows, params=parameters).construct().set_label(target)
        return Trees(_lightgbm().train(parameters, part, num_boost_round=self._settings.trees).model_to_string())


@dataclass(frozen=True, slots=True)
class Trees:
    """A fitted ensemble.

    Attributes
    ----------
    text
        LightGBM's model text: the whole state.
    """

    text: str
    _booster: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_booster", _lightgbm().Booster(model_str=self.text))

    @classmethod
    def grow(
        cls,
        features: npt.NDArray[np.floating],
        target: Floats,
        weight: Floats | None,
        settings: BoosterSettings,
        *,
        objective: Objective = "regression",
    ) -> Trees:
        """Grow trees on features (n, d) and target (n,), minimising squared error, log loss or Poisson deviance."""
        parameters = settings.parameters(len(target), objective)
        data = _lightgbm().Dataset(features, target, weight=weight, params=parameters, free_raw_data=True)
        return cls(_lightgbm().train(parameters, data, num_boost_round=settings.trees).model_to_string())

    def predict(self, features: npt.NDArray[np.floating]) -> Floats:
        """Return the prediction at features (n, d), shape (n,)."""
        if not len(features):
            return np.zeros(0)
        return np.asarray(self._booster.predict(features, num_threads=1), dtype=np.float64)

    def leaves(self, features: npt.NDArray[np.floating]) -> Integers:
        """Return the leaf of each row in each tree, shape (n, trees)."""
        found = self._booster.predict(features, pred_leaf=True, num_threads=1)
        return np.asarray(found, dtype=np.int64).reshape(len(features), -1)

    @property
    def leaf_counts(self) -> tuple[int, ...]:
        """Number of leaves of each tree, whether rows fall into them or not."""
        return tuple(int(tree["num_leaves"]) for tree in self._booster.dump_model()["tree_info"])

    def with_leaf_values(self, values: Sequence[Floats]) -> Trees:
        """Return the same trees with other values in their leaves, one array per tree."""
        booster = _lightgbm().Booster(model_str=self.text)
        for tree, leaves in enumerate(values):
            for leaf, value in enumerate(leaves.tolist()):
                booster.set_leaf_output(tree, leaf, value)
        return Trees(booster.model_to_string())

    def log_odds(self, features: npt.NDArray[np.floating], first: int, count: int) -> Floats:
        """Return what trees `first` … `first` + `count` − 1 of a binary ensemble add to the log-odds, shape (n,)."""
        if not len(features):
            return np.zeros(0)
        raw = self._booster.predict(features, raw_score=True, start_iteration=first, num_iteration=count, num_threads=1)
        return np.asarray(raw, dtype=np.float64)

    def contributions(self, features: npt.NDArray[np.floating], count: int) -> Floats:
        """Return each column's part in the raw score of the first `count` trees, then the base, shape (n, d + 1)."""
        if not len(features):
            return np.zeros((0, features.shape[1] + 1))
        parts = self._booster.predict(features, pred_contrib=True, num_iteration=count, num_threads=1)
        return np.asarray(parts, dtype=np.float64)
