"""Markets with 56 limit rows of every kind, of any size, for the benchmarks of draws and pacing.

Five offers in five channels at two times of day make 50 actions. Spend is heavy-tailed, tastes for offers and channels
are correlated, some actions do harm, contact annoys, and about 43 % of all pairs are open. The rows: one budget over
everything, a capacity per channel and time, a minimum volume and a budget per offer, and per group of customers a fair
share, a budget and a cap per channel. Customers are independent of each other, so their order is a random order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from alamo.domain.policy import LimitRow
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables
from alamo.steering.units import Units

OFFERS, CHANNELS, TIMES, GROUPS = 5, 5, 2, 5
ACTIONS = OFFERS * CHANNELS * TIMES
NAMES = tuple(f"offer {a % 5} channel {a // 5 % 5} time {a // 25}" for a in range(ACTIONS))
_CHUNK = 50_000


@dataclass(frozen=True)
class Nature:
    """What an offer and a channel do, the same for every seed of customers; arrays by offer or by channel."""

    response: np.ndarray
    discount: np.ndarray
    strength: np.ndarray
    reach: np.ndarray
    fee: np.ndarray
    annoyance: np.ndarray
    offer_taste: np.ndarray
    channel_taste: np.ndarray
    open_to: np.ndarray


def nature() -> Nature:
    """Return the offers and channels."""
    rng = np.random.default_rng(2024)
    return Nature(
        response=np.linspace(0.012, 0.05, OFFERS),
        discount=np.linspace(0.05, 0.30, OFFERS),
        strength=np.array([0.5, 0.4, 0.8, 1.0, 2.2]),
        reach=np.array([0.85, 0.5, 0.55, 0.9, 0.3]),
        fee=np.array([0.002, 0.001, 0.06, 0.9, 5.0]),
        annoyance=np.array([0.004, 0.005, 0.008, 0.003, 0.02]),
        offer_taste=rng.normal(size=(2, OFFERS)),
        channel_taste=rng.normal(size=CHANNELS),
        open_to=rng.uniform(0.4, 0.95, (GROUPS, OFFERS)),
    )


def world(n: int, seed: int = 7, tight: float = 1.0) -> tuple[Cells, LimitTables]:
    """Return `n` customers with their open cells, and the 56 rows; maxima are `tight` times as wide.

    Minimum volumes give way with them below 1.
    """
    world_nature = nature()
    parts = [_customers(start, min(start + _CHUNK, n), seed, world_nature) for start in range(0, n, _CHUNK)]
    group, size, action, value, cost = (np.concatenate(column) for column in zip(*parts, strict=True))
    keys = np.random.default_rng([seed, 1]).integers(0, 2**63, n).astype(np.uint64)
    units = Units(pa.array(np.arange(n).astype(str)), keys, group.astype(np.int32), np.zeros(n, dtype=bool))
    indptr = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    spread = np.full(len(value), float(np.abs(value).mean()))
    cells = Cells(units, indptr, action.astype(np.int16), value, spread, cost[:, None], ("cost",), NAMES)
    return cells, _rows(cells, tight)


def _customers(start: int, stop: int, seed: int, by: Nature):
    """Return group, number of open cells, and action, value and cost of the cells of customers start … stop."""
    n = stop - start
    rng = np.random.default_rng([seed, 0, start])
    wealth, habit, taste, liking, patience = rng.normal(size=(5, n))
    rich = np.where(rng.random(n) < 0.02, (1.0 - rng.random(n)) ** (-1.0 / 1.8), 1.0)
    spend = 40.0 * np.exp(0.9 * wealth) * rich
    group = np.digitize(0.6 * wealth + 0.8 * habit, [-0.84, -0.25, 0.25, 0.84])
    for_offer = 0.45 * (np.outer(habit, by.offer_taste[0]) + np.outer(taste, by.offer_taste[1]))
    for_offer += 0.3 * rng.normal(size=(n, OFFERS))
    for_channel = 0.4 * np.outer(liking, by.channel_taste) + 0.25 * rng.normal(size=(n, CHANNELS))
    shape = (n, TIMES, CHANNELS, OFFERS)
    noise = 0.15 * rng.normal(size=shape)
    later = 1.0 - 0.12 * np.arange(TIMES)[None, :, None, None]
    p = (
        by.response
        * by.strength[:, None]
        * later
        * np.exp(for_offer[:, None, None, :] + for_channel[:, None, :, None] + noise - 0.3)
    )
    annoyed = by.annoyance[:, None] * np.exp(0.5 * patience)[:, None, None, None]
    money = spend[:, None, None, None]
    value = money * (p - annoyed) - by.fee[:, None]
    cost = by.fee[:, None] + by.discount * money * np.minimum(1.0, 0.03 + 0.9 * p)
    reached = rng.random((n, CHANNELS)) < by.reach
    allowed = rng.random((n, OFFERS)) < by.open_to[group]
    is_open = np.broadcast_to(reached[:, None, :, None] & allowed[:, None, None, :], shape).reshape(n, ACTIONS)
    owner, action = np.nonzero(is_open)
    return (
        group,
        np.bincount(owner, minlength=n),
        action,
        value.reshape(n, ACTIONS)[is_open],
        cost.reshape(n, ACTIONS)[is_open],
    )


def _rows(cells: Cells, tight: float) -> LimitTables:
    """Return the rows, sized by what everybody's best action would use."""
    count, cost = _unlimited(cells)
    action = np.arange(ACTIONS)
    offer, channel, time = action % 5, action // 5 % 5, action // 25
    group_share = np.bincount(cells.units.group, minlength=GROUPS) / cells.n
    rows: list[tuple[LimitRow, np.ndarray]] = []

    def add(name: str, use: str, bound: float, counted: np.ndarray) -> None:
        sign = 1 if counted.max() > 0 and bound > 0 else -1
        ids = tuple(NAMES[a] for a in np.flatnonzero(counted.any(axis=0)))
        whole = np.ceil(bound) if use == "count" and sign < 0 else np.floor(bound) if use == "count" else bound
        rows.append((LimitRow(name, use, float(whole), sign, ids, "", sign > 0), counted.astype(np.float64)))

    def everywhere(these: np.ndarray) -> np.ndarray:
        return np.broadcast_to(these, (GROUPS, ACTIONS))

    def inside(group: int, these: np.ndarray) -> np.ndarray:
        return (np.arange(GROUPS) == group)[:, None] & these

    add("budget", "cost", tight * 0.55 * cost.sum(), everywhere(action >= 0))
    for j in range(CHANNELS * TIMES):
        these = (channel == j // TIMES) & (time == j % TIMES)
        add(
            f"channel {j // TIMES} time {j % TIMES}",
            "count",
            tight * (0.35 + 0.04 * (7 * j % 10)) * count[:, these].sum(),
            everywhere(these),
        )
    for o, share in enumerate((0.45, 0.25, 0.2, 0.15, 0.5)):
        these = offer == o
        add(
            f"minimum of offer {o}",
            "count",
            -max(0.01 * cells.n, share * count[:, these].sum()) * min(tight, 1.0),
            -1.0 * everywhere(these),
        )
        add(f"budget of offer {o}", "cost", tight * (0.6 - 0.05 * o) * cost[:, these].sum(), everywhere(these))
    for g in range(GROUPS):
        fair = np.full((GROUPS, ACTIONS), 0.7 * group_share[g])
        fair[g] -= 1.0
        add(f"fair share of group {g}", "count", 0.0, fair)
        add(f"budget of group {g}", "cost", tight * 0.5 * cost[g].sum(), inside(g, action >= 0))
        for c in range(CHANNELS):
            these = channel == c
            add(
                f"group {g} channel {c}",
                "count",
                tight * (0.3 + 0.1 * ((3 * g + c) % 5)) * count[g, these].sum(),
                inside(g, these),
            )
    return LimitTables(
        rows=tuple(row for row, _ in rows),
        column=np.array([0 if row.column == "cost" else -1 for row, _ in rows], dtype=np.int64),
        coefficient=np.array([counted for _, counted in rows]),
        bound=np.array([row.bound for row, _ in rows]),
        hard=np.array([row.hard for row, _ in rows]),
    )


def _unlimited(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Return how often everybody's best action is each action, and what it costs, by group, (groups, actions)."""
    owner = cells.owner()
    top = np.zeros(cells.n)
    np.maximum.at(top, owner, cells.value_money)
    best = (cells.value_money == top[owner]) & (cells.value_money > 0.0)
    place = cells.units.group[owner[best]] * ACTIONS + cells.action[best]
    sums = (np.bincount(place, weight, GROUPS * ACTIONS) for weight in (None, cells.uses[best, 0]))
    count, cost = (total.reshape(GROUPS, ACTIONS).astype(float) for total in sums)
    return count, cost
