"""One gradient-boosted tree ensemble by LightGBM: single-threaded, seeded, and kept as LightGBM's own model text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import lightgbm
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
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
    bins
        Most histogram bins of a feature.
    """

    trees: int = 100
    rate: float = 0.05
    leaves: int = 8
    least_rows_share: float = 0.005
    least_rows: int = 100
    l2: float = 10.0
    sample: float = 0.8
    bins: int = 255
    seed: int = 20_240_001

    def parameters(self, n: int, objective: Objective) -> dict[str, Any]:
        """Return LightGBM's parameters for `n` training rows."""
        return {
            "objective": objective,
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(self.least_rows, int(self.least_rows_share * n)),
            "min_sum_hessian_in_leaf": 0.0,
            "lambda_l2": self.l2,
            "bagging_fraction": self.sample,
            "bagging_freq": 1,
            "feature_fraction": self.sample,
            "max_bin": self.bins,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


@dataclass(frozen=True, slots=True)
class Trees:
    """A fitted ensemble.

    Attributes
    ----------
    text
        LightGBM's model text: the whole state.
    """

    text: str
    _booster: lightgbm.Booster = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_booster", lightgbm.Booster(model_str=self.text))

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
        data = lightgbm.Dataset(features, target, weight=weight, params=parameters, free_raw_data=True)
        return cls(lightgbm.train(parameters, data, num_boost_round=settings.trees).model_to_string())

    def predict(self, features: npt.NDArray[np.floating]) -> Floats:
        """Return the prediction at features (n, d), shape (n,)."""
        if not len(features):
            return np.zeros(0)
        return np.asarray(self._booster.predict(features, num_threads=1), dtype=np.float64)
