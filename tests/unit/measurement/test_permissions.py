"""Who may be contacted right now: the same judgement as eligibility makes on profiles."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.measurement.conftest import Bench, moment

from alamo.domain.action import Action, ContactPolicy
from alamo.domain.settings import MarginSettings
from alamo.measurement import build_profiles
from alamo.measurement.permissions import contactable, permissions_now
from alamo.steering.eligibility import Gatekeeper

NOW = moment("2010-06-01")
KINDS = ("consent_granted", "consent_withdrawn", "suppressed", "unsuppressed", "bounced", "complained")
CUSTOMERS = tuple("abc")


def test_a_consent_must_be_on_record_and_in_force(bench):
    history = bench.history(
        [
            bench.event("granted", "consent_granted", "2010-05-01", channel="email"),
            bench.event("other", "consent_granted", "2010-05-01", channel="post"),
            bench.event("every", "consent_granted", "2010-05-01", channel="*"),
            bench.event("withdrawn", "consent_granted", "2010-05-01", channel="email"),
            bench.event("withdrawn", "consent_withdrawn", "2010-05-02", channel="*"),
            bench.event("back", "consent_withdrawn", "2010-05-01", channel="email"),
            bench.event("back", "consent_granted", "2010-05-02", channel="*"),
            bench.event("bounced", "consent_granted", "2010-05-01", channel="email"),
            bench.event("bounced", "bounced", "2010-05-02", channel="email"),
            bench.event("later", "consent_granted", "2010-06-02", channel="email"),
            bench.event("now", "consent_granted", "2010-06-01", channel="email"),
            bench.event("not asked", "consent_granted", "2010-05-01", channel="email"),
        ]
    )
    asked = ["granted", "other", "every", "withdrawn", "back", "bounced", "later", "now", "unknown"]
    assert contactable(history, asked, "email", NOW) == {"granted", "every", "back", "now"}
    assert contactable(history, asked, "post", NOW) == {"other", "every", "back"}
    assert contactable(history, [], "email", NOW) == frozenset()
    rows = {row["customer_id"]: row for row in permissions_now(history, asked, NOW).to_pylist()}
    assert rows["unknown"] == {"customer_id": "unknown", "consent": [], "withdrawn": [], "suppressed": []}
    assert (rows["bounced"]["consent"], rows["bounced"]["suppressed"]) == (["email"], ["email"])
    assert rows["back"]["consent"] == ["*"]


WORDS = st.lists(
    st.tuples(
        st.sampled_from(CUSTOMERS), st.sampled_from(KINDS), st.integers(1, 4), st.sampled_from(("email", "post", "*"))
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(WORDS)
def test_it_agrees_with_eligibility_on_profiles(words):
    bench = Bench()
    events = [
        bench.event(customer, kind, f"2010-05-{day:02d}", channel=channel) for customer, kind, day, channel in words
    ]
    history = bench.history([bench.event(one, "visit", "2010-05-01") for one in CUSTOMERS] + events)
    profiles = build_profiles(history, NOW + timedelta(microseconds=1), margin=MarginSettings(), currency="EUR")
    actions = tuple(Action(channel, channel, channel, "upsell") for channel in ("email", "post"))
    judged = Gatekeeper(actions, ContactPolicy(), NOW).judge(history, profiles, np.zeros(len(CUSTOMERS), dtype=bool))
    for place, action in enumerate(actions):
        allowed = {one for one, is_open in zip(CUSTOMERS, judged.open[:, place], strict=True) if is_open}
        assert contactable(history, CUSTOMERS, action.channel, NOW) == allowed
    columns = ["customer_id", "consent", "withdrawn", "suppressed"]
    assert permissions_now(history, CUSTOMERS, NOW).to_pylist() == profiles.select(columns).to_pylist()
