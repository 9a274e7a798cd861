"""Tight budgets: how much of the best possible value the randomised, paced draw captures, and where the rest goes.

Everybody knows the same scores. The unrestricted optimum is the dual bound of the linear programme, which no plan can
beat; at a small size it is checked against HiGHS. From there the table goes down one step at a time: the control share
is held out, the floor is spread over everything, the temperature draws close calls both ways, and pacing keeps room
for the spread of a block. Beside it stands first come, first served: everybody in turn gets the action of the highest
value that still fits every maximum (or nothing where the best does not, if that captures more). Writes
``benchmarks/results/tight_budgets.md``.

    python -m benchmarks.tight_budgets [customers] [draws]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from benchmarks.draw_worlds import world
from benchmarks.versions import measured_with
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, vstack

from alamo.domain.policy import RuleSettings
from alamo.engine.batch import run_blocks
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import mixture_of, shifted_problem, soft_prices, softmax_share
from alamo.steering.allocation.problem import Problem, build_problem
from alamo.steering.cells import Cells
from alamo.steering.floor import affordable_floor
from alamo.steering.limits import LimitTables
from alamo.steering.pacing import block_count, pace

RESULTS = Path(__file__).parent / "results" / "tight_budgets.md"
TIGHTNESS = (0.6, 0.8, 1.0)
SMALL, CHUNK = 3_000, 5_000
STEPS = ("linear programme", "control 2 %", "and floor", "and temperature", "and paced draws", "first come")


def main(n: int = 50_000, draws: int = 5) -> None:
    rows = []
    for tight in TIGHTNESS:
        values, error = _captured(n, draws, tight)
        rows.append(_row(f"{n:,}", tight, values, error))
        print(rows[-1], flush=True)
    checks = [_check(tight) for tight in TIGHTNESS]
    text = "\n".join(
        [
            f"# Tight budgets: {n:,} customers, 50 actions, 56 limit rows",
            "",
            "Value as a share of the unrestricted linear programme, each step with all before it. The declared optimum "
            "is the linear programme with control and floor, its right-hand side shifted by what the floor uses. The "
            "floor is 1 %, or less where a limit does not allow that. Temperature "
            f"0.03 of the mean positive value; means over {draws} paced draws with one standard error. Maxima are "
            "scaled by the tightness. First come gives everybody in turn the best action that fits every maximum, "
            "or the best or none, whichever captures more, and misses minima: rows broken in brackets. "
            f"{measured_with()}",
            "",
            f"| customers | tightness | {' | '.join(STEPS)} | of the declared optimum |",
            f"| ---: | ---: | {' | '.join('---:' for _ in STEPS)} | ---: |",
            *rows,
            "",
            f"The bounds at {SMALL:,} customers beside HiGHS on the same linear programmes:",
            "",
            "| tightness | bound / HiGHS − 1, unrestricted | with control and floor |",
            "| ---: | ---: | ---: |",
            *checks,
            "",
        ]
    )
    RESULTS.write_text(text)
    print(text)


def _captured(n: int, draws: int, tight: float) -> tuple[list[float], float]:
    """Return the value after each of `STEPS`, the last with the rows it broke, and the error of the draws."""
    cells, tables = world(n, tight=tight)
    problem = build_problem(cells, tables)
    rule = _rule(problem)
    prices = soft_prices(problem, rule)
    pacer, blocks = pace(problem, prices, rule, block_count(n)), block_count(n)
    paced = []
    for draw in range(draws):
        drawn = run_blocks(cells, tables, pacer, rule, (f"draw {draw}", blocks)).drawn
        paced.append(cells.value_money[drawn.choice[drawn.choice >= 0]].sum())
    values = [
        solve_dual(problem).bound,
        _declared(problem, replace(rule, floor_share=0.0)),
        _declared(problem, rule),
        float(mixed_sums(problem, prices, mixture_of(problem, rule)).total[1]),
        float(np.mean(paced)),
        *max(_first_come(cells, tables, second_choice=way) for way in (False, True)),
    ]
    return values, float(np.std(paced, ddof=1) / draws**0.5)


def _rule(problem: Problem) -> RuleSettings:
    floor, _ = affordable_floor(problem, 0.01, np.ones(len(problem.cells.action_ids)))
    return RuleSettings(0.03 * problem.value_scale, floor, 0.02)


def _declared(problem: Problem, rule: RuleSettings) -> float:
    """Return the bound of the linear programme in which control and floor have their share."""
    even = np.ones(len(problem.cells.action_ids))
    floor = mixed_sums(problem, np.zeros(problem.m), Mixture(1.0, 0.0, 1.0, even)).total[1]
    return solve_dual(shifted_problem(problem, rule)).bound + rule.floor_share * float(floor)


def _first_come(cells: Cells, tables: LimitTables, *, second_choice: bool) -> tuple[float, float]:
    """Return the value of first come, first served, and how many rows it breaks: minima, which nobody looks at.

    Where the best action no longer fits a maximum, a customer gets the best that does, or with no `second_choice` none.
    """
    maximum = np.array([row.sign > 0 for row in tables.rows])
    left, used, value = np.where(maximum, tables.bound, np.inf), np.zeros(tables.m), 0.0
    for start in range(0, cells.n, CHUNK):
        part = cells.span(start, min(start + CHUNK, cells.n))
        uses = tables.cell_use(part, np.arange(part.n_cells, dtype=np.int64), part.owner()).T
        for first, last in pairwise(part.indptr.tolist()):
            mine = part.value_money[first:last]
            wanted = mine > 0.0 if second_choice else mine == max(mine.max(initial=0.0), 1e-300)
            fits = wanted & (uses[first:last] <= left).all(axis=1)
            if fits.any():
                best = int(np.argmax(np.where(fits, mine, -np.inf)))
                use = uses[first + best]
                left, used, value = left - np.where(maximum, use, 0.0), used + use, value + float(mine[best])
    return value, float((used > tables.bound + 1e-9 * np.abs(tables.bound)).sum())


def _row(size: str, tight: float, values: list[float], error: float) -> str:
    *steps, broken = values
    shares = [f"{value / steps[0]:.4f}" for value in steps]
    shares[4] += f" ± {error / steps[0]:.4f}"
    shares[5] += f" ({int(broken)})"
    return f"| {size} | {tight:g} | {' | '.join(shares)} | {steps[4] / steps[2]:.4f} |"


def _check(tight: float) -> str:
    """Compare both bounds with HiGHS at a small size."""
    problem = build_problem(*world(SMALL, tight=tight))
    rule = _rule(problem)
    ours = (solve_dual(problem).bound, solve_dual(shifted_problem(problem, rule)).bound)
    theirs = (_highs(problem, 1.0), _highs(shifted_problem(problem, rule), softmax_share(rule)))
    return (
        f"| {tight:g} | {' | '.join(f'{bound / best - 1.0:+.1e}' for bound, best in zip(ours, theirs, strict=True))} |"
    )


def _highs(problem: Problem, share: float) -> float:
    cells = problem.cells
    owner = cells.owner()
    every = np.arange(cells.n_cells)
    uses = share * problem.cell_use(every, owner).T
    one_each = csr_matrix((np.ones(cells.n_cells), (owner, every)), (cells.n, cells.n_cells))
    rows = vstack([csr_matrix(uses), one_each], format="csc")
    bounds = np.concatenate([problem.bound, np.ones(cells.n)])
    found = linprog(-share * cells.value_money, A_ub=rows, b_ub=bounds, method="highs")
    assert found.status == 0, found.message
    return float(-found.fun)


if __name__ == "__main__":
    main(*(int(float(word)) for word in sys.argv[1:]))
