"""Consent, suppression, caps, target groups and the universal control, each counted under the first reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.steering.worlds import NOW, actions, profiles

from alamo.domain.action import ContactCap, ContactPolicy
from alamo.domain.errors import ConfigError
from alamo.domain.reasons import Ineligible
from alamo.domain.tables import EVENTS
from alamo.steering.eligibility import Gatekeeper
from alamo.store import MemoryHistory

NOBODY = np.zeros(6, dtype=bool)


def sent(*rows: tuple[str, str, float]) -> pa.Table:
    """Return `sent` events: customer, channel, days ago."""
    events = [
        {
            "event_id": f"e{i}",
            "source": "s",
            "customer_id": customer,
            "kind": "sent",
            "occurred_at": NOW - timedelta(days=days),
            "received_at": NOW,
            "channel": channel,
        }
        for i, (customer, channel, days) in enumerate(rows)
    ]
    return pa.Table.from_pylist(events, schema=EVENTS.schema)


def judged(customers: pa.Table, *, events: pa.Table | None = None, contact=None, held_out=NOBODY, offers=None):
    history = MemoryHistory()
    if events is not None:
        history.append("events", events, batch="b")
    gatekeeper = Gatekeeper(offers or actions(), contact or ContactPolicy(), NOW)
    return gatekeeper.judge(history, customers, held_out)


def test_consent_not_on_record_counts_as_refused():
    customers = profiles(6, consent=[["email"], ["*"], [], ["post"], ["email", "post"], []])
    found = judged(customers)
    assert found.open[:, 0].tolist() == [True, True, False, False, True, False]
    assert found.open[:, 2].tolist() == [False, True, False, True, True, False]
    assert found.excluded[0] == {Ineligible.UNKNOWN_CONSENT.value: 3}


def test_withdrawn_and_suppressed_channels_are_closed_whatever_the_consent():
    customers = profiles(
        6,
        consent=[["*"], ["*"], ["*"], ["*"], [], ["*"]],
        withdrawn=[["email"], ["*"], [], [], ["email"], []],
        suppressed=[[], [], ["email"], ["*"], [], []],
    )
    found = judged(customers)
    assert found.open[:, 0].tolist() == [False, False, False, False, False, True]
    assert found.excluded[0] == {Ineligible.CONSENT_WITHDRAWN.value: 3, Ineligible.SUPPRESSED.value: 2}
    assert found.open[:, 2].tolist() == [True, False, True, False, False, True]


def test_caps_count_contacts_of_the_channel_and_of_all_channels_within_their_days():
    events = sent(
        ("c0", "email", 1), ("c0", "email", 6.9), ("c1", "email", 1), ("c1", "email", 7), ("c2", "post", 1),
        ("c2", "post", 2), ("c2", "post", 3), ("c3", "email", 2),
    )  # fmt: skip
    contact = ContactPolicy(caps=(ContactCap(2, 7, "email"), ContactCap(3, 7)))
    found = judged(profiles(6), events=events, contact=contact)
    assert found.open[:, 0].tolist() == [False, True, False, True, True, True]
    assert found.open[:, 2].tolist() == [True, True, False, True, True, True]
    assert found.excluded[0] == {Ineligible.CHANNEL_CAP.value: 1, Ineligible.TOTAL_CAP.value: 1}
    assert found.excluded[2] == {Ineligible.TOTAL_CAP.value: 1}


def test_a_cap_of_nothing_closes_the_channel():
    found = judged(profiles(6), contact=ContactPolicy(caps=(ContactCap(0, 7, "post"),)))
    assert found.open.any(axis=0).tolist() == [True, True, False]


def test_target_groups_and_validity_windows():
    early, late, _ = actions()
    offers = (
        replace(early, valid_from=NOW, valid_until=NOW + timedelta(seconds=1)),
        replace(late, valid_until=NOW),
        replace(late, id="later", valid_from=NOW + timedelta(seconds=1)),
    )
    found = judged(profiles(6), offers=offers)
    assert found.open.any(axis=0).tolist() == [True, False, False]
    assert found.excluded[1] == {Ineligible.NOT_VALID_NOW.value: 6}
    grouped = judged(profiles(6))
    assert grouped.open[:, 1].tolist() == [False, True, True] * 2
    assert grouped.excluded[1] == {Ineligible.PREDICATE.value: 2}


def test_the_funnel_counts_customers_left_with_anything_after_each_step():
    customers = profiles(6, consent=[["*"], ["*"], ["*"], [], ["*"], ["*"]])
    held = np.array([True, False, False, False, False, False])
    events = sent(("c1", "email", 1))
    found = judged(customers, events=events, contact=ContactPolicy(caps=(ContactCap(1, 7),)), held_out=held)
    assert found.anything == (
        ("customers", 6),
        ("eligible", 6),
        ("consented", 5),
        ("under the cap", 4),
        ("not in the universal control", 3),
    )


def test_each_pair_is_counted_under_exactly_one_reason():
    """Every customer is closed to the mail for three reasons at once, and stands under the first."""
    customers = profiles(6, consent=[[]] * 6, withdrawn=[["*"]] * 6, suppressed=[["email"]] * 6)
    found = judged(customers, contact=ContactPolicy(caps=(ContactCap(0, 7),)), held_out=np.ones(6, dtype=bool))
    assert [sum(at.excluded[a] for at in found.stages) for a in range(3)] == [6, 6, 6]
    assert found.excluded[0] == {Ineligible.CONSENT_WITHDRAWN.value: 6}
    assert [at.reason for at in found.stages] == [*Ineligible]


def test_a_bad_target_group_names_its_action_and_what_the_database_said():
    offers = (replace(actions()[0], eligible="ordres > 2"),)
    with pytest.raises(ConfigError, match=r"action 'mail-small'.*ordres") as caught:
        judged(profiles(6), offers=offers)
    assert caught.value.code == "predicate.invalid"
    assert "alamo doctor" in caught.value.hint


def test_a_predicate_cannot_smuggle_in_a_second_statement():
    offers = (replace(actions()[0], eligible="true) ; SELECT (1"),)
    with pytest.raises(ConfigError):
        judged(profiles(6), offers=offers)


def test_no_customers_is_no_error():
    found = judged(profiles(0), held_out=np.zeros(0, dtype=bool))
    assert found.open.shape == (0, 3)
