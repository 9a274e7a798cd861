"""Rows 8 to 10 and 14: effects of customers on worlds with known truth, every method on the same draws."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.hillstrom_worlds import ARMS, FEATURES, EmailWorld, email_world, gain_percent
from benchmarks.uplift_evidence import rivals
from benchmarks.uplift_evidence.record import Figures, Record

import alamo
from alamo.numerics.encoding import FeatureEncoder
from alamo.prediction import UpliftSpec
from alamo.prediction.analysis.prepared import prepare
from alamo.prediction.analysis.trial import choose_features, read_trial
from alamo.prediction.belief import FILE, LOOP

Floats = npt.NDArray[np.float64]
PART = "effects"
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
"""Of the interpreter that has the rivals: one thread, and `benchmarks.prototype` is found."""
FIRST_SEED = 3000
SPEC = UpliftSpec("arm", ARMS[0], "outcome", features=FEATURES, segments=("cell",))
ALL_LEARNERS = ("ridge", "boosting", "tree", "forest", "network")
WORLDS = tuple(
    f"{outcome} {world}" for outcome in ("visit", "conversion") for world in ("mixed", "smooth", "homogeneous", "nil")
)
JUDGED = ("visit mixed", "visit smooth", "conversion mixed", "conversion smooth")


@dataclass(frozen=True)
class Rivals:
    """An interpreter that has the rivals, and the prototype's file."""

    python: str
    prototype: Path

    def run(self, draw: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """Return what the rivals say of the test rows of a draw."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "draw.npz", Path(folder) / "effects.npz"
            np.savez(source, prototype=np.array(str(self.prototype)), **draw)
            words = [self.python, rivals.__file__, str(source), str(target), ",".join(names)]
            subprocess.run(words, check=True, env=ENVIRONMENT)
            with np.load(target) as file:
                return {name: file[name] for name in file.files}


def measure(record: Record, folder: Path, world: str, seed: int, where: Rivals, names: Iterable[str]) -> None:
    """Measure Alamo and the rivals `names` on one draw, unless they have been."""
    known = record.known(PART, world, seed)
    missing = [name for name in names if name not in known]
    if not missing and "alamo" in known:
        return
    real = email_world(folder, *world.split(), seed)
    file = real.draw(10_000 + seed)
    start = time.process_time()
    result = alamo.fit_uplift(file, replace(SPEC, seed=seed))
    scores = result.scores_table()
    spent = time.process_time() - start
    n = len(real.truth)
    away = np.asarray(scores["holdout"])[:n]
    effect, sd = (np.asarray(scores[name]).reshape(2, n).T[away] for name in ("value_mean", "value_sd"))
    truth, draw = real.truth[away], _draw(file, real, away)
    found: Figures = {
        "alamo": _figures(effect, truth, sd) | {"cpu": spent},
        "oracle": _figures(truth, truth),
        "one effect": _figures(np.broadcast_to(_differences(draw), truth.shape), truth),
    }
    said = where.run(draw, missing) if missing else {}
    for name in missing:
        if f"{name}/error" in said:
            record.told("failed", {name: str(said[f"{name}/error"])})
            continue
        theirs = {"cpu": float(said[f"{name}/cpu"])}
        if f"{name}/score_cpu" in said:
            theirs["rows_per_cpu_second"] = len(truth) / max(float(said[f"{name}/score_cpu"]), 1e-9)
        found[name] = _figures(said[f"{name}/effect"], truth, said.get(f"{name}/sd")) | theirs
    if "prototype/alone" in said:
        for j, name in enumerate(said["prototype/names"].tolist()):
            found[f"prototype: {name}"] = _figures(said["prototype/alone"][:, j], truth)
    record.told("rival versions", {k.partition("/")[2]: str(said[k]) for k in said if k.startswith("versions/")})
    record.add(PART, world, seed, found)


def measure_learners(record: Record, folder: Path, world: str, seed: int) -> None:
    """Measure further mixtures on the same scores: of all learners, and under the belief of the loop."""
    if "alamo, all learners" in record.known(PART, world, seed):
        return
    real, spec = email_world(folder, *world.split(), seed), replace(SPEC, seed=seed)
    trial = read_trial(real.draw(10_000 + seed), spec)
    ready = prepare(trial, spec, choose_features(trial, spec)[0])
    inputs, found = ready.inputs.take(ready.held_out), {}
    mixtures = {
        "alamo, ridge and boosting": (spec.learners, FILE),
        "alamo, all learners": (ALL_LEARNERS, FILE),
        "alamo, belief of the loop": (spec.learners, LOOP),
    }
    for name, (learners, belief) in mixtures.items():
        start = time.process_time()
        model = ready.fit(learners, belief=belief)
        spent = time.process_time() - start
        sd = np.column_stack([stack.spread.predict(inputs) for stack in model.stacks])
        found[name] = _figures(model.effects_of(inputs), real.truth[ready.held_out], sd) | {"cpu": spent}
    record.add(PART, world, seed, found)


def _draw(file: pa.Table, real: EmailWorld, away: npt.NDArray[np.bool_]) -> dict[str, Any]:
    x = FeatureEncoder.fit(file, FEATURES).transform(file)
    arm = np.array([ARMS.index(name) for name in file["arm"].to_pylist()])
    cell = np.unique(np.asarray(real.covariates["cell"]).astype(str), return_inverse=True)[1]
    return {
        "x": x[~away], "arm": arm[~away], "y": np.asarray(file["outcome"], dtype=np.float64)[~away],
        "cell": cell[~away], "cells": cell.max() + 1, "x_test": x[away], "cell_test": cell[away],
    }  # fmt: skip


def _differences(draw: dict[str, Any]) -> Floats:
    means = np.array([draw["y"][draw["arm"] == a].mean() for a in range(3)])
    return means[1:] - means[0]


def _figures(effect: Floats, truth: Floats, sd: Floats | None = None) -> dict[str, float]:
    found = {
        "rmse": 1000.0 * float(np.sqrt(np.mean((effect - truth) ** 2))),
        "gain": gain_percent(effect, truth),
    }
    if sd is not None:
        found["covered"] = float((np.abs(effect - truth) <= rivals.Z90 * sd).mean())
        found["width"] = 2000.0 * rivals.Z90 * float(sd.mean())
    return found
