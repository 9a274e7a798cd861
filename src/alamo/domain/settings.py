"""Settings as frozen dataclasses; `alamo.config` reads and checks the files, everybody else takes them as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ENGINES = ("local", "spark")
"""What may carry scores and the rule."""


@dataclass(frozen=True, slots=True)
class OutcomeSettings:
    """What a decision is judged by: margin in a window plus discounted residual lifetime value, minus cost.

    Attributes
    ----------
    window_days
        Length of the outcome window; it ends earlier when the customer is decided again.
    residual_horizon_days
        Future counted as residual lifetime value at the end of the window; 0 switches it off.
    discount_rate_per_year
        Continuous annual rate on the residual value.
    long_days
        Length of the longer outcome that effects are calibrated against once it has matured, such as 182: above
        `window_days`, and at most `window_days` + `residual_horizon_days`, because both outcomes count the same future;
        0 switches it off, and effects are those on the short outcome alone.
    act_on_calibrated
        Add each action's correction, as far as chance does not explain it, to its customers' values, so that decisions
        follow the calibrated effect; false shows it only.
    price_permissions
        Take what a reachable customer is expected to bring from an outcome in whose window a permission was lost, by a
        consent withdrawn or a complaint; for one channel what that channel is expected to bring. False records the loss
        only.
    """

    window_days: int = 28
    residual_horizon_days: int = 365
    discount_rate_per_year: float = 0.10
    long_days: int = 0
    act_on_calibrated: bool = False
    price_permissions: bool = False

    def complaint(self) -> tuple[str, str] | None:
        """Return the key that does not go with the others and what is wrong with it, or None."""
        if 0 < self.long_days <= self.window_days:
            return "long_days", f"must be above window_days, which is {self.window_days}, or 0 to switch it off"
        needed = self.long_days - self.window_days
        if self.long_days and self.residual_horizon_days < needed:
            return "residual_horizon_days", f"must be at least {needed}: the longer outcome would count more future"
        if self.act_on_calibrated and not self.long_days:
            return "act_on_calibrated", "needs a longer outcome to calibrate against: set long_days, such as 182"
        return None


@dataclass(frozen=True, slots=True)
class MarginSettings:
    """Margin as a share of net revenue: one rate, overridden per product; a margin on the order line wins over both.

    Attributes
    ----------
    rate
        Share of net revenue that is margin, from 0 to 1, for every product not named in `products`.
    products
        Product → its own share: ``[margin.products]`` with lines such as ``"SKU-1" = 0.45``.
    """

    rate: float = 0.30
    products: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """Customers kept out of actions so that effects can be measured.

    Attributes
    ----------
    share
        Least probability of *no action* in every decision.
    universal_share
        Share of customers held out of everything for `universal_cycles` cycles.
    universal_cycles
        Cycles after which the universal control is handed over to other customers. They wait for one outcome window
        before they count, held out already, while the old group goes on to.
    """

    share: float = 0.10
    universal_share: float = 0.02
    universal_cycles: int = 13


@dataclass(frozen=True, slots=True)
class ExplorationSettings:
    """How much may be spent on learning.

    Attributes
    ----------
    opening_share
        Share of decisions drawn uniformly over the eligible actions until a first effect is found; later the most.
    opening_cycles
        Cycles of the loop's own that have to mature for the opening to end although no effect has been found, such as
        1: one wide look, and from then on as much exploration as there is to learn; experiments taken in do not count.
        0: it goes on until an effect is found.
    cost_share
        Afterwards: what exploration may cost, as a share of the expected gain; up to ten times that while there is so
        much to learn.
    floor_minimum
        Least share spread over all eligible actions at any time, the dear less; keeps every one measurable.
    strict
        After the opening, exploration never costs more than `cost_share` of the expected gain, whatever there is to
        learn: `floor_minimum` gives way, and actions that look worse may stop being measurable.
    """

    opening_share: float = 0.20
    cost_share: float = 0.01
    floor_minimum: float = 0.03
    opening_cycles: int = 0
    strict: bool = False


@dataclass(frozen=True, slots=True)
class InferenceSettings:
    """Level of intervals and the planned horizon of the always-valid ones.

    Attributes
    ----------
    level
        Confidence level of fixed-n and always-valid intervals.
    planned_cycles
        Cycles at whose end the always-valid intervals should be tightest; never moved afterwards.
    """

    level: float = 0.95
    planned_cycles: int = 8


@dataclass(frozen=True, slots=True)
class GuardrailSettings:
    """When an action that does harm is paused: an always-valid bound on its harm lies above what is tolerated.

    Harm is counted per decision, against none. Tolerated are the usual price of writing to somebody, and nothing in
    money.

    Attributes
    ----------
    pause
        Pause the action by itself; false shows the same bounds and pauses nothing.
    error_rate
        Chance that any action is ever paused although none does more harm than is tolerated: over all actions, metrics
        and cycles together.
    outcome_money
        Loss of outcome per decision, before the cost of the action, that is tolerated.
    unsubscribes
        Further share of decisions in whose window a consent is withdrawn or a complaint made that is tolerated.
    complaints
        The same for complaints alone; mailbox providers begin to reject senders at 0.003.
    returns
        The same for windows with a return.
    """

    pause: bool = True
    error_rate: float = 0.05
    outcome_money: float = 0.0
    unsubscribes: float = 0.01
    complaints: float = 0.003
    returns: float = 0.01


@dataclass(frozen=True, slots=True)
class SegmentsSettings:
    """Micro-segments found by the data, beside the segments that effects go by; no decision rests on them.

    Attributes
    ----------
    find
        Find them, and bring them up to date every cycle; false leaves them out.
    least
        Customers each of them needs.
    cycles_ahead
        Cycles ahead in which they should tell customers apart.
    """

    find: bool = False
    least: int = 30
    cycles_ahead: int = 3


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The human gate: ``"person"`` waits for approve and launch; the simulator and a replay approve for themselves.

    Attributes
    ----------
    mode
        ``"person"``, the only one: nothing is sent before a person has approved the plan and launched it.
    plan_valid_days
        Days after which a plan that nobody launched is stale and has to be made again.
    """

    mode: Literal["person"] = "person"
    plan_valid_days: int = 7


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """Who may let a plan pass, and above which size it takes two people: one who approves and another who launches.

    Attributes
    ----------
    second_person_above_money
        Cost of a plan, in the project's currency, above which one person is not enough; left out: no cost is.
    second_person_above_contacts
        Customers contacted by a plan above which one person is not enough; left out: no number is.
    people
        Names of those who may approve, launch, stop and cancel; left out: anybody.
    """

    second_person_above_money: float | None = None
    second_person_above_contacts: int | None = None
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What carries scores and the rule; decisions do not depend on it.

    Attributes
    ----------
    name
        ``"local"``, this process, or ``"spark"``.
    master
        Spark master, such as ``"spark://host:7077"``, ``"yarn"`` or ``"local[4]"``.
    work_path
        Folder for what Spark carries between its stages; history and this folder have to be there under the same path
        on every machine of the cluster. A relative path is taken from the project folder.
    customers_per_slice
        Customers whose candidates one Spark worker gathers at a time; more need more memory per worker.
    options
        Further Spark settings: ``[engine.options]`` with lines such as ``"spark.executor.memory" = "4g"``.
    """

    name: Literal["local", "spark"] = "local"
    master: str = "local[*]"
    work_path: str = ".alamo/spark"
    customers_per_slice: int = 65_536
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RealtimeSettings:
    """Decisions over the counter while a cycle runs: what is kept for them, and how often their prices are set anew.

    Attributes
    ----------
    reserve_share
        Part of every maximum that a plan keeps for decisions over the counter; 0: they get what the plan leaves.
    slices
        Time slices of a cycle; at the start of each, prices are set anew by what is left and who is still expected, and
        published as a version of the policy. 1: the prices of the plan's last block hold to the end of the cycle.
    expected_customers
        Customers expected over the counter in a cycle; 0: as many as came in the cycle launched last.
    """

    reserve_share: float = 0.0
    slices: int = 1
    expected_customers: int = 0

    @property
    def paced(self) -> bool:
        """Whether anything is kept or set anew for decisions over the counter."""
        return self.reserve_share > 0.0 or self.slices > 1


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """Present when the outside world of a project is simulated: every output says so.

    Attributes
    ----------
    scenario
        Name of a file in ``scenarios/`` or of a built-in scenario.
    seed
        Seed of the simulated world.
    """

    scenario: str
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Settings:
    """All of ``alamo.toml``.

    Attributes
    ----------
    name
        Of the project.
    currency
        ISO 4217 code.
    time_zone
        IANA name; quiet hours fall back on it. All stored times are UTC.
    salt
        Secret-free project salt of every hashed draw.
    first_start
        Start of cycle 1 (UTC); `None`: the day after the last event at the first run.
    cycle_days
        Length of a cycle.
    attribution
        Line printed under every output (data source, simulation notice); empty for none.
    state_url
        Database of plans, deliveries and finished steps, as an SQLAlchemy URL; a relative SQLite path is taken from the
        project folder.
    history_path
        Folder of the Delta tables (events, profiles, decisions, effects …), relative to the project folder.
    outcome, margin, control, exploration, inference, guardrail, segments, gate, approval, realtime, engine, simulation
        The sections of the file; `engine` is no part of what steps compare, because it changes no decision.
    """

    name: str
    currency: str = "EUR"
    time_zone: str = "UTC"
    salt: str = "alamo"
    first_start: datetime | None = None
    cycle_days: int = 28
    attribution: str = ""
    state_url: str = "sqlite:///.alamo/state.db"
    history_path: str = ".alamo/history"
    outcome: OutcomeSettings = field(default_factory=OutcomeSettings)
    margin: MarginSettings = field(default_factory=MarginSettings)
    control: ControlSettings = field(default_factory=ControlSettings)
    exploration: ExplorationSettings = field(default_factory=ExplorationSettings)
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    guardrail: GuardrailSettings = field(default_factory=GuardrailSettings)
    segments: SegmentsSettings = field(default_factory=SegmentsSettings)
    gate: GateSettings = field(default_factory=GateSettings)
    approval: ApprovalSettings = field(default_factory=ApprovalSettings)
    realtime: RealtimeSettings = field(default_factory=RealtimeSettings)
    simulation: SimulationSettings | None = None
    engine: EngineSettings = field(default_factory=EngineSettings, repr=False)
