"""Which learners earn their place in the mixture: sets of candidates on the same draws and scores.

    ALAMO_TEST_DATA=folder python -m benchmarks.uplift_learners [seeds]

Every set is fitted on the same cross-fitted scores of the same draw, so differences are those of the candidates alone.
Worlds and their meaning: `benchmarks/hillstrom_worlds.py` (real covariates), `benchmarks/uplift_worlds.py` (a shop's
log). Writes benchmarks/results/uplift_learners.md.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import sklearn
from benchmarks.hillstrom_worlds import ARMS, FEATURES, email_world, gain_percent
from benchmarks.uplift_worlds import ACTIONS, COSTS, START, log, policy_value, score_matrix, shop

from alamo.prediction import UpliftSpec, fit_uplift_model
from alamo.prediction.analysis.prepared import prepare
from alamo.prediction.analysis.trial import choose_features, read_trial

FIRST_SEED = 1200
TODAY = ("ridge", "boosting")
SETS = {
    "ridge, boosting": TODAY,
    "+ tree": (*TODAY, "tree"),
    "+ forest": (*TODAY, "forest"),
    "+ network": (*TODAY, "network"),
    "all five": (*TODAY, "tree", "forest", "network"),
}
SPEC = UpliftSpec("arm", ARMS[0], "outcome", features=FEATURES, segments=("cell",))
RESULTS = Path(__file__).parent / "results" / "uplift_learners.md"


@dataclass
class Seen:
    """What a set of candidates reached, an entry per draw."""

    gain: list[float] = field(default_factory=list)
    error: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)


def email_draw(folder: Path, outcome: str, world: str, seed: int, seen: dict[str, Seen]) -> float:
    """Fit every set on one draw of a world on real covariates; return the oracle's gain."""
    real = email_world(folder, outcome, world, seed)
    spec = replace(SPEC, seed=seed)
    trial = read_trial(real.draw(10_000 + seed), spec)
    ready = prepare(trial, spec, choose_features(trial, spec)[0])
    truth, inputs = real.truth[ready.held_out], ready.inputs.take(ready.held_out)
    for name, learners in SETS.items():
        start = time.process_time()
        model = ready.fit(learners)
        spent = time.process_time() - start
        values = model.effects_of(inputs)
        further = [weight for stack in model.stacks for key, weight in stack.weights.items() if key not in STANDARD]
        seen[name].gain.append(gain_percent(values, truth))
        seen[name].error.append(1000.0 * float(np.sqrt(((values - truth) ** 2).mean())))
        seen[name].cpu.append(spent)
        seen[name].weight.append(float(np.sum(further)) / len(model.stacks))
    return gain_percent(truth, truth)


STANDARD = ("zero", "one effect", "segments", *TODAY)


def email_rows(folder: Path, outcome: str, world: str, seeds: range) -> list[str]:
    """Lines of the table for one world on real covariates."""
    seen = {name: Seen() for name in SETS}
    oracle = float(np.mean([email_draw(folder, outcome, world, seed, seen) for seed in seeds]))
    today = seen["ridge, boosting"]
    lines = []
    for name, found in seen.items():
        difference = np.array(found.gain) - np.array(today.gain)
        se = float(difference.std(ddof=1) / np.sqrt(len(difference)))
        lines.append(
            f"| {outcome} {world} | {name} | {oracle:.1f} | {np.mean(found.gain):+.2f} ({min(found.gain):+.1f}) "
            f"| {difference.mean():+.2f} ± {se:.2f} | {np.mean(found.error):.2f} | {np.mean(found.weight):.2f} "
            f"| {np.mean(found.cpu):.1f} |"
        )
    return lines


def shop_rows(world: str, seeds: range, n: int, cycles: int) -> list[str]:
    """Lines of the table for one shop world: true value per customer of acting on the estimates."""
    values: dict[str, list[float]] = {"ridge, boosting": [], "all five": []}
    spent: dict[str, list[float]] = {name: [] for name in values}
    oracle = []
    for seed in seeds:
        market = shop(world, n, seed)
        observations, dr_scores = log(market, cycles, 10_000 + seed)
        segments = pa.table({"customer_id": market.profiles["customer_id"], "segment": market.segment})
        truth = market.truth - COSTS
        oracle.append(policy_value(truth, truth))
        for name, found in values.items():
            start = time.process_time()
            model = fit_uplift_model(observations, dr_scores, actions=ACTIONS, salt=f"b{seed}", learners=SETS[name])
            spent[name].append(time.process_time() - start)
            found.append(policy_value(score_matrix(model.score(market.profiles, segments, START)), truth))
    lines = []
    for name, found in values.items():
        difference = np.array(found) - np.array(values["ridge, boosting"])
        se = float(difference.std(ddof=1) / np.sqrt(len(difference)))
        lines.append(
            f"| {world} | {name} | {np.mean(oracle):.3f} | {np.mean(found):.4f} "
            f"| {difference.mean():+.4f} ± {se:.4f} | {np.mean(spent[name]):.1f} |"
        )
    return lines


def main() -> None:
    """Run and write the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    folder = Path(os.environ["ALAMO_TEST_DATA"])
    lines = [
        "# Which learners earn their place",
        "",
        f"`python -m benchmarks.uplift_learners {count}` · {count} fresh seeds from {FIRST_SEED}, one thread · "
        f"LightGBM {lightgbm.__version__}, scikit-learn {sklearn.__version__}. All sets on the same draws and scores.",
        "",
        "## Real covariates (Hillstrom), known effects: 32,000 customers to fit, 32,000 to judge",
        "",
        "Gain of the policy over the best single e-mail in % (worst draw), its difference to the first set, paired by",
        "draw (± one standard error); rmse of customers' effects per 1,000; weight of tree, forest and network",
        "together; CPU seconds of the fit without the scores.",
        "",
        "| world | learners | oracle gain | gain (worst) | difference | rmse | their weight | CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for outcome in ("visit", "conversion"):
        for world in ("mixed", "smooth", "homogeneous"):
            lines += email_rows(folder, outcome, world, seeds)
            print("\n".join(lines[-len(SETS) :]), flush=True)
    fewer = range(FIRST_SEED, FIRST_SEED + max(count // 3, 2))
    lines += [
        "",
        f"## Shop worlds: 30,000 customers × 3 cycles, {len(fewer)} seeds",
        "",
        "True value of the policy per customer and decision, money net of cost.",
        "",
        "| world | learners | oracle | value | difference | CPU s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for world in ("mixed", "smooth", "homogeneous", "nil"):
        lines += shop_rows(world, fewer, 30_000, 3)
        print("\n".join(lines[-2:]), flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if "ALAMO_TEST_DATA" in os.environ:
        main()
    else:
        print("nothing to measure: set ALAMO_TEST_DATA to the folder that holds hillstrom/")
