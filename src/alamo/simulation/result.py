"""What a simulation returns: per cycle the money truly earned beside the engine's own estimate of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result


@dataclass(frozen=True, slots=True)
class CycleRow:
    """One cycle.

    Attributes
    ----------
    cycle, policy
        Its number, and who decided.
    profit_true
        True incremental profit of the cycle's contacts, net of cost, against nobody being contacted.
    profit_estimate, lower, upper
        The engine's own estimate with its fixed-n interval, None until the cycle has matured. It counts residual value
        as the outcome does, the truth counts profit alone.
    oracle_share
        `profit_true` over what the oracle would have earned from the same customers under the same limits, control and
        consent; None where the oracle adds under 1 % to what the customers bring by themselves (see `refusals`).
    regret
        The oracle's profit less `profit_true`.
    learning_cost
        What drawing cost: true profit of every decision's most probable action less the expected true profit of the
        draw, control and exploration included.
    limits_broken
        Limits, caps and permissions broken in the cycle.
    spend
        Expected variable cost of the cycle's decisions: cost × probability.
    spend_floor, spend_least
        The part of it that exploration's floor takes, and what an even floor of ``floor_minimum`` would take.
    """

    cycle: int
    policy: str
    profit_true: float
    profit_estimate: float | None
    lower: float | None
    upper: float | None
    oracle_share: float | None
    regret: float
    learning_cost: float
    limits_broken: int
    spend: float
    spend_floor: float
    spend_least: float


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action at the last look.

    Attributes
    ----------
    true_effect
        The estimand: mean of E[Y(a) − Y(none) | history] over all matured decisions at which it had a chance.
    estimate, lower, upper
        The engine's estimate with its always-valid interval, None where it gives none.
    se, fixed_lower, fixed_upper
        Standard error and fixed-n interval of the same estimate from the same rows: valid for one look only, here to
        compare widths; None where it gives none.
    share, floor
        Mean probability of the action over the last cycle's decisions, and the part of it that is exploration's floor.
    """

    id: str
    true_effect: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    se: float | None
    fixed_lower: float | None
    fixed_upper: float | None
    share: float
    floor: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals held: looked at after every cycle, always-valid interval against estimand.

    Attributes
    ----------
    pairs
        Number of actions.
    missed
        Actions whose interval missed the estimand at any look.
    without_interval
        Actions without an interval by the last look.
    """

    pairs: int
    missed: int
    without_interval: int


@dataclass(frozen=True, repr=False, slots=True)
class SimulationResult(Result):
    """The loop in a market whose truth is known.

    Attributes
    ----------
    cycles
        One row per cycle.
    coverage
        Of the always-valid intervals.
    actions
        One row per action.
    seed, scenario
        Of the market.
    refusals
        What is not given, and why.
    paused
        Actions that were paused at the end: action, cycle, by whom, reason.
    """

    schema: ClassVar[str] = "alamo.simulation/1"
    columns: ClassVar[tuple[str, ...]] = tuple(CycleRow.__dataclass_fields__)

    cycles: tuple[CycleRow, ...]
    coverage: Coverage
    actions: tuple[ActionRow, ...]
    seed: int
    scenario: str
    refusals: tuple[Refusal, ...] = ()
    paused: tuple[Mapping[str, Any], ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """Return one dictionary per cycle."""
        return [asdict(row) for row in self.cycles]

    def beside(self) -> dict[str, Any]:
        """Return coverage, actions, seed, scenario, refusals and pauses."""
        return {
            "coverage": asdict(self.coverage),
            "actions": [asdict(row) for row in self.actions],
            "seed": self.seed,
            "scenario": self.scenario,
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "paused": [dict(row) for row in self.paused],
        }
