"""Row 6: coverage of segment effects on real covariates with known effects, beside the raw table and econml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.evidence.cost import arrays, prototype_segments
from benchmarks.evidence.draws import SEGMENTS, segment_names, with_bands
from benchmarks.evidence.record import Evidence
from benchmarks.evidence.rivals import econml
from benchmarks.hillstrom_worlds import ARMS, FEATURES, email_world

import alamo
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]
Ends = tuple[Floats, Floats]

FIRST_SEED, LEVEL = 7_600, 0.9
LEAST, WIDEST = 0.87, 0.6
CELLS = tuple((outcome, world) for outcome in ("visit", "conversion") for world in ("mixed", "smooth"))
METHODS = ("Alamo", "prototype", "raw", "LinearDR", "CausalForestDML")


@dataclass
class Tally:
    """Coverage and mean width of each method, one number per draw; both weighted by customers."""

    covered: dict[str, list[float]]
    width: dict[str, list[float]]

    def add(self, name: str, ends: Ends, truth: Floats, weight: Floats) -> None:
        """Count one draw: intervals and truth of shape (cells, arms), weight (cells, 1)."""
        low, high = ends
        known = np.isfinite(low) & (weight > 0.0)
        weights = np.broadcast_to(weight, low.shape)[known]
        hit = ((low <= truth) & (truth <= high))[known]
        self.covered[name].append(float(np.average(hit, weights=weights)))
        self.width[name].append(float(np.average((high - low)[known], weights=weights)))

    @property
    def line(self) -> str:
        """All methods, as cells of a table."""
        return " | ".join(self.cell(name) for name in METHODS)

    def cell(self, name: str) -> str:
        """Return coverage with its standard error, and width per 1,000 customers."""
        values = self.covered[name]
        se = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
        return f"{np.mean(values):.3f} ± {se:.3f} ({1000.0 * np.mean(self.width[name]):.1f})"


def coverage(folder: Path, prototype: ModuleType, rival_python: str, draws: int, forests: int) -> Evidence:
    """Return row 6; the forest, which takes as long as all others, sees the first `forests` draws only."""
    tallies, versions = {}, {}
    for outcome, world in CELLS:
        tally = Tally({name: [] for name in METHODS}, {name: [] for name in METHODS})
        for seed in range(FIRST_SEED, FIRST_SEED + draws):
            names = ("LinearDR", "CausalForestDML") if seed < FIRST_SEED + forests else ("LinearDR",)
            versions = _draw(tally, email_world(folder, outcome, world, seed), seed, prototype, (rival_python, names))
        tallies[outcome, world] = tally
        print(outcome, world, tally.line, flush=True)
    covered = {name: [np.mean(tally.covered[name]) for tally in tallies.values()] for name in METHODS}
    wide = [np.mean(t.width["Alamo"]) / np.mean(t.width["raw"]) for t in tallies.values()]
    return Evidence(
        number="6",
        what="coverage of segment effects at 90 %, known effects on real covariates",
        to_reach=f"≥ {LEAST} in mixed and smooth, visit and conversion; width ≤ {WIDEST} × raw",
        measured=f"{_span(covered['Alamo'])}; width ≤ {max(wide):.2f} × raw",
        prototype=_span(covered["prototype"]),
        rival=f"LinearDR {_span(covered['LinearDR'])}, CausalForestDML {_span(covered['CausalForestDML'])}",
        reached=min(covered["Alamo"]) >= LEAST and max(wide) <= WIDEST,
        seeds=FIRST_SEED,
        replications=f"{draws} draws a world ({forests} for CausalForestDML), standard errors over draws in the table",
        lines=[
            "32,000 customers to fit, the mean effect of the 32,000 others in each of the 68 cells to cover; "
            "coverage ± standard error over draws (mean width per 1,000 customers), both weighted by customers. Alamo: "
            "`alamo.estimate_effects(…, segments=[…], level=0.9)`; raw: the cell's difference in means with "
            "modelled variance; econml: `const_marginal_ate_interval` of the cell's customers.\n",
            f"| world | {' | '.join(METHODS)} | Alamo's width over raw |",
            "|---|" + "---|" * (len(METHODS) + 1),
            *(
                f"| {outcome} {world} | {tally.line} | {ratio:.2f} |"
                for ((outcome, world), tally), ratio in zip(tallies.items(), wide, strict=True)
            ),
        ],
        versions=versions,
    )


def _draw(
    tally: Tally, world: Any, seed: int, prototype: ModuleType, rivals: tuple[str, tuple[str, ...]]
) -> dict[str, str]:
    """Add one draw of every method; return the rivals' versions."""
    table = with_bands(world.draw(100 + seed))
    order = np.random.default_rng(seed).permutation(table.num_rows)
    half = np.sort(order[: table.num_rows // 2]), np.sort(order[table.num_rows // 2 :])
    fit, away = (table.take(pa.array(rows)) for rows in half)
    data, at = arrays(fit), arrays(away)
    n_cells = int(data["cell"].max()) + 1
    size = np.bincount(at["cell"], minlength=n_cells)[:, None].astype(np.float64)
    effect = world.truth[half[1]]
    sums = np.stack([np.bincount(at["cell"], column, n_cells) for column in effect.T], axis=1)
    truth = sums / np.maximum(size, 1.0)
    tally.add("Alamo", _alamo(fit, n_cells), truth, size)
    found = prototype_segments(prototype, data, z_value(LEVEL))
    mean, reach = (np.stack([one[place] for one in found], axis=1) for place in (0, 1))
    tally.add("prototype", (mean - reach, mean + reach), truth, size)
    raw = [_raw(data, one) for one in zip((1, 2), found, strict=True)]
    tally.add("raw", tuple(np.stack([one[end] for one in raw], axis=1) for end in (0, 1)), truth, size)  # type: ignore[arg-type]
    python, names = rivals
    answer = econml(python, names, **(data | {"at": at["x"], "cell": at["cell"]}))
    for name, one in answer["found"].items():
        ends = np.array(one["ends"])
        tally.add(name, (ends[:, 0], ends[:, 1]), truth, size)
    versions: dict[str, str] = answer["versions"]
    return versions


def _alamo(table: pa.Table, n_cells: int) -> Ends:
    """Return the ends of the segments' intervals; NaN where there is none."""
    names = {"action": "arm", "control": ARMS[0], "outcome": "outcome", "features": FEATURES}
    answer = alamo.estimate_effects(table, segments=SEGMENTS, level=LEVEL, **names)
    place = dict(zip(segment_names(table), arrays(table)["cell"].tolist(), strict=True))
    ends = np.full((2, n_cells, 2), np.nan)
    for row in answer.rows:
        if row.segment is not None:
            ends[:, place[row.segment], ARMS.index(row.action) - 1] = row.lower, row.upper
    return ends[0], ends[1]


def _raw(data: dict[str, Any], one: tuple[int, tuple[Floats, ...]]) -> Ends:
    """Return the interval of a plain comparison in each cell, as wide as the modelled variance says."""
    arm, (_, _, reach) = one
    n_cells = len(reach)

    def mean(drawn: npt.NDArray[np.bool_]) -> Floats:
        count = np.bincount(data["cell"], drawn, n_cells)
        total = np.bincount(data["cell"], drawn * data["y"], n_cells)
        return np.divide(total, count, out=np.full(n_cells, np.nan), where=count > 0)

    direct = mean(data["arm"] == arm) - mean(data["arm"] == 0)
    return direct - reach, direct + reach


def _span(shares: list[Any]) -> str:
    return f"{min(shares):.2f} to {max(shares):.2f}"
