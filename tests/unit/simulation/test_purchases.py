from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from alamo.simulation.purchases import Latents, Purchases, natural_cycle, outlook, ranks, season_of_days


def latents(n, rate=0.01, dropout=0.1):
    return Latents(np.full(n, rate), np.full(n, dropout), np.full(n, 50.0), 0.4, np.full((n, 4), 0.25), np.zeros(n))


def purchases(*rows):
    customer, day, money = (np.array(column) for column in zip(*rows, strict=True))
    return Purchases(customer, day, money.astype(float), np.zeros(len(rows), dtype=np.int64))


def test_two_purchases_of_a_day_become_one_of_the_summed_value():
    merged = purchases((0, 3, 10.0), (1, 2, 5.0)).merged(purchases((0, 1, 7.0), (1, 2, 1.0)))
    assert merged.customer.tolist() == [0, 0, 1]
    assert merged.day.tolist() == [1, 3, 2]
    assert merged.money.tolist() == [7.0, 10.0, 6.0]


def test_ranks_count_from_zero_within_a_customer():
    assert ranks(np.array([2, 2, 5, 7, 7, 7])).tolist() == [0, 1, 0, 0, 1, 2]
    assert ranks(np.array([], dtype=np.int64)).tolist() == []


def test_nobody_who_is_gone_buys():
    alive = np.arange(1000) % 2 == 0
    cycle = natural_cycle(latents(1000, rate=0.5), alive, np.ones(28), 0, np.random.default_rng(1))
    assert set(cycle.purchases.customer % 2) == {0}
    assert not cycle.alive[1::2].any()


def test_certain_dropout_leaves_one_purchase_at_most():
    cycle = natural_cycle(
        latents(500, rate=0.5, dropout=1.0), np.ones(500, bool), np.ones(28), 0, np.random.default_rng(1)
    )
    assert np.bincount(cycle.purchases.customer).max() == 1
    assert not cycle.alive[cycle.purchases.customer].any()


def test_days_are_distinct_ordered_and_within_the_cycle():
    cycle = natural_cycle(
        latents(300, rate=0.3, dropout=0.0), np.ones(300, bool), np.ones(28), 56, np.random.default_rng(2)
    )
    slot = cycle.purchases.customer * 1000 + cycle.purchases.day
    assert (np.diff(slot) > 0).all()
    assert cycle.purchases.day.min() >= 56
    assert cycle.purchases.day.max() < 84


@pytest.mark.parametrize("owes", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_outlook_is_what_many_cycles_bring(owes, dropout):
    n = 200_000
    world, season = latents(n, rate=0.05, dropout=dropout), np.linspace(0.5, 1.5, 14)
    alive = np.ones(n, dtype=bool)
    ahead = outlook(world, alive, np.full(n, owes), season)
    cycle = natural_cycle(world, alive, season, 0, np.random.default_rng(3))
    count = np.bincount(cycle.purchases.customer, minlength=n) - owes
    count = np.maximum(count, 0)
    tolerance = 4 / np.sqrt(n)  # four standard errors of a share; counts spread less than twice as much
    assert ahead.p_buys[0] == pytest.approx((count > 0).mean(), abs=tolerance)
    assert ahead.orders[0] == pytest.approx(count.mean(), abs=2 * tolerance)
    assert ahead.p_stays[0] == pytest.approx(cycle.alive.mean(), abs=tolerance)


def test_those_gone_have_no_outlook():
    ahead = outlook(latents(2), np.array([True, False]), np.zeros(2, bool), np.ones(28))
    assert ahead.p_buys[1] == ahead.orders[1] == ahead.p_stays[1] == 0
    assert ahead.p_buys[0] > 0


def test_twelve_seasons_are_about_months():
    season = season_of_days(tuple(range(1, 13)), datetime(2026, 1, 1, tzinfo=UTC), 365)
    assert season[0] == 1
    assert season[-1] == 12
    assert (np.diff(season) >= 0).all()
