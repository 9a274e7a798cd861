"""Worlds with known effects on the real covariates of the Hillstrom e-mail experiment.

The baseline is a logistic fit to the real control arm; effects have the size of the real ones. `mixed`: partly smooth
in the covariates, partly peculiar to cells of recency × history × category × newcomer; `smooth`: thresholds off that
grid; `homogeneous`: one effect; `nil`: none. A draw gives every customer an arm and a 0/1 outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]

ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
FEATURES = ("recency", "history", "mens", "womens", "newbie", "zip_code", "channel")
SHARES = {"mixed": (0.3, 0.4), "smooth": (0.0, 0.5), "homogeneous": (0.0, 0.0), "nil": (0.0, 0.0)}


@dataclass(frozen=True)
class EmailWorld:
    """Covariates of 64,000 customers and the probability of the outcome under each arm, shape (n, 3)."""

    covariates: pa.Table
    probability: Floats

    @property
    def truth(self) -> Floats:
        """True effect of each e-mail."""
        return self.probability[:, 1:] - self.probability[:, :1]

    def draw(self, seed: int) -> pa.Table:
        """Return an experiment file: covariates, the customer's ``cell``, ``arm`` and ``outcome``."""
        rng = np.random.default_rng(seed)
        arm = rng.integers(0, 3, len(self.probability))
        outcome = rng.random(len(arm)) < self.probability[np.arange(len(arm)), arm]
        return self.covariates.append_column("arm", pa.array(np.array(ARMS)[arm])).append_column(
            "outcome", pa.array(outcome.astype(np.int64))
        )


def email_world(folder: Path, outcome: str, world: str, seed: int) -> EmailWorld:
    """Build `world` for the real outcome ``visit`` or ``conversion``."""
    file = csv.read_csv(folder / "hillstrom" / "hillstrom.csv.gz")
    arm = np.asarray(pc.index_in(file["segment"], value_set=pa.array(ARMS)), dtype=np.int64)
    real = np.asarray(file[outcome], dtype=np.float64)
    x = _design(file)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    base = LogisticRegression().fit(z[arm == 0], real[arm == 0]).predict_proba(z)[:, 1]
    rng = np.random.default_rng(seed)
    cell = _cells(file)
    odd_share, smooth_share = SHARES[world]
    probability = [base]
    for k, shape in enumerate(_shapes(file, z, world), start=1):
        odd = rng.normal(size=int(cell.max()) + 1)[cell]
        size = 0.0 if world == "nil" else real[arm == k].mean() - real[arm == 0].mean()
        probability.append(base + size * (1.0 + smooth_share * _standard(shape) + odd_share * _standard(odd)))
    covariates = file.select(list(FEATURES)).append_column("cell", pa.array([f"cell {c:02d}" for c in cell]))
    return EmailWorld(covariates, np.clip(np.column_stack(probability), 0.0005, 0.9))


def gain_percent(values: Floats, truth: Floats) -> float:
    """Return the value of acting on `values` (none allowed) over the best single action, in percent of that."""
    best = max(float(truth.mean(axis=0).max()), 0.0)
    choice = values.argmax(axis=1)
    won = np.where(values.max(axis=1) > 0.0, truth[np.arange(len(choice)), choice], 0.0)
    return 100.0 * (float(won.mean()) - best) / best if best > 0.0 else 0.0


def _design(file: pa.Table) -> Floats:
    numeric = [np.asarray(file[name], dtype=np.float64) for name in ("recency", "mens", "womens", "newbie")]
    flags = [
        np.asarray(pc.equal(file[name], level), dtype=np.float64)
        for name, level in (("zip_code", "Rural"), ("zip_code", "Urban"), ("channel", "Web"), ("channel", "Phone"))
    ]
    return np.column_stack([*numeric, np.log(np.asarray(file["history"], dtype=np.float64)), *flags])


def _cells(file: pa.Table) -> npt.NDArray[np.int64]:
    recency = np.digitize(np.asarray(file["recency"]), [3, 7, 10])
    history = np.digitize(np.asarray(file["history"]), [100, 200, 500])
    mens, womens, new = (np.asarray(file[name], dtype=np.int64) for name in ("mens", "womens", "newbie"))
    return np.unique(((recency * 4 + history) * 4 + mens * 2 + womens) * 2 + new, return_inverse=True)[1]


def _shapes(file: pa.Table, z: Floats, world: str) -> tuple[Floats, Floats]:
    recency, history = z[:, 0], z[:, 4]
    womens, new, rural, web, phone = (_design(file)[:, j] for j in (2, 3, 5, 7, 8))
    if world == "smooth":
        months = np.asarray(file["recency"], dtype=np.float64)
        first = np.tanh(months - 5.0) * (1.0 - 2.0 * phone) + 0.7 * np.sin(2.0 * history) + 0.5 * web * new
        second = womens * (1.0 + 0.8 * np.tanh(2.0 * history + 0.5)) - 0.6 * (months > 8) * web + 0.5 * rural
        return first, second
    return -0.5 * recency + 0.4 * history - 0.4 * new, z[:, 2] - 0.3 * recency + 0.5 * z[:, 2] * history


def _standard(values: Floats) -> Floats:
    return (values - values.mean()) / max(float(values.std()), 1e-12)
