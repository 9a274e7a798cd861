"""Consent, suppression, caps, target groups and the universal control, each counted under the first reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.steering.worlds import NOW, actions, profiles

from alamo.domain.action import ContactCap, ContactPolicy, Exclusion, Spacing
from alamo.domain.errors import ConfigError
from alamo.domain.reasons import Ineligible
from alamo.domain.tables import EVENTS
from alamo.steering import contact_policy
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


def sent_with(*rows: tuple[str, str, float, str | None]) -> pa.Table:
    """Return `sent` events: customer, channel, days ago, action."""
    plain = sent(*(row[:3] for row in rows))
    place = plain.column_names.index("action_id")
    return plain.set_column(place, EVENTS.schema.field("action_id"), pa.array([row[3] for row in rows], pa.string()))


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


def test_a_cap_of_a_group_counts_and_closes_its_actions_alone():
    events = sent_with(("c0", "email", 1, "mail-big"), ("c1", "email", 1, "mail-small"), ("c2", "email", 1, None))
    of_one = ContactPolicy(caps=(ContactCap(1, 7, actions=("mail-big",)),))
    found = judged(profiles(6, orders=[2] * 6), events=events, contact=of_one)
    assert found.open[:, 1].tolist() == [False, True, True, True, True, True]
    assert found.open[:, (0, 2)].all()
    assert found.excluded[1] == {Ineligible.GROUP_CAP.value: 1}
    of_level = ContactPolicy(caps=(ContactCap(1, 7, levels=("upsell",)),))
    small, big, letter = actions()
    found = judged(
        profiles(6, orders=[2] * 6),
        events=events,
        contact=of_level,
        offers=(small, replace(big, level="upsell"), letter),
    )
    assert found.open[:, 1].tolist() == [False, True, False, True, True, True]  # what is unknown counts towards all


def test_spacing_counts_days_since_the_last_contact_in_its_channel_or_in_any():
    events = sent(("c0", "email", 2.9), ("c1", "email", 3), ("c2", "post", 0.5), ("c3", "email", 0.5))
    contact = ContactPolicy(spacing=(Spacing(3, "email"), Spacing(1)))
    found = judged(profiles(6), events=events, contact=contact)
    assert found.open[:, 0].tolist() == [False, True, False, False, True, True]
    assert found.open[:, 2].tolist() == [True, True, False, False, True, True]
    assert found.excluded[0] == {Ineligible.SPACING.value: 3}


def test_actions_that_exclude_each_other_do_so_for_their_days_and_not_themselves():
    events = sent_with(("c0", "email", 27, "mail-big"), ("c1", "email", 28, "mail-big"), ("c2", "post", 3, "letter"))
    contact = ContactPolicy(exclusive=(Exclusion(("mail-big", "letter"), 28),))
    found = judged(profiles(6, orders=[2] * 6), events=events, contact=contact)
    assert found.open[:, 1].tolist() == [True, True, False, True, True, True]
    assert found.open[:, 2].tolist() == [False, True, True, True, True, True]
    assert found.open[:, 0].all()
    assert found.excluded[2] == {Ineligible.EXCLUSIVE.value: 1}


def test_a_service_message_passes_caps_and_does_not_count_but_needs_consent():
    small, big, letter = actions()
    notice = replace(small, message_class="transactional")
    everything = ContactPolicy(
        caps=(ContactCap(1, 7), ContactCap(1, 7, "email")),
        spacing=(Spacing(7),),
        exclusive=(Exclusion(("mail-small", "letter"), 7),),
    )
    events = sent_with(("c0", "email", 1, "mail-big"), ("c1", "email", 1, "mail-small"))
    customers = profiles(6, orders=[2] * 6, consent=[["*"]] * 4 + [[], ["*"]], suppressed=[[]] * 5 + [["email"]])
    found = judged(customers, events=events, contact=everything, offers=(notice, big, letter))
    assert found.open[:, 0].tolist() == [True, True, True, True, False, False]
    assert found.open[:, 2].tolist() == [False, True, True, True, False, True]


def test_only_what_passes_the_control_is_open_to_the_universal_control():
    small, big, letter = actions()
    offers = (replace(small, message_class="transactional", passes=("control",)), big, letter)
    held = np.array([True] * 3 + [False] * 3)
    found = judged(profiles(6, orders=[2] * 6), held_out=held, offers=offers)
    assert found.open[:, 0].all()
    assert found.open[:, 1].tolist() == found.open[:, 2].tolist() == [False] * 3 + [True] * 3


def test_contacts_of_everybody_and_of_those_asked_about_are_counted_alike(monkeypatch):
    events = sent(("c0", "email", 1), ("c0", "email", 2), ("c1", "email", 1), ("gone", "email", 1))
    contact = ContactPolicy(caps=(ContactCap(2, 7, "email"),))
    few = judged(profiles(6), events=events, contact=contact)
    monkeypatch.setattr(contact_policy, "_EVERYBODY_FROM", 0)
    assert np.array_equal(judged(profiles(6), events=events, contact=contact).open, few.open)


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
