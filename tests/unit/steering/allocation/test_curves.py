"""Value curves against the linear programme solved for each bound by HiGHS."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.unit.steering.allocation.test_against_highs import linear_optimum
from tests.unit.steering.worlds import five_rows, market, tables

from alamo.steering.allocation.curves import Curve, Valuer, round_tenth, value_curve, valuer
from alamo.steering.allocation.dual import sample_prices, solve_dual
from alamo.steering.allocation.problem import Problem, build_problem

N, K = 2000, 5
BINDING = {"budget": 600.0, "minimum": 300.0}


@cache
def valued() -> Valuer:
    problem = build_problem(market(N, K, 1), tables(five_rows(N, K, minimum=0.15), K))
    tau = 3e-3 * problem.value_scale
    return valuer(problem, sample_prices(problem, tau), tau)


@cache
def curve_of(limit: str) -> Curve:
    return value_curve(valued(), valued().problem.names.index(limit), round_tenth(BINDING.get(limit, 200.0)))


def optimum_at(limit: str, more: float) -> float:
    problem: Problem = valued().problem
    row = problem.names.index(limit)
    bound = problem.bound.copy()
    bound[row] += more / problem.scale[row]
    return linear_optimum(replace(problem, bound=bound))


@pytest.mark.parametrize("limit", BINDING)
def test_the_curve_is_the_optimum_of_the_linear_programme_at_each_bound(limit):
    now = optimum_at(limit, 0.0)
    for point in curve_of(limit).points:
        assert point.value_money == pytest.approx(optimum_at(limit, point.more) - now, abs=2e-3 * now)


@pytest.mark.parametrize("limit", BINDING)
def test_the_curve_is_concave_and_the_price_is_its_slope(limit):
    points = curve_of(limit).points
    more, value, price = (np.array([getattr(p, key) for p in points]) for key in ("more", "value_money", "price"))
    slope = np.diff(value) / np.diff(more)
    assert len(points) >= 6
    assert (np.diff(slope) <= 1e-9 * slope.max()).all()
    assert (slope <= price[:-1] * (1 + 1e-9) + 1e-12).all()
    assert (slope >= price[1:] * (1 - 1e-9) - 1e-12).all()


@pytest.mark.parametrize("limit", BINDING)
def test_a_step_is_a_round_tenth_and_worth_what_the_programme_says(limit):
    curve = curve_of(limit)
    assert curve.step == {"budget": 50.0, "minimum": 20.0}[limit]
    gained = optimum_at(limit, curve.step) - optimum_at(limit, 0.0)
    assert curve.step_money == pytest.approx(gained, rel=0.05)
    assert curve.step_sd_money > 0.0


@pytest.mark.parametrize("limit", BINDING)
def test_what_a_limit_costs_in_all_is_the_optimum_without_it(limit):
    curve = curve_of(limit)
    without = optimum_at(limit, 1e6) - optimum_at(limit, 0.0)
    assert curve.lifted_money == pytest.approx(without, rel=0.02)
    assert 0.0 < curve.steady < curve.idle
    assert optimum_at(limit, curve.idle * 1.02) == pytest.approx(optimum_at(limit, 1e6), rel=1e-4)
    assert optimum_at(limit, curve.idle * 0.5) < optimum_at(limit, 1e6) * (1 - 1e-3)


def test_up_to_the_steady_end_a_unit_is_worth_three_quarters_of_the_price():
    curve = curve_of("budget")
    now = next(point.price for point in curve.points if point.more == 0.0)
    last = optimum_at("budget", curve.steady) - optimum_at("budget", curve.steady - 5.0)
    assert last / 5.0 == pytest.approx(0.75 * now, rel=0.08)


def test_a_slack_limit_has_a_flat_curve_of_one_point():
    curve = curve_of("capacity")
    assert [(point.more, point.value_money, point.price) for point in curve.points] == [(0.0, 0.0, 0.0)]
    assert (curve.step_money, curve.steady, curve.idle, curve.lifted_money) == (0.0, 0.0, 0.0, 0.0)


def test_a_sample_stands_for_all_customers():
    problem = build_problem(market(60_000, 3, 2), tables(five_rows(60_000, 3), 3))
    tau = 0.01 * problem.value_scale
    one = valuer(problem, sample_prices(problem, tau), tau)
    assert one.problem.n == 40_000
    curve = value_curve(one, 0, 1_000.0)
    row, bound = 0, problem.bound.copy()
    bound[row] += curve.step / problem.scale[row]
    gained = solve_dual(replace(problem, bound=bound)).bound - solve_dual(problem).bound
    assert curve.step_money == pytest.approx(gained, rel=0.05)
