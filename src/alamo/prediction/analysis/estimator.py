"""Uplift as an estimator with scikit-learn's habits, for pipelines and comparisons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import StateError, UsageError
from alamo.prediction.analysis.analyze import analyze_uplift
from alamo.prediction.analysis.model import FittedUplift
from alamo.prediction.analysis.result import LearnerRow
from alamo.prediction.analysis.spec import UpliftSpec
from alamo.prediction.candidates import LOOP_LEARNERS
from alamo.prediction.learners import regressor_tags

Floats = npt.NDArray[np.float64]

_ARM, _OUTCOME = "(arm)", "(outcome)"


class UpliftRegressor:
    """Effects of one or several actions per row, by the mixture of `alamo.fit_uplift`, fitted on all rows given.

    Clonable; no argument is changed by fitting. Judging is the caller's part: nothing is held out here.

    Parameters
    ----------
    learners
        Names of the candidates beside zero, one effect and segments; a text is one name.
    segments
        ``"auto"``, ``"none"`` or columns.
    propensity
        Probability of every single action; None: the arms' shares.
    seed
        Of the folds.

    Attributes
    ----------
    actions_
        Arms other than control; effects are in their order.
    model_
        The fitted `FittedUplift`.
    learners_
        Weight and cross-validated loss of each candidate by action.
    feature_names_in_, n_features_in_
        Columns given.

    Assumes that the arm was drawn at random with the probabilities given. Not supported: several rows per unit
    (`alamo.fit_uplift` with ``unit``), columns known only after the draw (they are not looked for here).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, arm = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> y = 1.0 * arm + rng.normal(size=2000)
    >>> fitted = UpliftRegressor().fit(x, y, treatment=arm)
    >>> fitted.actions_, fitted.predict(x[:3]).shape
    (('1',), (3, 1))
    """

    def __init__(
        self,
        learners: str | Sequence[str] = LOOP_LEARNERS,
        segments: str | Sequence[str] = "none",
        propensity: float | None = None,
        seed: int = 1,
    ) -> None:
        self.learners = learners
        self.segments = segments
        self.propensity = propensity
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # scikit-learn passes it
        """Return the parameters."""
        return {
            "learners": self.learners,
            "segments": self.segments,
            "propensity": self.propensity,
            "seed": self.seed,
        }

    def set_params(self, **params: Any) -> UpliftRegressor:
        """Change parameters; an unknown one is a mistake."""
        for name, value in params.items():
            if name not in self.get_params():
                raise UsageError(
                    f"UpliftRegressor has no parameter {name!r}",
                    hint="Parameters: learners, segments, propensity, seed. See: help(UpliftRegressor)",
                    code="uplift.unknown_parameter",
                )
            setattr(self, name, value)
        return self

    def fit(self, X: Any, y: Any, *, treatment: Any, control: Any = None) -> UpliftRegressor:
        """Fit on a table (anything Arrow reads) or matrix (n, d), outcomes (n,) and arms (n,).

        Parameters
        ----------
        X, y, treatment
            Features known before the draw, numeric or 0/1 outcomes, and the arm drawn.
        control
            The arm of no action (default: the smallest).

        Raises
        ------
        UsageError
            If `control` is no arm, there is no other, or a parameter cannot be used.
        """
        table = as_table(X)
        arms, base = _arms(treatment, control)
        named = table.append_column(_ARM, arms)
        named = named.append_column(_OUTCOME, pa.array(np.asarray(y, dtype=np.float64)))
        spec = UpliftSpec(
            _ARM,
            base,
            _OUTCOME,
            propensity=self.propensity,
            features=tuple(table.column_names),
            segments=self.segments if isinstance(self.segments, str) else tuple(self.segments),  # type: ignore[arg-type]  # the spec checks the words
            holdout=0.0,
            seed=self.seed,
            learners=(self.learners,) if isinstance(self.learners, str) else tuple(self.learners),
        )
        result = analyze_uplift(named, spec)
        self.model_: FittedUplift = result.model
        self.learners_: tuple[LearnerRow, ...] = result.rows
        self.actions_ = result.model.actions
        self.feature_names_in_ = np.asarray(table.column_names, dtype=object)
        self.n_features_in_ = table.num_columns
        return self

    def predict(self, X: Any) -> Floats:
        """Return the effect of each action against control, shape (n, k)."""
        return self._fitted().effects(as_table(X))

    def predict_sd(self, X: Any) -> Floats:
        """Return the posterior standard deviation of each effect, shape (n, k)."""
        model = self._fitted()
        inputs = model.inputs(as_table(X))
        return np.column_stack([stack.spread.predict(inputs) for stack in model.stacks])

    def __sklearn_tags__(self) -> Any:
        return regressor_tags()

    def _fitted(self) -> FittedUplift:
        if not hasattr(self, "model_"):
            raise StateError(
                "the uplift is not fitted", hint="Call fit(X, y, treatment=arm) first.", code="uplift.not_fitted"
            )
        return self.model_


def as_table(X: Any) -> pa.Table:
    """Return a table, or a matrix (n, d) as one with columns ``x0``, ``x1`` …; the index of pandas is no column."""
    if isinstance(X, pa.Table) or hasattr(X, "__arrow_c_stream__"):
        return _without_index(X if isinstance(X, pa.Table) else pa.table(X))
    matrix = np.asarray(X, dtype=np.float64)
    return pa.table({f"x{j}": matrix[:, j] for j in range(matrix.shape[1])})


def _without_index(table: pa.Table) -> pa.Table:
    """Return `table` without the columns that its metadata call an index of pandas."""
    described = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    index = [name for name in described.get("index_columns", []) if isinstance(name, str)]  # others are ranges
    return table.drop_columns([name for name in index if name in table.column_names])


def _arms(treatment: Any, control: Any) -> tuple[pa.Array, str]:
    """Return the arms as text, and the one of no action, read the same way; an arm that is missing stays so."""
    drawn = pa.array(np.asarray(treatment), from_pandas=True)
    known = np.unique(np.asarray(drawn.drop_null()))
    if len(known) < 2:
        raise UsageError(
            f"treatment holds {'one arm only' if len(known) else 'no arm'}",
            hint="Give the rows of control and of at least one action: fit(X, y, treatment=arm)",
            code="uplift.one_arm",
        )
    try:
        base = pa.array([known[0] if control is None else control], drawn.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        shown = ", ".join(str(arm) for arm in known[:10])
        raise UsageError(
            f"treatment never holds the control value {control!r}",
            hint=f"It holds: {shown}. Name the one for no action with control=…",
            code="analyze.unknown_control",
            details={"given": str(control)},
        ) from None
    return pc.cast(drawn, pa.string()), str(pc.cast(base, pa.string())[0].as_py())
