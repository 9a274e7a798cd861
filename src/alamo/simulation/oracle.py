"""What the oracle earns in a cycle: the best plan for those who know every true effect, under the same promises.

The oracle may contact whom the engine may (consent, caps, target groups, universal control), keeps the same maxima and
leaves every customer the same least probability of *no action*. Its profit is the optimum of the linear programme,
taken from the dual, so no policy under the same promises is expected to earn more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa

from alamo.domain.action import Limit
from alamo.simulation.decision_log import DecisionLog
from alamo.simulation.purchases import Flags, Floats
from alamo.simulation.scenario import Scenario
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.problem import build_problem
from alamo.steering.cells import Pairs, assemble
from alamo.steering.limits import limit_rows, limit_tables
from alamo.steering.predicates import cross
from alamo.steering.units import Units

_SALT = "oracle"


def oracle_profit(
    scenario: Scenario, log: DecisionLog, profits: Floats, limits: tuple[Limit, ...], where: Callable[[str], Flags]
) -> float:
    """Return the true profit of the best plan of a cycle.

    Parameters
    ----------
    log
        Who was open to what.
    profits
        True profit of each customer and action, shape (n, actions).
    limits
        Maxima in force, already reduced by what earlier cycles used of their period. Minima are left out: an oracle
        that need not meet them earns no less.
    where
        Evaluates a predicate over profiles, shape (n,).
    """
    actions = tuple(action.action for action in scenario.actions)
    rows = limit_rows(
        [replace(limit, minimum=None) for limit in limits if limit.maximum is not None],
        lambda limit: tuple(action.id for action in actions if limit.covers(action)),
    )
    masks = {row.where: where(row.where)[log.position] for row in rows if row.where}
    group, patterns = cross(masks, len(log.position))
    keys = log.position.astype(np.uint64)
    units = Units(pa.array(log.position).cast(pa.string()), keys, group, np.zeros(len(keys), dtype=bool))
    unit, action = np.nonzero(log.eligible & ~log.held_out[:, None])
    cost = np.array([entry.cost_money for entry in actions])
    value = profits[log.position[unit], action]
    pairs = Pairs(unit.astype(np.int64), action.astype(np.int64), value, np.zeros(len(unit)), cost[action][:, None])
    ids = tuple(entry.id for entry in actions)
    cells = assemble(units, pairs, ("cost",), ids, _SALT)
    problem = build_problem(cells, limit_tables(rows, ids, ("cost",), patterns))
    return max(solve_dual(problem.with_weight(1.0 - scenario.control.share)).bound, 0.0)
