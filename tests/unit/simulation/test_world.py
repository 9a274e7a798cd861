from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pyarrow.compute as pc
import pytest
from tests.unit.simulation.markets import START, action, batch, scenario, world

from alamo.domain.tables import EVENTS
from alamo.numerics.hashing import content_hash
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.channel import simulated_channels
from alamo.simulation.response import UNTREATED
from alamo.simulation.world import _plain


def pulled(place, since=None):
    return {b.source: b for b in place.pull(since, place.now())}


def kinds(place, cycle):
    return pulled(place)[f"simulation/cycle-{cycle}"].data["kind"].to_pylist()


def test_before_the_first_cycle_there_is_a_past_and_consent():
    place = world(scenario(consent={"email": 0.5}))
    opening = pulled(place)["simulation/opening"].data
    EVENTS.check(opening)
    assert pc.max(opening["occurred_at"]).as_py() < START
    granted = pc.sum(pc.equal(opening["kind"], "consent_granted")).as_py()
    assert abs(granted - 1000) < 4 * np.sqrt(2000 * 0.25)
    assert len(set(opening.filter(pc.equal(opening["kind"], "order_line"))["customer_id"].to_pylist())) == 2000


def test_the_clock_stands_still_until_the_cycle_is_played():
    place = world(scenario(cycle_days=14))
    assert place.now() == START
    place.advance()
    assert (place.now() - START).days == 14


def test_asking_again_gives_the_same_content():
    one, other = world(scenario()), world(scenario())
    for place in (one, other):
        place.receive(batch(place, "good", place.population.ids[:500]))
        place.advance()
    assert {s: b.content_hash for s, b in pulled(one).items()} == {s: b.content_hash for s, b in pulled(one).items()}
    assert {s: b.content_hash for s, b in pulled(one).items()} == {s: b.content_hash for s, b in pulled(other).items()}


def test_another_seed_gives_another_market():
    assert pulled(world(scenario(), 1))["simulation/opening"].content_hash != (
        pulled(world(scenario(), 2))["simulation/opening"].content_hash
    )


def test_a_span_holds_only_its_events_and_the_whole_replaces_it():
    place = world(scenario())
    place.advance()
    part = pulled(place, since=START)
    assert set(part) == {"simulation/cycle-1"}
    assert pc.min(part["simulation/cycle-1"].data["occurred_at"]).as_py() >= START


def test_nobody_contacted_differs_from_everybody_contacted_only_where_somebody_answered():
    calm, loud = world(scenario()), world(scenario())
    loud.receive(batch(loud, "good", loud.population.ids))
    orders = []
    for place in (calm, loud):
        place.advance()
        rows = pulled(place)["simulation/cycle-1"].data
        orders.append(set(rows.filter(pc.equal(rows["kind"], "order_line"))["event_id"].to_pylist()))
    assert orders[0] < orders[1]
    assert 0.02 < (len(orders[1]) - len(orders[0])) / 2000 < 0.08


def test_a_harmful_action_only_takes_orders_away():
    market = scenario(action("bad", effect={"mean": -0.05}))
    calm, loud = world(market), world(market)
    loud.receive(batch(loud, "bad", loud.population.ids))
    calm.advance()
    loud.advance()
    assert kinds(loud, 1).count("order_line") < kinds(calm, 1).count("order_line")


def test_the_same_batch_twice_sends_nothing_more():
    place = world(scenario())
    first = place.receive(batch(place, "good", place.population.ids[:10]))
    assert place.receive(batch(place, "good", place.population.ids[:10])) == first
    assert place.deliveries().num_rows == 10
    assert (place.treated() != UNTREATED).sum() == 10
    place.advance()
    assert kinds(place, 1).count("sent") == 10


def test_every_channel_of_the_actions_carries_messages_into_the_world():
    place = world(scenario(action("a"), action("b", channel="post")))
    channels = simulated_channels(place)
    assert sorted(channels) == ["email", "post"]
    receipts = channels["post"].deliver(batch(place, "b", place.population.ids[:3]))
    assert {state for state, _ in receipts.values()} == {"sent"}
    assert channels["post"].name == "post"


def test_too_much_mail_loses_permissions_faster_and_for_good():
    place = world(scenario(action(fatigue=0.1)))
    share = []
    for _ in range(3):
        still = ~place.view().state.withdrawn[:, 0]
        place.receive(batch(place, "good", np.array(place.population.ids)[still].tolist(), f"b{place.cycle}"))
        place.advance()
        lost = place.view().state.withdrawn[:, 0] & still
        share.append(lost.sum() / still.sum())
    for chance, found in zip((0.1, 0.2, 0.3), share, strict=True):
        assert found == pytest.approx(chance, abs=4 * np.sqrt(chance * (1 - chance) / 1000))
    assert kinds(place, 3).count("consent_withdrawn") > 0


def test_a_contact_without_effect_leaves_every_order_as_it_was():
    market = scenario(action("nil", effect={"mean": 0.0}))
    calm, loud = world(market), world(market)
    loud.receive(batch(loud, "nil", loud.population.ids))
    calm.advance()
    loud.advance()
    for column in ("event_id", "amount_minor"):
        values = []
        for place in (calm, loud):
            rows = pulled(place)["simulation/cycle-1"].data
            values.append(rows.filter(pc.equal(rows["kind"], "order_line"))[column].to_pylist())
        assert values[0] == values[1]


def test_somebody_who_is_not_in_the_market_receives_but_never_answers():
    place = world(scenario())
    place.receive(batch(place, "good", ["stranger", place.population.ids[0]]))
    assert (place.treated() != UNTREATED).sum() == 1
    place.advance()
    assert kinds(place, 1).count("sent") == 2


def test_a_market_begun_before_settings_were_added_is_known_again():
    market = builtin_scenario("nil")
    before = ("window_days", "residual_horizon_days", "discount_rate_per_year")
    described = asdict(market)
    described["outcome"] = {key: described["outcome"][key] for key in before}
    described["exploration"].pop("opening_cycles")
    described["exploration"].pop("strict")
    described.pop("guardrail")
    for offer in described["actions"]:
        offer.pop("control")
    small = replace(market, customers=200, exploration=replace(market.exploration, opening_cycles=0))
    expected = content_hash({"scenario": _plain(described | {"customers": 200}), "seed": 3, "start": START.isoformat()})
    assert world(small, 3)._identity == expected
    longer = replace(small, outcome=replace(small.outcome, long_days=182))
    assert world(longer, 3)._identity != expected
    shorter = replace(small, exploration=replace(small.exploration, opening_cycles=1))
    assert world(shorter, 3)._identity != expected
