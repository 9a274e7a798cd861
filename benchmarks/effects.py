"""Cost of effects: an experiment file from rows to intervals, and the loop's effects on 400,000 decisions.

    python benchmarks/effects.py [--data FOLDER]

CPU seconds of this process, one thread. FOLDER holds ``hillstrom/``; without it that part is left out.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # after the number of threads is set
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from alamo.domain.action import Action
from alamo.domain.settings import InferenceSettings
from alamo.inference import ExperimentSpec, ScoredLog, analyze_experiment, cycle_dr_scores, effect_sums, loop_effects
from alamo.numerics.fay_herriot import fay_herriot
from alamo.prediction.learners import boosted_outcome
from alamo.store import MemoryHistory

CUSTOMERS, CYCLES = 50_000, 8
ARMS = ("none", "mail", "post", "voucher")


def measure(label: str, work: Any) -> Any:
    """Run `work`, print its CPU seconds, and return its result."""
    start = time.process_time()
    result = work()
    print(f"| {label} | {time.process_time() - start:.2f} |")
    return result


def log_of(cycle: int) -> pa.Table:
    """Return one synthetic cycle of observations."""
    rng = np.random.default_rng(cycle)
    n, k = CUSTOMERS, len(ARMS)
    p = rng.dirichlet(np.full(k, 2.0), n) * 0.9 + 0.1 / k
    arm = np.minimum((rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1), k - 1)
    value = np.exp(rng.normal(3, 1, n))
    order = rng.random(n) < 0.05 + 0.02 * (arm == 1)
    at = datetime(2025, 1, 6, tzinfo=UTC) + timedelta(days=28 * cycle)
    lists = pa.FixedSizeListArray.from_arrays
    features = {f"money_{days}d": rng.exponential(days, n) for days in (7, 30, 90, 365)}
    features |= {f"orders_{days}d": rng.poisson(days / 100, n) for days in (7, 30, 90, 365)}
    return pa.table(
        {
            "decision_id": pa.array([f"d{cycle}-{i}" for i in range(n)]),
            "unit_id": pa.array([f"u{i}" for i in range(n)]),
            "cycle": np.full(n, cycle),
            "decided_at": pa.array([at] * n, pa.timestamp("us", tz="UTC")),
            "action_id": pa.array(ARMS).take(pa.array(arm)),
            "eligible": lists(pa.array(ARMS * n), k).cast(pa.list_(pa.string())),
            "p": lists(pa.array(p.ravel()), k).cast(pa.list_(pa.float64())),
            "p_action": p[np.arange(n), arm],
            "universal_control": rng.random(n) < 0.0,
            "orders_window": order.astype(int),
            "x": rng.poisson(3, n),
            "t_x_days": rng.uniform(0, 300, n),
            "t_days": rng.uniform(300, 600, n),
            "repeat_money": value,
            "money": 4 * value,
            "recency_days": rng.uniform(0, 300, n),
            **features,
            "outcome_money": 20.0 * order + 3.0 * value,
            "segment": pa.array([f"s{i}" for i in range(37)]).take(pa.array(rng.integers(0, 37, n))),
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("ALAMO_TEST_DATA"))
    folder = parser.parse_args().data
    print("| what | CPU s |\n|---|---|")
    if folder is not None:
        table = pyarrow.csv.read_csv(Path(folder) / "hillstrom" / "hillstrom.csv.gz")
        for outcomes, segments in (
            (("visit",), "none"),
            (("visit", "conversion", "spend"), "none"),
            (("visit",), "auto"),
        ):
            spec = ExperimentSpec("segment", "No E-Mail", outcomes, segments=segments)
            label = f"Hillstrom, 64,000 rows, {', '.join(outcomes)}, segments {segments}"
            measure(label, lambda spec=spec: analyze_experiment(table, spec, boosted_outcome()))
    rng = np.random.default_rng(1)
    cells, z = rng.normal(size=68), rng.normal(size=(68, 11))
    measure("Fay–Herriot, 68 segments × 11 covariates, 50 times", lambda: [_shrink(cells, z) for _ in range(50)])
    log = pa.concat_tables([log_of(cycle) for cycle in range(1, CYCLES + 1)])
    scores = []
    for cycle in range(1, CYCLES + 1):
        rows = f"scores of cycle {cycle}: {CUSTOMERS:,} decisions × {len(ARMS)}"
        scores.append(measure(rows, lambda cycle=cycle: cycle_dr_scores(log, cycle, boosted_outcome(), salt="b")))
    actions = [Action(id=name, name=name, channel="email", level="upsell") for name in ARMS[1:]]
    found = measure(
        f"effects of {len(actions)} actions × 37 segments, {log.num_rows:,} decisions",
        lambda: loop_effects(
            effect_sums(ScoredLog.of(MemoryHistory(), log, scores=pa.concat_tables(scores))),
            as_of=datetime(2026, 1, 1, tzinfo=UTC),
            actions=actions,
            inference=InferenceSettings(),
            planned_rows=log.num_rows,
        ),
    )
    pooled = found.table.filter(pc.equal(found.table["segment"], "*")).to_pylist()
    for row in pooled:
        interval = f"[{row['anytime_lower']:.3f}, {row['anytime_upper']:.3f}]"
        print(f"| {row['action_id']}: {row['mean_money']:.3f} {interval} | |")


def _shrink(cells: np.ndarray, z: np.ndarray) -> Any:
    return fay_herriot(cells, np.ones(68), z, scale=0.5)


if __name__ == "__main__":
    main()
