"""A start for new actions: one wide look at an action that is added when others are known already.

By then exploration is narrow, and what has never been drawn would wait for years until its part of the floor shows
anything. So in the first plan that holds it a new action is drawn as often as in an opening, `opening_share` over all
actions and none, whatever its value; the others keep the floor they have. What that costs more is bounded in money: ten
times `cost_share` of the expected gain, as all learning is, or what exploration costs anyway where that is more. A
start that would cost more is narrowed. Where exploration is `strict`, it has what is left of `cost_share`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from alamo.domain.settings import ExplorationSettings
from alamo.steering.allocation.problem import Problem
from alamo.steering.exploration import Exploration
from alamo.steering.floor import affordable_floor, floor_loss, floor_of_parts, parts_of

MOST_OF_GAIN = 10.0
"""What a start may cost, as a multiple of `cost_share` of the gain."""

_NARROWER = 0.8 ** np.arange(30)
_NO_FLOOR = 1e-6
"""Where there is no floor, one this wide stands in, so that none has a part beside which weights are told."""


def with_start(
    problem: Problem, explored: Exploration, settings: ExplorationSettings, new: Collection[str]
) -> Exploration:
    """Return the settings of the rule with a start for the actions `new`; as they were if there are none.

    Only for the running phase: in an opening every action has its start anyway.
    """
    place = np.array([action_id in new for action_id in problem.cells.action_ids])
    drawable = np.isin(np.flatnonzero(place), problem.cells.action)
    if explored.prices is None or not drawable.any():
        return explored
    rule = explored.rule
    weights = np.array(rule.floor_of(len(place)))
    parts = parts_of(max(rule.floor_share, _NO_FLOOR), weights)
    wanted = np.where(place, np.maximum(parts[1:], settings.opening_share / (len(place) + 1)), parts[1:])
    share = settings.cost_share * max(explored.gain_money, 0.0)
    budget = share - explored.cost_money if settings.strict else max(MOST_OF_GAIN * share, explored.cost_money)
    before = rule.floor_share * floor_loss(problem, explored.prices, weights)
    for narrower in _NARROWER:
        floor, weights = floor_of_parts(np.append(parts[:1], parts[1:] + narrower * (wanted - parts[1:])))
        affordable, _ = affordable_floor(problem, floor, weights)
        more = floor * floor_loss(problem, explored.prices, weights) - before
        if more <= budget and floor <= min(affordable, 1.0 - rule.control_share):
            told = replace(rule, floor_share=floor, floor_weights=tuple(weights.tolist()))
            return replace(explored, rule=told, cost_money=explored.cost_money + more, set_by="start of a new action")
    return explored
