"""Row 5: do shrunk intervals of segment effects cover at every number of segments and every spread between them?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
from benchmarks.evidence.record import Evidence
from benchmarks.hillstrom_worlds import email_world

from alamo.numerics.fay_herriot import fay_herriot
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]

FIRST_SEED = 7_500
SEGMENTS, SPREADS = (15, 40, 68), (0.0, 0.1, 0.5, 2.0)
METHODS = ("Alamo", "REML", "Morris", "flat")
RIVALS = {"REML": "reml", "Morris": "morris", "flat": "flat"}
LEAST, WIDEST = 0.88, 1.05


@dataclass(frozen=True)
class Cell:
    """Coverage and mean width over that of the raw interval, by method."""

    segments: int
    spread: float
    kind: str
    covered: dict[str, float]
    width: dict[str, float]
    slack: float

    @property
    def line(self) -> str:
        """The cell as a line of a table."""
        shown = (f"{self.covered[name]:.3f} ({self.width[name]:.2f})" for name in METHODS)
        return f"| {self.segments} | {self.spread:g} | {self.kind} | {' | '.join(shown)} |"


def shrinkage(folder: Path, prototype: ModuleType, draws: int) -> Evidence:
    """Return row 5."""
    sizes = _sizes(folder)
    cells = [
        _cell(prototype, sizes, segments, spread, kind, draws)
        for segments in SEGMENTS
        for spread in SPREADS
        for kind in (("normal", "sparse") if spread else ("normal",))
    ]
    low = {name: min(cell.covered[name] for cell in cells) for name in METHODS}
    wide = max(cell.width["Alamo"] / cell.width["Morris"] for cell in cells if cell.spread >= 0.5)
    slack = max(cell.slack for cell in cells)
    return Evidence(
        number="5",
        what="Fay–Herriot coverage at 90 %, 21 settings",
        to_reach=f"≥ {LEAST} in each; width ≤ {WIDEST} × Morris for τ²/v ≥ .5",
        measured=f"≥ {low['Alamo']:.3f}; ≤ {wide:.2f} ×",
        prototype=f"flat ≥ {low['flat']:.3f}",
        rival=f"REML ≥ {low['REML']:.3f}; Morris ≥ {low['Morris']:.3f}",
        reached=low["Alamo"] >= LEAST and wide <= WIDEST,
        seeds=FIRST_SEED,
        replications=f"{draws} draws a setting: standard error of a coverage at most {slack:.3f}",
        lines=[
            "Coverage (mean width over the raw interval's). θ of mean 1 with variance τ², normal or sparse (one "
            "segment in five differs); v by the real sizes of the 68 cells of the e-mail file, S of them. Alamo is "
            "`show_mean ± 1.645 show_sd` of `alamo.numerics.fay_herriot`; the others are the prototype's.\n",
            f"| S | τ²/v | θ | {' | '.join(METHODS)} |",
            "|---|---|---|---|---|---|---|",
            *(cell.line for cell in cells),
        ],
    )


def _sizes(folder: Path) -> Floats:
    """Return how many customers each of the 68 cells has."""
    cell = email_world(folder, "visit", "nil", 0).covariates["cell"]
    return np.unique(np.asarray(cell.to_pylist()), return_counts=True)[1].astype(np.float64)


def _cell(prototype: ModuleType, sizes: Floats, segments: int, spread: float, kind: str, draws: int) -> Cell:
    hit: dict[str, list[float]] = {name: [] for name in METHODS}
    width: dict[str, list[float]] = {name: [] for name in METHODS}
    for seed in range(FIRST_SEED, FIRST_SEED + draws):
        rng = np.random.default_rng([seed, segments, int(10 * spread), kind == "sparse"])
        v = sizes.mean() / rng.choice(sizes, segments, replace=False)
        truth = 1.0 + _theta(rng, segments, spread * segments / float((1.0 / v).sum()), kind)
        direct = truth + np.sqrt(v) * rng.normal(size=segments)
        for name, (mean, sd) in _posteriors(prototype, direct, v).items():
            hit[name].append(float(np.mean(np.abs(mean - truth) <= z_value(0.9) * sd)))
            width[name].append(float(sd.mean() / np.sqrt(v).mean()))
    covered = {name: float(np.mean(values)) for name, values in hit.items()}
    slack = max(float(np.std(values)) for values in hit.values()) / np.sqrt(draws)
    found = Cell(segments, spread, kind, covered, {name: float(np.mean(w)) for name, w in width.items()}, slack)
    print(found.line, flush=True)
    return found


def _theta(rng: np.random.Generator, segments: int, variance: float, kind: str) -> Floats:
    """Return deviations of this variance: of all segments, or of one in five and none of the others."""
    normal = rng.normal(size=segments)
    if kind == "sparse":
        normal = normal * (rng.random(segments) < 0.2) * np.sqrt(5.0)
    return np.sqrt(variance) * normal


def _posteriors(prototype: ModuleType, direct: Floats, v: Floats) -> dict[str, tuple[Floats, Floats]]:
    shrunk = fay_herriot(direct, v, scale=0.5)
    found = {"Alamo": (shrunk.show_mean, shrunk.show_sd)}
    for name, method in RIVALS.items():
        rival = prototype.fay_herriot(direct, v, method=method)
        found[name] = (rival["mean"], rival["sd"])
    return found
