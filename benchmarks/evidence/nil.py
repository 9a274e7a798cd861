"""Row 7: does a campaign that did nothing come out as one? Placebo halves of a real control arm, and the loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.evidence.draws import SEGMENTS, with_bands
from benchmarks.evidence.record import DRAWS, Evidence
from benchmarks.hillstrom_worlds import FEATURES, email_world
from benchmarks.uplift_evidence.record import Figures, Record
from pyarrow import csv
from scipy.stats import binomtest

import alamo
from alamo.numerics.normal import z_value
from alamo.prediction import boosted_outcome
from alamo.simulation import builtin_scenario
from alamo.simulation.run import Equipment, simulate
from alamo.store import memory_stores

Floats = npt.NDArray[np.float64]

FIRST_SEED = 7_700
OUTCOMES = ("visit", "conversion", "spend")
MOST, CALM = 0.06, 0.94
PART, PLAIN, ADJUSTED, SHOPS = "placebo", "no features", "seven features", "shops"
CYCLES = 8
ENOUGH_HALVES, ENOUGH_PAIRS = 100, 40
"""With fewer of either the row counts as not all measured."""


def nil(folder: Path, halves: int, adjusted: int, shops: int) -> Iterator[Evidence]:
    """Measure what is missing and yield row 7 now and then; with features a half takes a hundred times as long."""
    record = Record(DRAWS)
    file = _placebo(folder)
    for seed in range(FIRST_SEED, FIRST_SEED + max(halves, adjusted)):
        for name, number, features in ((PLAIN, halves, "none"), (ADJUSTED, adjusted, FEATURES)):
            if seed < FIRST_SEED + number and "Alamo" not in record.known(PART, name, seed):
                record.add(PART, name, seed, _half(file, seed, features))
        if seed % 10 == 9:
            print("row 7, half", seed, flush=True)
            yield summed_up(record)
    for seed in range(FIRST_SEED, FIRST_SEED + shops):
        if not record.known(PART, SHOPS, seed):
            record.add(PART, SHOPS, seed, {"engine": _shop(seed)})
            print("row 7, shop", seed, flush=True)
            yield summed_up(record)


def summed_up(record: Record) -> Evidence:
    """Return row 7 of what is kept."""
    found, raw = {}, {}
    for name in (PLAIN, ADJUSTED):
        seeds = record.seeds(PART, name, ("Alamo",))
        found[name] = {o: float(np.mean(record.of(PART, name, "Alamo", o, seeds))) for o in OUTCOMES} if seeds else {}
        raw |= {o: float(np.mean(record.of(PART, name, "raw", o, seeds))) for o in OUTCOMES} if name == PLAIN else {}
    halves, adjusted = (len(record.seeds(PART, name, ("Alamo",))) for name in (PLAIN, ADJUSTED))
    shops = record.seeds(PART, SHOPS)
    pairs, quiet, bare, missed = (
        round(sum(record.of(PART, SHOPS, "engine", name, shops))) for name in ("pairs", "quiet", "bare", "missed")
    )
    calm = quiet / pairs if pairs else float("nan")
    worst = max((*found[PLAIN].values(), *found[ADJUSTED].values()))
    enough = adjusted >= ENOUGH_HALVES and pairs >= ENOUGH_PAIRS
    low, high = binomtest(quiet, pairs).proportion_ci() if pairs else (0.0, 1.0)
    return Evidence(
        number="7",
        what="nil campaign: any segment significant at 95 %; loop of the simulator finds nothing",
        to_reach=f"≤ {MOST}; ≥ {CALM:.0%}",
        measured=f"≤ {max(found[PLAIN].values()):.3f}, with features "
        + (f"≤ {max(found[ADJUSTED].values()):.3f}; " if adjusted else "not measured; ")
        + (f"{calm:.1%} (95 %: {low:.0%} to {high:.0%})" if pairs else "not measured"),
        prototype="≤ .047 (300 halves, from its paper)",
        rival=f"raw table {min(raw.values()):.2f} to {max(raw.values()):.2f}",
        reached=(calm >= CALM if enough else None) if worst <= MOST else False,
        seeds=FIRST_SEED,
        replications=f"{halves} halves ({adjusted} with features): standard error of a share of .05 is "
        f"{np.sqrt(0.05 * 0.95 / halves):.3f} ({np.sqrt(0.05 * 0.95 / max(adjusted, 1)):.3f}); {len(shops)} shops",
        lines=[
            f"The real customers without an e-mail, split in half {halves} times; some of the 68 cells significant at "
            "95 % in `alamo.estimate_effects(…, segments=[…])`, without and with features, and in the raw table "
            "(difference in means).\n",
            f"| outcome | Alamo, {PLAIN} | Alamo, {ADJUSTED} | raw table |",
            "|---|---|---|---|",
            *(
                f"| {o} | {found[PLAIN][o]:.3f} | {found[ADJUSTED].get(o, float('nan')):.3f} | {raw[o]:.3f} |"
                for o in OUTCOMES
            ),
            "",
            f"The simulated market `nil`, {len(shops)} of 4,000 customers and {CYCLES} cycles under the engine: of "
            f"{pairs} pairs of market and action the always-valid interval at the last look holds zero, or is absent "
            f"({bare}), in {quiet}; it missed the true effect, minus the action's cost, at some look in {missed}."
            if pairs
            else "The loop was not run.",
        ],
    )


def _placebo(folder: Path) -> pa.Table:
    """Return the customers without an e-mail, with their cells."""
    file = csv.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    cell = email_world(folder, "visit", "nil", 0).covariates["cell"]
    return with_bands(file.append_column("cell", cell)).filter(pc.equal(file["segment"], "No E-Mail"))


def _half(rows: pa.Table, seed: int, features: str | tuple[str, ...]) -> Figures:
    """Return by outcome whether some segment of one random half is significant, shrunk and raw, and how many there are.

    A column that differs between the halves beyond chance makes no segments.
    """
    code = np.unique(np.asarray(rows["cell"].to_pylist()), return_inverse=True)[1]
    drawn = np.random.default_rng(seed).random(rows.num_rows) < 0.5
    table = rows.append_column("arm", pa.array(np.where(drawn, "mail", "none")))
    names = {"action": "arm", "control": "none", "features": features, "segments": SEGMENTS, "propensity": 0.5}
    answer = alamo.estimate_effects(table, outcome=OUTCOMES, **names)
    mine = {o: [row for row in answer.rows if row.segment is not None and row.outcome == o] for o in OUTCOMES}
    return {
        "Alamo": {outcome: float(any(row.found for row in segments)) for outcome, segments in mine.items()},
        "segments": {outcome: float(len(segments)) for outcome, segments in mine.items()},
        "raw": {o: float(_raw(np.asarray(rows[o], dtype=np.float64), drawn, code)) for o in OUTCOMES},
    }


def _raw(y: Floats, drawn: npt.NDArray[np.bool_], code: npt.NDArray[np.int64]) -> bool:
    """Say whether a plain comparison in some cell is significant at 95 %."""
    parts = []
    for arm in (drawn, ~drawn):
        n = np.bincount(code, arm)
        mean = np.bincount(code, arm * y) / n
        parts.append((mean, (np.bincount(code, arm * y**2) / n - mean**2) / (n - 1)))
    se = np.sqrt(parts[0][1] + parts[1][1])
    return bool((np.abs(parts[0][0] - parts[1][0])[se > 0.0] > z_value(0.95) * se[se > 0.0]).any())


def _shop(seed: int) -> dict[str, float]:
    """Play one market in which no action does anything; count its actions and what is said of them at the last look."""
    stores = memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    result = simulate(replace(builtin_scenario("nil"), cycles=CYCLES), equipment, seed=seed).to_dict()
    ends = [(action["lower"], action["upper"]) for action in result["actions"]]
    return {
        "pairs": len(ends),
        "bare": sum(low is None for low, _ in ends),
        "quiet": sum(low is None or low <= 0.0 <= high for low, high in ends),
        "missed": result["coverage"]["missed"],
    }
