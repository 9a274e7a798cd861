from __future__ import annotations

import pytest

from alamo.inference.power import MOST_CYCLES, cycles_needed, cycles_needed_fixed

DESIGN = {"outcome_sd_money": 10.0, "n_per_cycle": 10_000, "p_action": 0.1, "p_none": 0.8, "level": 0.95}


def test_the_fixed_interval_needs_what_the_textbook_says():
    # n = (1.96 + .84)² · sd² (1/p + 1/q) / effect² = 7.849 · 1125 / .25 = 35,320
    assert cycles_needed_fixed(effect_money=0.5, **DESIGN) == 4


def test_looking_whenever_one_likes_costs_more_cycles():
    assert cycles_needed(effect_money=0.5, **DESIGN) > cycles_needed_fixed(effect_money=0.5, **DESIGN)


def test_a_large_effect_shows_at_once_and_its_sign_does_not_matter():
    assert cycles_needed(effect_money=50.0, **DESIGN) == cycles_needed(effect_money=-50.0, **DESIGN) == 1


def test_a_tiny_effect_is_out_of_reach():
    assert cycles_needed(effect_money=1e-6, **DESIGN) == MOST_CYCLES


@pytest.mark.parametrize("wrong", [{"p_none": 0.0}, {"outcome_sd_money": 0.0}, {"n_per_cycle": 0}])
def test_an_impossible_design_is_refused(wrong):
    with pytest.raises(ValueError, match="power needs"):
        cycles_needed(effect_money=1.0, **(DESIGN | wrong))
    with pytest.raises(ValueError, match="power needs"):
        cycles_needed_fixed(effect_money=0.0, **DESIGN)
