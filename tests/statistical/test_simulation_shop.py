"""The shop scenario is as hard and fair as it claims: small effects, room above the best action, scarce money."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from alamo.domain.tables import EVENTS
from alamo.simulation.base_orders import base_orders_from_events
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.decision_log import DecisionLog
from alamo.simulation.oracle import oracle_profit
from alamo.simulation.population import resampled_population
from alamo.simulation.truth import true_profits
from alamo.simulation.world import World

pytestmark = pytest.mark.statistical

START = datetime(2010, 12, 10, tzinfo=UTC)


def shop_events(test_data):
    lines = pq.read_table(test_data / "online_retail_2009_2010" / "online_retail_2009_2010.parquet")
    lines = lines.filter(pc.is_valid(lines["Customer ID"]))
    amount = np.rint(lines["Quantity"].to_numpy() * lines["Price"].to_numpy() * 100).astype(np.int64)
    moments = pc.strptime(lines["InvoiceDate"], "%Y-%m-%d %H:%M:%S", "us").cast(pa.timestamp("us", "UTC"))
    columns = {
        "event_id": pc.cast(pa.array(np.arange(lines.num_rows)), pa.string()),
        "source": pa.repeat(pa.scalar("shop"), lines.num_rows),
        "customer_id": pc.cast(pc.cast(lines["Customer ID"], pa.int64()), pa.string()),
        "kind": pa.array(np.where(amount < 0, "return_line", "order_line")),
        "occurred_at": moments,
        "received_at": moments,
        "amount_minor": pa.array(amount),
        "country": lines["Country"],
    }
    table = {c.name: columns.get(c.name, pa.nulls(lines.num_rows, c.type)) for c in EVENTS.columns}
    return pa.table(table).cast(EVENTS.schema)


@pytest.fixture(scope="module")
def shop(test_data):
    scenario = builtin_scenario("shop")
    base = base_orders_from_events(shop_events(test_data), currency="GBP", start=START)
    return World(scenario, resampled_population(scenario, base, 1), start=START, seed=1)


@pytest.fixture(scope="module")
def cycles(shop):
    """What each of the first four cycles offers: (view, profits, log of who may be contacted)."""
    out = []
    channels = [shop.scenario.channels.index(a.channel) for a in shop.scenario.actions]
    for _ in range(4):
        view = shop.view()
        may = (shop.consent & ~view.state.withdrawn)[:, channels]
        n = len(may)
        held_out = np.random.default_rng(shop.cycle).random(n) < shop.scenario.control.universal_share
        log = DecisionLog(np.arange(n), np.full(n, -1), may, np.zeros(may.shape), held_out)
        out.append((view, true_profits(shop), log))
        shop.advance()
    return out


def everywhere(predicate):
    raise AssertionError(f"the shop's limits have no predicate, not {predicate!r}")


def test_there_are_fifty_thousand_customers_with_the_shops_real_pasts(shop):
    assert len(shop.population) == 50_000
    assert len(shop.population.history.day) > 150_000


def test_no_effect_goes_beyond_two_points_of_conversion_or_fifteen_per_cent_of_the_margin(shop, cycles):
    money = shop.population.latents.order_money * shop.scenario.margin.rate
    costs = np.array([action.cost for action in shop.scenario.actions])
    for view, profits, _ in cycles:
        baseline = (view.outlook.orders * money).mean()
        for action, effect, gain in zip(shop.scenario.actions, view.effects, (profits + costs).T, strict=True):
            if action.effect.on == "conversion":
                assert abs(effect.mean()) <= 0.0205, action.id
            assert abs(gain.mean()) <= 0.15 * baseline, action.id


def test_one_action_is_useless_one_harmful_and_one_only_pulls_forward(shop, cycles):
    actions = {action.id: i for i, action in enumerate(shop.scenario.actions)}
    for _, profits, _ in cycles:
        mean = profits.mean(axis=0)
        assert mean[actions["newsletter"]] == pytest.approx(-0.05)
        assert mean[actions["early-voucher"]] == pytest.approx(-1.5, abs=0.02)
        assert mean[actions["pushy-text"]] < -1
        assert mean[actions["basket-mail"]] > 2
        assert mean[actions["winback-letter"]] > 0.5


def test_the_best_single_action_earns_at_least_two_fifths_of_the_oracle_and_leaves_room(shop, cycles):
    for _, profits, log in cycles:
        full = oracle_profit(shop.scenario, log, profits, shop.scenario.limits, everywhere)
        singles = []
        for a in range(profits.shape[1]):
            alike = np.full(profits.shape, -1.0)
            alike[:, a] = profits[log.eligible[:, a], a].mean()  # blast to everybody, whoever it suits
            singles.append(oracle_profit(shop.scenario, log, alike, shop.scenario.limits, everywhere))
        assert 0.40 <= max(singles) / full <= 0.80


def test_the_budget_binds_for_those_who_know_the_truth(shop, cycles):
    for _, profits, log in cycles:
        limited = oracle_profit(shop.scenario, log, profits, shop.scenario.limits, everywhere)
        free = oracle_profit(shop.scenario, log, profits, (), everywhere)
        assert limited < free
