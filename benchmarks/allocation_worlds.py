"""Customers and limits that allocation is measured on: heavy tails, harmful actions, 43 % of pairs open, 56 limit rows.

Offers × channels × slots make the actions. A customer's groups, tastes and spend are correlated; a few spend a hundred
times the usual; many actions annoy more than they sell. The rows are of every kind a marketer has: a budget, a cap per
channel and slot, a minimum volume and a budget per offer, fair shares, budgets and contact pressure of groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.policy import LimitRow
from alamo.numerics.hashing import mix
from alamo.steering.allocation.source import RANGE, BlockSource
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables
from alamo.steering.units import Units

OFFERS = CHANNELS = GROUPS = 5
_BLOCK = 50_000
_READ_AT_ONCE = 4 * RANGE
_REACH, _EFFECT = np.array([0.85, 0.5, 0.55, 0.9, 0.3]), np.array([0.5, 0.4, 0.8, 1.0, 2.2])
_FEE, _ANNOY = np.array([0.002, 0.001, 0.06, 0.9, 5.0]), np.array([0.004, 0.005, 0.008, 0.003, 0.02])
_FILES = {"size": np.int64, "action": np.uint8, "value": np.float32, "cost": np.float32, "group": np.uint8}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """Customers of a world: open cells, and count and cost of everybody's best action by group and action."""

    columns: dict[str, np.ndarray]
    best: Floats


def parts(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return offer, channel and slot of each of `k` actions."""
    action = np.arange(k)
    return action % OFFERS, action // OFFERS % CHANNELS, action // (OFFERS * CHANNELS)


def blocks(n: int, k: int, seed: int) -> Iterator[Block]:
    """Yield `n` customers in blocks; the same seed gives the same customers."""
    fixed = np.random.default_rng(12345)
    by_offer, by_channel = fixed.normal(size=(OFFERS, 2)), fixed.normal(size=CHANNELS)
    open_share = fixed.uniform(0.4, 0.95, (OFFERS, GROUPS))
    for start in range(0, n, _BLOCK):
        rng = np.random.default_rng((seed, start))
        yield _block(rng, min(_BLOCK, n - start), k, (by_offer, by_channel, open_share))


def _block(rng: np.random.Generator, n: int, k: int, tastes: tuple[Floats, Floats, Floats]) -> Block:
    by_offer, by_channel, open_share = tastes
    offer, channel, slot = parts(k)
    base, depth = np.linspace(0.012, 0.05, OFFERS), np.linspace(0.05, 0.30, OFFERS)
    wealth, first, second, third, weary = rng.normal(size=(5, n, 1))
    tail = np.where(rng.random((n, 1)) < 0.02, rng.random((n, 1)) ** (-1 / 1.8), 1)
    spend = 40 * np.exp(0.9 * wealth) * tail
    group = np.searchsorted([-0.84, -0.25, 0.25, 0.84], (0.6 * wealth + 0.8 * first)[:, 0])
    taste = 0.45 * (first * by_offer[offer, 0] + second * by_offer[offer, 1]) + 0.4 * third * by_channel[channel]
    taste = taste + 0.3 * rng.normal(size=(n, OFFERS))[:, offer] + 0.25 * rng.normal(size=(n, CHANNELS))[:, channel]
    p = base[offer] * _EFFECT[channel] * (1 - 0.12 * slot) * np.exp(taste + 0.15 * rng.normal(size=(n, k)) - 0.3)
    value = spend * (p - _ANNOY[channel] * np.exp(0.5 * weary)) - _FEE[channel]
    cost = _FEE[channel] + depth[offer] * spend * np.minimum(1, 0.03 + 0.9 * p)
    reached = (rng.random((n, CHANNELS)) < _REACH)[:, channel]
    is_open = reached & (rng.random((n, OFFERS)) < open_share[:, group].T)[:, offer]
    value, cost = value.astype(np.float32), cost.astype(np.float32)
    columns = {
        "size": is_open.sum(axis=1),
        "action": np.nonzero(is_open)[1].astype(np.uint8),
        "value": value[is_open],
        "cost": cost[is_open],
        "group": group.astype(np.uint8),
    }
    return Block(columns, _best_use(np.where(is_open, value, -1), cost, group))


def _best_use(value: np.ndarray, cost: np.ndarray, group: np.ndarray) -> Floats:
    k = value.shape[1]
    best = value.argmax(axis=1)
    taken = np.flatnonzero(value[np.arange(len(best)), best] > 0)
    slot, spent = group[taken] * k + best[taken], cost[taken, best[taken]].astype(np.float64)
    size = GROUPS * k
    return np.stack([np.bincount(slot, minlength=size), np.bincount(slot, spent, size)]).reshape(2, GROUPS, k)


def rows(n: int, k: int, best: Floats, group_size: Floats, tight: float = 1.0) -> LimitTables:
    """Return the limits of `n` customers: shares of what everybody's `best` action would use.

    `tight` multiplies every maximum; minima are at most what `tight` 1 asks for, and give way with it below 1.
    """
    offer, channel, slot = parts(k)
    made: list[tuple[str, int, Floats, float]] = []

    def add(name: str, column: int, actions: np.ndarray, share: float, group: int | None = None) -> None:
        where = np.zeros((GROUPS, k))
        where[slice(None) if group is None else group] = actions
        made.append((name, column, where, tight * share * float((where * best[column]).sum())))

    add("budget", 1, offer >= 0, 0.55)
    for j, (c, s) in enumerate((c, s) for c in range(CHANNELS) for s in range(max(k // (OFFERS * CHANNELS), 1))):
        add(f"cap channel {c} slot {s}", 0, (channel == c) & (slot == s), 0.35 + 0.04 * (j * 7 % 10))
    for o in range(OFFERS):
        asked = max(0.01 * n, (0.45, 0.25, 0.2, 0.15, 0.5)[o] * float(best[0][:, offer == o].sum())) * min(tight, 1.0)
        made.append((f"minimum offer {o}", 0, -np.tile((offer == o) * 1.0, (GROUPS, 1)), -asked))
        add(f"budget offer {o}", 1, offer == o, 0.6 - 0.05 * o)
    for g in range(GROUPS):
        fair = np.full((GROUPS, k), 0.7 * group_size[g] / n)
        fair[g] -= 1.0
        made.append((f"fair share group {g}", 0, fair, 0.0))
        add(f"budget group {g}", 1, offer >= 0, 0.5, g)
        for c in range(CHANNELS):
            add(f"pressure group {g} channel {c}", 0, channel == c, 0.3 + 0.1 * ((g * 3 + c) % 5), g)
    return _tables(made)


def _tables(made: list[tuple[str, int, Floats, float]]) -> LimitTables:
    limit_rows = tuple(
        LimitRow(name, ("count", "cost")[column], bound, -1 if where.max() <= 0 else 1, (), "", bound > 0)
        for name, column, where, bound in made
    )
    return LimitTables(
        limit_rows,
        np.array([column - 1 for _, column, _, _ in made], dtype=np.int64),
        np.array([where for _, _, where, _ in made]),
        np.array([bound for *_, bound in made]),
        np.array([row.hard for row in limit_rows]),
    )


def write_world(folder: Path, n: int, k: int = 50, seed: int = 7) -> None:
    """Write a world into `folder`: one raw file per column, a block at a time, and what its limits depend on."""
    folder.mkdir(parents=True, exist_ok=True)
    best, group_size = np.zeros((2, GROUPS, k)), np.zeros(GROUPS)
    handles = {name: (folder / name).open("wb") for name in _FILES}
    for block in blocks(n, k, seed):
        for name, handle in handles.items():
            block.columns[name].astype(_FILES[name]).tofile(handle)
        best += block.best
        group_size += np.bincount(block.columns["group"], minlength=GROUPS)
    for handle in handles.values():
        handle.close()
    about = {"n": n, "k": k, "best": best.tolist(), "group_size": group_size.tolist()}
    (folder / "about.json").write_text(json.dumps(about))


def read_world(folder: Path, tight: float = 1.0) -> tuple[Cells, LimitTables]:
    """Return the cells (9 bytes each) and the limits of the world in `folder`."""
    about = json.loads((folder / "about.json").read_text())
    loaded = {name: np.fromfile(folder / name, dtype) for name, dtype in _FILES.items()}
    limits = rows(about["n"], about["k"], np.array(about["best"]), np.array(about["group_size"]), tight)
    return cells_of(loaded, about["k"]), limits


def read_blocks(folder: Path) -> tuple[BlockSource, LimitTables]:
    """Return the world in `folder` as a source that reads a block of its customers at a time, and its limits."""
    about = json.loads((folder / "about.json").read_text())
    n, k = about["n"], about["k"]
    starts = list(range(0, n, _READ_AT_ONCE))
    sizes = [min(_READ_AT_ONCE, n - start) for start in starts]
    per_block = [
        np.fromfile(folder / "size", np.int64, sizes[b], offset=8 * starts[b]).sum() for b in range(len(starts))
    ]
    cells = np.concatenate([[0], np.cumsum(per_block)])

    def load(b: int) -> Cells:
        loaded = {}
        for name, kind in _FILES.items():
            mine = name in ("size", "group")
            first, count = (starts[b], sizes[b]) if mine else (int(cells[b]), int(cells[b + 1] - cells[b]))
            width = np.dtype(kind).itemsize
            loaded[name] = np.fromfile(folder / name, kind, count, offset=width * first)
        return cells_of(loaded, k, starts[b])

    limits = rows(n, k, np.array(about["best"]), np.array(about["group_size"]))
    return BlockSource(sizes, load, GROUPS), limits


def world(n: int, k: int = 50, seed: int = 7, tight: float = 1.0) -> tuple[Cells, LimitTables]:
    """Return a world without a file."""
    made = list(blocks(n, k, seed))
    columns = {name: np.concatenate([block.columns[name] for block in made]) for name in _FILES}
    group_size = np.bincount(columns["group"], minlength=GROUPS).astype(np.float64)
    return cells_of(columns, k), rows(n, k, np.sum([block.best for block in made], axis=0), group_size, tight)


def cells_of(columns: dict[str, np.ndarray], k: int, first: int = 0) -> Cells:
    """Return the cells of customers numbered from `first` on; ids and standard deviations take no memory."""
    n = len(columns["size"])
    keys = mix(np.arange(first, first + n, dtype=np.uint64), "worlds")
    return Cells(
        units=Units(pa.nulls(n), keys, columns["group"], np.zeros(n, dtype=bool)),
        indptr=np.concatenate([[0], np.cumsum(columns["size"])]).astype(np.int64),
        action=columns["action"],
        value_money=columns["value"],
        value_sd_money=np.broadcast_to(np.float32(0), len(columns["action"])),
        uses=columns["cost"].reshape(-1, 1),
        use_names=("cost",),
        action_ids=tuple(f"a{a}" for a in range(k)),
    )
