"""BG/NBD and Pareto/NBD beside `lifetimes` and `pymc-marketing` on CDNOW; values of 250,000.

Run: ``python benchmarks/lifetime_value.py [--data DIR] [--rival-python PYTHON]``. `--data` is the folder that holds
``cdnow/`` (default: ``ALAMO_TEST_DATA``); `--rival-python` an interpreter that has `lifetimes` and `pymc-marketing`
installed (default: this one). All get the same customers (x, t_x, T: alamo in days with the unit, the rivals in weeks)
and are timed in CPU seconds without imports, one thread. alamo and lifetimes: best of nine fits (Pareto/NBD: one, the
rival is slow). pymc-marketing: the maximum a posteriori under flat priors, which is the maximum of the likelihood,
best of two, so that the second finds its functions compiled. For a million customers see ``lifetime_value_scale.py``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import scipy

from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.bg_nbd_likelihood import negative_log_likelihood as bg_nbd
from alamo.inference.lifetime_value.cells import Cells, compress
from alamo.inference.lifetime_value.days import days_of
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.model import ValueModel
from alamo.inference.lifetime_value.pareto_nbd import fit_pareto_nbd
from alamo.inference.lifetime_value.pareto_nbd_likelihood import negative_log_likelihood as pareto_nbd
from alamo.inference.lifetime_value.starting import Likelihood
from alamo.inference.lifetime_value.summary import purchase_days, summarise

RESULTS = Path(__file__).parent / "results" / "lifetime_value.md"
CALIBRATION_END = date(1997, 9, 30)
FITS = 9  # timed on each side, the fastest counts
MILLION = BgNbd(r=0.25, alpha=30.0, a=0.8, b=2.5)  # in days

RIVAL = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy, pandas, scipy, lifetimes
data, kind = numpy.load(sys.argv[1]), getattr(lifetimes, sys.argv[3])
seconds = []
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    fitter = kind().fit(data["x"], data["t_x"], data["t"])
    seconds.append(time.process_time() - start)
print(json.dumps({
    "parameters": [float(fitter.params_[name]) for name in sys.argv[4].split()], "seconds": min(seconds),
    "version": f"lifetimes {lifetimes.__version__} (NumPy {numpy.__version__}, SciPy {scipy.__version__}, "
               f"pandas {pandas.__version__})",
}))
"""


def best_cpu(run: Callable[[], Any], times: int) -> tuple[float, Any]:
    seconds = []
    for _ in range(times):
        start = time.process_time()
        out = run()
        seconds.append(time.process_time() - start)
    return min(seconds), out


def cdnow(folder: Path) -> dict[str, np.ndarray]:
    with gzip.open(folder / "cdnow" / "CDNOW_master.txt.gz", "rt") as lines:
        rows = [line.split() for line in lines]
    days = days_of(pa.array([row[1] for row in rows]), "date", "%Y%m%d")
    purchases = purchase_days(pa.array([row[0] for row in rows]), days, None)
    summary = summarise(purchases, (CALIBRATION_END - date(1970, 1, 1)).days)
    return {"x": summary.x, "t_x": summary.t_x_days, "t": summary.t_days}


def simulated(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    lam, p = rng.gamma(MILLION.r, 1 / MILLION.alpha, n), rng.beta(MILLION.a, MILLION.b, n)
    t, x, t_x, now = rng.integers(1, 366, n).astype(float), np.zeros(n), np.zeros(n), np.zeros(n)
    active = np.arange(n)
    while len(active):
        now[active] += rng.exponential(1.0, len(active)) / lam[active]
        active = active[now[active] < t[active]]
        x[active], t_x[active] = x[active] + 1, np.minimum(np.ceil(now[active]), t[active])
        active = active[rng.random(len(active)) > p[active]]
    return {"x": x, "t_x": t_x, "t": t}


PYMC = """
import json, sys, time, warnings, logging
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import numpy, pandas, pymc, pymc_marketing
from pymc_extras.prior import Prior
from pymc_marketing import clv
data, names = numpy.load(sys.argv[1]), sys.argv[4].split()
table = pandas.DataFrame({"customer_id": numpy.arange(len(data["x"])), "frequency": data["x"], "recency": data["t_x"],
                          "T": data["t"]})
seconds = []
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    model = getattr(clv, sys.argv[3])(data=table, model_config={name: Prior("HalfFlat") for name in names})
    model.fit(method="map", progressbar=False)
    seconds.append(time.process_time() - start)
print(json.dumps({
    "parameters": [float(model.idata.posterior[name].mean()) for name in names], "seconds": min(seconds),
    "first": seconds[0],
    "version": f"pymc-marketing {pymc_marketing.__version__} (PyMC {pymc.__version__}, NumPy {numpy.__version__})",
}))
"""


@dataclass(frozen=True)
class Process:
    name: str
    names: tuple[str, ...]
    fit: Callable[[Cells], Fitted[Any]]
    likelihood: Likelihood
    rival: str
    fits: int
    to_reach: str
    pymc: str


PROCESSES = (
    Process(
        "BG/NBD", ("r", "alpha", "a", "b"), fit_bg_nbd, bg_nbd, "BetaGeoFitter", FITS, " (to reach: 50)", "BetaGeoModel"
    ),
    Process("Pareto/NBD", ("r", "alpha", "s", "beta"), fit_pareto_nbd, pareto_nbd, "ParetoNBDFitter", 1, "", ""),
)


def rival(python: str, script: str, data: dict[str, np.ndarray], words: list[str]) -> dict[str, Any] | str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.npz"
        np.savez(path, **data)
        env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(
            [python, "-c", script, str(path), *words], capture_output=True, text=True, env=env, check=False
        )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return json.loads(done.stdout.splitlines()[-1])


def side_by_side(data: dict[str, np.ndarray], python: str, process: Process) -> list[str]:
    seconds, fit = best_cpu(lambda: process.fit(compress(data["x"], data["t_x"], data["t"], unit=7.0)), process.fits)
    lines = [
        f"## {process.name} on CDNOW, {len(data['x']):,} customers",
        "",
        f"| | CPU-s | log-likelihood | {' | '.join(process.names)} |",
        "|---|---|---|---|---|---|---|",
    ]
    values = " | ".join(f"{fit.estimates[name]:.4f}" for name in process.names)
    lines.append(f"| alamo | {seconds:.4f} | {fit.log_likelihood:.4f} | {values} |")
    cells = compress(data["x"], data["t_x"], data["t"], unit=7.0)
    told = []
    for name, script, kind, fits, reach in (
        ("lifetimes", RIVAL, process.rival, process.fits, process.to_reach),
        ("pymc-marketing", PYMC, process.pymc, 2, " (to reach: 300)"),
    ):
        if not kind:
            continue
        words = [str(fits), kind, " ".join(process.names)]
        other = rival(python, script, data | {"t_x": data["t_x"] / 7, "t": data["t"] / 7}, words)
        if isinstance(other, str):
            told.append(f"`{name}` did not run here: {other}")
            continue
        there = -process.likelihood(np.log(other["parameters"]), cells)[0] * cells.n_customers
        values = " | ".join(f"{value:.4f}" for value in other["parameters"])
        lines.append(f"| {name} | {other['seconds']:.4f} | {there:.4f} | {values} |")
        first = (
            f", {other['first'] / seconds:.0f} times less than its first fit, which compiles"
            if "first" in other
            else ""
        )
        told.append(f"{other['seconds'] / seconds:.0f} times less CPU{reach} than {other['version']}{first}.")
    told.append(
        f"alamo: best of {process.fits}, grouping of customers included. All likelihoods by alamo's function at each "
        "side's parameters."
    )
    return [*lines, "", " ".join(told)]


def values() -> list[str]:
    model = ValueModel(MILLION, GammaGamma(6.0, 3.7, 15.0, 33.0), 0.3, 365, 0.1, 1, 1, True, "")
    data = simulated(250_000, np.random.default_rng(2))
    money = np.full(250_000, 30.0)
    whole, _ = best_cpu(lambda: model.residual_value_money(data["x"], data["t_x"], data["t"], money), 3)
    moved = data["t"] + np.random.default_rng(3).random(250_000)
    apart, _ = best_cpu(lambda: model.residual_value_money(data["x"], data["t_x"], moved, money), 3)
    return [
        "## Residual value of 250,000 customers, four quarters each",
        "",
        f"{whole:.3f} CPU-s with ages in whole days, {apart:.3f} CPU-s when no two customers have the same age "
        "(to reach: 1).",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("ALAMO_TEST_DATA"))
    parser.add_argument("--rival-python", default=sys.executable)
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
    lines = [
        "# Lifetime value",
        "",
        f"One run of `python benchmarks/lifetime_value.py` on {platform.machine()}, one thread, {versions}.",
        "",
    ]
    if options.data is None:
        lines += ["CDNOW was not measured: set ALAMO_TEST_DATA, or give --data.", ""]
    else:
        for process in PROCESSES:
            lines += [*side_by_side(cdnow(Path(options.data)), options.rival_python, process), ""]
    text = "\n".join([*lines, *values(), ""])
    if options.data is not None:  # a table without its first half does not replace a whole one
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
