"""Effects on a ratio: intervals cover where the denominator moves too, by unit, by cluster, and adjusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.inference.conftest import Ridge

from alamo.inference import EffectRow, ExperimentSpec, analyze_experiment

pytestmark = pytest.mark.statistical

TRUTH = 2.0


@dataclass(frozen=True)
class World:
    """Mail brings 30 % more orders and raises every basket by `TRUTH`; frequent buyers have smaller baskets."""

    units: int
    rate: float = 1.0
    accounts: int = 0
    features: str = "none"

    def table(self, seed: int) -> pa.Table:
        rng = np.random.default_rng(seed)
        n = self.units
        account = rng.permutation(np.arange(n) % self.accounts) if self.accounts else np.arange(n)
        arm = rng.permutation(np.arange(account.max() + 1) % 2)[account]
        taste = 4.0 * rng.normal(size=n) + (4.0 * rng.normal(size=account.max() + 1)[account] if self.accounts else 0.0)
        often = rng.gamma(2.0, 0.5, n)
        orders = rng.poisson(self.rate * often * (1.0 + 0.3 * arm))
        basket = 30.0 - 5.0 * often + taste + TRUTH * arm
        spend = orders * basket + np.sqrt(orders) * 3.0 * rng.normal(size=n)
        names = np.where(arm == 1, "mail", "none")
        return pa.table({"arm": names, "account": account, "taste": taste, "orders": orders, "spend": spend})

    def rows(self, seed: int, outcome: str, cluster: str | None = None) -> tuple[EffectRow, ...]:
        features = "none" if self.features == "none" else (self.features,)
        spec = ExperimentSpec("arm", "none", (outcome,), features=features, cluster=cluster)
        return analyze_experiment(self.table(seed), spec, Ridge()).rows


def misses(rows: list[EffectRow]) -> float:
    return float(np.mean([not row.lower <= TRUTH <= row.upper for row in rows]))


@pytest.mark.parametrize(
    ("world", "cluster"),
    [
        (World(400), None),
        (World(1000, rate=0.1), None),
        (World(1000, features="taste"), None),
        (World(1200, accounts=60), "account"),
    ],
    ids=["plain", "about 50 orders an arm", "adjusted", "60 accounts"],
)
def test_the_interval_of_a_ratio_covers(world, cluster, n_seeds):
    found = [row for seed in range(20 * n_seeds) for row in world.rows(seed, "spend/orders", cluster)]
    assert len(found) >= 19 * n_seeds
    # nominal .05; few groups and a ratio's own bias are allowed .015 on top
    assert misses(found) <= 0.065 + 2.5 * np.sqrt(0.065 * 0.935 / len(found))
    mean, spread = np.mean([row.mean for row in found]), np.std([row.mean for row in found])
    assert abs(mean - TRUTH) <= 3 * spread / np.sqrt(len(found)) + 0.2 * spread
    assert np.mean([row.se for row in found]) == pytest.approx(spread, rel=0.05 + 2.5 / np.sqrt(2 * len(found)))


def test_rows_taken_as_units_where_accounts_were_drawn_would_be_found_out(n_seeds):
    world = World(1200, accounts=60)
    found = [row for seed in range(5 * n_seeds) for row in world.rows(seed, "spend/orders")]
    assert misses(found) > 0.15


def test_the_always_valid_interval_of_a_ratio_misses_no_more_often_at_its_end(n_seeds):
    found = [row for seed in range(5 * n_seeds) for row in World(400).rows(seed, "spend/orders")]
    missed = np.mean([not row.anytime_lower <= TRUTH <= row.anytime_upper for row in found])
    assert missed <= 0.05
