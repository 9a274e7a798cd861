"""Parity of the carriers over a million decisions: batch, one customer at a time, and replay, compared bit for bit.

One priced world of 56 limit rows is drawn as four cycles. Every cycle is decided in batch and logged; decided again one
customer at a time, as real time does; and replayed from its policy snapshot after a round trip through JSON, against
the log. Compared are the bytes of probabilities, net values, choices, reasons and what is left of every limit. Exits
with an error if one bit differs. Writes ``benchmarks/results/carriers.md``.

    python -m benchmarks.carriers [customers] [cycles]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from benchmarks.draw_worlds import world
from benchmarks.versions import measured_with

from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot, RuleSettings
from alamo.domain.reasons import DecisionReason
from alamo.engine.batch import Batch, Stamp, decision_table, run_blocks
from alamo.engine.realtime import decide_cells
from alamo.engine.replay import replay
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables, affordable
from alamo.steering.pacing import Pacer, block_bounds, block_count, pace
from alamo.steering.rule import REASONS

RESULTS = Path(__file__).parent / "results" / "carriers.md"
COMPARED = ("p", "p_none", "net_money", "choice", "reason")
DAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def main(n: int = 250_000, cycles: int = 4) -> None:
    cells, tables = world(n)
    cells = cells.keep(affordable(cells, tables))
    problem = build_problem(cells, tables)
    rule = RuleSettings(0.03 * problem.value_scale, 0.01, 0.02)
    blocks = block_count(n)
    pacer = pace(problem, soft_prices(problem, rule), rule, blocks)
    # prices too low that stay as they are: limits run out, and refuse the draws of whoever comes later
    carefree = replace(pacer, prices=0.5 * pacer.prices, hessian=np.zeros((tables.m, tables.m)))
    seconds = dict.fromkeys(("batch", "one customer at a time", "replay against the log"), 0.0)
    decisions = stopped = 0
    for cycle in range(cycles):
        started = time.process_time()
        batch = run_blocks(cells, tables, (pacer, carefree)[cycle % 2], rule, (f"cycle-{cycle}", blocks))
        seconds["batch"] += time.process_time() - started
        policy = _policy(cells, tables, rule, batch, cycle)
        started = time.process_time()
        _one_by_one(cells, tables, policy, (batch, pacer))
        seconds["one customer at a time"] += time.process_time() - started
        stamp = Stamp(f"plan-{cycle}", policy.version, cycle, DAY, DAY + timedelta(days=7))
        logged = decision_table(cells, batch, stamp)
        started = time.process_time()
        report = replay(_read(policy), cells, tables, logged, stamp)
        seconds["replay against the log"] += time.process_time() - started
        assert report.identical, report.different
        decisions += report.decisions
        stopped += int((batch.drawn.reason == REASONS.index(DecisionReason.LIMIT_REACHED)).sum())
    about = (
        f"{cycles} cycles of {n:,} customers with {cells.n_cells / n:.1f} open actions each under "
        f"{tables.m} limit rows, every second one at half the prices, which stay as they are; "
        f"limits refused the draw of {stopped:,} of them."
    )
    _write(about, decisions, seconds)


def _policy(cells: Cells, tables: LimitTables, rule: RuleSettings, batch: Batch, cycle: int) -> PolicySnapshot:
    return PolicySnapshot(
        cycle=cycle,
        action_ids=cells.action_ids,
        rows=tables.rows,
        rule=rule,
        salt=f"cycle-{cycle}",
        universal_salt="",
        universal_share=0.0,
        n_blocks=len(batch.states),
        blocks=batch.states,
        model_version="benchmark",
        scores_as_of=DAY.isoformat(),
        actions={},
    )


def _one_by_one(cells: Cells, tables: LimitTables, policy: PolicySnapshot, carried: tuple[Batch, Pacer]) -> None:
    """Decide every customer alone and compare each block with the batch, byte by byte."""
    batch, pacer = carried
    for state, (start, stop) in zip(policy.blocks, block_bounds(cells.n, policy.n_blocks), strict=True):
        left, parts, choice = state, [], np.full(stop - start, -1, dtype=np.int64)
        for i in range(start, stop):
            one, left = decide_cells(cells.span(i, i + 1), tables, policy, left)
            parts.append(one)
            if one.choice[0] >= 0:
                choice[i - start] = one.choice[0] + cells.indptr[i]
        of_cells = slice(cells.indptr[start], cells.indptr[stop])
        for name in COMPARED:
            where = of_cells if name in ("p", "net_money") else slice(start, stop)
            alone = choice if name == "choice" else np.concatenate([getattr(part, name) for part in parts])
            assert alone.tobytes() == getattr(batch.drawn, name)[where].tobytes(), (policy.cycle, state.block, name)
        after = np.array(left.remaining) + pacer.kept_for_later(state.block)
        if state.block + 1 < policy.n_blocks:
            told = np.array(policy.blocks[state.block + 1].remaining)
            assert (after - pacer.kept_for_later(state.block + 1)).tobytes() == told.tobytes()
        else:
            assert after.tobytes() == batch.drawn.remaining.tobytes()


def _read(policy: PolicySnapshot) -> PolicySnapshot:
    """Return the snapshot after a round trip through JSON."""
    stored = json.loads(json.dumps(asdict(policy)))
    stored["action_ids"] = tuple(stored["action_ids"])
    stored["rows"] = tuple(LimitRow(**(row | {"action_ids": tuple(row["action_ids"])})) for row in stored["rows"])
    stored["rule"] = RuleSettings(**(stored["rule"] | {"floor_weights": tuple(stored["rule"]["floor_weights"])}))
    stored["blocks"] = tuple(
        BlockState(block["block"], tuple(block["prices"]), tuple(block["remaining"])) for block in stored["blocks"]
    )
    return PolicySnapshot(**stored)


def _write(about: str, decisions: int, seconds: dict[str, float]) -> None:
    lines = [
        f"# Carriers: {decisions:,} decisions, bit for bit",
        "",
        f"{about} {measured_with()} One thread, CPU-seconds.",
        "",
        "| carrier | CPU-s | µs a decision | differing bits |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {spent:.1f} | {1e6 * spent / decisions:.1f} | {'' if name == 'batch' else 0} |"
            for name, spent in seconds.items()
        ),
        "",
        f"Compared: {', '.join(COMPARED)} and what is left of every limit after every block; for replay the columns of "
        "the log, which the snapshot decided again after a round trip through JSON.",
        "",
    ]
    RESULTS.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main(*(int(float(word)) for word in sys.argv[1:]))
