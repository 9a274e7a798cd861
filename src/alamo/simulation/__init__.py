"""The test ground: a market with known truth that plays customers, channels and time for the engine.

Not here: decisions. The world implements the ports `EventSource`, `Clock` and `Channel` and is handed to the same
`alamo.engine.loop` as a real one; it never imports the decision rule, and it reads the engine's decisions only to score
them. Whole runs start in `alamo.simulation.run`, which brings the engine with it.
"""

from __future__ import annotations

from alamo.simulation.base_orders import BaseOrders, base_orders_from_events
from alamo.simulation.builtin import builtin_scenario, builtin_scenarios
from alamo.simulation.channel import SimulatedChannel, simulated_channels
from alamo.simulation.result import SimulationResult
from alamo.simulation.scenario import Scenario
from alamo.simulation.scenario_reading import scenario_from_dict
from alamo.simulation.world import World

__all__ = [
    "BaseOrders",
    "Scenario",
    "SimulatedChannel",
    "SimulationResult",
    "World",
    "base_orders_from_events",
    "builtin_scenario",
    "builtin_scenarios",
    "scenario_from_dict",
    "simulated_channels",
]
