"""The four markets in which policies are compared have the truths that their files claim."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.effects import drivers, groups
from alamo.simulation.purchases import Floats
from alamo.simulation.run import build_world
from alamo.simulation.truth import true_profits
from alamo.simulation.world import World

MARKETS = ("smooth", "mixed", "homogeneous", "nil")
SHOWN = ("recency", "frequency", "money", "taste_1", "taste_2")


def market(name: str, seed: int = 1) -> World:
    return build_world(builtin_scenario(name), None, seed)


def explained(place: World, index: int, *, by_group: bool) -> float:
    """Return the share of the variance of an effect that cubics of the visible drivers (and groups) explain."""
    view, latents = place.view(), place.population.latents
    raw = drivers(latents, view.state.ledger, view.first_day)
    columns = [np.ones(len(place.population))]
    for name in SHOWN:
        z = (raw[name] - raw[name].mean()) / raw[name].std()
        columns += [z, z**2, z**3]
    if by_group:
        columns += list((groups(latents)[:, None] == np.unique(groups(latents))).T.astype(np.float64))
    design = np.column_stack(columns)
    effect = view.effects[index]
    left = effect - design @ np.linalg.lstsq(design, effect, rcond=None)[0]
    return float(1.0 - left.var() / effect.var())


def gains(profits: Floats) -> tuple[float, float]:
    """Return what the best single action to everybody brings, and the best action to each customer."""
    return max(float(profits.sum(axis=0).max()), 0.0), float(np.maximum(profits.max(axis=1), 0.0).sum())


def test_the_four_share_customers_channels_costs_limits_and_settings():
    one, *others = (builtin_scenario(name) for name in MARKETS)
    for other in others:
        assert other.purchase == one.purchase
        assert (other.customers, other.cycles, other.limits, other.contact) == (4000, 20, one.limits, one.contact)
        assert (other.control, other.exploration, other.outcome) == (one.control, one.exploration, one.outcome)
        assert [(a.id, a.channel, a.cost) for a in other.actions] == [(a.id, a.channel, a.cost) for a in one.actions]


@pytest.mark.parametrize("index", range(4))
def test_smooth_effects_are_explained_by_what_is_known_of_customers(index):
    assert explained(market("smooth"), index, by_group=False) > 0.85


@pytest.mark.parametrize("index", range(4))
def test_half_of_a_mixed_effect_is_a_matter_of_groups(index):
    place = market("mixed")
    smooth, whole = (explained(place, index, by_group=by_group) for by_group in (False, True))
    assert whole > 0.85
    assert smooth < whole - 0.25


@pytest.mark.parametrize("name", ["smooth", "mixed"])
def test_where_effects_differ_choosing_by_customer_is_worth_twice_the_best_single_action(name):
    single, each = gains(true_profits(market(name)))
    assert 0 < 2 * single < each


def test_homogeneous_effects_are_one_number_each_and_one_action_is_best():
    place = market("homogeneous")
    likely = place.view().outlook.p_buys > 0.1  # nobody loses orders that were not to come
    for action, effect in zip(place.scenario.actions, place.view().effects, strict=True):
        assert effect.mean() == pytest.approx(action.effect.mean, abs=1e-9)
        assert np.ptp(effect[likely]) < 1e-9
    single, each = gains(true_profits(place))
    assert each < 1.02 * single


def test_nothing_is_to_be_earned_in_nil():
    place = market("nil")
    assert all((np.abs(effect) < 1e-9).all() for effect in place.view().effects)
    assert gains(true_profits(place)) == (0.0, 0.0)


def test_groups_answer_each_action_in_their_own_way_and_differently_in_another_world():
    first, again, other = market("mixed"), market("mixed"), market("mixed", seed=2)
    own = [response.by_group for response in first._responses]
    assert all(len(draws) == 18 for draws in own)
    assert abs(np.corrcoef(own)[np.triu_indices(4, 1)]).max() < 0.9
    assert all((a == b.by_group).all() for a, b in zip(own, again._responses, strict=True))
    assert not any((a == b.by_group).any() for a, b in zip(own, other._responses, strict=True))


def test_a_group_stays_what_it_is_while_the_market_moves():
    place = market("mixed")
    before = groups(place.population.latents)
    place.advance()
    assert (groups(place.population.latents) == before).all()
