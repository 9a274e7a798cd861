"""Worlds with known effects, for the statistical tests and the benchmark of uplift: a shop's log over several cycles.

Money is heavy-tailed, effects are points of conversion, propensities differ between rows, and units recur.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import NO_ACTION, Action
from alamo.numerics import doubly_robust
from alamo.prediction import boosted_outcome

Floats = npt.NDArray[np.float64]

ACTIONS = (
    Action("mail", "mail", "email", "retention and loyalty", 0.02),
    Action("voucher", "voucher", "email", "customer conversion", 0.30),
    Action("postcard", "postcard", "post", "customer conversion", 0.80),
    Action("nagging", "nagging", "email", "upsell", 0.02),
)
IDS = tuple(action.id for action in ACTIONS)
COSTS = np.array([action.cost_money for action in ACTIONS])
MEANS = {
    "mixed": (0.010, 0.014, 0.012, -0.012),
    "smooth": (0.010, 0.014, 0.012, -0.012),
    "homogeneous": (0.010, 0.014, 0.012, -0.012),
    "nil": (0.0, 0.0, 0.0, 0.0),
}
SPREAD = {"mixed": 0.012, "smooth": 0.012, "homogeneous": 0.0, "nil": 0.0}
START = datetime(2024, 1, 1, tzinfo=UTC)
CATEGORIES = np.array(["garden", "kitchen", "toys", "books", "craft"])


@dataclass(frozen=True)
class Shop:
    """Customers, their segment, and the true gross effect of every action in money, shape (n, 4)."""

    profiles: pa.Table
    segment: npt.NDArray[np.str_]
    p_order: Floats
    delta: Floats
    order_money: Floats
    carry: float

    @property
    def truth(self) -> Floats:
        """True gross effect in money, shape (n, 4)."""
        moved = np.clip(self.p_order[:, None] + self.delta, 0.001, 0.95) - self.p_order[:, None]
        return moved * self.order_money[:, None] * (1.0 + self.carry)


def shop(world: str, n: int, seed: int) -> Shop:
    """Draw `n` customers of `world`."""
    rng = np.random.default_rng(seed)
    days = 1 + rng.poisson(rng.gamma(1.2, 2.0, n))
    tenure = rng.uniform(60.0, 700.0, n)
    recency = np.minimum(rng.exponential(tenure / (days + 0.5)), tenure)
    per_order = np.exp(rng.normal(3.2, 0.9, n))  # margin of an order: median 25, mean 37, heavy tail
    money = per_order * days * np.exp(rng.normal(0.0, 0.25, n))
    taste = rng.integers(0, 5, n)
    rate = days / tenure * np.exp(-recency / (2.0 * tenure / days + 30.0))
    p_order = np.clip(1.0 - np.exp(-28.0 * rate), 0.005, 0.6)
    segment_code = (
        np.digitize(recency, [30, 90, 200]) * 9
        + np.digitize(days, [1.5, 4.5]) * 3
        + (np.digitize(per_order, [17.0, 37.0]))
    )
    z = (np.log1p(recency) - np.log1p(recency).mean()) / np.log1p(recency).std()
    f1, f2 = z, (taste == 0) * 2.0 - 0.4
    f3 = np.tanh(2.0 * z) * (1.0 - (taste >= 3)) if world == "smooth" else np.digitize(days, [1.5, 4.5]) - 0.8
    shapes = np.column_stack([f1, f2, f3, 0.5 * z])
    shapes = (shapes - shapes.mean(0)) / shapes.std(0)
    if world == "mixed":
        odd = rng.normal(size=(36, 4))[segment_code]
        shapes = 0.8 * shapes + 0.6 * odd
    delta = np.array(MEANS[world]) + SPREAD[world] * shapes
    profiles = pa.table(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "recency_days": recency,
            "tenure_days": tenure,
            "orders": days,
            "purchase_days": days,
            "money": money,
            "x": days - 1,
            "repeat_money": np.where(days > 1, money / days, 0.0),
            "money_365d": money * np.minimum(365.0 / tenure, 1.0),
            "category_1": CATEGORIES[taste],
            "answered_last": rng.random(n) < 0.2,
            "stage": np.where(recency > 180, "lapsed", "active"),
        }
    )
    return Shop(profiles, np.array([f"s{c:02d}" for c in segment_code]), p_order, delta, per_order, 0.6)


def log(world: Shop, cycles: int, seed: int, *, explored: float = 0.2) -> tuple[pa.Table, pa.Table]:
    """Decide `cycles` times and return observations with outcome, and doubly robust scores.

    Cycle 1 draws uniformly over the actions for a share `explored`; later cycles favour one action per customer.
    """
    rng = np.random.default_rng(seed)
    n, k = world.profiles.num_rows, len(IDS)
    parts, score_parts = [], []
    fold = rng.integers(0, 3, n)
    for cycle in range(1, cycles + 1):
        p = np.full((n, k + 1), explored / (k + 1))
        p[:, 0] += 0.1
        favourite = np.zeros(n, int) if cycle == 1 else 1 + (rng.random(n) * k).astype(int)
        p[np.arange(n), favourite] += 0.9 - explored
        drawn = (p.cumsum(1) < rng.random(n)[:, None]).sum(1).clip(0, k)
        lift = np.where(drawn > 0, world.delta[np.arange(n), np.maximum(drawn - 1, 0)], 0.0)
        bought = rng.random(n) < np.clip(world.p_order + lift, 0.001, 0.95)
        size = world.order_money * np.exp(rng.normal(-0.125, 0.5, n))
        cost = np.where(drawn > 0, COSTS[np.maximum(drawn - 1, 0)], 0.0)
        noise = world.order_money * rng.normal(0.0, 0.1, n)
        outcome = bought * size + world.order_money * world.carry * bought + noise - cost
        ids = [f"d{cycle}-{i}" for i in range(n)]
        names = np.array([NO_ACTION, *IDS])
        parts.append(
            world.profiles.append_column("decision_id", pa.array(ids))
            .append_column("unit_id", world.profiles["customer_id"])
            .append_column("segment", pa.array(world.segment))
            .append_column("cycle", pa.array(np.full(n, cycle)))
            .append_column(
                "decided_at", pa.array([START + timedelta(days=28 * cycle)] * n, pa.timestamp("us", tz="UTC"))
            )
            .append_column("action_id", pa.array(names[drawn]))
            .append_column("orders_window", pa.array(bought.astype(np.int64)))
            .append_column("outcome_money", pa.array(outcome))
        )
        mu = _outcome_model(world.profiles, drawn, outcome, fold)
        gamma = doubly_robust.scores(mu, drawn, outcome, p[np.arange(n), drawn])
        for a in range(k + 1):
            score_parts.append(
                pa.table(
                    {
                        "decision_id": ids,
                        "unit_id": world.profiles["customer_id"],
                        "cycle": np.full(n, cycle),
                        "action_id": [str(names[a])] * n,
                        "fold": fold,
                        "p": p[:, a],
                        "mu_money": mu[:, a],
                        "gamma_money": gamma[:, a],
                    }
                )
            )
    return pa.concat_tables(parts), pa.concat_tables(score_parts)


def _outcome_model(
    profiles: pa.Table, drawn: npt.NDArray[np.int64], outcome: Floats, fold: npt.NDArray[np.int64]
) -> Floats:
    base = np.column_stack([np.asarray(profiles[c], float) for c in ("recency_days", "tenure_days", "orders", "money")])
    mu = np.zeros((len(outcome), len(IDS) + 1))
    for f in range(3):
        train, test = fold != f, fold == f
        model = boosted_outcome().fit(np.column_stack([base, np.eye(len(IDS) + 1)[drawn]])[train], outcome[train])
        for a in range(len(IDS) + 1):
            arms = np.zeros((int(test.sum()), len(IDS) + 1))
            arms[:, a] = 1.0
            mu[test, a] = model.predict(np.column_stack([base[test], arms]))
    return mu


def policy_value(values: Floats, net_truth: Floats) -> float:
    """Return the mean true net value of taking the best of `values` (n, k), or nothing where none is positive."""
    best = values.argmax(axis=1)
    gain = np.where(values.max(axis=1) > 0.0, net_truth[np.arange(len(best)), best], 0.0)
    return float(gain.mean())


def score_matrix(scores: pa.Table, column: str = "value_mean_money") -> Floats:
    """Return a column of SCORES as a matrix (n, k) in the order of `IDS`."""
    return np.asarray(scores[column], float).reshape(len(IDS), -1).T
