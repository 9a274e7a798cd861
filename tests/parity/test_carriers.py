"""One rule, many carriers: batch, one by one and replay give the same bits over 100,000 customers."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta

import numpy as np
import pytest
from tests.unit.steering.worlds import NOW, SALT, five_rows, market, names, tables

from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot, RuleSettings
from alamo.engine.batch import Batch, Stamp, decision_table, run_blocks
from alamo.engine.realtime import decide_cells
from alamo.engine.replay import replay, replay_batch
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables, affordable
from alamo.steering.pacing import block_bounds, block_count, pace

N, K = 100_000, 5
STAMP = Stamp("plan-1-abc", "abc", 1, NOW, NOW + timedelta(days=7))


RULE = RuleSettings(0.1, 0.04, 0.1, (1.0, 0.1 + 0.2, 0.5, 2.0, 1 / 3))


@pytest.fixture(scope="module")
def decided() -> tuple[Cells, LimitTables, Batch, PolicySnapshot]:
    cells = market(N, K, seed=1)
    limits = tables(five_rows(N, K), K)
    cells = cells.keep(affordable(cells, limits))
    problem = build_problem(cells, limits)
    pacer = pace(problem, soft_prices(problem, RULE), RULE, block_count(N))
    batch = run_blocks(cells, limits, pacer, RULE, (SALT, block_count(N)))
    policy = PolicySnapshot(
        1, names(K), limits.rows, RULE, SALT, "u", 0.0, len(batch.states), batch.states, "m", "2011-01-10", {}
    )
    return cells, limits, batch, policy


def test_one_by_one_equals_the_batch_bit_for_bit(decided):
    cells, limits, batch, policy = decided
    p, p_none, net = np.empty(cells.n_cells), np.empty(cells.n), np.empty(cells.n_cells)
    choice, reason = np.empty(cells.n, np.int64), np.empty(cells.n, np.int8)
    for block, (start, stop) in zip(policy.blocks, block_bounds(cells.n, policy.n_blocks), strict=True):
        state = block
        for i in range(start, stop):
            first, last = cells.indptr[i], cells.indptr[i + 1]
            one, state = decide_cells(cells.span(i, i + 1), limits, policy, state)
            p[first:last], net[first:last] = one.p, one.net_money
            p_none[i], reason[i] = one.p_none[0], one.reason[0]
            choice[i] = one.choice[0] + first if one.choice[0] >= 0 else -1
    assert p.tobytes() == batch.drawn.p.tobytes()
    assert p_none.tobytes() == batch.drawn.p_none.tobytes()
    assert net.tobytes() == batch.drawn.net_money.tobytes()
    assert choice.tobytes() == batch.drawn.choice.tobytes()
    assert reason.tobytes() == batch.drawn.reason.tobytes()
    assert state.remaining == tuple(batch.drawn.remaining.tolist())


def test_replay_from_a_stored_snapshot_equals_the_batch_bit_for_bit(decided):
    cells, limits, batch, policy = decided
    stored = json.loads(json.dumps(asdict(policy)))
    read = PolicySnapshot(
        cycle=stored["cycle"],
        action_ids=tuple(stored["action_ids"]),
        rows=tuple(LimitRow(**(row | {"action_ids": tuple(row["action_ids"])})) for row in stored["rows"]),
        rule=RuleSettings(**(stored["rule"] | {"floor_weights": tuple(stored["rule"]["floor_weights"])})),
        salt=stored["salt"],
        universal_salt=stored["universal_salt"],
        universal_share=stored["universal_share"],
        n_blocks=stored["n_blocks"],
        blocks=tuple(BlockState(b["block"], tuple(b["prices"]), tuple(b["remaining"])) for b in stored["blocks"]),
        model_version=stored["model_version"],
        scores_as_of=stored["scores_as_of"],
        actions=stored["actions"],
    )
    assert read.version == policy.version
    again = replay_batch(read, cells, limits)
    for name in ("p", "p_none", "net_money", "choice", "reason", "remaining"):
        assert getattr(again.drawn, name).tobytes() == getattr(batch.drawn, name).tobytes()
    logged = decision_table(cells, batch, STAMP)
    assert replay(read, cells, limits, logged, STAMP).identical


def test_replay_names_the_customer_whose_log_was_changed(decided):
    cells, limits, batch, policy = decided
    logged = decision_table(cells, batch, STAMP)
    row = logged.slice(0, 1).to_pylist()[0]
    place = logged.schema.get_field_index("p_action")
    values = logged["p_action"].to_numpy().copy()
    values[0] = np.nextafter(values[0], 0)
    tampered = logged.set_column(place, logged.schema.field(place), [values])
    report = replay(policy, cells, limits, tampered, STAMP)
    assert not report.identical
    assert report.different == {"p_action": (row["customer_id"],)}
    shorter = replay(policy, cells, limits, logged.slice(1), STAMP)
    assert shorter.missing == (row["customer_id"],)


def test_hard_limits_bind_in_this_parity_case_and_are_kept(decided):
    cells, limits, batch, _ = decided
    owner = np.flatnonzero(batch.drawn.choice >= 0)
    used = limits.cell_use(cells, batch.drawn.choice[owner], owner).sum(axis=1)
    assert (used[limits.hard] <= limits.bound[limits.hard]).all()
    assert used[0] >= 0.99 * limits.bound[0]
