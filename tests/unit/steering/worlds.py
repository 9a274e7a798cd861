"""Small markets that the steering tests decide in."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from scipy.optimize import OptimizeResult, linprog

from alamo.domain.action import Action
from alamo.domain.policy import LimitRow, RuleSettings
from alamo.domain.tables import PROFILES, SCORES
from alamo.numerics.hashing import unit_keys
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Cells, Pairs, assemble
from alamo.steering.limits import LimitTables, limit_tables
from alamo.steering.units import Units

NOW = datetime(2011, 1, 10, 9, tzinfo=UTC)
SALT = "test/cycle-1"
RULE = RuleSettings(temperature_money=0.1, floor_share=0.04, control_share=0.1)
PATTERNS = {
    "north": np.array([False, True, False, True]),
    "gold": np.array([False, False, True, True]),
}


def market(n: int, k: int, seed: int, *, eligible: float = 0.6) -> Cells:
    """Heavy-tailed spend, harmful actions, `eligible` of all pairs open, four groups of customers."""
    rng = np.random.default_rng(seed)
    ids = [f"c{i}" for i in range(n)]
    group = rng.integers(0, 4, n).astype(np.int32)
    units = Units(pa.array(ids), unit_keys(ids), group, np.zeros(n, dtype=bool))
    unit, action = np.nonzero(rng.random((n, k)) < eligible)
    spend = 40 * np.exp(0.9 * rng.normal(size=n))
    response = np.linspace(0.012, 0.05, k)[action] * np.exp(0.4 * rng.normal(size=len(unit)))
    value = spend[unit] * (response - 0.012)
    cost = 0.3 + 0.1 * spend[unit] * np.linspace(0.05, 0.3, k)[action]
    pairs = Pairs(unit, action, value, np.full(len(unit), 0.2), cost[:, None])
    return assemble(units, pairs, ("cost",), names(k), SALT)


def names(k: int) -> tuple[str, ...]:
    """Return the ids of `k` actions."""
    return tuple(f"a{a}" for a in range(k))


def five_rows(n: int, k: int, *, tight: float = 1.0, minimum: float = 0.05) -> tuple[LimitRow, ...]:
    """A budget, a capacity, a minimum, a cap in one scope and a minimum spend in another."""
    ids = names(k)
    return (
        LimitRow("budget", "cost", tight * 0.3 * n, 1, ids, "", True),
        LimitRow("capacity", "count", float(round(0.1 * n * tight)), 1, ids[-1:], "", True),
        LimitRow("minimum", "count", -float(round(minimum * n)), -1, ids[:1], "", False),
        LimitRow("north", "count", float(round(0.2 * n * tight)), 1, ids, "north", True),
        LimitRow("gold", "cost", -0.01 * n, -1, ids, "gold", False),
    )


def tables(rows: tuple[LimitRow, ...], k: int) -> LimitTables:
    """Return the tables of `rows` over the four groups."""
    return limit_tables(rows, names(k), ("cost",), PATTERNS)


def actions() -> tuple[Action, ...]:
    """Two e-mails and a letter."""
    level = "retention and loyalty"
    return (
        Action("mail-small", "Small", "email", level, cost_money=0.1),
        Action("mail-big", "Big", "email", level, cost_money=0.2, eligible="orders >= 2"),
        Action("letter", "Letter", "post", level, cost_money=1.0),
    )


def profiles(n: int, **columns: list[object]) -> pa.Table:
    """Return `n` profiles that consented to every channel; `columns` override."""
    data: dict[str, object] = {}
    for column in PROFILES.columns:
        data[column.name] = [_blank(column.type)] * n
    data |= {
        "customer_id": [f"c{i}" for i in range(n)],
        "as_of": [NOW] * n,
        "as_of_day": [NOW.date().isoformat()] * n,
        "orders": [1 + i % 3 for i in range(n)],
        "consent": [["*"]] * n,
        "stage": ["active"] * n,
        "state": ["active"] * n,
    }
    data |= columns
    return pa.table(data, schema=PROFILES.schema)


def scores(customers: pa.Table, seed: int, *, mean: float = 0.3) -> pa.Table:
    """Return a score of every customer and action, around `mean` with spread 0.5."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "customer_id": customer,
            "action_id": action.id,
            "as_of": NOW,
            "as_of_day": NOW.date().isoformat(),
            "value_mean_money": float(rng.normal(mean, 0.5)) - action.cost_money,
            "value_sd_money": 0.2,
            "shared_sd_money": 0.1,
            "cost_money": action.cost_money,
            "model_version": "m1",
        }
        for customer in customers["customer_id"].to_pylist()
        for action in actions()
    ]
    return pa.Table.from_pylist(rows, schema=SCORES.schema)


def _blank(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_integer(kind):
        return 0
    return 0.0 if pa.types.is_floating(kind) else None


def many_rows(cells: Cells, k: int, minimum_times: float) -> LimitTables:
    """Budgets, capacities, minimums (`minimum_times` over), fair shares and pressure caps, binding as in practice."""
    n, groups = cells.n, len(next(iter(PATTERNS.values())))
    wanted, spent = _wanted(cells, (groups, k))
    channel, offer, everything = np.arange(k) % 5, np.arange(k) % 4, np.ones(k)
    size = np.bincount(cells.units.group, minlength=groups)
    rows = [("budget", 0, _mask(groups, everything), 0.55 * spent.sum())]
    for c in range(5):
        counted = channel == c
        rows.append((f"channel {c}", -1, _mask(groups, counted), (0.35 + 0.05 * c) * wanted[:, counted].sum()))
    for o, share in enumerate((0.45, 0.25, 0.2, 0.15)):
        counted = offer == o
        least = minimum_times * max(0.01 * n, share * wanted[:, counted].sum())
        rows.append((f"minimum {o}", -1, -_mask(groups, counted), -least))
        rows.append((f"offer budget {o}", 0, _mask(groups, counted), (0.6 - 0.05 * o) * spent[:, counted].sum()))
    for g in range(groups):
        rows.append((f"fair share {g}", -1, 0.7 * size[g] / n - _mask(groups, everything, g), 0.0))
        rows.append((f"group budget {g}", 0, _mask(groups, everything, g), 0.5 * spent[g].sum()))
        for c in range(5):
            counted = channel == c
            most = (0.3 + 0.1 * ((g * 3 + c) % 5)) * wanted[g, counted].sum()
            rows.append((f"pressure {g} {c}", -1, _mask(groups, counted, g), most))
    return LimitTables(
        tuple(_row(name, column, bound) for name, column, _, bound in rows),
        np.array([column for _, column, _, _ in rows]),
        np.array([table for _, _, table, _ in rows]),
        np.array([bound for _, _, _, bound in rows], dtype=float),
        np.array([bound > 0 for _, _, _, bound in rows]),
    )


def _wanted(cells: Cells, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return how many would get each action without limits and at what cost, by group and action."""
    best = np.zeros(cells.n)
    np.maximum.at(best, cells.owner(), cells.value_money)
    taken = np.flatnonzero((cells.value_money == best[cells.owner()]) & (cells.value_money > 0))
    at = (cells.units.group[cells.owner()[taken]], cells.action[taken])
    count, cost = np.zeros(shape), np.zeros(shape)
    np.add.at(count, at, 1.0)
    np.add.at(cost, at, cells.use("cost")[taken])
    return count, cost


def _mask(groups: int, counted: np.ndarray, group: int | None = None) -> np.ndarray:
    table = np.zeros((groups, len(counted)))
    table[slice(None) if group is None else group] = counted
    return table


def _row(name: str, column: int, bound: float) -> LimitRow:
    return LimitRow(name, "count" if column < 0 else "cost", bound, 1 if bound > 0 else -1, (), "", bound > 0)


def linear_programme(problem: Problem) -> OptimizeResult:
    """Return what HiGHS makes of the linear programme: each cell at least 0, each customer at most once."""
    cells = problem.cells
    owner = cells.owner()
    uses = problem.cell_use(np.arange(cells.n_cells, dtype=np.int64), owner).T
    once = sp.csr_matrix((np.ones(cells.n_cells), (owner, np.arange(cells.n_cells))), (problem.n, cells.n_cells))
    return linprog(
        -cells.value_money,
        A_ub=sp.vstack([sp.csr_matrix(uses), once]),
        b_ub=np.concatenate([problem.bound, np.ones(problem.n)]),
        bounds=(0, None),
        method="highs",
    )
