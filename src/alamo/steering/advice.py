"""Advice from prices: what more of each limit is worth and how far, what minimums cost, what a new action must earn.

All numbers hold for the scores as they are and the other limits as they are; the interval of a step is that of the
scores' posterior, as in a plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from alamo.steering.allocation.curves import Valuer, round_tenth, value_curve, valuer
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Cells, Flags, Floats, Ints
from alamo.steering.limits import LimitTables, among
from alamo.steering.shares import told

_FIRST_SHARE, _HALF = 0.1, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """Single actions, where the cells of a problem are sets of them.

    Attributes
    ----------
    cells, tables
        The single actions under the same rows, the same customers in the same order.
    size
        Members of each set, shape (n_cells of the problem,).
    most
        Members a set may have.
    """

    cells: Cells
    tables: LimitTables
    size: Ints
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """A problem at its prices.

    Attributes
    ----------
    problem
        What is left to the softmax, its bounds less what the floor uses.
    tables
        The limits in units.
    prices
        Scaled, shape (m,).
    temperature
        Of the softmax, money.
    singles
        The single actions, where cells are sets of them; None where each cell is one action.
    """

    problem: Problem
    tables: LimitTables
    prices: Floats
    temperature: float
    singles: Singles | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice from the prices of a plan.

    Attributes
    ----------
    limits
        One row per limit and side.
    new_actions
        One row per set of actions that the same limits count.
    """

    limits: tuple[dict[str, Any], ...]
    new_actions: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the advice as it stands in JSON."""
        return {"limits": list(self.limits), "new_actions": list(self.new_actions)}


LIMIT_KEYS = (
    "limit", "side", "use", "bound", "used", "price", "step", "worth_money", "worth_lower", "worth_upper", "steady_for",
    "useful_for", "lifted_money", "curve",
)  # fmt: skip
"""Keys of a row of `Advice.limits`. `step` is a round tenth of the bound, `worth_money` what so much more brings, with
its interval; the price stays above three quarters of today's for `steady_for` units more, and above nil for
`useful_for`; `lifted_money` is what the limit costs in all; `curve` its value by bound. More of a minimum is less to be
met."""
ENTRY_KEYS = (
    "like", "customers", "price_of_use_money", "price_per_cost_money", "first_money", "half_money",
)  # fmt: skip
"""Keys of a row of `Advice.new_actions`: actions `like` which it is counted, customers who are open to one of them,
what limits charge for one contact and for each unit of its cost, and what it would have to bring per contact (before
those charges for cost, net of the cost itself) to be the best for the first tenth and for half of these customers."""


def advise(priced: Priced, named: frozenset[str], level: float) -> Advice:
    """Return the advice of `priced`.

    Parameters
    ----------
    named
        Limits that name their actions: a new action would not count towards them.
    level
        Of the intervals.
    """
    valued = valuer(priced.problem, priced.prices, priced.temperature)
    rows = tuple(_limit_row(priced, valued, row, level) for row in range(priced.problem.m))
    return Advice(rows, _new_actions(priced, valued, named))


def _limit_row(priced: Priced, valued: Valuer, row: int, level: float) -> dict[str, Any]:
    about, problem = priced.tables.rows[row], priced.problem
    unit = _unit(priced, valued, row)
    bound = about.share if about.of_action_ids else about.sign * about.bound
    curve = value_curve(
        valued, row, unit * round_tenth(abs(bound) or float(problem.unit[row] * problem.scale[row]) * problem.n)
    )
    z = NormalDist().inv_cdf(0.5 + level / 2)
    by_floor = priced.tables.bound[row] - problem.bound[row] * problem.scale[row]
    used = float(valued.today.use[row] * problem.scale[row] * valued.times + by_floor)
    price = next(point.price for point in curve.points if point.more == 0.0)
    half_width = z * curve.step_sd_money
    return {
        "limit": about.limit,
        "side": about.side,
        "use": about.column,
        **told(priced.tables, row, used, unit, price),
        "step": curve.step / unit,
        "worth_money": curve.step_money,
        "worth_lower": curve.step_money - half_width if half_width > 0 else None,
        "worth_upper": curve.step_money + half_width if half_width > 0 else None,
        "steady_for": curve.steady / unit,
        "useful_for": curve.idle / unit,
        "lifted_money": curve.lifted_money,
        "curve": [
            {
                "bound": bound + about.sign * point.more / unit + 0.0,
                "value_money": point.value_money,
                "price": about.sign * point.price * unit + 0.0,
            }
            for point in curve.points
        ],
    }


def _unit(priced: Priced, valued: Valuer, row: int) -> float:
    """Return how much use one unit of a row's bound is: 1, or for a share what the whole uses today."""
    about = priced.tables.rows[row]
    if not about.of_action_ids:
        return 1.0
    counted = among(valued.problem.cells.action_ids, about.of_action_ids)
    used = float(valued.today.tallies[priced.tables.column[row] + 1][:, counted].sum()) * valued.times
    return max(used, 1e-12)


def _new_actions(priced: Priced, valued: Valuer, named: frozenset[str]) -> tuple[dict[str, Any], ...]:
    """Return what a new action would have to bring, for each set of actions that the same limits count.

    It has to bring more than what it takes the place of: of sets of at most k actions, the best is to be beaten by the
    best of one action fewer with the new one, which is taken to go with any other.
    """
    tables, cells = priced.tables, valued.problem.cells
    displaced, actions = _best(valued, np.ones(cells.n_cells, dtype=bool)), list(range(len(cells.action_ids)))
    if priced.singles is not None:
        displaced -= _best(valued, priced.singles.size[: cells.n_cells] < priced.singles.most)
        actions = np.unique(priced.singles.cells.action).tolist()
        tables, cells = priced.singles.tables, priced.singles.cells.span(0, cells.n)
    counted = np.array([row.limit not in named for row in tables.rows], dtype=bool)
    prices = valued.today.prices / valued.problem.scale * counted
    charge = np.zeros((1 + len(cells.use_names), *tables.coefficient.shape[1:]))
    for r in range(tables.m):
        charge[tables.column[r] + 1] += prices[r] * tables.coefficient[r]
    alike: dict[bytes, list[int]] = {}
    for action in actions:
        alike.setdefault(tables.coefficient[counted, :, action].tobytes(), []).append(action)
    rows = [_entry(cells, charge, displaced, members, valued.times) for members in alike.values()]
    return tuple(row for row in rows if row is not None)


def _entry(cells: Cells, charge: Floats, displaced: Floats, members: list[int], times: float) -> dict[str, Any] | None:
    is_open = np.zeros(cells.n, dtype=bool)
    is_open[cells.owner()[np.isin(cells.action, members)]] = True
    if not is_open.any():
        return None
    group = cells.units.group[is_open]
    per_contact = charge[0, group, members[0]]
    per_cost = charge[1 + cells.use_names.index("cost"), group, members[0]] if "cost" in cells.use_names else None
    wanted = displaced[is_open] + per_contact
    return {
        "like": [cells.action_ids[action] for action in members],
        "customers": round(float(is_open.sum()) * times),
        "price_of_use_money": float(per_contact.mean()),
        "price_per_cost_money": None if per_cost is None else float(per_cost.mean()),
        "first_money": float(np.quantile(wanted, _FIRST_SHARE)),
        "half_money": float(np.quantile(wanted, _HALF)),
    }


def _best(valued: Valuer, mask: Flags) -> Floats:
    """Return the highest net value of each customer over the cells in `mask`, at least 0, shape (n,)."""
    best = np.zeros(valued.problem.n)
    np.maximum.at(best, valued.problem.cells.owner()[mask], _net(valued)[mask])
    return best


def _net(valued: Valuer) -> Floats:
    """Return the value of each cell less the price of what it uses, shape (n_cells,)."""
    cells = valued.problem.cells
    prices, group = valued.problem.collapse(valued.today.prices), cells.units.group[cells.owner()]
    net = cells.value_money - prices[0, group, cells.action]
    for c in range(len(cells.use_names)):
        net = net - prices[c + 1, group, cells.action] * cells.uses[:, c]
    return np.asarray(net)
