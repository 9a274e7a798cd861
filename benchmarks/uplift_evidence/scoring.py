"""Row 13: rows scored per CPU second, and whether a row alone gets the bits it gets in a batch."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from benchmarks.hillstrom_worlds import email_world
from benchmarks.uplift_evidence.draws import SPEC
from benchmarks.uplift_evidence.record import Record

from alamo.prediction.analysis.prepared import prepare
from alamo.prediction.analysis.trial import choose_features, read_trial

PART, WORLD = "scoring", "visit smooth"
TIMES = 4
ALONE = 300


def measure(record: Record, folder: Path, seed: int) -> None:
    """Measure the mixture and the segments alone."""
    if record.known(PART, WORLD, seed):
        return
    spec = replace(SPEC, seed=seed)
    trial = read_trial(email_world(folder, *WORLD.split(), seed).draw(10_000 + seed), spec)
    ready = prepare(trial, spec, choose_features(trial, spec)[0])
    table, inputs = pa.concat_tables([trial.table] * TIMES), ready.inputs
    found = {}
    for name, learners in (("alamo, segments only", ()), ("alamo, ridge and boosting", spec.learners)):
        model = ready.fit(learners)
        start = time.process_time()
        batch = model.predict(table)
        whole = time.process_time() - start
        start = time.process_time()
        for _ in range(TIMES):
            for stack in model.stacks:
                stack.predict(inputs)
                stack.spread.predict(inputs)
        encoded = time.process_time() - start
        mean, sd = (np.asarray(batch[key]).reshape(2, table.num_rows) for key in ("value_mean", "value_sd"))
        start = time.process_time()
        alone = [model.predict(table.slice(row, 1)) for row in range(ALONE)]
        one = time.process_time() - start
        same = [
            np.array_equal(np.asarray(row["value_mean"]), mean[:, i])
            and np.array_equal(np.asarray(row["value_sd"]), sd[:, i])
            for i, row in enumerate(alone)
        ]
        found[name] = {
            "rows_per_cpu_second": table.num_rows / whole, "encoded_rows_per_cpu_second": table.num_rows / encoded,
            "one_row_cpu_ms": 1000.0 * one / ALONE, "same_bits": float(np.mean(same)),
            "boosting_weight": float(np.mean([stack.weights.get("boosting", 0.0) for stack in model.stacks])),
        }  # fmt: skip
    record.add(PART, WORLD, seed, found)
