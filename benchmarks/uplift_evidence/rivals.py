"""Rivals and the prototype on one draw, run by an interpreter that has them: reads a draw, writes effects.

    PYTHON rivals.py DRAW.npz EFFECTS.npz NAME[,NAME…]

The draw holds training and test features, arms, outcomes and cells; propensities are equal. Every rival gets the same
small boosters as nuisance models, and the known propensities where it takes them. The prototype is loaded by path.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import lightgbm  # after the number of threads is set
import numpy as np
from benchmarks.prototype import load
from sklearn.dummy import DummyClassifier

Z90 = 1.6448536269514722
PACKAGES = ("econml", "causalml", "metalearners", "lightgbm", "scikit-learn", "numpy")


def booster(n: int) -> Any:
    """Return the nuisance model that every rival gets."""
    return lightgbm.LGBMRegressor(**_parameters(n))


def _parameters(n: int) -> dict[str, Any]:
    return {
        "n_estimators": 100, "learning_rate": 0.05, "num_leaves": 8, "min_child_samples": max(100, n // 200),
        "reg_lambda": 10.0, "subsample": 0.8, "subsample_freq": 1, "colsample_bytree": 0.8, "n_jobs": 1,
        "verbosity": -1, "random_state": 0,
    }  # fmt: skip


def t_learner(draw: dict[str, Any]) -> dict[str, Any]:
    """One default LightGBM regression per arm."""
    predicted = []
    for a in range(3):
        mine = draw["arm"] == a
        model = lightgbm.LGBMRegressor(n_jobs=1, verbosity=-1).fit(draw["x"][mine], draw["y"][mine])
        predicted.append(model.predict(draw["x_test"]))
    return {"effect": np.column_stack(predicted[1:]) - predicted[0][:, None]}


def linear_dr(draw: dict[str, Any]) -> dict[str, Any]:
    """`econml.dr.LinearDRLearner` with its own intervals."""
    from econml.dr import LinearDRLearner  # noqa: PLC0415 # heavy, and not needed for the others

    n = len(draw["y"])
    model = LinearDRLearner(
        model_propensity=DummyClassifier(strategy="prior"), model_regression=booster(n), cv=5, random_state=0
    ).fit(draw["y"], draw["arm"], X=draw["x"])
    return _scored(model, draw["x_test"])


def causal_forest(draw: dict[str, Any]) -> dict[str, Any]:
    """`econml.dml.CausalForestDML` with its own intervals; leaves of 100 rows (its default of 5 is worse by far)."""
    from econml.dml import CausalForestDML  # noqa: PLC0415 # heavy, and not needed for the others

    model = CausalForestDML(
        model_y=booster(len(draw["y"])),
        model_t=DummyClassifier(strategy="prior"),
        discrete_treatment=True,
        min_samples_leaf=100,
        cv=5,
        n_jobs=1,
        random_state=0,
    ).fit(draw["y"], draw["arm"], X=draw["x"])
    return _scored(model, draw["x_test"])


def causalml_x(draw: dict[str, Any]) -> dict[str, Any]:
    """`causalml.inference.meta.BaseXRegressor`."""
    from causalml.inference.meta import BaseXRegressor  # noqa: PLC0415 # heavy, and not needed for the others

    model = BaseXRegressor(learner=booster(len(draw["y"])), control_name="0")
    model.fit(draw["x"], draw["arm"].astype(str), draw["y"], p=_even(len(draw["y"])))
    start = time.process_time()
    effect = model.predict(draw["x_test"], p=_even(len(draw["x_test"])))
    return {"effect": effect, "score_cpu": time.process_time() - start}


def causalml_dr(draw: dict[str, Any]) -> dict[str, Any]:
    """`causalml.inference.meta.BaseDRRegressor`."""
    from causalml.inference.meta import BaseDRRegressor  # noqa: PLC0415 # heavy, and not needed for the others

    model = BaseDRRegressor(learner=booster(len(draw["y"])), control_name="0")
    model.fit(draw["x"], draw["arm"].astype(str), draw["y"], p=_even(len(draw["y"])), seed=0)
    return {"effect": model.predict(draw["x_test"])}


def _even(n: int) -> dict[str, Any]:
    """Return the probability of each arm where it is compared with control alone, as causalml wants it."""
    return {arm: np.full(n, 0.5) for arm in ("1", "2")}


def metalearners_x(draw: dict[str, Any]) -> dict[str, Any]:
    """`metalearners.XLearner`."""
    from metalearners import XLearner  # noqa: PLC0415 # heavy, and not needed for the others

    n = len(draw["y"])
    for model, kind in ((DummyClassifier, "classifier"), (lightgbm.LGBMRegressor, "regressor")):
        model._estimator_type = kind  # version 0.13 asks for it, scikit-learn 1.6 and later have it no more
    learner = XLearner(
        is_classification=False,
        n_variants=3,
        nuisance_model_factory=lightgbm.LGBMRegressor,
        nuisance_model_params=_parameters(n),
        propensity_model_factory=DummyClassifier,
        propensity_model_params={"strategy": "prior"},
        treatment_model_factory=lightgbm.LGBMRegressor,
        treatment_model_params=_parameters(n),
        n_folds=5,
        random_state=0,
    )
    learner.fit(X=draw["x"], y=draw["y"], w=draw["arm"])
    found = learner.predict(draw["x_test"], is_oos=True, oos_method="overall")
    return {"effect": np.asarray(found).reshape(len(draw["x_test"]), 2)}


def prototype(draw: dict[str, Any]) -> dict[str, Any]:
    """The prototype's mixture, its posterior, and its candidates one by one."""
    module = load(Path(str(draw["prototype"])))
    share = np.full(3, 1.0 / 3.0)
    fitted = module.Uplift().fit(draw["x"], draw["arm"], draw["y"], share, draw["cell"], int(draw["cells"]))
    start = time.process_time()
    effect, sd, _ = fitted.predict(draw["x_test"], draw["cell_test"])
    spent = time.process_time() - start
    alone = np.stack([fitted.candidates(draw["x_test"], draw["cell_test"], k) for k in range(2)], axis=2)
    return {"effect": effect, "sd": sd, "alone": alone, "names": np.array(module.Uplift.names), "score_cpu": spent}


def prototype_policy(draw: dict[str, Any]) -> dict[str, Any]:
    """The prototype's value of a policy on several logs, and its standard error."""
    module, found = load(Path(str(draw["prototype"]))), []
    for x, arm, y, p, policy in zip(*(draw[name] for name in ("x", "arm", "y", "p", "policy")), strict=True):
        split = np.random.default_rng(0).permutation(len(y)) % 5
        folds = [(np.flatnonzero(split != f), np.flatnonzero(split == f)) for f in range(5)]
        mu, _ = module.cross_fit_outcome(x, arm, y, 2, folds)
        found.append(module.policy_value(module.dr_scores(mu, arm, y, p), policy))
    return {"value": np.array(found)}


def _scored(model: Any, x: Any) -> dict[str, Any]:
    """Return the effects of an `econml` model with the half of its intervals as standard deviations."""
    start = time.process_time()
    effect = np.column_stack([model.effect(x, T0=0, T1=a) for a in (1, 2)])
    spent = time.process_time() - start
    ends = [model.effect_interval(x, T0=0, T1=a, alpha=0.1) for a in (1, 2)]
    half = np.column_stack([(high - low) / 2.0 for low, high in ends])
    return {"effect": effect, "sd": half / Z90, "score_cpu": spent}


RIVALS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "prototype": prototype,
    "prototype policy": prototype_policy,
    "econml LinearDR": linear_dr,
    "econml CausalForestDML": causal_forest,
    "causalml X": causalml_x,
    "causalml DR": causalml_dr,
    "metalearners X": metalearners_x,
    "LightGBM T": t_learner,
}


def main() -> None:
    """Fit each rival named and write what it says of the test rows, its CPU seconds and versions."""
    warnings.simplefilter("ignore")
    source, target, names = sys.argv[1:4]
    with np.load(source) as file:
        draw = {name: file[name] for name in file.files}
    out: dict[str, Any] = {}
    for name in names.split(","):
        start = time.process_time()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found = RIVALS[name](draw)
        except Exception as error:  # noqa: BLE001 # a rival that fails is named in the table with its words
            out[f"{name}/error"] = np.array(f"{type(error).__name__}: {error}")
            continue
        out |= {f"{name}/{key}": value for key, value in found.items()}
        out[f"{name}/cpu"] = np.array(time.process_time() - start)
    out |= {f"versions/{name}": np.array(importlib.metadata.version(name)) for name in PACKAGES}
    np.savez(target, **out)


if __name__ == "__main__":
    main()
