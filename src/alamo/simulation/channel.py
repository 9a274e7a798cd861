"""The simulated channel: messages arrive in the world instead of at a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alamo.domain.records import DeliveryBatch
from alamo.simulation.world import World


@dataclass(frozen=True, slots=True)
class SimulatedChannel:
    """Carries messages into a `World`; implements the port `Channel`.

    Attributes
    ----------
    name
        The channel's name, as the actions use it.
    world
        Where the messages arrive.
    """

    name: str
    world: World

    def delivered(self, batch: DeliveryBatch) -> bool:
        """Say whether the world has received the batch."""
        return self.world.has_received(batch.batch_id)

    def deliver(self, batch: DeliveryBatch) -> Mapping[str, tuple[str, str | None]]:
        """Deliver `batch`; the same batch again gives the same receipts and sends nothing."""
        return self.world.receive(batch)


def simulated_channels(world: World) -> dict[str, SimulatedChannel]:
    """Return one channel for each that the scenario's actions use."""
    return {name: SimulatedChannel(name, world) for name in world.scenario.channels}
