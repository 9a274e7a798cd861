"""Small markets that the steering tests decide in."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from alamo.domain.action import Action
from alamo.domain.policy import LimitRow, RuleSettings
from alamo.domain.tables import PROFILES, SCORES
from alamo.numerics.hashing import unit_keys
from alamo.steering.cells import Cells, Pairs, Units, assemble
from alamo.steering.limits import LimitTables, limit_tables

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
