"""Row 15: whether the interval of a policy's value holds the true value, on fixed and on adaptive logs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.hillstrom_worlds import FEATURES, EmailWorld, email_world
from benchmarks.uplift_evidence.draws import Rivals
from benchmarks.uplift_evidence.record import Record

import alamo
from alamo.numerics.encoding import FeatureEncoder

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
PART = "policy"
FIRST_SEED = 4000
WORLD_SEED = 4000
ROWS, BATCHES, FLOOR = 6_000, 10, 0.1
ACTIONS = ("none", "mens", "womens")


@cache
def world(folder: Path) -> EmailWorld:
    """Return the population that logs are drawn from."""
    return email_world(folder, "visit", "mixed", WORLD_SEED)


def target(covariates: pa.Table) -> Floats:
    """Return the policy to value: by what was bought before, with one in ten for each other action, shape (n, 3)."""
    womens = np.asarray(covariates["womens"], dtype=np.int64) == 1
    best = np.where(womens, 2, 1)
    return np.where(np.arange(3) == best[:, None], 0.8, 0.1)


def truth(real: EmailWorld) -> float:
    """Return what the policy is worth over the whole population."""
    return float((target(real.covariates) * real.probability).sum(axis=1).mean())


def logged(real: EmailWorld, seed: int, kind: str) -> tuple[pa.Table, Floats, Integers, Floats]:
    """Return covariates of one log, the probabilities of its policy (n, 3), the action drawn and the outcome."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(real.probability), ROWS)
    covariates, chance = real.covariates.take(pa.array(rows)), real.probability[rows]
    uniform = rng.random((2, ROWS))
    newbie = np.asarray(covariates["newbie"], dtype=np.int64)
    if kind == "fixed":
        p = np.array([[0.5, 0.25, 0.25], [0.2, 0.6, 0.2]])[newbie]
        arm = _drawn(p, uniform[0])
        return covariates, p, arm, (uniform[1] < chance[np.arange(ROWS), arm]).astype(np.float64)
    p, arm, outcome = np.empty((ROWS, 3)), np.empty(ROWS, dtype=np.int64), np.empty(ROWS)
    total, count = np.zeros((2, 3)), np.zeros((2, 3))
    now = np.full((2, 3), 1.0 / 3.0)
    for batch in np.array_split(np.arange(ROWS), BATCHES):
        group = newbie[batch]
        p[batch] = now[group]
        arm[batch] = _drawn(p[batch], uniform[0, batch])
        outcome[batch] = uniform[1, batch] < chance[batch, arm[batch]]
        np.add.at(total, (group, arm[batch]), outcome[batch])
        np.add.at(count, (group, arm[batch]), 1.0)
        best = (total / np.maximum(count, 1.0)).argmax(axis=1)
        now = np.where(np.arange(3) == best[:, None], 1.0 - 2.0 * FLOOR, FLOOR)
    return covariates, p, arm, outcome


def _drawn(p: Floats, uniform: Floats) -> Integers:
    return (uniform[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, 2)


def measure(record: Record, folder: Path, kind: str, seed: int) -> None:
    """Value the policy on one log by Alamo."""
    if "alamo dr" in record.known(PART, kind, seed):
        return
    real = world(folder)
    covariates, p, arm, outcome = logged(real, seed, kind)
    wanted = target(covariates)
    columns: dict[str, Any] = {"action": np.array(ACTIONS)[arm], "p": p[np.arange(ROWS), arm], "y": outcome}
    columns |= {f"P_{name}": wanted[:, a] for a, name in enumerate(ACTIONS)}
    for name, values in columns.items():
        covariates = covariates.append_column(name, pa.array(values))
    answer = alamo.evaluate_policy(
        covariates, action="action", propensity="p", outcome="y", target_prefix="P_", features=FEATURES
    )
    true, found = truth(real), {}
    for row in answer.rows:
        found[f"alamo {row.estimator}"] = {
            "z": (row.value - true) / row.se,
            "covered": float(row.lower <= true <= row.upper),
            "width": row.upper - row.lower,
            "ess": row.ess,
            "chosen": float(row.chosen),
        }
    for row in answer.always_valid:
        if row.anytime_lower is not None and row.anytime_upper is not None:
            always = float(row.anytime_lower <= true <= row.anytime_upper)
            found[f"alamo {row.estimator}"]["covered at any time"] = always
    record.add(PART, kind, seed, found)


def measure_prototype(record: Record, folder: Path, kind: str, seeds: Iterable[int], where: Rivals) -> None:
    """Value the policy on several logs by the prototype."""
    missing = [seed for seed in seeds if "prototype" not in record.known(PART, kind, seed)]
    if not missing:
        return
    real = world(folder)
    parts: dict[str, list[Any]] = {name: [] for name in ("x", "p", "arm", "y", "policy")}
    for seed in missing:
        covariates, p, arm, outcome = logged(real, seed, kind)
        x = FeatureEncoder.fit(real.covariates, FEATURES).transform(covariates)
        for name, values in zip(parts, (x, p, arm, outcome, target(covariates)), strict=True):
            parts[name].append(values)
    said = where.run({name: np.array(values) for name, values in parts.items()}, ("prototype policy",))
    for seed, (value, se) in zip(missing, said["prototype policy/value"].tolist(), strict=True):
        z = (value - truth(real)) / se
        found = {"z": z, "covered": float(abs(z) <= 1.96), "width": 2.0 * 1.96 * se}
        record.add(PART, kind, seed, {"prototype": found})
