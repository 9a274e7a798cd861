"""The loop against rivals in a market whose truth is known: coverage, profit, the harmful action's share, limits.

    python benchmarks/simulation.py [--scenario shop] [--seeds 20] [--first 1] [--processes 2] [--folder FOLDER]

Every (policy, seed) run is kept in FOLDER as JSON, so an interrupted benchmark goes on where it stopped. Rivals decide
under the same limits, control and costs; they learn from the first cycle and stay with their choice.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the number of threads is set

from alamo.project import simulate

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


def width_ratios(shown: Iterable[dict[str, Any]]) -> list[float]:
    """Return the width of the always-valid interval over that of the fixed-n one, wherever both are given."""
    pairs = [(one["upper"] - one["lower"], one["fixed_upper"] - one["fixed_lower"]) for one in shown if _both(one)]
    return [wide / narrow for wide, narrow in pairs if narrow > 0.0]


def _both(shown: dict[str, Any]) -> bool:
    return shown["lower"] is not None and shown.get("fixed_lower") is not None


def middle(values: list[float]) -> str:
    return f"{np.median(values):.2f}" if values else "–"


def table(runs: dict[str, dict[int, dict[str, Any]]], scenario: str) -> list[str]:
    engine = runs["engine"]
    seeds = sorted(engine)
    actions = [action["id"] for action in engine[seeds[0]]["actions"]]
    last = {seed: {action["id"]: action for action in engine[seed]["actions"]} for seed in seeds}
    pairs = sum(run["coverage"]["pairs"] for run in engine.values())
    missed = sum(run["coverage"]["missed"] + run["coverage"]["without_interval"] for run in engine.values())
    allowed = 0.05 + 2 * np.sqrt(0.05 * 0.95 / pairs)
    truth = {action: np.mean([last[seed][action]["true_effect"] for seed in seeds]) for action in actions}
    best, worst = max(actions, key=lambda a: truth[a]), min(actions, key=lambda a: truth[a])
    found = sum(last[seed][best]["lower"] is not None and last[seed][best]["lower"] > 0 for seed in seeds)
    calm = sum(last[seed][worst]["share"] <= 1.2 * last[seed][worst]["floor"] for seed in seeds)
    broken = sum(row["limits_broken"] for policy in runs.values() for run in policy.values() for row in run["rows"])
    late = [row for run in engine.values() for row in run["rows"] if row["cycle"] >= LATE]
    shares = [row["oracle_share"] for row in late if row["oracle_share"] is not None]
    share = f"{np.mean(shares):.3f}" if shares else "not defined: there is next to nothing to earn"
    ratios = {action: width_ratios(last[seed][action] for seed in seeds) for action in actions}
    everywhere = [ratio for action in actions for ratio in ratios[action]]
    lines = [
        f"# Simulation, scenario `{scenario}`",
        "",
        f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]}), looked at after every cycle; "
        f"{np.mean([run['cpu_seconds'] for run in engine.values()]):.0f} CPU-s a run of the engine.",
        "",
        "| what | to reach | measured |",
        "| --- | --- | --- |",
        f"| misses of the always-valid interval at any look, or none given | ≤ {allowed:.3f} "
        f"| {missed / pairs:.3f} ({missed} of {pairs}) |",
        f"| best action (`{best}`) excludes 0 at the last cycle | ≥ .8 of seeds | {found} of {len(seeds)} |",
        f"| harmful action (`{worst}`) drawn ≤ 1.2 × its floor in the last cycle | ≥ .9 of seeds "
        f"| {calm} of {len(seeds)} |",
        f"| limits, caps or consents broken | 0 | {broken} |",
        f"| share of the oracle from cycle {LATE} on | | {share} |",
        f"| width of the always-valid over that of the fixed-n interval, same rows, last cycle, median "
        f"| ≤ 1.8 | {middle(everywhere)} ({len(everywhere)} seeds × actions) |",
    ]
    for rival in POLICIES[1:]:
        both = [seed for seed in seeds if seed in runs[rival]]
        wins = sum(late_profit(engine[seed]) > late_profit(runs[rival][seed]) for seed in both)
        ratio = np.mean([late_profit(engine[seed]) for seed in both]) / np.mean(
            [late_profit(runs[rival][seed]) for seed in both]
        )
        lines.append(
            f"| true profit from cycle {LATE} on above {rival} | ≥ .9 of seeds "
            f"| {wins} of {len(both)}, {ratio:.2f} × on average |"
        )
    lines += ["", "| action | true effect | mean estimate | mean width | width over fixed-n, median |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for action in actions:
        rows = [last[seed][action] for seed in seeds if last[seed][action]["lower"] is not None]
        if rows:
            estimate = np.mean([row["estimate"] for row in rows])
            width = np.mean([row["upper"] - row["lower"] for row in rows])
            lines.append(
                f"| {action} | {truth[action]:.3f} | {estimate:.3f} | {width:.3f} | {middle(ratios[action])} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="shop")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "alamo-simulation")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    seeds = range(options.first, options.first + options.seeds)
    jobs = [(options.scenario, policy, seed, options.folder) for seed in seeds for policy in POLICIES]
    with multiprocessing.get_context("spawn").Pool(options.processes, maxtasksperchild=1) as pool:
        for _ in pool.imap_unordered(play, jobs):
            pass
    runs: dict[str, dict[int, dict[str, Any]]] = {policy: {} for policy in POLICIES}
    for scenario, policy, seed, folder in jobs:
        runs[policy][seed] = json.loads((folder / f"{scenario}-{policy}-{seed}.json").read_text())
    lines = table(runs, options.scenario)
    (Path(__file__).with_name("results") / f"simulation_{options.scenario}.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
