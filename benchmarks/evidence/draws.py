"""Streams of randomised rows drawn from the real arms of the Hillstrom experiment, with and without an effect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

OUTCOMES = ("visit", "conversion", "spend")
SHARES = {"50/50": 0.5, "control 10 %": 0.9, "control 2 %": 0.98}
"""Probability of the action in each scheme."""
ADAPTIVE = "adaptive, floor 2 %"
SCHEMES = (*SHARES, ADAPTIVE)
BATCH = 500


@dataclass(frozen=True)
class Stream:
    """Rows in the order of arrival, shapes (n,): outcome, whether the action was drawn, and its logged probability.

    `account` is the group each row belongs to, None where rows are drawn one by one. `truth` is the mean effect.
    """

    outcome: Floats
    drawn: Bools
    p: Floats
    truth: float
    account: Integers | None = None


def pools(folder: Path, outcome: str) -> tuple[Floats, Floats]:
    """Return the real outcomes of the customers without an e-mail and of those with the men's e-mail."""
    file = csv.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    values = np.asarray(file[outcome], dtype=np.float64)
    return tuple(values[np.asarray(pc.equal(file["segment"], arm))] for arm in ("No E-Mail", "Mens E-Mail"))


SEGMENTS = ("recency_band", "history_band", "mens", "womens", "newbie")
"""Columns that make the 68 cells of `benchmarks.hillstrom_worlds`."""


def with_bands(table: pa.Table) -> pa.Table:
    """Add the bands of recency and history that the cells are made of."""
    for name, edges in (("recency", [3, 7, 10]), ("history", [100, 200, 500])):
        table = table.append_column(f"{name}_band", pa.array(np.digitize(np.asarray(table[name]), edges)))
    return table


def segment_names(table: pa.Table) -> list[str]:
    """Return the name that `segments=SEGMENTS` gives to each row's segment."""
    parts = [[f"{name} {value}" for value in table[name].to_pylist()] for name in SEGMENTS]
    return [" · ".join(words) for words in zip(*parts, strict=True)]


def mean_effects(table: pa.Table, truth: Floats) -> dict[str, Floats]:
    """Return segment → mean of the true effects of its rows, shape (k,); `truth` has shape (n, k)."""
    names, code = np.unique(segment_names(table), return_inverse=True)
    size = np.bincount(code)
    means = np.stack([np.bincount(code, column) / size for column in truth.T], axis=1)
    return dict(zip(names.tolist(), means, strict=True))


def stream(none: Floats, action: Floats, scheme: str, rows: int, rng: np.random.Generator) -> Stream:
    """Draw `rows` rows whose outcomes come from the pool of the arm that the scheme draws."""
    without, treated = rng.choice(none, rows), rng.choice(action, rows)
    u = rng.random(rows)
    p = _adaptive(without, treated, u) if scheme == ADAPTIVE else np.full(rows, SHARES[scheme])
    drawn = u < p
    return Stream(np.where(drawn, treated, without), drawn, p, float(action.mean() - none.mean()))


def _adaptive(without: Floats, treated: Floats, u: Floats) -> Floats:
    """Let the probability of the action follow the estimate so far, in batches, between 2 % and 98 %."""
    p, total, squares = np.full(len(u), 0.5), 0.0, 0.0
    for start in range(0, len(u), BATCH):
        rows = slice(start, start + BATCH)
        if start:
            p[rows] = np.clip(0.5 + total / np.sqrt(squares + 1e-12) / 3.0, 0.02, 0.98)
        drawn = u[rows] < p[rows]
        score = np.where(drawn, treated[rows] / p[rows], -without[rows] / (1.0 - p[rows]))
        total, squares = total + float(score.sum()), squares + float((score**2).sum())
    return p


def accounts(none: Floats, action: Floats, scheme: str, rows: int, rng: np.random.Generator) -> Stream:
    """Draw whole accounts of 1 to 60 persons, the arm by account, whose outcomes are alike (intraclass .2).

    An account responds at a rate of its own, Beta with the pool's mean; a response is worth a non-zero outcome of the
    pool. Without an effect `action` is the pool of `none`.
    """
    size = np.minimum(rng.geometric(0.2, rows), 60)
    size = size[: int(np.searchsorted(np.cumsum(size), rows))]
    account = np.repeat(np.arange(len(size)), size)
    drawn = rng.random(len(size)) < SHARES[scheme]
    rate = np.where(drawn, np.mean(action != 0.0), np.mean(none != 0.0))
    own = rng.beta(4.0 * rate, 4.0 * (1.0 - rate))  # a + b = 4: intraclass correlation 1/5
    responds = rng.random(len(account)) < own[account]
    worth = np.where(drawn[account], rng.choice(action[action != 0.0], len(account)), 0.0)
    worth = np.where(drawn[account], worth, rng.choice(none[none != 0.0], len(account)))
    p = np.full(len(account), SHARES[scheme])
    return Stream(responds * worth, drawn[account], p, float(action.mean() - none.mean()), account)
