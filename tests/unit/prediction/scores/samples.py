"""Tables with a known outcome model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.special import expit

LEVELS = np.array(list("abcdefgh"))


def honest_columns(n: int, rate: float, rng: np.random.Generator, strength: float = 0.5):
    """Return columns known beforehand, a 0/1 target they partly tell, and its true log-odds."""
    shared = rng.normal(size=(n, 3))
    x = shared @ rng.normal(size=(3, 8)) * 0.7 + rng.normal(size=(n, 8))
    eta = x @ (rng.normal(size=8) * strength)
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if expit(eta + middle).mean() > rate else (middle, high)
    y = (rng.random(n) < expit(eta + low)).astype(float)
    columns = {
        "plain": x[:, 0],
        "heavy tail": np.exp(3 * x[:, 1]),
        "mostly zero": np.where(x[:, 2] < np.quantile(x[:, 2], 0.6), 0.0, np.round(np.exp(x[:, 2]))),
        "with gaps": np.where(rng.random(n) < 0.2, np.nan, x[:, 3]),
        "level": LEVELS[np.clip((x[:, 4] * 2 + 4).astype(int), 0, 7)],
        "flag": x[:, 5] > 0,
        "other": x[:, 6],
        "noise": rng.normal(size=n),
    }
    return columns, y, eta + low


def table_of(columns: dict, **more) -> pa.Table:
    """Return columns as a table, NaN as null."""
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in (columns | more).items()})


def leak(kind: str, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a column that is only known once `y` is."""
    n = len(y)
    return {
        "copy": lambda: y,
        "words": lambda: np.where(y > 0, "won", "lost"),
        "transformed": lambda: 7.0 - 3.0 * np.exp(y),
        "nearly a copy": lambda: np.where(rng.random(n) < 0.01, 1.0 - y, y),
        "length of the talk": lambda: np.where(y > 0, 60 + rng.gamma(2, 220, n), rng.gamma(1.1, 200, n)),
        "money after it": lambda: np.where((y > 0) & (rng.random(n) < 0.5), np.round(rng.gamma(2, 20, n)) + 1, 0.0),
        "missing tells": lambda: np.where(rng.random(n) < np.where(y > 0, 0.85, 0.03), np.nan, rng.normal(size=n)),
        "date of the end": lambda: np.where(y > 0, rng.integers(1, 1000, n).astype(float), np.nan),
    }[kind]()
