"""The simulated market of a project: real customers of the project, simulated from the first cycle on.

It is built when it is first needed, because the real orders it stands on must have been imported before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from alamo.domain.ports import SourceBatch, Warehouse
from alamo.domain.records import DeliveryBatch
from alamo.simulation.base_orders import BaseOrders, base_orders_from_events
from alamo.simulation.population import own_population
from alamo.simulation.run import RealOrders
from alamo.simulation.scenario import Scenario
from alamo.simulation.world import World, next_midnight
from alamo.simulation.world_folder import WorldFolder


def real_orders(warehouse: Warehouse, *, currency: str, start: datetime | None) -> RealOrders:
    """Return the orders before `start` in a warehouse; without a start, all of them, and a start the day after."""
    lines = "kind IN ('order_line', 'return_line')"
    if start is None:
        last = warehouse.query(f"SELECT max(occurred_at) AS last FROM events WHERE {lines}")["last"][0].as_py()
        start = next_midnight(last) if last is not None else datetime(1970, 1, 1, tzinfo=UTC)
    events = warehouse.query(f"SELECT * FROM events WHERE {lines} AND occurred_at < $start", {"start": start})
    return RealOrders(base_orders_from_events(events, currency=currency, start=start), start)


@dataclass
class ProjectMarket:
    """Clock, event source and channels of a simulated project.

    Attributes
    ----------
    folder
        Where the world is kept between commands.
    scenario, seed
        Of the world.
    start
        Start of cycle 1.
    orders
        Reads the project's real orders before `start`; called once, when the world is made.
    """

    folder: Path
    scenario: Scenario
    seed: int
    start: datetime
    orders: Callable[[], BaseOrders] = field(repr=False)

    @cached_property
    def world(self) -> World:
        """The market, taken up from its folder or begun from the project's orders."""
        kept = WorldFolder(self.folder).read_population()
        people = kept if kept is not None else own_population(self.scenario, self.orders(), self.seed)
        return World(self.scenario, people, start=self.start, seed=self.seed, folder=self.folder)

    def now(self) -> datetime:
        """Return the start of the current cycle; before the world has begun, of the first."""
        begun = "world" in self.__dict__ or WorldFolder(self.folder).begun
        return self.world.now() if begun else self.start

    def pull(self, since: datetime | None, until: datetime) -> Iterable[SourceBatch]:
        """Yield what occurred in ``[since, until)``."""
        return self.world.pull(since, until)

    def advance(self) -> None:
        """Play the current cycle and move to the next."""
        self.world.advance()

    def channels(self) -> Mapping[str, MarketChannel]:
        """Return one channel for each that the scenario's actions use."""
        return {name: MarketChannel(name, self) for name in self.scenario.channels}


@dataclass(frozen=True, slots=True)
class MarketChannel:
    """Carries messages into the market of a project."""

    name: str
    market: ProjectMarket

    def delivered(self, batch: DeliveryBatch) -> bool:
        """Say whether the market has received the batch."""
        return self.market.world.has_received(batch.batch_id)

    def deliver(self, batch: DeliveryBatch) -> Mapping[str, tuple[str, str | None]]:
        """Deliver `batch`; the same batch again gives the same receipts and sends nothing."""
        return self.market.world.receive(batch)
