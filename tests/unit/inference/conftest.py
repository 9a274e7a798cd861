"""A small randomised log with known effects, and the plainest outcome learner there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

ACTIONS = ("none", "mail", "post")
START = datetime(2025, 1, 6, tzinfo=UTC)


@dataclass(frozen=True)
class FittedRidge:
    centre: np.ndarray
    coefficients: np.ndarray
    intercept: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        return (np.nan_to_num(features) - self.centre) @ self.coefficients + self.intercept


class Ridge:
    """Least squares with a small penalty; missing values count as zero."""

    def fit(self, features: np.ndarray, outcome: np.ndarray, weight: np.ndarray | None = None) -> FittedRidge:
        w = np.ones(len(outcome)) if weight is None else weight
        x = np.nan_to_num(features)
        centre, mean = np.average(x, axis=0, weights=w), np.average(outcome, weights=w)
        xc = x - centre
        gram = xc.T @ (w[:, None] * xc) + 1e-6 * w.sum() * np.eye(x.shape[1])
        return FittedRidge(centre, np.linalg.solve(gram, xc.T @ (w * (outcome - mean))), float(mean))

    def fit_parts(self, features, parts):
        return (self.fit(features[rows], outcome) for rows, outcome in parts)


@pytest.fixture(scope="session")
def ridge() -> Ridge:
    return Ridge()


def build_log(n: int, cycles: int, seed: int, *, lift: float = 0.10, universal: float = 0.0) -> pa.Table:
    """Observations with outcomes: `mail` adds `lift` to the chance of an order worth 20, `post` only costs .5."""
    rng = np.random.default_rng(seed)
    units = np.arange(n)
    value = np.exp(rng.normal(0.0, 0.5, n))
    held = rng.random(n) < universal
    tables = []
    for cycle in range(1, cycles + 1):
        rich = value > np.median(value)
        p = np.where(rich[:, None], [0.3, 0.5, 0.2], [0.6, 0.2, 0.2]) if cycle > 1 else np.full((n, 3), 1 / 3)
        p = np.where(held[:, None], [1.0, 0.0, 0.0], p)
        arm = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1)
        order = rng.random(n) < 0.1 + lift * (arm == 1)
        cost = np.where(arm == 2, 0.5, 0.0)
        margin = 20.0 * order
        residual = 30.0 * value + rng.normal(0.0, 1.0, n)
        at = START + timedelta(days=28 * (cycle - 1))
        tables.append(
            pa.table(
                {
                    "decision_id": [f"d{cycle:02d}-{i:06d}" for i in units],
                    "unit_id": [f"u{i:06d}" for i in units],
                    "customer_id": [f"u{i:06d}" for i in units],
                    "cycle": np.full(n, cycle),
                    "decided_at": pa.array([at] * n, pa.timestamp("us", tz="UTC")),
                    "action_id": [ACTIONS[a] for a in arm],
                    "eligible": [list(ACTIONS)] * n,
                    "p": p.tolist(),
                    "p_action": p[units, arm],
                    "universal_control": held,
                    "orders_window": order.astype(int),
                    "margin_money": margin,
                    "cost_money": cost,
                    "x": np.full(n, 4),
                    "t_x_days": np.full(n, 200.0),
                    "t_days": np.full(n, 300.0),
                    "repeat_money": value * 10.0,
                    "money": value * 50.0,
                    "recency_days": rng.uniform(1, 300, n),
                    "segment": np.where(rich, "high value", "low value"),
                    "outcome_money": margin + residual - cost,
                }
            )
        )
    return pa.concat_tables(tables)


@pytest.fixture(scope="session")
def loop_log() -> Callable[..., pa.Table]:
    return build_log
