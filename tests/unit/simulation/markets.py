"""Small markets that the tests of the simulator share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from alamo.domain.records import DeliveryBatch
from alamo.simulation.population import synthetic_population
from alamo.simulation.scenario import Scenario
from alamo.simulation.scenario_reading import scenario_from_dict
from alamo.simulation.world import World

START = datetime(2026, 1, 5, tzinfo=UTC)
GOOD = {"id": "good", "channel": "email", "cost": 0.1, "effect": {"mean": 0.05, "spread": 0.02, "by": ["recency"]}}


def scenario(*actions: dict[str, Any], **keys: Any) -> Scenario:
    table = {"name": "test", "customers": 2000, "action": list(actions or (GOOD,))} | keys
    return scenario_from_dict(table, "test.toml")


def action(action_id: str = "good", **keys: Any) -> dict[str, Any]:
    return {"id": action_id, "channel": "email", "cost": 0.1, "effect": {"mean": 0.05}} | keys


def world(market: Scenario, seed: int = 1, folder: Path | None = None) -> World:
    return World(market, synthetic_population(market, START, seed), start=START, seed=seed, folder=folder)


def batch(place: World, action_id: str, customers: Sequence[str], batch_id: str = "b1") -> DeliveryBatch:
    channel = next(a.channel for a in place.scenario.actions if a.id == action_id)
    decisions = [f"{place.cycle}/{action_id}/{customer}" for customer in customers]
    return DeliveryBatch(
        batch_id=batch_id,
        plan_id=f"plan-{place.cycle}",
        cycle=place.cycle,
        action_id=action_id,
        channel=channel,
        content={},
        decided_at=place.now(),
        rows=pa.table({"decision_id": pa.array(decisions), "customer_id": pa.array(list(customers))}),
    )
