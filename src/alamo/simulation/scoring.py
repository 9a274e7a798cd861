"""Scoring: the truth about each cycle beside what the engine said of it, put together as a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from alamo.domain.policy import RuleSettings
from alamo.domain.reasons import Refusal
from alamo.simulation.decision_log import NOBODY, DecisionLog
from alamo.simulation.purchases import Floats, Ints
from alamo.simulation.response import UNTREATED
from alamo.simulation.result import ActionRow, Coverage, CycleRow, SimulationResult
from alamo.simulation.scenario import Scenario

LEAST_ORACLE = 0.01
"""A share of the oracle is given where the oracle adds at least this share to what customers bring by themselves."""


@dataclass(frozen=True, slots=True)
class CycleTruth:
    """What is true of a cycle as it was decided.

    Attributes
    ----------
    profit, oracle, learning_cost
        Money, see `CycleRow`.
    natural
        Margin that the customers are expected to bring if nobody is contacted.
    limits_broken
        Number of breaches.
    spend, spend_floor, spend_least
        Money, see `CycleRow`.
    share, floor
        Mean probability of each action over the decisions, and its floor, shape (actions,).
    effect_sum, effect_count
        Sum of E[Y(a) − Y(none) | history] over the decisions at which the action had a chance, and their number.
    """

    profit: float
    oracle: float
    natural: float
    learning_cost: float
    limits_broken: int
    spend: float
    spend_floor: float
    spend_least: float
    share: Floats
    floor: Floats
    effect_sum: Floats
    effect_count: Floats


@dataclass(frozen=True, slots=True)
class Shown:
    """An estimate with its always-valid interval, bounds None where there is none, and with its fixed-n one.

    Attributes
    ----------
    mean
        The estimate.
    lower, upper
        Always-valid.
    se, fixed_lower, fixed_upper
        Standard error and interval for a single look at the same rows.
    """

    mean: float
    lower: float | None
    upper: float | None
    se: float | None = None
    fixed_lower: float | None = None
    fixed_upper: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What the engine showed once a cycle had matured.

    Attributes
    ----------
    gain
        Estimated profit of the cycle: mean, lower, upper; None if refused.
    effects
        Action → pooled effect over all cycles so far.
    """

    gain: tuple[float, float, float] | None
    effects: Mapping[str, Shown] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CycleTerms:
    """What a cycle was decided under, and what it is measured against.

    Attributes
    ----------
    oracle
        What the oracle would have earned.
    natural
        Margin that the customers are expected to bring if nobody is contacted.
    rule
        In force.
    limits_broken
        Number of breaches found.
    cost_money
        Variable cost of each action, shape (actions,).
    least_floor
        The least floor share that the settings ask for.
    """

    oracle: float
    natural: float
    rule: RuleSettings
    limits_broken: int
    cost_money: Floats
    least_floor: float


def cycle_truth(log: DecisionLog, treated: Ints, profits: Floats, effects: Floats, *, terms: CycleTerms) -> CycleTruth:
    """Return the truth about one cycle.

    Parameters
    ----------
    log
        Its decisions, m of them.
    treated
        Action each customer received, `UNTREATED` for none, shape (n,).
    profits, effects
        True profit and true effect on the outcome of each customer and action, shape (n, actions).
    terms
        What the cycle was decided under.
    """
    mine = profits[log.position]
    rows = np.arange(len(log.position))
    got = np.flatnonzero(treated != UNTREATED)
    favourite = np.where(log.favourite == NOBODY, 0.0, mine[rows, np.maximum(log.favourite, 0)])
    floor = _floor(log, terms.rule.floor_share, terms.rule.floor_of(log.eligible.shape[1]))
    least = _floor(log, min(terms.least_floor, terms.rule.floor_share), (1.0,) * log.eligible.shape[1])
    total = max(len(rows), 1)
    return CycleTruth(
        profit=float(profits[got, treated[got]].sum()),
        oracle=terms.oracle,
        natural=terms.natural,
        learning_cost=float(favourite.sum() - (log.p * mine).sum()),
        limits_broken=terms.limits_broken,
        spend=float(log.p.sum(axis=0) @ terms.cost_money),
        spend_floor=float(floor.sum(axis=0) @ terms.cost_money),
        spend_least=float(least.sum(axis=0) @ terms.cost_money),
        share=log.p.sum(axis=0) / total,
        floor=floor.sum(axis=0) / total,
        effect_sum=(effects[log.position] * log.measurable).sum(axis=0),
        effect_count=log.measurable.sum(axis=0).astype(np.float64),
    )


def _floor(log: DecisionLog, share: float, weights: tuple[float, ...]) -> Floats:
    """Return the probability that a floor of `share` gives each action in each decision, shape (m, actions)."""
    weight = log.eligible * np.array(weights)
    return np.asarray(share * log.measurable * weight / (1.0 + weight.sum(axis=1))[:, None], dtype=np.float64)


def assemble(
    scenario: Scenario, policy: str, seed: int, truths: list[CycleTruth], looks: list[Look]
) -> SimulationResult:
    """Return the result of a run; ``looks[c]`` was taken when cycle c + 1 had matured."""
    rows = tuple(
        _cycle_row(c + 1, policy, truth, look) for c, (truth, look) in enumerate(zip(truths, looks, strict=True))
    )
    estimands = _estimands(truths)
    actions, missed, without = [], 0, 0
    for index, action in enumerate(scenario.actions):
        shown = [look.effects.get(action.id) for look in looks]
        missed += any(_misses(s, e[index]) for s, e in zip(shown, estimands, strict=True))
        without += shown[-1] is None or shown[-1].lower is None
        actions.append(_action_row(action.id, index, shown[-1], truths, estimands[-1]))
    coverage = Coverage(len(scenario.actions), missed, without)
    return SimulationResult(rows, coverage, tuple(actions), seed, scenario.name, _no_share(truths))


def _has_share(truth: CycleTruth) -> bool:
    """Say whether the oracle earns enough for a share of it to mean something."""
    return truth.oracle > 0.0 and truth.oracle >= LEAST_ORACLE * truth.natural


def _no_share(truths: list[CycleTruth]) -> tuple[Refusal, ...]:
    """Return why cycles have no share of the oracle."""
    cycles = [c + 1 for c, truth in enumerate(truths) if not _has_share(truth)]
    if not cycles:
        return ()
    most = max(truths[c - 1].oracle for c in cycles)
    named = "every cycle" if len(cycles) == len(truths) else "cycle " + ", ".join(map(str, cycles))
    return (
        Refusal(
            f"share of the oracle in {named}",
            f"there is next to nothing to earn: the oracle gets {most:,.0f} at most, under {LEAST_ORACLE:.0%} of what"
            " the customers bring without any contact",
            "read the regret instead",
        ),
    )


def _estimands(truths: list[CycleTruth]) -> list[Floats]:
    """Return the estimand of each action after each cycle, NaN before it had a chance; each of shape (actions,)."""
    sums = np.cumsum([truth.effect_sum for truth in truths], axis=0)
    counts = np.cumsum([truth.effect_count for truth in truths], axis=0)
    return list(np.where(counts > 0, sums / np.maximum(counts, 1.0), np.nan))


def _misses(shown: Shown | None, estimand: float) -> bool:
    if shown is None or shown.lower is None or shown.upper is None:
        return False
    return not shown.lower <= estimand <= shown.upper


def _cycle_row(cycle: int, policy: str, truth: CycleTruth, look: Look) -> CycleRow:
    mean, lower, upper = look.gain or (None, None, None)
    return CycleRow(
        cycle=cycle,
        policy=policy,
        profit_true=truth.profit,
        profit_estimate=mean,
        lower=lower,
        upper=upper,
        oracle_share=truth.profit / truth.oracle if _has_share(truth) else None,
        regret=truth.oracle - truth.profit,
        learning_cost=truth.learning_cost,
        limits_broken=truth.limits_broken,
        spend=truth.spend,
        spend_floor=truth.spend_floor,
        spend_least=truth.spend_least,
    )


def _action_row(
    action_id: str, index: int, shown: Shown | None, truths: list[CycleTruth], estimand: Floats
) -> ActionRow:
    return ActionRow(
        id=action_id,
        true_effect=float(estimand[index]) if np.isfinite(estimand[index]) else None,
        estimate=None if shown is None else shown.mean,
        lower=None if shown is None else shown.lower,
        upper=None if shown is None else shown.upper,
        se=None if shown is None else shown.se,
        fixed_lower=None if shown is None else shown.fixed_lower,
        fixed_upper=None if shown is None else shown.fixed_upper,
        share=float(truths[-1].share[index]),
        floor=float(truths[-1].floor[index]),
    )
