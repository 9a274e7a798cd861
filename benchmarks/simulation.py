"""The loop against rivals in a market whose truth is known: coverage, profit, the harmful action's share, limits.

    python -m benchmarks.simulation [--scenario shop] [--seeds 20] [--first 1] [--processes 2] [--folder FOLDER]

Every (policy, seed) run is kept in FOLDER as JSON, so an interrupted benchmark goes on where it stopped. What the table
needs of each seed is kept in benchmarks/results, with the version of the code that played it; `--seeds 0` makes the
table of what is kept. Rivals decide under the same limits, control and costs; they learn from the first cycle and stay
with their choice.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the number of threads is set
from benchmarks.versions import code_version

from alamo.project import simulate

HERE = Path(__file__).parent
POLICIES = ("engine", "blast", "best-offer-per-segment")
LATE = 5
"""Profits are compared from this cycle on."""


def play(job: tuple[str, str, int, Path]) -> None:
    scenario, policy, seed, folder = job
    file = folder / f"{scenario}-{policy}-{seed}.json"
    if file.exists():
        return
    started = time.process_time()
    result = simulate(scenario, seed=seed, policy=policy, folder=folder).to_dict()
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(result | {"cpu_seconds": time.process_time() - started}))
    draft.replace(file)
    print(f"{policy} seed {seed}: {time.process_time() - started:.0f} CPU-s", flush=True)


def late_profit(result: dict[str, Any]) -> float:
    return float(sum(row["profit_true"] for row in result["rows"] if row["cycle"] >= LATE))


def width_ratio(shown: dict[str, Any]) -> float | None:
    """Return the width of the always-valid interval over that of the fixed-n one; None unless both are given."""
    if shown["lower"] is None or shown.get("fixed_lower") is None:
        return None
    narrow = shown["fixed_upper"] - shown["fixed_lower"]
    return (shown["upper"] - shown["lower"]) / narrow if narrow > 0.0 else None


def middle(values: list[float]) -> str:
    return f"{np.median(values):.2f}" if values else "–"


def summary(runs: dict[str, dict[str, Any]], code: str) -> dict[str, Any]:
    """Return what the table needs of one seed."""
    engine = runs["engine"]
    late = [row["oracle_share"] for row in engine["rows"] if row["cycle"] >= LATE and row["oracle_share"] is not None]
    return {
        "code": code,
        "late_profit": {policy: round(late_profit(run)) for policy, run in runs.items()},
        "broken": sum(row["limits_broken"] for run in runs.values() for row in run["rows"]),
        "coverage": engine["coverage"],
        "oracle_share": round(float(np.mean(late)), 4) if late else None,
        "cpu_seconds": round(engine["cpu_seconds"]),
        "actions": {
            action["id"]: {key: action[key] for key in ("true_effect", "estimate", "lower", "upper", "share", "floor")}
            | {"width_ratio": width_ratio(action)}
            for action in engine["actions"]
        },
    }


def table(kept: dict[int, dict[str, Any]], scenario: str) -> list[str]:
    """Lay out what is kept of each seed."""
    seeds = sorted(kept)
    actions = list(kept[seeds[0]]["actions"])
    truth = {action: np.mean([kept[seed]["actions"][action]["true_effect"] for seed in seeds]) for action in actions}
    best, worst = max(actions, key=lambda a: truth[a]), min(actions, key=lambda a: truth[a])
    lines = [
        f"# Simulation, scenario `{scenario}`",
        "",
        f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]}), looked at after every cycle; "
        f"{np.mean([kept[seed]['cpu_seconds'] for seed in seeds]):.0f} CPU-s a run of the engine.",
        "",
        *_reached([kept[seed] for seed in seeds], best, worst),
        "",
        *_by_action([kept[seed] for seed in seeds], truth),
        "",
        *_by_seed(kept, worst),
    ]
    return lines


def _reached(kept: list[dict[str, Any]], best: str, worst: str) -> list[str]:
    pairs = sum(one["coverage"]["pairs"] for one in kept)
    missed = sum(one["coverage"]["missed"] + one["coverage"]["without_interval"] for one in kept)
    allowed = 0.05 + 2 * np.sqrt(0.05 * 0.95 / pairs)
    lower = [one["actions"][best]["lower"] for one in kept]
    calm = sum(one["actions"][worst]["share"] <= 1.2 * one["actions"][worst]["floor"] for one in kept)
    shares = [one["oracle_share"] for one in kept if one["oracle_share"] is not None]
    share = f"{np.mean(shares):.3f}" if shares else "not defined: there is next to nothing to earn"
    ratios = [ratio for one in kept for action in one["actions"].values() if (ratio := action["width_ratio"])]
    return [
        "| what | to reach | measured |",
        "| --- | --- | --- |",
        f"| misses of the always-valid interval at any look, or none given | ≤ {allowed:.3f} "
        f"| {missed / pairs:.3f} ({missed} of {pairs}) |",
        f"| best action (`{best}`) excludes 0 at the last cycle | ≥ .8 of seeds "
        f"| {sum(bound is not None and bound > 0 for bound in lower)} of {len(kept)} |",
        f"| harmful action (`{worst}`) drawn ≤ 1.2 × its floor in the last cycle | ≥ .9 of seeds "
        f"| {calm} of {len(kept)} |",
        f"| limits, caps or consents broken | 0 | {sum(one['broken'] for one in kept)} |",
        f"| share of the oracle from cycle {LATE} on | | {share} |",
        f"| width of the always-valid over that of the fixed-n interval, same rows, last cycle, median "
        f"| ≤ 1.8 | {middle(ratios)} ({len(ratios)} seeds × actions) |",
        *(_against(kept, rival) for rival in POLICIES[1:]),
    ]


def _against(kept: list[dict[str, Any]], rival: str) -> str:
    ours = [one["late_profit"]["engine"] for one in kept]
    theirs = [one["late_profit"][rival] for one in kept]
    wins = sum(own > other for own, other in zip(ours, theirs, strict=True))
    return (
        f"| true profit from cycle {LATE} on above {rival} | ≥ .9 of seeds "
        f"| {wins} of {len(kept)}, {np.mean(ours) / np.mean(theirs):.2f} × on average |"
    )


def _by_action(kept: list[dict[str, Any]], truth: dict[str, Any]) -> list[str]:
    lines = ["| action | true effect | mean estimate | mean width | width over fixed-n, median |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for action, effect in truth.items():
        rows = [one["actions"][action] for one in kept if one["actions"][action]["lower"] is not None]
        if rows:
            estimate = np.mean([row["estimate"] for row in rows])
            width = np.mean([row["upper"] - row["lower"] for row in rows])
            ratio = middle([row["width_ratio"] for row in rows if row["width_ratio"]])
            lines.append(f"| {action} | {effect:.3f} | {estimate:.3f} | {width:.3f} | {ratio} |")
    return lines


def _by_seed(kept: dict[int, dict[str, Any]], worst: str) -> list[str]:
    policies = [policy for policy in POLICIES if all(policy in one["late_profit"] for one in kept.values())]
    lines = [
        f"True profit from cycle {LATE} on in thousands; the share of `{worst}` over its floor in the last cycle.",
        "",
    ]
    lines += [f"| seed | code | {' | '.join(policies)} | share of the oracle | `{worst}` over floor |"]
    lines += ["| --- | --- | " + " | ".join("---" for _ in policies) + " | --- | --- |"]
    for seed, one in sorted(kept.items()):
        profits = " | ".join(f"{one['late_profit'][policy] / 1e3:.0f}" for policy in policies)
        harm = one["actions"][worst]["share"] / one["actions"][worst]["floor"]
        share = "–" if one["oracle_share"] is None else f"{one['oracle_share']:.3f}"
        lines.append(f"| {seed} | {one['code']} | {profits} | {share} | {harm:.2f} |")
    return lines


def play_all(scenario: str, seeds: range, processes: int, folder: Path) -> dict[int, dict[str, Any]]:
    """Play every seed under every policy that is not in `folder` yet; return what is kept of each."""
    code = code_version()
    jobs = [(scenario, policy, seed, folder) for seed in seeds for policy in POLICIES]
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for _ in pool.imap_unordered(play, jobs):
            pass
    return {seed: summary(read_runs(scenario, seed, folder), code) for seed in seeds}


def read_runs(scenario: str, seed: int, folder: Path) -> dict[str, dict[str, Any]]:
    return {policy: json.loads((folder / f"{scenario}-{policy}-{seed}.json").read_text()) for policy in POLICIES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="shop")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "alamo-simulation")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    file = HERE / "results" / f"simulation_{options.scenario}.json"
    kept = {int(seed): one for seed, one in json.loads(file.read_text()).items()} if file.exists() else {}
    seeds = range(options.first, options.first + options.seeds)
    kept |= play_all(options.scenario, seeds, options.processes, options.folder)
    file.write_text(json.dumps({str(seed): kept[seed] for seed in sorted(kept)}, indent=1) + "\n")
    lines = table(kept, options.scenario)
    file.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
