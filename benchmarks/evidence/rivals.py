"""econml's LinearDRLearner and CausalForestDML, run by an interpreter of their own on the draws the others get."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SCRIPT = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import econml, lightgbm, numpy as np, sklearn
from econml.dml import CausalForestDML
from econml.dr import LinearDRLearner
from sklearn.dummy import DummyClassifier

job = np.load(sys.argv[1], allow_pickle=True)
x, arm, y, at, cell = job["x"], job["arm"], job["y"], job["at"], job["cell"]
least = max(100, len(y) // 200)


def outcome():
    return lightgbm.LGBMRegressor(
        n_estimators=100, learning_rate=0.05, num_leaves=8, min_child_samples=least, reg_lambda=10.0, n_jobs=1,
        verbosity=-1,
    )


shares = DummyClassifier(strategy="prior")  # the arms were drawn with equal shares
makes = {
    "LinearDR": lambda: LinearDRLearner(model_propensity=shares, model_regression=outcome(), cv=5, random_state=1),
    "CausalForestDML": lambda: CausalForestDML(
        model_y=outcome(), model_t=shares, discrete_treatment=True, cv=5, n_jobs=1, random_state=1
    ),
}
found = {}
for name in job["names"].tolist():
    start = time.process_time()
    model = makes[name]().fit(y, arm, X=x)
    fitted = time.process_time() - start
    ends = []
    for place in range(int(cell.max(initial=-1)) + 1):
        low, high = model.const_marginal_ate_interval(at[cell == place], alpha=0.1)
        ends.append([np.ravel(low).tolist(), np.ravel(high).tolist()])
    found[name] = {"cpu": fitted, "ends": ends}
versions = {"econml": econml.__version__, "econml's scikit-learn": sklearn.__version__}
print(json.dumps({"found": found, "versions": versions}))
"""


def econml(python: str, names: tuple[str, ...], **arrays: npt.NDArray[Any]) -> dict[str, Any]:
    """Fit on `x`, `arm`, `y`; return CPU seconds and the 90 % intervals of the mean effect in each `cell` of `at`.

    `arrays`: `x` (n, d), `arm` (n,), `y` (n,), `at` (m, d) and `cell` (m,).
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.npz"
        np.savez(path, names=np.array(names), **arrays)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        words = [python, "-c", SCRIPT, str(path)]
        run = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if run.returncode:
        raise RuntimeError(f"econml failed: {run.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer
