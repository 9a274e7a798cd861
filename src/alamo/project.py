"""The front desk: opens a project and hands the engine what it works with.

The composition root: the only file that names concrete stores, channels and worlds. Every verb of a project is a use
case of `alamo.engine`. Analyses of a table, which need no project, are in `alamo.analyze`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from alamo.config import ProjectFiles, load_limits, load_mapping, load_project, load_scenario
from alamo.config.scaffold import Created, fill_folder
from alamo.connectors.channels import AudienceFileChannel
from alamo.connectors.clocks import FixedClock, SystemClock
from alamo.domain.action import ContactPolicy
from alamo.domain.errors import ConfigError, UsageError
from alamo.domain.ports import Channel, Clock, EventSource
from alamo.domain.settings import Settings
from alamo.domain.time import end_of, utc
from alamo.engine import loop
from alamo.engine.actions import ActionStates, action_states, pause_action, resume_action
from alamo.engine.context import Context, StepOutcome
from alamo.engine.decide import decide_now
from alamo.engine.decided import DecidedNow
from alamo.engine.doctor import Diagnosis, diagnose, of_configuration
from alamo.engine.explain import Explanation, explain
from alamo.engine.gate import closes_cycle
from alamo.engine.hindsight import replay_history
from alamo.engine.imports import Imported, ImportOrder, import_files, preview_files
from alamo.engine.infer import infer
from alamo.engine.loop import Announce, Turns, turn
from alamo.engine.measure import measure
from alamo.engine.micro_segments import micro_segments_report
from alamo.engine.plan_advice import PlanAdvice, plan_advice
from alamo.engine.plan_diff import Asked, OtherLimits, PlanDiff, compare
from alamo.engine.plan_door import PlanDoor
from alamo.engine.predict import predict
from alamo.engine.proposals import proposal_named
from alamo.engine.report import Report, report
from alamo.engine.status import Status, status
from alamo.engine.steer import steer
from alamo.inference.micro_segments import SegmentsResult
from alamo.prediction.learners import boosted_outcome
from alamo.simulation import SimulationResult
from alamo.simulation.project_market import ProjectMarket, real_orders
from alamo.simulation.rivals import Contender
from alamo.simulation.run import Announce as AnnounceCycle
from alamo.simulation.run import Equipment, RealOrders
from alamo.simulation.run import simulate as run_scenario
from alamo.spark import SparkCarrier, lacking
from alamo.store import DeltaHistory, Stores, memory_stores, open_stores

__all__ = ["Project", "simulate"]

EXAMPLES = ("shop",)
_INTERNAL = Path(".alamo")


class Project(PlanDoor):
    """A project folder, opened; a context manager.

    Examples
    --------
    >>> import alamo
    >>> with alamo.Project.open("demo") as project:  # doctest: +SKIP
    ...     project.run()
    ...     project.report("effects")
    """

    def __init__(self, files: ProjectFiles, stores: Stores, clock: Clock) -> None:
        self.files = files
        self._stores = stores
        self._market = _market(files, stores)
        outside = _outside(files, self._market)
        self.context = Context(
            settings=files.settings,
            actions=files.actions,
            limits=files.limits,
            contact=files.contact,
            history=stores.history,
            state=stores.state,
            shelf=stores.shelf,
            clock=self._market or clock,
            sources=outside[0],
            channels=outside[1],
            learner=boosted_outcome(),
        )

    @classmethod
    def open(cls, folder: str | Path = ".") -> Self:
        """Open the project in `folder`.

        Raises
        ------
        ConfigError
            If there is none, or one of its files cannot be used.
        """
        files = load_project(Path(folder))
        return cls(files, open_stores(files.root, files.settings), SystemClock())

    @staticmethod
    def init(folder: str | Path, *, example: str | None = None) -> Created:
        """Make a project in a new or empty folder; an example comes with real orders, already imported."""
        folder = Path(folder)
        template = resources.files("alamo") / "examples" / (example or "blank")
        with resources.as_file(template) as source:
            files = fill_folder(Path(source), folder)
        with Project.open(folder) as project:
            orders = folder / "orders.parquet"
            if orders.exists():
                project.import_file("orders", ["orders.parquet"])
            name = project.settings.name
        following = f"alamo -C {folder} " + ("run" if example else "import orders FILE")
        return Created(name, folder, files, following)

    @property
    def settings(self) -> Settings:
        """The settings of ``alamo.toml``."""
        return self.files.settings

    def close(self) -> None:
        """Release the stores."""
        self._stores.state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def import_file(
        self,
        kind: str,
        files: Sequence[str | Path],
        *,
        mapping: str | Path | None = None,
        preview: bool = False,
        complete_until: date | None = None,
        progress: Any = None,
    ) -> Imported:
        """Take files in, or say how they would be read; paths are relative to the project or the working folder.

        `complete_until` states that the files hold every order up to the end of that day, or before that moment if it
        is a datetime: where nobody bought anything lately, outcome windows need not wait for a newer order.
        """
        read = None if mapping is None else load_mapping(self._located(mapping))
        aside = self.files.root / _INTERNAL / "quarantine"
        until = None if complete_until is None else end_of(complete_until)
        order = ImportOrder(kind, read, aside, progress, self.files.root, until)
        paths = [str(file) if str(file) == "-" else str(self._located(file)) for file in files]
        return preview_files(self.context, paths, order) if preview else import_files(self.context, paths, order)

    def _located(self, file: str | Path) -> Path:
        inside = self.files.root / file
        return inside if inside.exists() and not Path(file).exists() else Path(file)

    def measure(self) -> StepOutcome:
        """Step 1; see `alamo.engine.measure`."""
        return measure(self.context, loop.current_cycle(self.context))

    def infer(self) -> StepOutcome:
        """Step 2; see `alamo.engine.infer`."""
        return infer(self.context, loop.current_cycle(self.context))

    def predict(self, *, engine: str | None = None) -> StepOutcome:
        """Step 3; see `alamo.engine.predict`. `engine` is ``local`` or ``spark``, by default that of the settings."""
        with self._carried(engine) as context:
            return predict(context, loop.current_cycle(context))

    def steer(self, *, engine: str | None = None) -> StepOutcome:
        """Step 4; see `alamo.engine.steer`. `engine`: ``local`` or ``spark``, by default that of the settings."""
        with self._carried(engine) as context:
            return steer(context, loop.current_cycle(context))

    def run(
        self,
        until: datetime | None = None,
        approve_as: str | None = None,
        announce: Announce | None = None,
        engine: str | None = None,
    ) -> Turns:
        """Turn the loop once, or cycle after cycle up to `until`.

        In a simulated project each plan but the last is approved and launched under the name `approve_as`; elsewhere
        `until` replays history: the steps run as of each past cycle, and nothing is launched; see
        `alamo.engine.hindsight` for what it refuses. `engine`: ``local`` or ``spark``, by default that of the settings.
        """
        with self._carried(engine) as context:
            return self._run(context, until, approve_as, announce)

    def _run(
        self, context: Context, until: datetime | None, approve_as: str | None, announce: Announce | None
    ) -> Turns:
        if until is None:
            if self._market is not None:
                self.enter_next_cycle()
            return Turns((turn(context, announce),))
        if self._market is None:
            return replay_history(context, until, lambda at: replace(context, clock=FixedClock(at)), announce)
        if not approve_as:
            raise UsageError(
                "several cycles of a simulated project need somebody who approves their plans",
                hint="Say who: alamo run --until DATE --approve-as NAME",
                code="run.nobody_approves",
            )
        turns = []
        self.enter_next_cycle()
        while True:
            turns.append(turn(context, announce))
            if self.context.calendar().start(turns[-1].cycle + 1) > utc(until):
                return Turns(tuple(turns))
            loop.pass_gate(self.context, turns[-1].plan.plan_id, by=approve_as)
            self._market.advance()

    @contextmanager
    def _carried(self, engine: str | None) -> Iterator[Context]:
        """Yield the context with what carries scores and the rule."""
        settings, history = self.settings.engine, self._stores.history
        if (engine or settings.name) == "local" or not isinstance(history, DeltaHistory):
            yield self.context
            return
        with SparkCarrier.open(settings, history, self.files.root) as carrier:
            yield replace(self.context, carrier=carrier)

    def enter_next_cycle(self) -> None:
        """Simulated time moves on once the plan of its cycle has been launched."""
        plans = self.context.state.plans.all()
        launched = {plan.cycle for plan in plans if plan.state != "launching" and closes_cycle(self.context, plan)}
        if self._market is not None and self._market.world.cycle in launched:
            self._market.advance()

    def plan_advice(self, plan_id: str | None = None) -> PlanAdvice:
        """Return what more of each limit of a plan (or the newest) is worth, and what a new action must earn."""
        return plan_advice(self.context, proposal_named(self.context, plan_id))

    def plan_diff(
        self, plan_id: str | None = None, *, before: str | None = None, limits: Sequence[str | Path] = ()
    ) -> PlanDiff:
        """Return what changes to a plan (or the newest) from the plan `before` (or the one made before it).

        With `limits`, a file as ``limits.toml``: from the plan to what it would be under them; with two, from one to
        the other. Nothing is stored.
        """
        read = [(str(file), load_limits(self._located(file), self.files.actions)) for file in limits]
        others = [OtherLimits(file, found.limits, found.contact) for file, found in read]
        context = self.context
        return compare(context, Asked(plan_id, before, others), lambda at: replace(context, clock=FixedClock(at)))

    def actions(self) -> ActionStates:
        """Return every action with its state, and what is known of its harm."""
        return action_states(self.context)

    def pause_action(self, action_id: str, *, by: str, reason: str) -> ActionStates:
        """Open an action to nobody from now on."""
        return pause_action(self.context, action_id, by=by, reason=reason)

    def resume_action(self, action_id: str, *, by: str, reason: str) -> ActionStates:
        """Bring a paused action back; its guardrails begin anew."""
        return resume_action(self.context, action_id, by=by, reason=reason)

    def decide(self, customer_id: str, known: Mapping[str, Any] | None = None) -> DecidedNow:
        """Decide for one customer now, by the policy in force."""
        return decide_now(self.context, customer_id, known or {})

    def explain(self, decision_id: str) -> Explanation:
        """Say why a decision came out as it did."""
        return explain(self.context, decision_id)

    def report(self, kind: str) -> Report:
        """Return the report of `kind`: ``effects segments value policy loop health``."""
        return report(self.context, kind)

    def micro_segments(self, moved_from: date | None = None, moved_to: date | None = None) -> SegmentsResult:
        """Return the micro-segments found by the data, who moved between two days (or lately), and sizes ahead."""
        return micro_segments_report(self.context, moved_from, moved_to)

    def status(self) -> Status:
        """Say where the loop stands and what the data support."""
        return status(self.context)

    def doctor(self) -> Diagnosis:
        """Say what is wrong here, and the command that mends it."""
        return diagnose(self.context, lacking(self.settings.engine))

    @staticmethod
    def check(folder: str | Path = ".") -> Diagnosis:
        """Do what `doctor` does, also where faults in the project's files keep it from being opened: all are listed."""
        try:
            with Project.open(folder) as project:
                return project.doctor()
        except ConfigError as error:
            if error.code == "config.no_project":
                raise
            return of_configuration(error)


def _market(files: ProjectFiles, stores: Stores) -> ProjectMarket | None:
    simulated = files.settings.simulation
    if simulated is None:
        return None
    start = files.settings.first_start
    if start is None:
        raise ConfigError(
            "a simulated project needs the day its first cycle starts",
            hint="Write it into alamo.toml: [cycle] first_start = 2011-01-01",
            code="config.simulation_start",
        )
    return ProjectMarket(
        folder=files.root / _INTERNAL / "simulation",
        scenario=load_scenario(simulated.scenario, files.root),
        seed=simulated.seed,
        start=utc(start),
        orders=lambda: real_orders(stores.history, currency=files.settings.currency, start=utc(start)).base,
    )


def _outside(
    files: ProjectFiles, market: ProjectMarket | None
) -> tuple[tuple[EventSource, ...], Mapping[str, Channel]]:
    """Return the event sources and channels: the simulated market's, or audience files for every channel in use."""
    if market is not None:
        return (market,), market.channels()
    names = sorted({action.channel for action in files.actions})
    return (), {name: AudienceFileChannel(name, files.root / "audiences") for name in names}


def simulate(
    scenario: str | Path,
    *,
    folder: str | Path = ".",
    cycles: int | None = None,
    seed: int = 1,
    policy: str | Contender = "engine",
    announce: AnnounceCycle | None = None,
) -> SimulationResult:
    """Turn the loop in a market whose truth is known; no customer is written to.

    Parameters
    ----------
    scenario
        Name of a scenario of the project in `folder` or of a built-in one, or the path of a ``.toml`` file.
    folder
        Where a population with ``from = "orders"`` finds real orders: a project; without one, the example shop's.
    cycles, seed
        Cycles to play (default: the scenario's), seed of the simulated world.
    policy
        Who decides: ``engine``, ``nothing``, ``blast``, ``best-offer-per-segment``, ``uniform`` or ``oracle``; or a
        `Contender` of your own.
    announce
        Told the cycle and the step that begins.
    """
    root = Path(folder)
    read = load_scenario(str(scenario), root)
    if cycles is not None:
        read = replace(read, cycles=cycles, inference=replace(read.inference, planned_cycles=cycles))
    stores = memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    orders = _orders_for(root, read.currency) if read.population.source == "orders" else None
    return run_scenario(read, equipment, orders=orders, seed=seed, policy=policy, announce=announce)


def _orders_for(root: Path, currency: str) -> RealOrders:
    """Return the real orders of the project in `root`; where there is no project, those of the example shop."""
    if (root / "alamo.toml").exists():
        files = load_project(root)
        stores = open_stores(files.root, files.settings)
        start = None if files.settings.first_start is None else utc(files.settings.first_start)
        return real_orders(stores.history, currency=currency, start=start)
    return _example_orders(currency)


def _example_orders(currency: str) -> RealOrders:
    """Read the orders of the example shop into a store in memory."""
    stores = memory_stores()
    shop = resources.files("alamo") / "examples" / "shop" / "orders.parquet"
    with resources.as_file(shop) as orders, TemporaryDirectory() as aside:
        context = Context(
            settings=Settings(name="shop", currency=currency),
            actions=(),
            limits=(),
            contact=ContactPolicy(),
            history=stores.history,
            state=stores.state,
            shelf=stores.shelf,
            clock=SystemClock(),
            sources=(),
            channels={},
            learner=boosted_outcome(),
        )
        import_files(context, [str(orders)], ImportOrder("orders", None, Path(aside)))
    return real_orders(stores.history, currency=currency, start=None)
