"""Row 6: coverage of segment effects on real covariates with known effects, beside the raw table and econml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.evidence.cost import arrays, prototype_segments
from benchmarks.evidence.draws import SEGMENTS, segment_names, with_bands
from benchmarks.evidence.record import DRAWS, Evidence
from benchmarks.evidence.rivals import econml
from benchmarks.hillstrom_worlds import ARMS, FEATURES, EmailWorld, email_world
from benchmarks.uplift_evidence.record import Figures, Record, mean_se

import alamo
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]
Ends = tuple[Floats, Floats]

PART, FIRST_SEED, LEVEL = "segments", 7_600, 0.9
LEAST, WIDEST = 0.87, 0.6
CELLS = tuple((outcome, world) for outcome in ("visit", "conversion") for world in ("mixed", "smooth"))
METHODS = ("Alamo", "prototype", "raw", "LinearDR", "CausalForestDML")


def coverage(folder: Path, prototype: ModuleType, rival_python: str, draws: int, forests: int) -> Iterator[Evidence]:
    """Measure what is missing of `draws` draws of each world and yield row 6 after each of them.

    The forest, which takes as long as all others, sees the first `forests` draws only.
    """
    record = Record(DRAWS)
    for seed in range(FIRST_SEED, FIRST_SEED + draws):
        names = ("LinearDR", "CausalForestDML") if seed < FIRST_SEED + forests else ("LinearDR",)
        for outcome, world in CELLS:
            known = record.known(PART, f"{outcome} {world}", seed)
            if not {"Alamo", *names} <= known:
                real = email_world(folder, outcome, world, seed)
                found = _draw(real, seed, prototype, (rival_python, names))
                record.add(PART, f"{outcome} {world}", seed, found)
        print("row 6, seed", seed, flush=True)
        yield summed_up(record)


def summed_up(record: Record) -> Evidence:
    """Return row 6 of the draws that are kept."""
    worlds = [f"{outcome} {world}" for outcome, world in CELLS]
    shown = {world: {name: _mean(record, world, name) for name in METHODS} for world in worlds}
    covered = {name: [each[name][0] for each in shown.values()] for name in METHODS}
    wide = {world: each["Alamo"][2] / each["raw"][2] for world, each in shown.items()}
    draws = min(each["Alamo"][3] for each in shown.values())
    forests = min(each["CausalForestDML"][3] for each in shown.values())
    return Evidence(
        number="6",
        what="coverage of segment effects at 90 %, known effects on real covariates",
        to_reach=f"≥ {LEAST} in mixed and smooth, visit and conversion; width ≤ {WIDEST} × raw",
        measured=f"{_span(covered['Alamo'])}; width ≤ {max(wide.values()):.3f} × raw",
        prototype=_span(covered["prototype"]),
        rival=f"LinearDR {_span(covered['LinearDR'])}, CausalForestDML {_span(covered['CausalForestDML'])}",
        reached=min(covered["Alamo"]) >= LEAST and max(wide.values()) <= WIDEST,
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
                f"| {world} | {' | '.join(_words(*each[name][:3]) for name in METHODS)} | {wide[world]:.3f} |"
                for world, each in shown.items()
            ),
        ],
        versions=record.kept.get("rival versions", {}),
    )


def _mean(record: Record, world: str, name: str) -> tuple[float, float, float, int]:
    """Return mean coverage, its standard error, mean width per 1,000 and the number of draws."""
    seeds = record.seeds(PART, world, (name,))
    width = record.of(PART, world, name, "width", seeds)
    return *mean_se(record.of(PART, world, name, "covered", seeds)), float(np.mean(width)), len(seeds)


def _words(covered: float, se: float, width: float) -> str:
    return f"{covered:.3f} ± {se:.3f} ({width:.1f})"


def _figures(ends: Ends, truth: Floats, weight: Floats) -> dict[str, float]:
    """Return coverage and mean width of intervals, truth of shape (cells, arms), by customers `weight` (cells, 1)."""
    low, high = ends
    known = np.isfinite(low) & (weight > 0.0)
    weights = np.broadcast_to(weight, low.shape)[known]
    hit = ((low <= truth) & (truth <= high))[known]
    return {
        "covered": float(np.average(hit, weights=weights)),
        "width": 1000.0 * float(np.average((high - low)[known], weights=weights)),
    }


def _draw(world: EmailWorld, seed: int, prototype: ModuleType, rivals: tuple[str, tuple[str, ...]]) -> Figures:
    """Return the figures of every method on one draw."""
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
    found = prototype_segments(prototype, data, z_value(LEVEL))
    mean, reach = (np.stack([one[place] for one in found], axis=1) for place in (0, 1))
    raw = [_raw(data, one) for one in zip((1, 2), found, strict=True)]
    ends: dict[str, Ends] = {
        "Alamo": _alamo(fit, n_cells),
        "prototype": (mean - reach, mean + reach),
        "raw": (np.stack([low for low, _ in raw], axis=1), np.stack([high for _, high in raw], axis=1)),
    }
    python, names = rivals
    answer = econml(python, names, **(data | {"at": at["x"], "cell": at["cell"]}))
    for name, one in answer["found"].items():
        pair = np.array(one["ends"])
        ends[name] = pair[:, 0], pair[:, 1]
    return {name: _figures(each, truth, size) for name, each in ends.items()}


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
