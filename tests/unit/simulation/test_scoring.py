from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.simulation.markets import action, scenario

from alamo.domain.policy import RuleSettings
from alamo.simulation.decision_log import DecisionLog
from alamo.simulation.response import UNTREATED
from alamo.simulation.scoring import CycleTerms, Look, Shown, assemble, cycle_truth

LOG = DecisionLog(
    position=np.array([2, 0, 1]),
    drawn=np.array([0, -1, 1]),
    eligible=np.array([[True, True], [True, False], [False, True]]),
    p=np.array([[0.6, 0.2], [0.3, 0.0], [0.0, 0.5]]),
    held_out=np.array([False, False, True]),
)
TREATED = np.array([UNTREATED, 1, 0])
PROFITS = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
EFFECTS = np.array([[1.0, 5.0], [2.0, 6.0], [4.0, 7.0]])
TERMS = CycleTerms(
    oracle=50.0,
    natural=1000.0,
    rule=RuleSettings(1.0, 0.3, 0.1),
    limits_broken=0,
    cost_money=np.array([0.5, 2.0]),
    least_floor=0.03,
)


def truth():
    return cycle_truth(LOG, TREATED, PROFITS, EFFECTS, terms=TERMS)


def test_profit_is_that_of_what_was_delivered():
    assert truth().profit == 20.0 + 3.0


def test_learning_costs_the_favourite_less_the_expected_draw():
    favourites = 3.0 + 0.0 + 0.0  # customer 2: action 0; customers 0 and 1: none (a tie goes to none)
    assert truth().learning_cost == pytest.approx(favourites - (1.8 + 6.0 + 0.3 + 10.0))


def test_shares_and_floors_are_means_over_all_decisions():
    assert truth().share == pytest.approx(np.array([0.9, 0.7]) / 3)
    assert truth().floor == pytest.approx([(0.1 + 0.15) / 3, 0.1 / 3])


def test_weights_share_the_floor_of_the_eligible_out():
    terms = replace(TERMS, rule=RuleSettings(1.0, 0.3, 0.1, (0.5, 2.0)))
    found = cycle_truth(LOG, TREATED, PROFITS, EFFECTS, terms=terms).floor
    assert found == pytest.approx([(0.3 * 0.5 / 3.5 + 0.3 * 0.5 / 1.5) / 3, 0.3 * 2.0 / 3.5 / 3])


def test_spend_is_expected_cost_and_its_floor_the_cost_of_the_floors_draws():
    assert truth().spend == pytest.approx(0.9 * 0.5 + 0.7 * 2.0)
    assert truth().spend_floor == pytest.approx((0.1 + 0.15) * 0.5 + 0.1 * 2.0)
    assert truth().spend_least == pytest.approx(truth().spend_floor / 10)
    wide = cycle_truth(LOG, TREATED, PROFITS, EFFECTS, terms=replace(TERMS, least_floor=0.5))
    assert wide.spend_least == wide.spend_floor  # a limit left no room for the floor that was asked for


def test_the_estimand_runs_over_decisions_with_a_chance_outside_the_universal_control():
    assert truth().effect_sum == pytest.approx([4.0 + 1.0, 7.0])
    assert truth().effect_count == pytest.approx([2, 1])


def result(*looks):
    market = scenario(action("a"), action("b"))
    return assemble(market, "engine", 7, [truth()] * len(looks), list(looks))


def test_a_miss_at_any_look_is_a_missed_pair():
    fine = Look((1.0, 0.0, 2.0), {"a": Shown(2.5, 2.0, 3.0), "b": Shown(7.0, 6.0, 8.0)})
    off = Look((1.0, 0.0, 2.0), {"a": Shown(9.0, 8.0, 10.0), "b": Shown(7.0, 6.0, 8.0)})
    assert result(fine, fine).coverage.missed == 0
    assert result(off, fine).coverage.missed == 1
    assert result(fine, off).coverage.missed == 1


def test_an_action_without_an_interval_at_the_last_look_is_counted():
    shown = Look((1.0, 0.0, 2.0), {"a": Shown(2.5, 2.0, 3.0), "b": Shown(7.0, 6.0, 8.0)})
    absent = Look(None, {"a": Shown(2.5, None, None)})
    assert result(shown, absent).coverage.without_interval == 2
    assert result(absent, shown).coverage.without_interval == 0
    assert result(absent, absent).coverage.missed == 0


def test_the_result_has_every_key_of_its_schema():
    found = result(Look(None, {})).to_dict()
    assert found["schema"] == "alamo.simulation/1"
    (row,) = found["rows"]
    assert list(row) == [
        "cycle",
        "policy",
        "profit_true",
        "profit_estimate",
        "lower",
        "upper",
        "oracle_share",
        "regret",
        "learning_cost",
        "limits_broken",
        "spend",
        "spend_floor",
        "spend_least",
    ]
    assert row["profit_estimate"] is None
    assert row["oracle_share"] == pytest.approx(23 / 50)
    assert row["regret"] == pytest.approx(27)
    assert set(found["coverage"]) == {"pairs", "missed", "without_interval"}
    assert [list(entry) for entry in found["actions"]] == [
        ["id", "true_effect", "estimate", "lower", "upper", "se", "fixed_lower", "fixed_upper", "share", "floor"]
    ] * 2
    assert found["refusals"] == []
    assert found["seed"] == 7
    assert found["scenario"] == "test"


def test_the_fixed_n_interval_stands_beside_the_always_valid_one():
    shown = Look(None, {"a": Shown(2.5, 1.0, 4.0, 0.5, 1.5, 3.5)})
    a, b = result(shown).to_dict()["actions"]
    assert (a["lower"], a["upper"], a["se"], a["fixed_lower"], a["fixed_upper"]) == (1.0, 4.0, 0.5, 1.5, 3.5)
    assert (b["lower"], b["se"], b["fixed_lower"]) == (None, None, None)


@pytest.mark.parametrize(("oracle", "natural", "defined"), [(0.0, 0.0, False), (9.9, 1000.0, False), (10, 1000, True)])
def test_where_there_is_next_to_nothing_to_earn_a_share_is_not_defined_but_the_regret_is(oracle, natural, defined):
    terms = replace(TERMS, oracle=oracle, natural=natural)
    truths = [truth(), cycle_truth(LOG, TREATED, PROFITS, EFFECTS, terms=terms)]
    found = assemble(scenario(action("a"), action("b")), "engine", 1, truths, [Look(None, {})] * 2).to_dict()
    assert (found["rows"][1]["oracle_share"] is not None) == defined
    assert found["rows"][0]["oracle_share"] is not None
    assert found["rows"][1]["regret"] == oracle - 23.0
    assert [refusal["what"] for refusal in found["refusals"]] == ([] if defined else ["share of the oracle in cycle 2"])
