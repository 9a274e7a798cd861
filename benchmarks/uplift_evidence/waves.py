"""Row 16: a loop of twenty waves whose explorer learns from what it drew; needs numpy alone.

    PYTHON waves.py WORLD.npz REGRET.npz

Run as a program it plays the prototype's segments, by an interpreter that has what the prototype needs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.prototype import load

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

WAVES = 20
POSTERIOR_DRAWS = 400


@dataclass(frozen=True)
class Seen:
    """What was drawn so far: rows of the world, arms, outcomes, probabilities (n, 3) and waves."""

    rows: Integers
    arm: Integers
    outcome: Floats
    p: Floats
    wave: Integers


Explorer = Callable[[Seen, Integers], tuple[Floats, Floats]]
"""From what was seen to the mean and standard deviation of each arm's effect at the next rows, (n, 2) each."""


def play(chance: Floats, explorer: Explorer, floor: float, seed: int) -> float:
    """Return the regret per 1,000 customers over all waves; the first wave is drawn evenly.

    Thompson sampling: an arm's probability is that of being the best under the posterior, every arm at least `floor`.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(chance))
    uniform = rng.random((2, len(chance)))
    normal = rng.normal(size=(POSTERIOR_DRAWS, 2))
    truth = np.column_stack([np.zeros(len(chance)), chance[:, 1:] - chance[:, :1]])
    lost, seen = 0.0, _nothing()
    for wave, rows in enumerate(np.array_split(order, WAVES)):
        p = np.full((len(rows), 3), 1.0 / 3.0)
        if wave:
            mean, sd = explorer(seen, rows)
            p = floor + (1.0 - 3.0 * floor) * best_share(mean, sd, normal)
        arm = (uniform[0, rows][:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, 2)
        outcome = (uniform[1, rows] < chance[rows, arm]).astype(np.float64)
        lost += float((truth[rows].max(axis=1) - (p * truth[rows]).sum(axis=1)).sum())
        seen = _with(seen, Seen(rows, arm, outcome, p, np.full(len(rows), wave)))
    return 1000.0 * lost / len(chance)


def best_share(mean: Floats, sd: Floats, normal: Floats) -> Floats:
    """Return the share of posterior draws in which each of none and two arms is the best, shape (n, 3)."""
    won = np.zeros((len(mean), 3))
    for draw in normal:
        value = mean + sd * draw
        best = value.argmax(axis=1)
        won[np.arange(len(mean)), np.where(value.max(axis=1) > 0.0, best + 1, 0)] += 1.0
    return won / len(normal)


def segment_means(cell: Integers, cells: int) -> Explorer:
    """Thompson sampling without shrinkage: each segment's own means."""

    def explorer(seen: Seen, rows: Integers) -> tuple[Floats, Floats]:
        mean, variance = np.zeros((cells, 3)), np.zeros((cells, 3))
        for a in range(3):
            mine = seen.arm == a
            n = np.bincount(cell[seen.rows[mine]], minlength=cells)
            won = np.bincount(cell[seen.rows[mine]], seen.outcome[mine], cells)
            mean[:, a] = (won + 0.1) / (n + 1.0)
            variance[:, a] = mean[:, a] * (1.0 - mean[:, a]) / (n + 1.0)
        at = cell[rows]
        return (mean[:, 1:] - mean[:, :1])[at], np.sqrt(variance[:, 1:] + variance[:, :1])[at]

    return explorer


def uniform_explorer(seen: Seen, rows: Integers) -> tuple[Floats, Floats]:
    """Know nothing: with a floor of a third every arm is drawn alike."""
    return np.zeros((len(rows), 2)), np.ones((len(rows), 2))


def _nothing() -> Seen:
    none = np.zeros(0, dtype=np.int64)
    return Seen(none, none, np.zeros(0), np.zeros((0, 3)), none)


def _with(seen: Seen, more: Seen) -> Seen:
    parts = [(getattr(seen, name), getattr(more, name)) for name in ("rows", "arm", "outcome", "p", "wave")]
    return Seen(*(np.concatenate(pair) for pair in parts))


def prototype_segments(module: Any, cell: Integers, cells: int) -> Explorer:
    """Fay–Herriot segments of the prototype on inverse-propensity scores centred by arm."""

    def explorer(seen: Seen, rows: Integers) -> tuple[Floats, Floats]:
        mu = np.array([seen.outcome[seen.arm == a].mean() if (seen.arm == a).any() else 0.0 for a in range(3)])
        gamma = module.dr_scores(np.tile(mu, (len(seen.arm), 1)), seen.arm, seen.outcome, seen.p)
        at, own = cell[rows], cell[seen.rows]
        mean, sd = np.zeros((cells, 2)), np.zeros((cells, 2))
        for k in (1, 2):
            noise = mu[k] / seen.p[:, k] + mu[0] / seen.p[:, 0]
            weight = 1.0 / noise
            score = gamma[:, k] - gamma[:, 0]
            mass = np.bincount(own, weight, cells)
            have = mass > 0.0
            pooled = float(weight @ score / weight.sum())
            level = float(np.mean((score - pooled) ** 2 / noise))
            direct = np.bincount(own, weight * score, cells)[have] / mass[have]
            variance = level / mass[have]
            scale = 0.5 * max(abs(pooled), 2.0 / np.sqrt(mass.sum() / level))
            fitted = module.fay_herriot(direct, variance, None, scale, "bayes")
            mean[:, k - 1], sd[:, k - 1] = pooled, scale
            mean[have, k - 1], sd[have, k - 1] = fitted["mean"], fitted["sd"]
        return mean[at], sd[at]

    return explorer


def main() -> None:
    """Play the prototype's segments at each floor."""
    with np.load(sys.argv[1]) as file:
        given = {name: file[name] for name in file.files}
    module = load(Path(str(given["prototype"])))
    out = {}
    for floor in given["floors"].tolist():
        start = time.process_time()
        explorer = prototype_segments(module, given["cell"], int(given["cells"]))
        regret = play(given["chance"], explorer, floor, int(given["seed"]))
        out[f"{floor:g}"] = np.array([regret, time.process_time() - start])
    np.savez(sys.argv[2], **out)


if __name__ == "__main__":
    main()
