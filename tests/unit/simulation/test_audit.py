from __future__ import annotations

import numpy as np
import pytest
from tests.unit.simulation.markets import action, batch, scenario, world

from alamo.simulation.audit import breaches, contacts_of


def everybody(place):
    return lambda predicate: np.ones(len(place.population), dtype=bool)


def consenting(place, n):
    return np.array(place.population.ids)[place.consent[:, 0]][:n].tolist()


def found(place, earlier=(), where=None):
    return [b.what for b in breaches(place, list(earlier), contacts_of(place), where or everybody(place))]


def test_deliveries_within_every_promise_break_nothing():
    place = world(scenario(limit=[{"name": "budget", "use": "cost", "maximum": 1.0}]))
    place.receive(batch(place, "good", consenting(place, 10)))
    assert found(place) == []


def test_a_budget_overspent_is_found_with_the_amounts():
    place = world(scenario(limit=[{"name": "budget", "use": "cost", "maximum": 1.0}]))
    place.receive(batch(place, "good", consenting(place, 11)))
    (breach,) = breaches(place, [], contacts_of(place), everybody(place))
    assert breach.what == "limit 'budget'"
    assert breach.allowed == 1.0
    assert breach.found == pytest.approx(1.1)


def test_a_limit_counts_only_its_actions_and_its_customers():
    limits = [
        {"name": "letters", "use": "count", "channels": ["post"], "maximum": 0},
        {"name": "few", "use": "count", "where": "country = 'x'", "maximum": 0},
    ]
    place = world(scenario(action("good"), action("letter", channel="post"), limit=limits))
    place.receive(batch(place, "good", consenting(place, 5)))
    nobody = np.zeros(len(place.population), dtype=bool)
    assert found(place, where=lambda predicate: nobody) == []
    assert found(place) == ["limit 'few'"]


def test_contact_without_permission_is_found():
    place = world(scenario(consent={"email": 0.5}))
    refusing = np.array(place.population.ids)[~place.consent[:, 0]][:2].tolist()
    place.receive(batch(place, "good", refusing))
    assert found(place) == ["contact without permission"]


def test_two_actions_for_one_customer_are_found():
    place = world(scenario(action("a"), action("b")))
    ids = consenting(place, 1)
    place.receive(batch(place, "a", ids, "one"))
    place.receive(batch(place, "b", ids, "two"))
    assert found(place) == ["actions per customer and cycle"]


@pytest.mark.parametrize(("days", "broken"), [(28, []), (29, ["cap on email"])])
def test_caps_look_back_over_earlier_cycles(days, broken):
    place = world(scenario(contact={"caps": [{"channel": "email", "maximum": 1, "days": days}]}))
    ids = consenting(place, 3)
    place.receive(batch(place, "good", ids, "one"))
    earlier = contacts_of(place)
    place.advance()
    place.receive(batch(place, "good", ids, "two"))
    still = set(ids) - set(np.array(place.population.ids)[place.view().state.withdrawn[:, 0]])
    assert len(still) == 3
    assert found(place, [earlier]) == broken


@pytest.mark.parametrize(("days", "second", "broken"), [(28, "b", []), (29, "b", ["exclusion of a, b"]), (29, "a", [])])
def test_an_exclusion_looks_back_for_other_actions_of_its_group(days, second, broken):
    both = {"exclusive": [{"actions": ["a", "b"], "days": days}]}
    place = world(scenario(action("a"), action("b"), contact=both))
    ids = consenting(place, 3)
    place.receive(batch(place, "a", ids, "one"))
    earlier = contacts_of(place)
    place.advance()
    place.receive(batch(place, second, ids[:2], "two"))
    assert found(place, [earlier]) == broken


def test_a_monthly_limit_counts_what_the_last_cycle_sent():
    place = world(scenario(limit=[{"name": "month", "use": "count", "maximum": 5, "period": "month"}]))
    ids = consenting(place, 3)
    place.receive(batch(place, "good", ids, "one"))
    earlier = contacts_of(place)
    place.advance()
    place.receive(batch(place, "good", ids, "two"))
    assert found(place, [earlier]) == ["limit 'month'"]
