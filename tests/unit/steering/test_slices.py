"""Prices over the counter: anew in each time slice, so that what is kept lasts to the end of the cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.steering.worlds import five_rows, market, tables

from alamo.domain.policy import CounterTerms, RuleSettings
from alamo.domain.settings import RealtimeSettings
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.pacing import block_count, pace
from alamo.steering.rule import BlockTerms, decide
from alamo.steering.slices import arrivals, counter_terms, less_reserve, slice_at, slice_prices

N, K = 4_000, 5
REALTIME = RealtimeSettings(reserve_share=0.2, slices=28)
ROWS = tuple(row for row in five_rows(N, K) if row.hard)


@pytest.fixture(scope="module")
def planned():
    """Return a plan under maxima that keeps a fifth of them for as many customers as a fifth of its own."""
    cells, limits = market(N, K, 3), tables(ROWS, K)
    less = less_reserve(limits, REALTIME)
    problem = build_problem(cells, less)
    rule = RuleSettings(0.05 * problem.value_scale, 0.02, 0.1)
    pacer = pace(problem, soft_prices(problem, rule), rule, block_count(N))
    reserved = limits.bound - less.bound
    return limits, rule, counter_terms(pacer, N, reserved, REALTIME, 0.25 * N)


def test_a_fifth_of_every_maximum_is_kept_in_whole_contacts_and_nothing_of_a_minimum():
    limits = tables((*ROWS, *(row for row in five_rows(N, K) if not row.hard)), K)
    kept = limits.bound - less_reserve(limits, REALTIME).bound
    assert kept.tolist() == pytest.approx([240.0, 80.0, 160.0, 0.0, 0.0])
    assert less_reserve(limits, RealtimeSettings()) is limits


def test_what_was_expected_gives_way_to_what_is_seen():
    terms = arrivals_of(1_000.0)
    assert arrivals(terms, 0, 0) == (1_000.0, pytest.approx(1_000 / 28))
    halfway, _ = arrivals(terms, 14, 1_500)  # three times as many as expected
    assert halfway == pytest.approx(0.5 * 1_520 / (0.02 + 0.5))
    assert arrivals(arrivals_of(0.0), 14, 300)[0] == pytest.approx(301)
    assert arrivals(terms, 27, 0) == (1.0, 1.0)  # at least the one who stands there


def arrivals_of(expected: float):
    return CounterTerms(28, expected, (), (), (), (), (), (), ())


def test_slices_cut_the_cycle_and_what_lies_outside_belongs_to_the_first_or_last():
    assert [slice_at(part, 4) for part in (-0.1, 0.0, 0.249, 0.25, 0.99, 1.0, 2.0)] == [0, 0, 0, 1, 3, 3, 3]


def test_prices_stay_where_what_is_left_is_what_will_be_used_and_move_with_both_sides(planned):
    limits, _, terms = planned
    first = np.array(terms.prices) / np.array(terms.scale)
    still = replace(terms, variance=(0.0,) * limits.m)
    used = np.array(terms.use) * np.array(terms.scale)
    bound = first > 0
    same = slice_prices(still, 1_000 * used, limits.hard, (1_000.0, 36.0))
    np.testing.assert_allclose(same[bound], first[bound], rtol=1e-9)
    fewer = slice_prices(still, 1_000 * used, limits.hard, (500.0, 18.0))
    more = slice_prices(still, 1_000 * used, limits.hard, (1_200.0, 43.0))
    assert (fewer[bound] < first[bound]).all()
    assert (more[bound] >= first[bound]).all()
    assert more.sum() > first.sum()


def at_the_counter(planned, salt: int, customers: int, *, paced: bool):
    """Play a cycle of the counter; return the share of the value drawn in each third, and what is left."""
    limits, rule, terms = planned
    rng = np.random.default_rng(salt)
    moments = np.sort(rng.random(customers))
    cells = market(customers, K, 1_000 + salt)
    left, prices = np.array(terms.reserved), np.array(terms.prices) / np.array(terms.scale)
    place, value = -1, np.zeros(3)
    for i, moment in enumerate(moments):
        now = slice_at(moment, terms.slices)
        if paced and now != place:
            place, prices = now, slice_prices(terms, left, limits.hard, arrivals(terms, now, i))
        one = cells.span(i, i + 1)
        drawn = decide(one, limits, BlockTerms(prices, left, rule, f"counter-{salt}"))
        if drawn.choice[0] >= 0:
            value[int(3 * moment)] += one.value_money[drawn.choice[0]]
        assert (drawn.remaining[limits.hard] >= -1e-9).all()
        left = drawn.remaining
    return value, left / np.array(terms.reserved)


@pytest.mark.parametrize(("customers", "least_gain"), [(2_000, 0.03), (500, 0.5)])
def test_more_or_fewer_customers_than_expected_are_worth_more_at_prices_that_follow(planned, customers, least_gain):
    """Twelve cycles each; at the plan's prices twice as many as expected find nothing left in the last third."""
    paced, still = (
        [at_the_counter(planned, salt, customers, paced=follows) for salt in range(12)] for follows in (True, False)
    )
    gains = np.array([after.sum() / before.sum() for (after, _), (before, _) in zip(paced, still, strict=True)]) - 1.0
    assert gains.mean() - 3.0 * gains.std(ddof=1) / len(gains) ** 0.5 > least_gain
    late, late_before = (np.mean([value[2] / value.sum() for value, _ in cycles]) for cycles in (paced, still))
    assert 0.2 < late < 0.45
    assert customers < 1_000 or late_before < 0.1
