"""The loop against contextual bandits in four markets: regret after 8 and 20 cycles, misses of intervals, spend in nil.

    python -m benchmarks.market [--scenarios smooth,mixed,homogeneous,nil] [--seeds 20] [--first 1] [--processes 1]
    python -m benchmarks.market --tune           # exploration of the rivals, on seeds that are not judged

Needs `mabwiser` and `vowpalwabbit` beside the package. All policies play one seed's customers and luck under the same
limits, control and costs; the regret is what the oracle would have earned under them less what was earned. What the
table needs of each run is kept in benchmarks/results/market.json with the version of the code that played it, so seeds
can be added and an interrupted benchmark goes on where it stopped; `--seeds 0` makes the table of what is kept.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the number of threads is set
from benchmarks.market_rivals import NAMES, rival
from benchmarks.market_table import SCENARIOS, table
from benchmarks.versions import code_version

from alamo.prediction import boosted_outcome
from alamo.simulation import builtin_scenario
from alamo.simulation.run import Equipment, simulate
from alamo.store import memory_stores

RESULTS = Path(__file__).parent / "results"
POLICIES = ("engine", *NAMES)
TUNED = {
    "t-learner": [{"floor": 0.03}, {"floor": 0.01}, {"floor": 0.03, "trees": 30}],
    "linucb": [{"alpha": 0.1, "ridge": 10.0}, {"alpha": 0.3, "ridge": 10.0}, {"alpha": 0.2}, {"alpha": 0.3}],
    "thompson": [{"alpha": 0.1, "ridge": 10.0}, {"alpha": 0.1}, {"alpha": 0.3}],
    "vowpalwabbit": [{}, {"sharpness": 40.0}, {"rate": 0.1, "passes": 1}, {"rate": 0.5, "passes": 1}],
}
TUNING_SEED, TUNING_CYCLES = 901, 8


class MeanOutcome:
    """An outcome model that predicts the mean: rivals do not look at doubly robust scores, so theirs may be cheap."""

    def fit(self, features, outcome, weight=None):
        self.mean = float(np.average(outcome, weights=weight)) if len(outcome) else 0.0
        return self

    def fit_parts(self, features, parts):
        return (self.fit(features[rows], outcome) for rows, outcome in parts)

    def predict(self, features):
        return np.full(len(features), self.mean)


def play(job: tuple[str, str, int, dict[str, Any], int]) -> tuple[tuple[str, str, int], dict[str, Any]]:
    """Play one seed of a scenario under one policy; return what the table needs of it."""
    name, policy, seed, options, cycles = job
    scenario = builtin_scenario(name)
    scenario = replace(scenario, cycles=cycles)  # the planned horizon of the intervals stays 20 cycles
    stores = memory_stores()
    own = policy == "engine"
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome() if own else MeanOutcome())
    started = time.process_time()
    found = simulate(scenario, equipment, seed=seed, policy="engine" if own else rival(policy, seed, **options))
    seen: dict[str, Any] = {
        key: [round(getattr(row, key), 2) for row in found.cycles]
        for key in ("profit_true", "regret", "spend", "spend_floor", "spend_least")
    }
    seen |= {"broken": sum(row.limits_broken for row in found.cycles)}
    if own:
        seen["coverage"] = found.to_dict()["coverage"]
        seen["learning_cost"] = [round(row.learning_cost, 2) for row in found.cycles]
    return (name, policy, seed), seen | {"cpu_seconds": round(time.process_time() - started)}


def cycles_kept(kept: dict[str, Any], name: str, policy: str, seed: int) -> int:
    """Return how many cycles of a run are kept."""
    return len(kept.get(name, {}).get(str(seed), {}).get(policy, {}).get("regret", ()))


def play_all(jobs: list[tuple[str, str, int, dict[str, Any], int]], processes: int, keep: Any) -> None:
    """Play the jobs and hand every run to `keep` as it comes."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for (name, policy, seed), seen in pool.imap_unordered(play, jobs):
            keep(name, policy, seed, seen)
            print(
                f"{name} {policy} seed {seed}: {seen['cpu_seconds']} CPU-s, regret {sum(seen['regret']):.0f}",
                flush=True,
            )


def tune(scenarios: list[str], policies: list[str], processes: int) -> None:
    """Print the regret of every setting of the rivals."""
    for policy in policies:
        for options in TUNED.get(policy, []):
            jobs = [(name, policy, TUNING_SEED, options, TUNING_CYCLES) for name in scenarios]
            total: list[float] = []
            play_all(jobs, processes, lambda *seen, total=total: total.append(sum(seen[3]["regret"])))
            print(f"{policy} {options}: {sum(total):.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--cycles", type=int, default=20, help="less for a quick look: the first cycles are the same")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    names, policies = options.scenarios.split(","), options.policies.split(",")
    missing = [name for name in ("mabwiser", "vowpalwabbit") if importlib.util.find_spec(name) is None]
    if missing and options.seeds and set(policies) - {"engine", "t-learner"}:
        print(f"nothing to compare: {' and '.join(missing)} missing; name --policies engine,t-learner, or --seeds 0")
        return
    if options.tune:
        tune(names, policies, options.processes)
        return
    file, code = RESULTS / "market.json", code_version()
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def keep(name: str, policy: str, seed: int, seen: dict[str, Any]) -> None:
        kept.setdefault(name, {}).setdefault(str(seed), {})[policy] = seen | {"code": code}
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(kept, sort_keys=True) + "\n")
        draft.replace(file)

    seeds = range(options.first, options.first + options.seeds)
    wanted = [(name, policy, seed) for seed, name, policy in product(seeds, names, policies)]
    due = [(*run, {}, options.cycles) for run in wanted if cycles_kept(kept, *run) < options.cycles]
    play_all(due, options.processes, keep)
    lines = table(kept)
    file.with_suffix(".md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
