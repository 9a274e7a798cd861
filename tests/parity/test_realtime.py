"""One customer over the counter gets what the batch gave, and never an error."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.steering.worlds import NOW, actions, profiles, scores

from alamo.domain.action import ContactCap, ContactPolicy, Limit
from alamo.domain.settings import ControlSettings, Settings
from alamo.engine.batch import Stamp
from alamo.engine.propose import SteerRequest, propose
from alamo.engine.realtime import Counter, decide_one
from alamo.steering.eligibility import Gatekeeper
from alamo.store import MemoryHistory

N = 250
CUSTOMERS = profiles(
    N,
    region=["north" if i % 2 else "south" for i in range(N)],
    consent=[["*"] if i % 5 else [] for i in range(N)],
)
SCORES = scores(CUSTOMERS, 3)
CONTACT = ContactPolicy(caps=(ContactCap(2, 7, "email"),))


@pytest.fixture(scope="module")
def launched():
    history = MemoryHistory()
    limits = (
        Limit("budget", use="cost", maximum=10.0),
        Limit("letters north", actions=("letter",), where="region = 'north'", maximum=2),
    )
    request = SteerRequest(actions(), limits, CONTACT, Settings("t", control=ControlSettings(0.1, 0.05)), 1, NOW, True)
    return history, propose(history, CUSTOMERS, SCORES, request)


def counter(proposal) -> Counter:
    stamp = Stamp(proposal.plan_id, proposal.policy.version, 1, NOW, NOW + timedelta(days=7))
    return Counter(proposal.policy, Gatekeeper(tuple(reversed(actions())), CONTACT, NOW), stamp)


def of(customer: str):
    place = CUSTOMERS["customer_id"].to_pylist().index(customer)
    return CUSTOMERS.slice(place, 1), SCORES.slice(3 * place, 3)


def test_customers_one_by_one_from_their_profiles_get_the_logged_rows_exactly(launched):
    history, proposal = launched
    state = proposal.policy.blocks[0]
    assert len(proposal.policy.blocks) == 1
    for row in proposal.decisions.to_pylist():
        one = decide_one(history, *of(row["customer_id"]), counter(proposal), state)
        assert one.failure is None
        assert one.row.slice(0, 1).to_pylist()[0] == row
        state = one.state
    spent = proposal.policy.blocks[0].remaining[0] - state.remaining[0]
    assert spent == pytest.approx(proposal.summary["cost_money"])


def test_consent_comes_first_and_is_the_reason_given(launched):
    history, proposal = launched
    one = decide_one(history, *of("c5"), counter(proposal), proposal.policy.blocks[0])
    assert (one.action_id, one.probabilities) == ("none", {"none": 1.0})
    assert one.excluded["letter"] == "no consent on record for the channel"


def test_a_failure_gives_no_action_with_words_and_never_an_error(launched, caplog):
    history, proposal = launched
    profile, score = of("c1")
    broken = replace(counter(proposal), policy=replace(proposal.policy, actions={}))
    one = decide_one(history, profile, score, broken, proposal.policy.blocks[0])
    assert (one.action_id, one.row) == ("none", None)
    assert one.failure
    assert "no action" in caplog.text
    unknown = decide_one(history, profile.slice(0, 0), score, counter(proposal), proposal.policy.blocks[0])
    assert unknown.failure == "there is no profile of this customer"


def test_a_customer_without_scores_gets_no_action(launched):
    history, proposal = launched
    profile, score = of("c1")
    one = decide_one(history, profile, score.slice(0, 0), counter(proposal), proposal.policy.blocks[0])
    assert (one.action_id, one.failure) == ("none", None)


def test_an_action_that_the_project_dropped_is_still_decided_as_the_policy_says(launched):
    history, proposal = launched
    fewer = replace(counter(proposal), gatekeeper=Gatekeeper(actions()[:1], CONTACT, NOW))
    row = next(row for row in proposal.decisions.to_pylist() if row["action_id"] == "mail-big")
    before = decide_one(history, *of(row["customer_id"]), counter(proposal), proposal.policy.blocks[0])
    after = decide_one(history, *of(row["customer_id"]), fewer, proposal.policy.blocks[0])
    assert after.probabilities == before.probabilities
