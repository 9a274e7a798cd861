"""Uplift per customer against named rivals, in one run on the same draws; writes benchmarks/results/uplift.md.

    ALAMO_TEST_DATA=folder python -m benchmarks.uplift [seeds]

Rivals: the best single action, and a T-learner with LightGBM's defaults (one model per arm, argmax of the differences).
Worlds with real covariates need the Hillstrom file; the shop worlds need nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.hillstrom_worlds import ARMS, FEATURES, email_world, gain_percent
from benchmarks.uplift_worlds import ACTIONS, COSTS, IDS, START, log, policy_value, score_matrix, shop

from alamo.numerics.encoding import FeatureEncoder
from alamo.prediction import UpliftSpec, analyze_uplift, fit_uplift_model

Floats = npt.NDArray[np.float64]
FIRST_SEED = 900
SPEC = UpliftSpec("arm", ARMS[0], "outcome", features=FEATURES, segments=("cell",))
RESULTS = Path(__file__).parent / "results" / "uplift.md"


def t_learner(features: Floats, arm: npt.NDArray[np.int64], outcome: Floats, at: Floats) -> Floats:
    """Return the effect of each arm against arm 0 by one default LightGBM regression per arm, shape (n, k)."""
    predicted = []
    for a in range(int(arm.max()) + 1):
        model = lightgbm.LGBMRegressor(n_jobs=1, verbosity=-1).fit(features[arm == a], outcome[arm == a])
        predicted.append(model.predict(at))
    return np.column_stack(predicted[1:]) - predicted[0][:, None]


def timed(call: Callable[[], Floats]) -> tuple[Floats, float]:
    """Return a call's result and the process CPU seconds it took."""
    start = time.process_time()
    return call(), time.process_time() - start


def email_row(folder: Path, outcome: str, world: str, seeds: range) -> str:
    """One line of the table for a world on real covariates."""
    gains: dict[str, list[float]] = {"oracle": [], "alamo": [], "T-learner": []}
    errors: dict[str, list[float]] = {"best single": [], "alamo": [], "T-learner": []}
    covered, cpu = [], {"alamo": [], "T-learner": []}
    for seed in seeds:
        real = email_world(folder, outcome, world, seed)
        file, n = real.draw(10_000 + seed), len(real.truth)
        start = time.process_time()
        scores = analyze_uplift(file, replace(SPEC, seed=seed)).scores_table()
        cpu["alamo"].append(time.process_time() - start)
        away = np.asarray(scores["holdout"])[:n]
        values = np.asarray(scores["value_mean"]).reshape(2, n).T[away]
        sd = np.asarray(scores["value_sd"]).reshape(2, n).T[away]
        x = FeatureEncoder.fit(file, FEATURES).transform(file)
        arm = np.array([ARMS.index(name) for name in file["arm"].to_pylist()])
        y, truth = np.asarray(file["outcome"], dtype=np.float64), real.truth[away]
        rival, seconds = timed(lambda: t_learner(x[~away], arm[~away], y[~away], x[away]))  # noqa: B023 # called at once
        cpu["T-learner"].append(seconds)
        for name, estimate in (("oracle", truth), ("alamo", values), ("T-learner", rival)):
            gains[name].append(gain_percent(estimate, truth))
        mean = np.broadcast_to(truth.mean(axis=0), truth.shape)
        for name, estimate in (("best single", mean), ("alamo", values), ("T-learner", rival)):
            errors[name].append(1000.0 * float(np.sqrt(((estimate - truth) ** 2).mean())))
        covered.append(float((np.abs(values - truth) <= 1.645 * sd).mean()))
    return (
        f"| {outcome} {world} | {np.mean(gains['oracle']):.1f} "
        f"| {np.mean(gains['alamo']):+.2f} ({min(gains['alamo']):+.1f}) "
        f"| {np.mean(gains['T-learner']):+.1f} | {np.mean(errors['best single']):.1f} | {np.mean(errors['alamo']):.1f} "
        f"| {np.mean(errors['T-learner']):.1f} | {np.mean(covered):.2f} | {np.mean(cpu['alamo']):.1f} "
        f"| {np.mean(cpu['T-learner']):.1f} |"
    )


def shop_row(world: str, seeds: range, n: int, cycles: int) -> str:
    """One line of the table for a shop world."""
    values: dict[str, list[float]] = {"oracle": [], "best single": [], "alamo": [], "T-learner": []}
    covered, fit_cpu, score_cpu = [], [], []
    for seed in seeds:
        market = shop(world, n, seed)
        observations, dr_scores = log(market, cycles, 10_000 + seed)
        start = time.process_time()
        model = fit_uplift_model(observations, dr_scores, actions=ACTIONS, salt=f"b{seed}")
        fit_cpu.append(time.process_time() - start)
        segments = pa.table({"customer_id": market.profiles["customer_id"], "segment": market.segment})
        start = time.process_time()
        scores = model.score(market.profiles, segments, START)
        score_cpu.append(time.process_time() - start)
        estimate, sd = score_matrix(scores), score_matrix(scores, "value_sd_money")
        names = ("none", *IDS)
        arm = np.array([names.index(name) for name in observations["action_id"].to_pylist()])
        columns = [name for name in market.profiles.column_names if name != "customer_id"]
        encoder = FeatureEncoder.fit(observations, columns)
        rival = t_learner(
            encoder.transform(observations),
            arm,
            np.asarray(observations["outcome_money"]),
            encoder.transform(market.profiles),
        )
        truth = market.truth - COSTS
        values["oracle"].append(policy_value(truth, truth))
        values["best single"].append(max(0.0, float(truth.mean(axis=0).max())))
        values["alamo"].append(policy_value(estimate, truth))
        values["T-learner"].append(policy_value(rival, truth))
        covered.append(float((np.abs(estimate - truth) <= 1.645 * sd).mean()))
    shown = " | ".join(f"{np.mean(values[name]):.3f}" for name in ("oracle", "best single", "alamo", "T-learner"))
    return f"| {world} | {shown} | {np.mean(covered):.2f} | {np.mean(fit_cpu):.1f} | {np.mean(score_cpu):.2f} |"


def main() -> None:
    """Run and write the table."""
    seeds = range(FIRST_SEED, FIRST_SEED + (int(sys.argv[1]) if len(sys.argv) > 1 else 20))
    n, cycles = 50_000, 4
    lines = [
        "# Uplift per customer, against rivals in one run",
        "",
        f"`python -m benchmarks.uplift {len(seeds)}` · {len(seeds)} fresh seeds from {FIRST_SEED} · process CPU s.",
        "",
        f"## Shop worlds: {n} customers × {cycles} cycles, money per customer and decision net of cost",
        "",
        "True value of the policy that acts on the estimates. Actions: two cheap, one dear, one harmful; effects of",
        "1–1.4 points of conversion (sd 1.2); orders heavy-tailed; mixed propensities. Coverage: of customers'",
        "own effects at nominal 90 %.",
        "",
        "| world | oracle | best single | Alamo | T-learner | coverage | fit CPU s | score CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for world in ("mixed", "smooth", "homogeneous", "nil"):
        lines.append(shop_row(world, seeds, n, cycles))
        print(lines[-1], flush=True)
    folder = os.environ.get("ALAMO_TEST_DATA")
    if folder:
        lines += [
            "",
            "## Real covariates (Hillstrom), known effects: 32,000 customers to fit, 32,000 to judge",
            "",
            "Gain of the policy over the best single e-mail in % (worst draw); rmse of customers' effects per 1,000.",
            "",
            "| world | oracle gain | Alamo gain (worst) | T-learner gain | rmse best single | rmse Alamo | rmse T "
            "| coverage 90 % | CPU s | CPU s T |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for outcome in ("visit", "conversion"):
            for world in ("mixed", "smooth", "homogeneous"):
                lines.append(email_row(Path(folder), outcome, world, seeds))
                print(lines[-1], flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
