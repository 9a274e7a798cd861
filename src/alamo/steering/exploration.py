"""Exploration: how much of the probability is spent on learning, set in money.

Two knobs. The temperature lets close calls be drawn both ways and is cheap. The floor spreads a share over all eligible
actions; it is dear, because it also buys the expensive and the harmful, and it is what keeps every action measurable:
the variance of an effect grows with mean(1/p), and p of an action never preferred is its part of the floor. So the
floor is as wide as there is something to learn: while knowing the other actions would add much to a cycle, it may cost
as much (`worth_of_knowing`), is spent where most is to be learnt for the money (`alamo.steering.floor`), and narrows by
itself as errors shrink. It never falls below `floor_minimum`: a floor of 2 % over three actions and none gives 1/p =
200, and half of it doubles the decisions needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np

from alamo.domain.policy import RuleSettings
from alamo.domain.settings import ControlSettings, ExplorationSettings
from alamo.steering.allocation.knowledge import cheap_first, worth_of_knowing
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import mixture_of, soft_prices, softmax_share
from alamo.steering.allocation.problem import Problem
from alamo.steering.cells import Cells, Floats
from alamo.steering.floor import affordable_floor, floor_loss, losses, widened

_LADDER = (0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.003)
_STRICT_LADDER = (0.001, 3e-4, 1e-4)
_FIRST_TEMPERATURE = 0.03
_TEMPERATURE_SHARE = 0.1
"""Of what exploration may cost, the most that the temperature takes. With half of it, one draw in 230 of seed 506 of
the scenario `shop` went to the harmful action above its floor: an effect that is little known is drawn towards zero and
looks like a close call. The floor measures it for less."""
_CALM = 1e-3
"""Temperature, as a part of the mean positive value, of a plan that explores nothing."""
_MOST_LEARNING = 10.0
"""The most that learning may cost, as a multiple of `cost_share` of a gain that is sure: what knowledge is worth is
reckoned at today's prices, and limits may let less of it through."""


@dataclass(frozen=True, slots=True, eq=False)
class Exploration:
    """The settings of the rule, and how they came about.

    Attributes
    ----------
    rule
        Temperature, floor and control share.
    phase
        ``"opening"`` until a first effect is found or the scores are `promising`, then ``"running"``.
    cost_money
        What exploration is expected to cost against always taking the best net value: at the prices it was set by, an
        upper bound; in a plan, under the same limits (`told_cost`).
    gain_money
        Expected gain of the plan that its bounds were reckoned from; 0 in the opening phase.
    set_by
        What its width comes from: ``"opening share"``, ``"cost share"``, ``"worth of knowing"``, ``"floor minimum"``,
        ``"limit"`` or ``"start of a new action"``.
    floor_reduced_by
        Limit that the wanted floor alone would have broken; None if it did not have to be reduced.
    prices
        Scaled prices found on the way, a start for the final ones; None in the opening phase.
    """

    rule: RuleSettings
    phase: str
    cost_money: float
    floor_reduced_by: str | None
    prices: Floats | None
    gain_money: float = 0.0
    set_by: str = "opening share"

    def to_dict(self) -> Mapping[str, Any]:
        """Return the settings as they stand in a plan."""
        return {
            "phase": self.phase,
            "temperature_money": self.rule.temperature_money,
            "floor_share": self.rule.floor_share,
            "cost_money": self.cost_money,
            "floor_reduced_by": self.floor_reduced_by,
            "set_by": self.set_by,
        }


def opening(problem: Problem, settings: ExplorationSettings, control: ControlSettings) -> Exploration:
    """Return the settings before an effect is found: a uniform draw for `opening_share` of the decisions.

    The rest gets *no action* as long as no action is expected to be worth its cost to anybody (the first cycle), and
    follows the values from then on: what has been learnt is used at once, while exploration goes on at full width.
    With a minimum to meet it follows the values in any case, so that prices can fill it.
    """
    even = np.ones(len(problem.cells.action_ids))
    floor, by = affordable_floor(problem, min(settings.opening_share, 1.0 - control.share), even)
    follows = (problem.cells.value_money > 0.0).any() or (problem.bound < 0).any()
    rule = RuleSettings(_FIRST_TEMPERATURE * problem.value_scale, floor, control.share if follows else 1.0 - floor)
    cost = floor * floor_loss(problem, np.zeros(problem.m), even)
    return Exploration(rule, "opening", cost, by, None)


def running(
    problem: Problem,
    settings: ExplorationSettings,
    control: ControlSettings,
    start: Floats | None,
    *,
    sure: bool = True,
) -> Exploration:
    """Return the settings once an effect is known: what exploration may cost follows the expected gain.

    It may cost `cost_share` of the gain, or where that is more what knowledge would add to a cycle, up to ten times
    `cost_share`. The temperature takes up to a tenth of `cost_share` and never exceeds the mean posterior sd, so it
    shrinks as knowledge grows. The floor takes the rest; never less than `floor_minimum` unless a limit does not even
    allow that, never more than `opening_share`. Of `floor_minimum` the dear get less (`cheap_first`), of what is
    beyond it those of which nothing is to be gained (`worth_first`). Where exploration is `strict`, `cost_share` of the
    gain is all that it may cost, whatever there is to learn, and `floor_minimum` gives way.

    Parameters
    ----------
    start
        Scaled prices of the previous cycle, or None.
    sure
        Whether the gain is known to be there. If not, it does not bound what learning may cost: a gain that is small
        because the best action looks bad by chance would keep that action from ever being looked at again.
    """
    actions = len(problem.cells.action_ids)
    least, _ = affordable_floor(problem, min(settings.floor_minimum, 1.0 - control.share), np.ones(actions))
    first = RuleSettings(_FIRST_TEMPERATURE * problem.value_scale, least, control.share)
    prices = soft_prices(problem, first, start)
    even = cheap_first(problem, prices)
    least, by = affordable_floor(problem, min(settings.floor_minimum, 1.0 - control.share), even)
    gain = max(float(mixed_sums(problem, prices, mixture_of(problem, first)).total[1]), 0.0)
    budget = settings.cost_share * gain
    ladder = (*_LADDER, *_STRICT_LADDER) if settings.strict else _LADDER
    temperatures = np.minimum(np.array(ladder) * problem.value_scale, _posterior_sd(problem))
    lost, *softmax_losses = losses(problem, prices, even, temperatures)
    loss = softmax_share(first) * np.array(softmax_losses)
    pick = next((q for q in range(len(loss)) if loss[q] <= _TEMPERATURE_SHARE * budget), len(loss) - 1)
    learning = worth_of_knowing(problem, prices)
    learning = min(learning, _MOST_LEARNING * budget) if sure else learning
    learning = 0.0 if settings.strict else learning
    least = 0.0 if settings.strict else least
    allowed = max(budget - loss[pick], learning)
    most = min(settings.opening_share, 1.0 - control.share)
    weights = widened(problem, prices, (least, even), (allowed - least * lost, max(most - least, 0.0)))
    lost = floor_loss(problem, prices, weights)
    wanted = allowed / lost if lost > 0 else settings.opening_share
    highest, cut = affordable_floor(problem, most, weights)
    floor = float(np.clip(wanted, least, max(highest, least)))
    by = cut if wanted > highest else by
    rule = RuleSettings(float(temperatures[pick]), floor, control.share, tuple(weights.tolist()))
    set_by = "worth of knowing" if learning > budget - loss[pick] else "cost share"
    if wanted > highest:
        set_by = "opening share" if cut is None else "limit"
    elif wanted < least:
        set_by = "floor minimum"
    return Exploration(rule, "running", float(floor * lost + loss[pick]), by, prices, gain, set_by)


def told_cost(problem: Problem, explored: Exploration, prices: Floats) -> Exploration:
    """Return the settings with what they cost a plan: the best expected value under the same limits, less theirs.

    Both keep every limit and the control share; the one without exploration draws by values alone. At the prices of a
    limit that binds, the loss of the floor is only a bound: what it takes of a budget others would have used worse.

    Parameters
    ----------
    prices
        Scaled prices of the rule as it is, shape (m,).
    """
    rule = explored.rule
    calm = replace(rule, temperature_money=min(rule.temperature_money, _CALM * problem.value_scale), floor_share=0.0)
    best, with_learning = (
        float(mixed_sums(problem, at, mixture_of(problem, one)).total[1])
        for one, at in ((calm, soft_prices(problem, calm, prices)), (rule, prices))
    )
    return replace(explored, cost_money=max(best - with_learning, 0.0))


def promising(cells: Cells, level: float) -> bool:
    """Say whether following the scores of at least one action can be trusted to earn more than it costs.

    For each action, the gain over all customers it is worth its cost for, less its error (`Cells.gain_variance`). One
    action has to be above zero at `level` with a Bonferroni correction for having looked at all of them.
    """
    n_actions = len(cells.action_ids)
    worth = np.flatnonzero(cells.value_money > 0.0)
    gain = np.bincount(cells.action[worth], cells.value_money[worth], n_actions)
    z = NormalDist().inv_cdf(1.0 - 0.5 * (1.0 - level) / max(n_actions, 1))
    return bool((gain > z * np.sqrt(cells.gain_variance(worth))).any())


def _posterior_sd(problem: Problem) -> float:
    sd = problem.cells.value_sd_money
    return max(float(sd.mean()) if len(sd) else 0.0, 1e-3 * problem.value_scale)
