"""Tight budgets: how much of the best possible value the randomised, paced draw captures, and where the rest goes.

Everybody knows the same scores. The unrestricted optimum is the dual bound of the linear programme, which no plan can
beat; at a small size it is checked against HiGHS. From there the table goes down one step at a time: the control share
is held out, the floor is spread over everything, the temperature draws close calls both ways, and pacing keeps room
for the spread of a block. Beside it stands first come, first served: everybody in turn gets the action of the highest
value, and nothing once a limit is spent. Writes ``benchmarks/results/tight_budgets.md``.

    python -m benchmarks.tight_budgets [customers] [draws]
"""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.draw_worlds import world
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
from alamo.steering.rule import BlockTerms, decide

RESULTS = Path(__file__).parent / "results" / "tight_budgets.md"
TIGHTNESS = (0.6, 0.8, 1.0)
SMALL = 3_000
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
            "scaled by the tightness. First come keeps maxima and misses minima: rows broken in brackets. "
            f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}.",
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
        *_first_come(cells, tables, rule),
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


def _first_come(cells: Cells, tables: LimitTables, rule: RuleSettings) -> tuple[float, float]:
    """Return the value of highest value first come, and how many rows it breaks."""
    greedy = RuleSettings(1e-6 * rule.temperature_money, 0.0, 0.0)
    drawn = decide(cells, tables, BlockTerms(np.zeros(tables.m), tables.bound, greedy, "first come"))
    owner = np.flatnonzero(drawn.choice >= 0)
    taken = drawn.choice[owner]
    used = tables.cell_use(cells, taken, owner).sum(axis=1)
    return float(cells.value_money[taken].sum()), float((used > tables.bound + 1e-9 * np.abs(tables.bound)).sum())


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
