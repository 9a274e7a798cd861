"""The score as an estimator with scikit-learn's habits, for pipelines and comparisons; it needs no scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit

from alamo.domain.errors import StateError, UsageError
from alamo.prediction.scores.columns import choose_columns
from alamo.prediction.scores.folds import row_groups, stratified_folds
from alamo.prediction.scores.model import Explained, ScoreModel, fit_score_model
from alamo.prediction.scores.target import LEAST_PER_CLASS

Floats = npt.NDArray[np.float64]


class ScoreClassifier:
    """Scorecard and boosted trees, mixed and calibrated on folds: clonable, no argument is changed by fitting.

    Leaks are not looked for here: what is given is learnt from.

    Parameters
    ----------
    folds, seed
        Number of folds that choose and calibrate, and their seed.

    Attributes
    ----------
    classes_
        The two values of the target; probabilities are in their order.
    feature_names_in_, n_features_in_
        Columns given.
    model_
        The fitted `ScoreModel`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-2, 2, 200)[:, None]
    >>> fitted = ScoreClassifier(folds=2).fit(x, (x[:, 0] > 0).astype(int))
    >>> fitted.predict(np.array([[-1.5], [1.5]])).tolist()
    [0, 1]
    """

    def __init__(self, folds: int = 5, seed: int = 0) -> None:
        self.folds = folds
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # scikit-learn passes it
        """Return the parameters."""
        return {"folds": self.folds, "seed": self.seed}

    def set_params(self, **params: Any) -> ScoreClassifier:
        """Change parameters; an unknown one is a mistake."""
        for name, value in params.items():
            if name not in self.get_params():
                raise UsageError(
                    f"ScoreClassifier has no parameter {name!r}",
                    hint="Parameters: folds, seed. See: help(ScoreClassifier)",
                    code="scores.unknown_parameter",
                )
            setattr(self, name, value)
        return self

    def fit(self, X: Any, y: Any) -> ScoreClassifier:
        """Fit on a table (anything Arrow reads) or matrix (n, d), and a target of two values (n,).

        Raises
        ------
        UsageError
            If the target does not hold two values, at least 20 times each, or no column can be learnt from.
        """
        table, truth = _table(X), np.asarray(y)
        classes, codes = np.unique(truth, return_inverse=True)
        least = int(np.bincount(codes).min()) if len(codes) else 0
        chosen = choose_columns(table, table.column_names)
        if len(classes) != 2 or least < LEAST_PER_CLASS or not chosen.readers:
            raise UsageError(
                f"{len(classes)} values of the target, the rarest {least} times, {len(chosen.readers)} usable columns",
                hint=f"Give two values, each at least {LEAST_PER_CLASS} times, and a column that varies.",
                code="scores.cannot_fit",
            )
        rng = np.random.default_rng(self.seed)
        values, target = chosen.read(table), codes.astype(np.float64)
        group, _ = row_groups(values, target)
        folds = stratified_folds(target, group, self.folds, rng)
        self.model_: ScoreModel = fit_score_model(chosen.readers, values, target, folds, rng)
        self.classes_ = classes
        self.feature_names_in_ = np.asarray(table.column_names, dtype=object)
        self.n_features_in_ = table.num_columns
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probabilities of both classes, shape (n, 2)."""
        model = self._fitted()
        p = expit(model.log_odds(model.read(_table(X))))
        return np.column_stack([1.0 - p, p])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the more likely class of each row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def explain(self, X: Any) -> Explained:
        """Return what each used column adds to the log-odds of each row."""
        model, table = self._fitted(), _table(X)
        return model.explain(model.read(table), np.full(table.num_rows, -1))

    def _fitted(self) -> ScoreModel:
        if not hasattr(self, "model_"):
            raise StateError("the score is not fitted", hint="Call fit(X, y) first.", code="scores.not_fitted")
        return self.model_


def _table(X: Any) -> pa.Table:
    if isinstance(X, pa.Table):
        return X
    if hasattr(X, "__arrow_c_stream__"):
        return pa.table(X)
    matrix = np.asarray(X, dtype=np.float64)
    return pa.table({f"x{j}": matrix[:, j] for j in range(matrix.shape[1])})
