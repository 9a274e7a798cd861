"""A million decisions under hard limits: batch = replay = Spark, every column and bit of the log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.unit.steering.worlds import NOW, SALT, five_rows, market, names, tables

from alamo.domain.policy import PolicySnapshot, RuleSettings
from alamo.domain.reasons import LeftOut
from alamo.engine.batch import Stamp, decision_table, run_blocks
from alamo.engine.replay import replay
from alamo.spark.parcel import write_parcel
from alamo.spark.work import DONE_DDL, Deciding, pieces_of, read_rows
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.candidates import Candidates
from alamo.steering.eligibility import Eligibility
from alamo.steering.funnel import Stage
from alamo.steering.limits import affordable
from alamo.steering.pacing import block_count, pace

pytestmark = pytest.mark.spark

N, K = 1_000_000, 3
SLICES = 7
RULE = RuleSettings(0.1, 0.04, 0.1, (1.0, 0.1 + 0.2, 1 / 3))


@pytest.fixture(scope="module")
def decided():
    """Cells in which limits run out, and what one process decides."""
    cells, limits = market(N, K, seed=1), tables(five_rows(N, K), K)
    cells = cells.keep(affordable(cells, limits))
    problem = build_problem(cells, limits)
    prices = soft_prices(problem, RULE)
    batch = run_blocks(cells, limits, pace(problem, prices, RULE, block_count(N)), RULE, (SALT, block_count(N)))
    version = ("u", 0.0, len(batch.states), batch.states, "m", "2011-01-10", {})
    return cells, limits, batch, PolicySnapshot(1, names(K), limits.rows, RULE, SALT, *version)


def test_a_million_decisions_are_equal_to_the_last_bit(spark, tmp_path, decided):
    cells, limits, batch, policy = decided
    stamp = Stamp("plan-1-abc", policy.version, 1, NOW, NOW + timedelta(days=7))
    logged = decision_table(cells, batch, stamp)
    bounds = [N * part // SLICES for part in range(SLICES + 1)]
    nobody, stage = Eligibility(np.zeros((0, K), dtype=bool), ()), Stage(LeftOut.UNSCORED, (0,) * K, 0)
    paths = [tmp_path / f"slice-{part}.npz" for part in range(SLICES)]
    for path, start, stop in zip(paths, bounds, bounds[1:], strict=False):
        write_parcel(path, Candidates(cells.span(start, stop), limits, nobody, stage, stage))
    work = Deciding(
        policy, limits.rows, stamp, pieces_of(paths, np.diff(bounds).tolist(), policy.n_blocks), str(tmp_path)
    )
    done = spark.range(0, policy.n_blocks, 1, policy.n_blocks).mapInArrow(work, DONE_DDL).toArrow().sort_by("part")
    start = 0
    for path in done["path"].to_pylist():
        there = read_rows(path)
        assert there.equals(logged.slice(start, there.num_rows)), Path(path).name
        start += there.num_rows
    assert start == N
    assert replay(policy, cells, limits, logged, stamp).identical
    assert batch.drawn.remaining[0] < 0.01 * limits.bound[0]  # the budget is all but spent
