"""Row 7: does a campaign that did nothing come out as one? Placebo halves of a real control arm, and the loop."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.evidence.draws import SEGMENTS, with_bands
from benchmarks.evidence.record import Evidence
from benchmarks.hillstrom_worlds import FEATURES, email_world
from pyarrow import csv

import alamo
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]

FIRST_SEED = 7_700
OUTCOMES = ("visit", "conversion", "spend")
MOST, CALM = 0.06, 0.94


def nil(folder: Path, halves: int, adjusted: int, shops: int) -> Evidence:
    """Return row 7; `adjusted` of the halves are also looked at with features, which takes a hundred times as long."""
    plain, raw = placebo(folder, halves, "none")
    found, _ = placebo(folder, adjusted, FEATURES)
    worst = max(*plain.values(), *found.values())
    calm, said = quiet_loop(shops) if shops else (None, "The loop was not run.")
    return Evidence(
        number="7",
        what="nil campaign: any segment significant at 95 %; loop of the simulator finds nothing",
        to_reach=f"≤ {MOST}; ≥ {CALM:.0%}",
        measured=f"≤ {max(plain.values()):.3f}, with features ≤ {max(found.values()):.3f}; "
        + ("not measured" if calm is None else f"{calm:.1%}"),
        prototype="≤ .047 (300 halves, from its paper)",
        rival=f"raw table {min(raw.values()):.2f} to {max(raw.values()):.2f}",
        reached=None if worst <= MOST and calm is None else worst <= MOST and calm is not None and calm >= CALM,
        seeds=FIRST_SEED,
        replications=f"{halves} halves ({adjusted} with features): standard error of a share of .05 is "
        f"{np.sqrt(0.05 * 0.95 / halves):.3f} ({np.sqrt(0.05 * 0.95 / adjusted):.3f}); {shops} shops",
        lines=[
            f"The real customers without an e-mail, split in half {halves} times; some of the 68 cells significant at "
            "95 % in `alamo.estimate_effects(…, segments=[…])`, without and with features, and in the raw table "
            "(difference in means).\n",
            "| outcome | Alamo, no features | Alamo, seven features | raw table |",
            "|---|---|---|---|",
            *(f"| {name} | {plain[name]:.3f} | {found[name]:.3f} | {raw[name]:.3f} |" for name in OUTCOMES),
            "",
            said,
        ],
    )


def placebo(folder: Path, halves: int, features: str | tuple[str, ...]) -> tuple[dict[str, float], dict[str, float]]:
    """Return by outcome the share of halves with a significant segment, shrunk and raw."""
    file = csv.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    cell = email_world(folder, "visit", "nil", 0).covariates["cell"]
    rows = with_bands(file.append_column("cell", cell)).filter(pc.equal(file["segment"], "No E-Mail"))
    code = np.unique(np.asarray(rows["cell"].to_pylist()), return_inverse=True)[1]
    found, raw, looked = dict.fromkeys(OUTCOMES, 0), dict.fromkeys(OUTCOMES, 0), 0
    names = {"action": "arm", "control": "none", "features": features, "segments": SEGMENTS, "propensity": 0.5}
    for seed in range(FIRST_SEED, FIRST_SEED + halves):
        drawn = np.random.default_rng(seed).random(rows.num_rows) < 0.5
        table = rows.append_column("arm", pa.array(np.where(drawn, "mail", "none")))
        answer = alamo.estimate_effects(table, outcome=OUTCOMES, **names)
        for outcome in OUTCOMES:
            segments = [row for row in answer.rows if row.segment is not None and row.outcome == outcome]
            looked += len(segments) > 50  # a column that differs between the halves beyond chance makes no segments
            found[outcome] += any(row.found for row in segments)
            raw[outcome] += _raw(np.asarray(rows[outcome], dtype=np.float64), drawn, code)
        if (seed - FIRST_SEED) % 20 == 19:
            print(seed - FIRST_SEED + 1, found, raw, flush=True)
    assert looked >= 0.9 * halves * len(OUTCOMES)
    return {o: n / halves for o, n in found.items()}, {o: n / halves for o, n in raw.items()}


def _raw(y: Floats, drawn: npt.NDArray[np.bool_], code: npt.NDArray[np.int64]) -> bool:
    """Say whether a plain comparison in some cell is significant at 95 %."""
    parts = []
    for arm in (drawn, ~drawn):
        n = np.bincount(code, arm)
        mean = np.bincount(code, arm * y) / n
        parts.append((mean, (np.bincount(code, arm * y**2) / n - mean**2) / (n - 1)))
    se = np.sqrt(parts[0][1] + parts[1][1])
    return bool((np.abs(parts[0][0] - parts[1][0])[se > 0.0] > z_value(0.95) * se[se > 0.0]).any())


def quiet_loop(shops: int) -> tuple[float, str]:
    """Return how often the loop finds nothing about an action that does nothing, and what was looked at."""
    quiet, shown, bare, missed = 0, 0, 0, 0
    for seed in range(FIRST_SEED, FIRST_SEED + shops):
        with tempfile.TemporaryDirectory() as folder:
            result = alamo.simulate("nil", seed=seed, folder=Path(folder)).to_dict()
        for action in result["actions"]:
            shown += 1
            bare += action["lower"] is None
            quiet += action["lower"] is None or action["lower"] <= 0.0 <= action["upper"]
        print("shop", seed, quiet, shown, flush=True)
        missed += result["coverage"]["missed"]
    said = (
        f"`alamo simulate nil`, {shops} shops of 20,000 customers and 4 cycles under the engine: of {shown} pairs of "
        f"shop and action the always-valid interval at the last look holds zero, or is absent ({bare}), in {quiet}; it "
        f"missed the true effect, which is minus the action's cost, at some look in {missed}."
    )
    return quiet / shown, said
