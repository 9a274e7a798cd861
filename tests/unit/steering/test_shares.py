"""Fair parts for groups and parts of actions: the rows, the plans that keep them, and what a file may not ask."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.unit.steering.allocation.test_against_highs import linear_optimum
from tests.unit.steering.test_proposal import CUSTOMERS, REQUEST, SCORES, proposed
from tests.unit.steering.worlds import PATTERNS, market, names

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError
from alamo.domain.policy import RuleSettings
from alamo.engine.batch import decision_table
from alamo.engine.propose import propose
from alamo.engine.replay import replay_batch
from alamo.steering import AllocationSpec, analyze_allocation
from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.dual import solve_dual
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import mixture_of, soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.candidates import gather
from alamo.steering.floor import affordable_floor
from alamo.steering.limits import limit_rows, limit_tables
from alamo.steering.shares import rates_as_shares, told, whole_use
from alamo.store import memory_stores
from alamo.store.shelf import policy_from_dict, policy_to_dict

N, K = 4000, 5
NORTH, DEAR = 0.7, 0.2


def limits() -> tuple[Limit, ...]:
    return (
        Limit("budget", use="cost", maximum=0.3 * N),
        Limit("the north's part", where="north", minimum_share=NORTH),
        Limit("dear ones", actions=("a4",), maximum_share=DEAR),
    )


def rows():
    return limit_rows(limits(), lambda limit: limit.actions or names(K))


def problem_and_tables():
    tables = limit_tables(rows(), names(K), ("cost",), PATTERNS)
    return build_problem(market(N, K, 3), tables), tables


def parts(problem, choice) -> tuple[float, float]:
    """Count the north's part of all contacts and that of the dear action."""
    taken = problem.cells.at(choice)
    got = taken >= 0
    north = PATTERNS["north"][problem.cells.units.group[got]]
    return float(north.mean()), float((problem.cells.action[taken[got]] == 4).mean())


def test_a_plan_keeps_parts_and_is_near_the_optimum_of_the_linear_programme():
    problem, tables = problem_and_tables()
    scan = solve_dual(problem)
    choice = repair(problem, scan)
    certificate = certify(problem.cells, tables, choice, scan.bound)
    north, dear = parts(problem, choice)
    assert certificate.feasible
    assert north >= NORTH
    assert dear <= DEAR
    assert scan.bound == pytest.approx(linear_optimum(problem), rel=1e-5)
    assert certificate.gap < 2e-3
    free = limit_tables(rows()[:1], names(K), ("cost",), PATTERNS)
    unbound = build_problem(market(N, K, 3), free)
    assert parts(unbound, solve_dual(unbound).choice)[0] < NORTH - 0.05


def test_the_soft_rule_keeps_parts_in_expectation_and_explores_all_the_same():
    problem, tables = problem_and_tables()
    floor, by = affordable_floor(problem, 0.05, np.ones(K))
    assert (floor, by) == (0.05, None)
    rule = RuleSettings(0.03 * problem.value_scale, floor, 0.02)
    prices = soft_prices(problem, rule)
    used = problem.row_use(mixed_sums(problem, prices, mixture_of(problem, rule)).tallies)
    assert (used - problem.bound).max() <= 1e-6
    assert prices[1] > 0.0
    assert not tables.hard[1:].any()


def test_a_part_is_told_as_a_part_and_its_price_per_whole():
    problem, tables = problem_and_tables()
    scan = solve_dual(problem)
    choice = repair(problem, scan)
    taken = problem.cells.at(choice)
    certificate = certify(problem.cells, tables, choice, scan.bound)
    whole = whole_use(problem.cells, tables, taken[taken >= 0])
    assert whole.tolist() == [1.0, float((choice >= 0).sum()), float((choice >= 0).sum())]
    shown = [told(tables, r, float(certificate.used[r]), whole[r], 0.5) for r in range(3)]
    north, dear = parts(problem, choice)
    assert shown[1] == {"bound": NORTH, "used": pytest.approx(north), "price": pytest.approx(-0.5 * whole[1])}
    assert shown[2] == {"bound": DEAR, "used": pytest.approx(dear), "price": pytest.approx(0.5 * whole[2])}
    assert told(tables, 1, 0.0, 0.0, 0.0)["used"] is None


def test_a_rate_is_the_share_of_as_many_customers():
    (limit,) = rates_as_shares((Limit("fair", where="north", minimum_rate=0.8),), lambda limit: 0.25)
    assert (limit.minimum_rate, limit.minimum_share) == (None, pytest.approx(0.2))
    with pytest.raises(ConfigError, match="everything there is") as caught:
        rates_as_shares((Limit("fair", where="north", minimum_rate=4.0),), lambda limit: 0.25)
    assert "below 4," in caught.value.hint


def test_a_project_keeps_a_rate_and_says_so_in_its_plan():
    letters = ("letter",)
    fair = Limit("regulars", actions=letters, where="orders = 3", minimum_rate=1.2)
    wanted = (Limit("few letters", actions=letters, maximum=300), fair)
    free, kept = (proposed(limits=chosen) for chosen in (wanted[:1], wanted))
    part = pc.mean(pc.equal(CUSTOMERS["orders"], 3)).as_py()
    line = kept.summary["limits"][1]
    assert line["bound"] == pytest.approx(1.2 * part)
    assert line["used"] >= 1.2 * part * 0.99
    assert line["price"] < 0
    assert kept.summary["expected"]["gain_money"] < free.summary["expected"]["gain_money"]
    assert policy_from_dict(json.loads(json.dumps(policy_to_dict(kept.policy)))).version == kept.policy.version


class Here:
    """A carrier that works in this process, over profiles and scores that nobody hands to the one who plans."""

    def __init__(self, history):
        self.history = history

    def gather(self, terms, as_of):
        self.gathered = gather(self.history, CUSTOMERS, SCORES, terms)
        return self.gathered

    def decide(self, policy, stamp):
        cells = self.gathered.cells
        return decision_table(cells, replay_batch(policy, cells, self.gathered.tables), stamp)


@pytest.mark.parametrize("where", ["orders = 3", "region = 'north' OR region IS NULL", "recency_days > 1e9"])
def test_a_rate_is_the_same_over_customers_that_a_carrier_holds(where):
    """Whoever plans with a carrier sees only the profiles of those contacted so far; a rate is about everybody."""
    fair = Limit("regulars", actions=("letter",), where=where, minimum_rate=0.9)
    request = replace(REQUEST, limits=(Limit("few letters", actions=("letter",), maximum=300), fair))
    history = memory_stores().history
    history.append("profiles", CUSTOMERS, batch="all")
    alone = propose(history, CUSTOMERS, SCORES, request)
    carried = propose(history, CUSTOMERS.slice(0, 40), SCORES.slice(0, 1), request, Here(history))
    assert carried.policy.rows == alone.policy.rows
    assert carried.decisions.equals(alone.decisions)


def test_a_rate_of_a_wrong_predicate_is_refused_by_name_with_a_carrier_too():
    fair = Limit("regulars", where="no_such_column = 3", minimum_rate=0.9)
    history = memory_stores().history
    history.append("profiles", CUSTOMERS, batch="all")
    with pytest.raises(ConfigError, match="limit 'regulars' cannot be evaluated"):
        propose(history, CUSTOMERS.slice(0, 40), SCORES.slice(0, 1), replace(REQUEST, limits=(fair,)), Here(history))


def file(n: int = 600) -> pa.Table:
    rng = np.random.default_rng(5)
    return pa.table(
        {
            "customer": np.repeat([f"c{i}" for i in range(n)], 2),
            "action": ["mail", "letter"] * n,
            "value": rng.exponential(1.0, 2 * n) * np.repeat(np.where(np.arange(n) % 4 == 0, 0.5, 1.0), 2),
            "region": np.repeat(np.where(np.arange(n) % 4 == 0, "north", "south"), 2),
            "channel": ["email", "post"] * n,
        }
    )


def analyzed(*wanted: Limit):
    spec = AllocationSpec("customer", "action", "value", wanted, advice=True)
    return analyze_allocation(file(), spec, memory_stores().history)


def test_a_file_may_ask_for_a_rate_and_gets_advice_in_parts():
    budget = Limit("all", maximum=200)
    free = analyzed(budget)
    result = analyzed(budget, Limit("fair", where="region = 'north'", minimum_rate=0.9))
    row = result.to_dict()["rows"][1]
    assert row["bound"] == pytest.approx(0.225)
    assert row["used"] >= 0.225
    assert row["price"] < 0
    assert result.value < free.value
    told_row = result.to_dict()["advice"]["limits"][1]
    assert told_row["bound"] == pytest.approx(0.225)
    assert told_row["lifted_money"] == pytest.approx(free.value - result.value, rel=0.1)
    assert told_row["curve"][0]["bound"] == pytest.approx(0.225)


def test_a_part_of_an_action_in_a_file_counts_all_actions():
    result = analyzed(Limit("few letters", channels=("post",), maximum_share=0.25))
    action = result.assignments["action"].to_pylist()
    taken = [name for name in action if name is not None]
    assert taken.count("letter") / len(taken) <= 0.25
    assert result.to_dict()["rows"][0]["bound"] == 0.25


def test_a_file_does_not_tell_the_channels_of_a_part():
    with pytest.raises(ConfigError, match="which a file does not tell"):
        analyzed(Limit("fair", where="region = 'north'", channels=("post",), minimum_share=0.2))
