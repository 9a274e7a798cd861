"""Decisions per CPU-second of the rule: a batch of a million customers × 20 actions, and one customer at a time.

Beside it, in the same run, the floor: a naive NumPy argmax over the same values, which knows neither eligibility,
probabilities, limits nor a log. Writes ``benchmarks/results/rule.md``.

    python -m benchmarks.rule [customers] [actions]
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from benchmarks.versions import measured_with

from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot, RuleSettings
from alamo.engine.batch import decide_under
from alamo.engine.realtime import decide_cells
from alamo.steering.cells import Cells, Pairs, assemble
from alamo.steering.limits import LimitTables, limit_tables
from alamo.steering.units import Units

RESULTS = Path(__file__).parent / "results" / "rule.md"
RULE = RuleSettings(temperature_money=0.1, floor_share=0.02, control_share=0.1)
SALT = "benchmark"
ONE_BY_ONE = 20_000
MANY = 19
"""How often the limits are repeated for a policy with many."""


def market(n: int, k: int) -> tuple[Cells, LimitTables]:
    """Every action is open to everybody; a budget and a capacity run out within the batch, a minimum counts along."""
    rng = np.random.default_rng(1)
    names = tuple(f"a{a}" for a in range(k))
    units = Units(
        pa.array(np.arange(n).astype(str)),
        rng.integers(0, 2**63, n).astype(np.uint64),
        np.zeros(n, dtype=np.int32),
        np.zeros(n, dtype=bool),
    )
    pairs = Pairs(
        np.repeat(np.arange(n), k),
        np.tile(np.arange(k), n),
        rng.normal(0.0, 1.0, n * k),
        np.ones(n * k),
        rng.uniform(0.1, 1.0, (n * k, 1)),
    )
    rows = (
        LimitRow("budget", "cost", 0.4 * n, 1, names, "", True),
        LimitRow("capacity", "count", 0.1 * n, 1, names[:5], "", True),
        LimitRow("minimum", "count", -0.01 * n, -1, names[5:6], "", False),
    )
    return assemble(units, pairs, ("cost",), names, SALT), limit_tables(rows, names, ("cost",), {})


def measured(work: Callable[[], object], repeat: int = 3) -> float:
    """Return the least CPU-seconds of `repeat` runs."""
    seconds = []
    for _ in range(repeat):
        before = time.process_time()
        work()
        seconds.append(time.process_time() - before)
    return min(seconds)


def main(n: int = 1_000_000, k: int = 20) -> None:
    before = time.process_time()
    cells, tables = market(n, k)
    assembled = time.process_time() - before
    state = BlockState(0, (0.3, 0.1, 0.0), tuple(tables.bound.tolist()))
    policy = PolicySnapshot(
        1, cells.action_ids, tables.rows, RULE, SALT, "u", 0.0, 1, (state,), "benchmark", "2011-01-10", {}
    )
    before = time.process_time()
    decide_cells(cells.span(0, 1), tables, policy, state)
    first_call = time.process_time() - before
    batch = measured(lambda: decide_under(state, cells, tables, RULE, SALT))

    def one_by_one() -> None:
        left = state
        for i in range(ONE_BY_ONE):
            _, left = decide_cells(cells.span(i, i + 1), tables, policy, left)

    single = measured(one_by_one)
    many = LimitTables(
        tables.rows * MANY,
        np.tile(tables.column, MANY),
        np.tile(tables.coefficient, (MANY, 1, 1)),
        np.tile(tables.bound, MANY),
        np.tile(tables.hard, MANY),
    )
    wide = replace(state, prices=state.prices * MANY, remaining=state.remaining * MANY)

    def one_by_one_under_many() -> None:
        left = wide
        for i in range(ONE_BY_ONE):
            _, left = decide_cells(cells.span(i, i + 1), many, policy, left)

    single_many = measured(one_by_one_under_many)
    value, cost = (column.reshape(n, k) for column in (cells.value_money, cells.uses[:, 0]))
    naive = measured(lambda: np.argmax(value - 0.3 * cost, axis=1))
    rows = [
        ("rule, batch", n / batch, "prices, softmax, floor, stops, draw, propensities and reasons"),
        ("rule, one by one", ONE_BY_ONE / single, "the same, as a batch of one through Python"),
        (f"rule, one by one, {many.m} limit rows", ONE_BY_ONE / single_many, "the same under many limits"),
        ("NumPy argmax", n / naive, "the floor: best of value − price · cost, nothing else"),
    ]
    lines = [
        f"# The rule: {n:,} customers × {k} actions, {tables.m} limit rows",
        "",
        f"{measured_with()} One thread; CPU-seconds, best of 3 in one run.",
        "",
        "| carrier | decisions per CPU-second | what it does |",
        "| --- | ---: | --- |",
        *(f"| {name} | {speed:,.0f} | {what} |" for name, speed, what in rows),
        "",
        f"Batch takes {batch / naive:.1f} times the floor. One customer takes {1e6 * single / ONE_BY_ONE:.0f} µs, "
        f"{1e6 * single_many / ONE_BY_ONE:.0f} µs under {many.m} limit rows, cutting it out of the batch included. "
        f"First call of the rule in this process {first_call:.2f} CPU-s (more if the kernel cache is empty); making "
        f"the cells {assembled:.1f} CPU-s; peak memory "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB.",
        "",
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main(*(int(float(word)) for word in sys.argv[1:]))
