"""Rows 11 and 12: CPU seconds of scores, shrunk segments and the mixture, and of the posterior from segment sums."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.evidence.draws import SEGMENTS, with_bands
from benchmarks.evidence.record import Evidence
from benchmarks.evidence.rivals import econml
from benchmarks.hillstrom_worlds import ARMS, FEATURES, email_world

import alamo
from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.fay_herriot import fay_herriot

Floats = npt.NDArray[np.float64]

FIRST_SEED, ROWS, HELD_OUT = 7_900, 51_200, 12_800


def arrays(table: pa.Table) -> dict[str, Any]:
    """Return design, arm, outcome and cell of an experiment file, for the prototype and the rivals."""
    cell = np.unique(np.asarray(table["cell"].to_pylist()), return_inverse=True)[1]
    return {
        "x": FeatureEncoder.fit(table, FEATURES).transform(table),
        "arm": np.array([ARMS.index(name) for name in table["arm"].to_pylist()]),
        "y": np.asarray(table["outcome"], dtype=np.float64),
        "cell": cell,
    }


def prototype_segments(prototype: ModuleType, data: dict[str, Any], level_z: float) -> list[tuple[Floats, ...]]:
    """Return the prototype's segment posterior of each arm: mean, standard deviation, and the raw standard error."""
    x, t, y, cell = (data[name] for name in ("x", "arm", "y", "cell"))
    e, n_cells = np.full(3, 1.0 / 3.0), int(cell.max()) + 1
    keys = t * 2 + (y > 0.0)
    folds = list(prototype.StratifiedKFold(5, shuffle=True, random_state=0).split(x, keys))
    mu, _ = prototype.cross_fit_outcome(x, t, y, 2, folds)
    gamma = prototype.dr_scores(mu, t, y, e)
    size = np.bincount(cell, minlength=n_cells)
    means = np.stack([np.bincount(cell, column, n_cells) / size for column in x.T], axis=1)
    centre = size @ means / len(y)
    z = (means - centre) / (np.sqrt(size @ (means - centre) ** 2 / len(y)) + 1e-12)
    floor, found = 0.05 * max(float(y.mean()), 1e-9), []
    for arm in (1, 2):
        variance = np.maximum(mu[:, arm], floor) / e[arm] + np.maximum(mu[:, 0], floor) / e[0]
        direct, v, _ = prototype.segment_moments(gamma[:, arm] - gamma[:, 0], variance, cell, n_cells)
        shrunk = prototype.fay_herriot(direct, v, z, method="flat")
        found.append((shrunk["mean"], level_z * shrunk["sd"], level_z * np.sqrt(v)))
    return found


def fitting(folder: Path, prototype: ModuleType, rival_python: str, repeats: int) -> Evidence:
    """Return row 11."""
    seconds: dict[str, list[float]] = {}
    versions: dict[str, str] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + repeats):
        work, data = _work(folder, prototype, seed)
        for name, call in work.items():
            seconds.setdefault(name, []).append(_cpu(call))
        if seed == FIRST_SEED:
            nobody = {"at": data["x"][:0], "cell": data["cell"][:0]}
            answer = econml(rival_python, ("LinearDR", "CausalForestDML"), **(data | nobody))
            versions = answer["versions"]
            for name, one in answer["found"].items():
                seconds[f"econml {name}"] = [one["cpu"]]
    middle = {name: float(np.median(values)) for name, values in seconds.items()}
    first, second = middle["Alamo, scores and segments"], middle["Alamo, mixture"]
    return Evidence(
        number="11",
        what="CPU, 51,200 rows × 3 arms: scores and segments; with mixture",
        to_reach="≤ 1.2 s; ≤ 4 s",
        measured=f"{first:.1f} s; {second:.1f} s",
        prototype=f"{middle['prototype, scores and segments']:.1f} s; {middle['prototype, mixture']:.1f} s",
        rival=f"CausalForestDML {middle['econml CausalForestDML']:.0f} s",
        reached=first <= 1.2 and second <= 4.0,
        seeds=FIRST_SEED,
        replications=f"median of {repeats} (econml: one), on a machine with other work",
        lines=[
            "`alamo.estimate_effects` and `alamo.fit_uplift` from a table to their answer: reading, checks of columns, "
            "ratio check, and for the mixture its figures on 12,800 rows held out. The prototype's functions begin "
            "with arrays and judge nothing.\n",
            "| what | CPU s |",
            "|---|---|",
            *(f"| {name} | {value:.2f} |" for name, value in middle.items()),
        ],
        versions=versions,
    )


def _work(folder: Path, prototype: ModuleType, seed: int) -> tuple[dict[str, Callable[[], object]], dict[str, Any]]:
    """Return what is to be timed on one draw, and the draw as arrays."""
    table = with_bands(email_world(folder, "visit", "mixed", seed).draw(seed))
    order = np.random.default_rng(seed).permutation(table.num_rows)
    seen = table.take(pa.array(np.sort(order[:ROWS])))
    data = arrays(seen)
    n_cells, shares = int(data["cell"].max()) + 1, np.full(3, 1.0 / 3.0)
    names = {"action": "arm", "control": ARMS[0], "outcome": "outcome", "features": FEATURES, "segments": SEGMENTS}
    rest = HELD_OUT / table.num_rows
    return {
        "Alamo, scores and segments": lambda: alamo.estimate_effects(seen, **names),
        "prototype, scores and segments": lambda: prototype_segments(prototype, data, 1.645),
        "Alamo, mixture": lambda: alamo.fit_uplift(table, holdout=rest, **names),
        "prototype, mixture": lambda: prototype.Uplift().fit(
            data["x"], data["arm"], data["y"], shares, data["cell"], n_cells
        ),
    }, data


def posterior(prototype: ModuleType, repeats: int) -> Evidence:
    """Return row 12."""
    rng = np.random.default_rng(FIRST_SEED)
    times: dict[str, float] = {}
    for segments in (68, 5_000):
        v, z = 1.0 / rng.uniform(0.3, 2.5, segments), rng.normal(size=(segments, 11))
        direct = 1.0 + z @ rng.normal(0.0, 0.2, 11) + np.sqrt(v + 0.3) * rng.normal(size=segments)
        calls = {
            f"Alamo {segments}": lambda: fay_herriot(direct, v, z, scale=0.5),  # noqa: B023 # called at once
            f"prototype {segments}": lambda: prototype.fay_herriot(direct, v, z, method="flat"),  # noqa: B023
        }
        for name, call in calls.items():
            times[name] = float(np.median([_cpu(call) for _ in range(repeats if segments == 68 else 3)]))
    return Evidence(
        number="12",
        what="CPU, posterior from segment sums: 68 segments × 11 covariates; 5,000 segments",
        to_reach="≤ 20 ms; ≤ 1 s",
        measured=f"{1000 * times['Alamo 68']:.0f} ms; {times['Alamo 5000']:.2f} s",
        prototype=f"{1000 * times['prototype 68']:.0f} ms; {times['prototype 5000']:.2f} s",
        rival="",
        reached=times["Alamo 68"] <= 0.020 and times["Alamo 5000"] <= 1.0,
        seeds=FIRST_SEED,
        replications=f"median of {repeats} (5,000 segments: of 3), on a machine with other work",
        lines=[
            "`alamo.numerics.fay_herriot` gives the posterior to decide by, the one to show, REML and the test of no "
            "spread; the prototype's call gives the one to show, REML and the test.\n",
            "| what | CPU ms |",
            "|---|---|",
            *(f"| {name} segments | {1000 * value:.1f} |" for name, value in times.items()),
        ],
    )


def _cpu(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
