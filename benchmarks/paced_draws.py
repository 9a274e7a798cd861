"""Paced draws: what 100 draws of one plan do to its limits, and what pacing costs.

A rule with temperature 0.03 of the mean value, a floor of 1 % and a control of 2 % is priced once; then the same plan
is drawn again and again under other salts. Beside the paced draws stand unprotected ones: the same prices for
everybody, nothing stopped. Value is compared with what the unprotected rule is expected to bring, which no limit
holds back. Writes ``benchmarks/results/paced_draws.{json,md}``; a size measured again replaces the one that is kept.

    python -m benchmarks.paced_draws [customers:draws …]
"""

from __future__ import annotations

import json
import platform
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.draw_worlds import world

from alamo.domain.policy import RuleSettings
from alamo.domain.reasons import DecisionReason
from alamo.engine.batch import run_blocks
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import mixture_of, soft_prices
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.allocation.source import concatenate
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import block_count, pace
from alamo.steering.rule import REASONS, BlockTerms, decide

RESULTS = Path(__file__).parent / "results" / "paced_draws.md"
SIZES = ((20_000, 100), (100_000, 100), (1_000_000, 100))
UNPROTECTED = 20
SEED_BEFORE = 8
"""Of the customers who were there the day before, and are not any more."""


@dataclass(frozen=True)
class Draws:
    """Per draw: largest scaled excess of a capacity and of a minimum, value drawn and expected, customers stopped."""

    capacity: np.ndarray
    minimum: np.ndarray
    value: np.ndarray
    expected: np.ndarray
    stopped: np.ndarray


@dataclass(frozen=True)
class Priced:
    """A world with its rule and the prices of the rule."""

    cells: Cells
    tables: LimitTables
    problem: Problem
    rule: RuleSettings
    prices: np.ndarray
    expected: float


def main(sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    _priced(2_000)  # compiles
    for n, draws in sizes:
        priced, row = _priced(n)
        print(row, flush=True)
        before = time.process_time()
        paced = _paced(priced, draws)
        seconds = (time.process_time() - before) / draws
        line = _line(n, f"paced, {block_count(n)} blocks", paced, priced, seconds)
        print(line, flush=True)
        unprotected = _line(n, "unprotected", _unprotected(priced, min(draws, UNPROTECTED)), priced, None)
        _keep(priced.tables, str(n), {"lines": [line, unprotected], "cost": row})
    print(RESULTS.read_text())


def _keep(tables: LimitTables, size: str, found: dict[str, Any]) -> None:
    """Put a size beside those that are kept, and write the page anew."""
    path = RESULTS.with_suffix(".json")
    kept = (json.loads(path.read_text()) if path.exists() else {}) | {size: found}
    kept = {size: kept[size] for size in sorted(kept, key=int)}
    path.write_text(json.dumps(kept, indent=1) + "\n")
    lines = [line for one in kept.values() for line in one["lines"]]
    RESULTS.write_text(_table(tables, lines, [one["cost"] for one in kept.values()]))


def _table(tables: LimitTables, lines: list[str], costs: list[str]) -> str:
    """Return the page."""
    return "\n".join(
        [
            f"# Paced draws: 50 actions, {tables.m} limit rows, of which "
            f"{int(tables.hard.sum())} maxima and {int((~tables.hard).sum())} minima or fair shares",
            "",
            f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, one thread, "
            "CPU-seconds. Temperature 0.03 of the mean positive value, floor 1 %, control 2 %. Excess is relative to "
            "the bound. "
            "Value lost is against the expectation of the same prices without pacing and stops, "
            "with one standard error of the mean over the draws.",
            "",
            "| customers | draws | how | draws over a maximum | worst excess | draws under a minimum | worst | "
            "value lost | stopped, mean | CPU-s a draw |",
            "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *lines,
            "",
            "| customers | prices cold | expected excess | prices warm, 5 % new customers | expected excess |",
            "| ---: | ---: | ---: | ---: | ---: |",
            *costs,
            "",
        ]
    )


def _priced(n: int) -> tuple[Priced, str]:
    """Price a world cold, and again from the prices of one whose first twentieth were other customers."""
    cells, tables = world(n)
    problem = build_problem(cells, tables)
    rule = RuleSettings(0.03 * problem.value_scale, 0.01, 0.02)
    before = time.process_time()
    prices = soft_prices(problem, rule)
    cold = time.process_time() - before
    gone, _ = world(n // 20, SEED_BEFORE)
    yesterday = concatenate([gone, cells.take(np.arange(n // 20, n, dtype=np.int64))])
    start = soft_prices(replace(problem, cells=yesterday), rule, prices)
    before = time.process_time()
    again = soft_prices(problem, rule, start)
    warm = time.process_time() - before
    sums = mixed_sums(problem, prices, mixture_of(problem, rule))
    row = f"| {n:,} | {cold:.2f} | {_excess(problem, rule, prices):.1e} | {warm:.2f} ({warm / cold:.2f}) | "
    row += f"{_excess(problem, rule, again):.1e} |"
    return Priced(cells, tables, problem, rule, prices, float(sums.total[1])), row


def _excess(problem: Problem, rule: RuleSettings, prices: np.ndarray) -> float:
    used = problem.row_use(mixed_sums(problem, prices, mixture_of(problem, rule)).tallies)
    return max(float((used - problem.bound).max()), 0.0)


def _paced(priced: Priced, draws: int) -> Draws:
    blocks = block_count(priced.cells.n)
    pacer = pace(priced.problem, priced.prices, priced.rule, blocks)
    seen = []
    for draw in range(draws):
        batch = run_blocks(priced.cells, priced.tables, pacer, priced.rule, (f"draw {draw}", blocks))
        seen.append(_counted(priced, batch.drawn))
    return Draws(*np.array(seen).T)


def _unprotected(priced: Priced, draws: int) -> Draws:
    everything = np.full(priced.tables.m, np.inf)
    seen = []
    for draw in range(draws):
        terms = BlockTerms(priced.prices / priced.problem.scale, everything, priced.rule, f"draw {draw}")
        seen.append(_counted(priced, decide(priced.cells, priced.tables, terms)))
    return Draws(*np.array(seen).T)


def _counted(priced: Priced, drawn) -> tuple[float, ...]:
    cells, tables = priced.cells, priced.tables
    owner = np.flatnonzero(drawn.choice >= 0)
    taken = drawn.choice[owner]
    used = tables.cell_use(cells, taken, owner).sum(axis=1)
    excess = np.where(np.abs(used - tables.bound) <= 1e-12 * np.abs(tables.bound), 0.0, used - tables.bound)
    relative = excess / priced.problem.scale
    return (
        float(relative[tables.hard].max()),
        float(relative[~tables.hard].max()),
        float(cells.value_money[taken].sum()),
        float(drawn.p @ cells.value_money),
        float((drawn.reason == REASONS.index(DecisionReason.LIMIT_REACHED)).sum()),
    )


def _line(n: int, how: str, draws: Draws, priced: Priced, seconds: float | None) -> str:
    count = len(draws.value)
    lost = 1.0 - draws.value / priced.expected
    error = lost.std(ddof=1) / count**0.5
    cells = [
        f"{n:,}",
        str(count),
        how,
        str(int((draws.capacity > 0).sum())),
        f"{max(draws.capacity.max(), 0.0):.1e}",
        str(int((draws.minimum > 0).sum())),
        f"{max(draws.minimum.max(), 0.0):.1e}",
        f"{100 * lost.mean():.3f} % ± {100 * error:.3f}",
        f"{draws.stopped.mean():.1f}",
        "" if seconds is None else f"{seconds:.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main(tuple((int(float(n)), int(draws)) for n, draws in (word.split(":") for word in sys.argv[1:])) or SIZES)
