"""The world: a market with known truth that stands in for customers, channels and time.

It implements the ports `EventSource` and `Clock` itself and hands out a `Channel` per channel name, so the engine runs
against it exactly as against a real market. Time moves only when `advance` is called: the cycle is then played with the
contacts delivered so far, and what came of it can be pulled as events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.event import EventKind
from alamo.domain.ports import SourceBatch
from alamo.domain.records import DeliveryBatch
from alamo.domain.settings import GuardrailSettings
from alamo.domain.tables import EVENTS
from alamo.domain.time import Calendar, utc
from alamo.engine.context import table_hash
from alamo.numerics.hashing import content_hash
from alamo.simulation.effects import Response, calibrated, drivers
from alamo.simulation.happenings import Register, consent_events, order_events, sent_events, visit_events
from alamo.simulation.population import Population
from alamo.simulation.purchases import (
    Flags,
    Floats,
    Ints,
    Outlook,
    Purchases,
    natural_cycle,
    outlook,
    season_of_days,
)
from alamo.simulation.response import UNTREATED, Answered, answer, answer_draws, settle_debts
from alamo.simulation.scenario import Scenario
from alamo.simulation.state import MarketState
from alamo.simulation.streams import stream
from alamo.simulation.world_folder import WorldFolder

VISIT_CHANCE = 0.2
"""Chance that a contact is followed by a visit, whatever it sells."""


@dataclass(frozen=True, slots=True)
class CycleView:
    """What is true at the start of a cycle.

    Attributes
    ----------
    cycle
        Its number.
    first_day
        Number of its first day.
    state
        The market at its start.
    season
        Multiplier of each day.
    outlook
        Exact chances of the natural process.
    effects
        Per action the effect a contact would have on each customer, shape (n,) each.
    """

    cycle: int
    first_day: int
    state: MarketState
    season: Floats
    outlook: Outlook
    effects: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """What a cycle came to under given contacts.

    Attributes
    ----------
    purchases
        Everything that was bought in it.
    lost
        Permissions taken back in it, shape (n, channels).
    state
        The market at its end.
    """

    purchases: Purchases
    lost: Flags
    state: MarketState


class World:
    """A market with known truth.

    Parameters
    ----------
    scenario, population
        What it is like and who is in it.
    start
        Start of cycle 1 (UTC midnight).
    seed
        Of everything that happens in it.
    folder
        Where it is kept between processes; None keeps it in memory only.
    """

    def __init__(
        self, scenario: Scenario, population: Population, *, start: datetime, seed: int, folder: Path | None = None
    ) -> None:
        self.scenario = scenario
        self.population = population
        self.seed = seed
        self.calendar = Calendar(utc(start), scenario.cycle_days)
        self._folder = None if folder is None else WorldFolder(folder)
        self._identity = content_hash({"scenario": _described(scenario), "seed": seed, "start": utc(start).isoformat()})
        self._register = Register(
            pa.array(population.ids, pa.string()),
            pa.array(population.countries, pa.string()),
            pa.array(population.categories, pa.string()),
            utc(start),
            scenario.currency,
        )
        self._index = {customer: i for i, customer in enumerate(population.ids)}
        self.consent = _opening_consent(scenario, len(population), seed)
        opening = MarketState.opening(population.alive, population.ledger, len(scenario.channels))
        self._responses = self._calibrate(opening)
        self.cycle = 1
        self._view: CycleView | None = None
        self._batches: list[SourceBatch] = []
        self._delivered: dict[str, pa.Table] = {}
        self._open(opening)

    def now(self) -> datetime:
        """Return the start of the current cycle."""
        return self.calendar.start(self.cycle)

    def pull(self, since: datetime | None, until: datetime) -> Iterable[SourceBatch]:
        """Yield what occurred in ``[since, until)``, one batch per played cycle; again gives the same."""
        for batch in self._batches:
            time = batch.data["occurred_at"]
            inside = pc.less(time, pa.scalar(until, time.type))
            if since is not None:
                inside = pc.and_(inside, pc.greater_equal(time, pa.scalar(since, time.type)))
            rows = batch.data.filter(inside)
            if rows.num_rows == batch.data.num_rows:
                yield batch
            elif rows.num_rows:
                yield SourceBatch(batch.table, batch.source, table_hash(rows), rows)

    def receive(self, batch: DeliveryBatch) -> dict[str, tuple[str, str | None]]:
        """Take a batch of messages in; the same batch id again changes nothing and gives the same receipts."""
        if batch.batch_id not in self._delivered:
            rows = _delivery_rows(batch)
            if self._folder is not None:
                self._folder.write_delivery(self.cycle, batch.batch_id, rows)
            self._delivered[batch.batch_id] = rows
        decisions = self._delivered[batch.batch_id]["decision_id"].to_pylist()
        return {decision: ("sent", f"simulated/{decision}") for decision in decisions}

    def has_received(self, batch_id: str) -> bool:
        """Say whether a batch of messages has arrived in the current cycle."""
        return batch_id in self._delivered

    def view(self) -> CycleView:
        """Return what is true at the start of the current cycle."""
        if self._view is None:
            self._view = self.view_of(self.cycle, self._state)
        return self._view

    def view_of(self, cycle: int, state: MarketState) -> CycleView:
        """Return what would be true at the start of `cycle` if the market stood in `state` then."""
        first_day = (cycle - 1) * self.scenario.cycle_days
        season = season_of_days(self.scenario.purchase.season, self.calendar.start(cycle), self.scenario.cycle_days)
        ahead = outlook(self.population.latents, state.alive, state.owes, season)
        raw = drivers(self.population.latents, state.ledger, first_day)
        effects = tuple(response.effect(raw, ahead, state) for response in self._responses)
        return CycleView(cycle, first_day, state, season, ahead, effects)

    def deliveries(self) -> pa.Table:
        """Return what was delivered in the current cycle so far, ordered by decision id."""
        if not self._delivered:
            return _NO_DELIVERIES
        return pa.concat_tables(self._delivered.values()).sort_by("decision_id")

    def positions(self, customers: Sequence[str]) -> Ints:
        """Return the index of each customer id, shape (m,)."""
        return np.array([self._index[customer] for customer in customers], dtype=np.int64)

    def treated(self) -> Ints:
        """Return the index of the action each customer received this cycle, `UNTREATED` for none, shape (n,).

        A project may hold customers who are not in the market (they never bought); they receive, but never answer.
        """
        delivered = self.deliveries()
        delivered = delivered.filter(pc.is_in(delivered["customer_id"], value_set=self._register.ids))
        places = {action.id: i for i, action in enumerate(self.scenario.actions)}
        out = np.full(len(self.population), UNTREATED, dtype=np.int64)
        customers = self.positions(delivered["customer_id"].to_pylist())[::-1]
        out[customers] = np.array([places[a] for a in delivered["action_id"].to_pylist()], dtype=np.int64)[::-1]
        return out

    def advance(self) -> None:
        """Play the current cycle with the contacts delivered in it and move to the next."""
        view, treated = self.view(), self.treated()
        played = self.played(view, treated)
        state = played.state
        events = self._cycle_events(view, treated, played)
        if self._folder is not None:
            self._folder.write_events(self.cycle, events)
            self._folder.write_state(self.cycle + 1, state)
            self._folder.set_cycle(self.cycle + 1, self._identity)
        self._remember(self.cycle, events)
        self.cycle, self._state, self._view, self._delivered = self.cycle + 1, state, None, {}

    def played(self, view: CycleView, treated: Ints) -> Played:
        """Return what the cycle of `view` comes to under the contacts `treated` (n,); the world itself does not move.

        Its random numbers are those of its cycle whatever the contacts and the state are.
        """
        answered, alive = self._play(view, treated)
        lost = self._withdrawals(view, treated)
        contacts = np.column_stack([(treated != UNTREATED).astype(np.int64), view.state.contacts[:, 0]])
        state = MarketState(
            alive,
            view.state.ledger.after(answered.purchases),
            answered.owes,
            answered.owes_money,
            view.state.withdrawn | lost,
            contacts,
        )
        return Played(answered.purchases, lost, state)

    def _play(self, view: CycleView, treated: Ints) -> tuple[Answered, np.ndarray]:
        latents = self.population.latents
        rng = stream(self.seed, view.cycle, "purchases")
        natural = natural_cycle(latents, view.state.alive, view.season, view.first_day, rng)
        draws = answer_draws(latents, view.first_day, len(view.season), stream(self.seed, view.cycle, "answers"))
        settled = settle_debts(natural.purchases, view.state)
        world = (view.state, view.outlook, draws)
        return answer(settled, treated, view.effects, self.scenario.actions, world), natural.alive

    def _withdrawals(self, view: CycleView, treated: Ints) -> np.ndarray:
        """Draw who takes the permission back, shape (n, channels)."""
        draw = stream(self.seed, view.cycle, "fatigue").random(len(treated))
        channels = self.scenario.channels
        lost = np.zeros((len(treated), len(channels)), dtype=bool)
        worn = 1.0 + view.state.contacts.sum(axis=1)
        for index, action in enumerate(self.scenario.actions):
            lost[:, channels.index(action.channel)] |= (treated == index) & (draw < action.fatigue * worn)
        return lost

    def _cycle_events(self, view: CycleView, treated: Ints, played: Played) -> pa.Table:
        register, source = self._register, f"simulation/cycle-{view.cycle}"
        rng = stream(self.seed, view.cycle, "visits")
        looks, delay = rng.random(len(treated)) < VISIT_CHANCE, rng.integers(0, min(7, len(view.season)), len(treated))
        visitors = np.flatnonzero(looks & (treated != UNTREATED))
        parts = [
            order_events(register, source, played.purchases),
            sent_events(source, self.deliveries()),
            visit_events(register, source, visitors, view.first_day + delay[visitors]),
        ]
        day = view.first_day + min(1, len(view.season) - 1)
        for column, channel in enumerate(self.scenario.channels):
            who = np.flatnonzero(played.lost[:, column])
            kind = EventKind.CONSENT_WITHDRAWN
            parts.append(consent_events(register, source, who, channel, kind, np.full(len(who), day)))
        return EVENTS.check(pa.concat_tables(parts))

    def _calibrate(self, opening: MarketState) -> tuple[Response, ...]:
        season = season_of_days(self.scenario.purchase.season, self.calendar.start(1), self.scenario.cycle_days)
        ahead = outlook(self.population.latents, opening.alive, opening.owes, season)
        raw = drivers(self.population.latents, opening.ledger, 0)
        return tuple(calibrated(action, raw, ahead, opening, self.seed) for action in self.scenario.actions)

    def _open(self, opening: MarketState) -> None:
        """Begin a new world, or take up the one in the folder."""
        found = None if self._folder is None else self._folder.cycle(self._identity)
        self.cycle, self._state = found or 1, opening
        if self._folder is None:
            self._remember(0, self._opening_events())
        elif found is None:
            self._folder.write_population(self.population)
            self._folder.write_events(0, self._opening_events())
            self._folder.write_state(1, opening)
            self._folder.set_cycle(1, self._identity)
        if self._folder is not None:
            self._state = self._folder.read_state(self.cycle)
            for cycle in range(self.cycle):
                self._remember(cycle, self._folder.read_events(cycle))
            for rows in self._folder.read_deliveries(self.cycle):
                self._delivered[rows["batch_id"][0].as_py()] = rows

    def _opening_events(self) -> pa.Table:
        """Return the past, unless the project holds it, and the consent on record."""
        source = "simulation/opening"
        parts = [] if self.population.known else [order_events(self._register, source, self.population.history)]
        for column, channel in enumerate(self.scenario.channels):
            who = np.flatnonzero(self.consent[:, column])
            day = np.full(len(who), -1, dtype=np.int64)
            parts.append(consent_events(self._register, source, who, channel, EventKind.CONSENT_GRANTED, day))
        return EVENTS.check(pa.concat_tables(parts))

    def _remember(self, cycle: int, events: pa.Table) -> None:
        if events.num_rows:
            source = events["source"][0].as_py()
            self._batches = [batch for batch in self._batches if batch.source != source]
            self._batches.append(SourceBatch("events", source, table_hash(events), events))


_DELIVERY_SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("decision_id", pa.string()),
        ("customer_id", pa.string()),
        ("action_id", pa.string()),
        ("channel", pa.string()),
        ("sent_at", pa.timestamp("us", tz="UTC")),
    ]
)
_NO_DELIVERIES = _DELIVERY_SCHEMA.empty_table()


def _delivery_rows(batch: DeliveryBatch) -> pa.Table:
    rows = batch.rows.num_rows
    sent_at = pa.repeat(pa.scalar(utc(batch.decided_at), _DELIVERY_SCHEMA.field("sent_at").type), rows)
    if "send_at" in batch.rows.column_names:
        sent_at = pc.coalesce(batch.rows["send_at"].combine_chunks().cast(sent_at.type), sent_at)
    columns = [
        pa.repeat(pa.scalar(batch.batch_id), rows),
        batch.rows["decision_id"].combine_chunks(),
        batch.rows["customer_id"].combine_chunks(),
        pa.repeat(pa.scalar(batch.action_id), rows),
        pa.repeat(pa.scalar(batch.channel), rows),
        sent_at,
    ]
    return pa.Table.from_arrays(columns, schema=_DELIVERY_SCHEMA)


def _opening_consent(scenario: Scenario, n: int, seed: int) -> np.ndarray:
    draw = stream(seed, 0, "consent").random((n, len(scenario.channels)))
    return draw < np.array([scenario.consent_share(channel) for channel in scenario.channels])


_ADDED = {
    "outcome": ("long_days", "act_on_calibrated", "price_permissions"),
    "exploration": ("opening_cycles", "strict"),
}
"""Settings that came later: left out while they are off, so that a market begun before is known again."""


def _described(scenario: Scenario) -> object:
    """Return what a scenario is told apart by."""
    described = asdict(scenario)
    for table, added in _ADDED.items():
        described[table] = {key: value for key, value in described[table].items() if value or key not in added}
    for action in described["actions"]:
        if not action["control"]:
            del action["control"]
    if scenario.guardrail == GuardrailSettings():
        del described["guardrail"]
    return _plain(described)


def _plain(value: object) -> object:
    """Return nested settings with only JSON values, for the content hash."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def next_midnight(moment: datetime) -> datetime:
    """Return the first midnight (UTC) after `moment`: where a simulation on top of real data starts."""
    return utc(moment).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
