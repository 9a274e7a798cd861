"""Prices between blocks: where they have to move far they still meet the limits, and narrow ranges are told of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.test_proposal import proposed
from tests.unit.steering.worlds import five_rows, market, tables

from alamo.domain.action import Limit
from alamo.domain.policy import RuleSettings
from alamo.numerics.box_qp import minimise_box_quadratic
from alamo.steering.allocation.kernels import Mixture
from alamo.steering.allocation.newton import mixed_sums
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.pacing import block_bounds, block_count, pace
from alamo.steering.repricing import Target
from alamo.steering.rule import BlockTerms, decide

N, K = 20_000, 5
BLOCK = 12


@pytest.fixture(scope="module")
def paced():
    problem = build_problem(market(N, K, 7), tables(five_rows(N, K), K))
    rule = RuleSettings(0.03 * problem.value_scale, 0.02, 0.1)
    return problem, rule, pace(problem, soft_prices(problem, rule), rule, block_count(N))


def after(problem, rule, pacer, slack, prices):
    """Return the slack that those ahead are expected to leave at `prices`, over the customers asked."""
    start = block_bounds(N, block_count(N))[BLOCK][0]
    part = problem.with_weight(1.0 - rule.floor_share - rule.control_share).span(start, start + 2_000)
    scale = (N - start) / part.n
    first, now = (part.row_use(mixed_sums(part, at, Mixture(rule.temperature_money, 1.0)).tallies) for at in prices)
    return slack - scale * (now - first)


@pytest.mark.parametrize("spent", [0.1, 0.2])
def test_where_a_budget_is_nearly_gone_prices_meet_what_is_left_and_a_straight_line_does_not(paced, spent):
    problem, rule, pacer = paced
    slack = -pacer.margin.copy()
    slack[0] -= spent * pacer.ahead[BLOCK][0]  # dear draws took a part of what the budget had for those ahead
    left = 1.0 - BLOCK / len(pacer.ahead)
    highest = pacer.prices + np.minimum(3.0 * pacer.prices + 0.05 * problem.ceiling, problem.ceiling - pacer.prices)
    straight = pacer.prices + minimise_box_quadratic(left * pacer.hessian, slack, -pacer.prices, highest - pacer.prices)
    start = block_bounds(N, block_count(N))[BLOCK][0]
    carried = pacer.answer.prices_for(Target(start, slack, pacer.margin, highest), pacer.prices, straight)
    missed = -after(problem, rule, pacer, slack, (pacer.prices, carried)) / pacer.margin
    missed_before = -after(problem, rule, pacer, slack, (pacer.prices, straight)) / pacer.margin
    assert missed.max() <= 0.35  # 0.3, and the ridge gives way a little
    assert missed_before.max() > 0.5
    remaining = (slack + pacer.margin + pacer.ahead[BLOCK]) * problem.scale
    np.testing.assert_allclose(pacer.prices_for(BLOCK, remaining) * problem.scale, carried, rtol=1e-9)


def test_prices_that_hardly_move_are_those_of_the_quadratic_programme(paced):
    problem, _, pacer = paced
    slack = np.zeros(problem.m)
    slack[0] = -1e-3 * pacer.margin[0]
    remaining = (slack + pacer.margin + pacer.ahead[BLOCK]) * problem.scale
    blind = replace(pacer, answer=replace(pacer.answer, problem=problem.with_values(0.0 * problem.cells.value_money)))
    np.testing.assert_array_equal(pacer.prices_for(BLOCK, remaining), blind.prices_for(BLOCK, remaining))


def test_a_budget_that_a_minimum_counts_on_is_not_used_up_by_early_blocks(paced):
    problem, rule, pacer = paced
    cells, limits = problem.cells, tables(five_rows(N, K), K)
    assert pacer.feeds_minimum.tolist() == [True, True, False, True, False]
    almost = pacer.ahead[BLOCK] * problem.scale * np.where(pacer.feeds_minimum, 0.51, 1.0)
    start, stop = block_bounds(N, block_count(N))[BLOCK]
    later = pacer.kept_for_later(BLOCK)
    free = np.zeros(problem.m)  # at prices of nil everybody takes what is dear
    drawn = decide(cells.span(start, stop), limits, BlockTerms(free, almost - later, rule, "late"))
    assert (drawn.remaining >= 0.0)[limits.hard].all()
    assert ((drawn.remaining + later) >= 0.5 * pacer.ahead[BLOCK + 1] * problem.scale)[limits.hard].all()
    assert (decide(cells.span(start, stop), limits, BlockTerms(free, almost, rule, "late")).remaining < later)[0]
    assert not pacer.kept_for_later(block_count(N) - 1).any()


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ((Limit("big", actions=("mail-big",), minimum=400, maximum=410),), "the maximum of 'big'"),
        (
            (
                Limit("enough", actions=("mail-big",), minimum=400),
                Limit("not more", actions=("mail-big",), maximum=410),
            ),
            "the maximum of 'not more'",
        ),
        ((Limit("big", actions=("mail-big",), minimum=400, maximum=900),), None),
        (
            (
                Limit("enough", actions=("mail-big",), minimum=400),
                Limit("others", actions=("mail-small",), maximum=410),
            ),
            None,
        ),
    ],
)
def test_a_minimum_close_to_the_maximum_of_the_same_use_is_told_of_in_the_plan(limits, told):
    warnings = proposed(limits=limits).summary["warnings"]
    assert len(warnings) == (told is not None)
    if told is not None:
        assert told in warnings[0]
        assert warnings[0].endswith("then: alamo steer")
