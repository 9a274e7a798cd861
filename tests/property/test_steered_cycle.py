"""What holds for every proposed cycle, whatever consent, contacts, scores and limits its customers have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.property.examples import examples
from tests.property.test_rule import K, random_cells, random_terms
from tests.unit.steering.worlds import NOW, actions, profiles, scores

from alamo.domain.action import ContactCap, ContactPolicy, Limit
from alamo.domain.policy import RuleSettings
from alamo.domain.settings import ControlSettings, ExplorationSettings, Settings
from alamo.domain.tables import EVENTS
from alamo.engine.propose import SteerRequest, propose
from alamo.steering.rule import BlockTerms, decide
from alamo.store import MemoryHistory

CHANNELS = {"mail-small": "email", "mail-big": "email", "letter": "post"}
LISTS = st.lists(st.sampled_from(["email", "post", "*"]), max_size=2, unique=True)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "consent": LISTS,
            "withdrawn": LISTS,
            "suppressed": LISTS,
            "orders": st.integers(0, 3),
            "contacts": st.integers(0, 2),
            "scored": st.booleans(),
        }
    ),
    min_size=1,
    max_size=25,
)


def world(people):
    """Return customers with their scores, and a history in which each got `contacts` e-mails this week."""
    lists = {name: [person[name] for person in people] for name in ("consent", "withdrawn", "suppressed", "orders")}
    customers = profiles(len(people), **lists)
    asked = [person["scored"] for person in people for _ in actions()]
    history = MemoryHistory()
    sent = [f"c{i}" for i, person in enumerate(people) for _ in range(person["contacts"])]
    history.append("events", _sent(sent), batch="sent")
    return history, customers, scores(customers, 3, mean=1.0).filter(pa.array(asked))


def _sent(customers):
    rows = [
        {
            "event_id": f"e{i}",
            "customer_id": customer,
            "kind": "sent",
            "channel": "email",
            "occurred_at": NOW - timedelta(days=1),
            "received_at": NOW - timedelta(days=1),
            "source": "test",
        }
        for i, customer in enumerate(customers)
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS.schema)


def is_open(person, action: str) -> bool:
    """Say in plain words whether an action may be given to a person of this world."""
    channel = CHANNELS[action]
    named = {name: channel in person[name] or "*" in person[name] for name in ("consent", "withdrawn", "suppressed")}
    tired = channel == "email" and person["contacts"] >= 2
    fits = action != "mail-big" or person["orders"] >= 2
    return named["consent"] and not named["withdrawn"] and not named["suppressed"] and fits and not tired


NOBODY = {"consent": [], "withdrawn": [], "suppressed": [], "orders": 0, "contacts": 0, "scored": False}


@given(PEOPLE, st.floats(0.0, 8.0), st.integers(0, 6), st.integers(1, 5))
@example([NOBODY], 1.1e-308, 0, 1)
@settings(max_examples=examples(25), deadline=None)
def test_nobody_is_ever_given_or_offered_what_is_not_open_and_no_limit_is_exceeded(people, budget, letters, cycle):
    history, customers, scored = world(people)
    request = SteerRequest(
        actions(),
        (Limit("budget", use="cost", maximum=budget), Limit("letters", actions=("letter",), maximum=letters)),
        ContactPolicy(caps=(ContactCap(2, 7, "email"),)),
        Settings("t", control=ControlSettings(0.1, 0.1), exploration=ExplorationSettings(0.2, 0.05, 0.02)),
        cycle,
        NOW,
        True,
    )
    proposal = propose(history, customers, scored, request)
    spent = given_letters = 0.0
    for row in proposal.decisions.to_pylist():
        person = people[int(row["customer_id"][1:])]
        possible = dict(zip(row["eligible"], row["p"], strict=True))
        assert all(action == "none" or (is_open(person, action) and person["scored"]) for action in possible)
        assert row["action_id"] in possible
        assert possible["none"] == 1.0 if row["universal_control"] else possible["none"] >= 0.1 - 1e-12
        spent += row["cost_money"]
        given_letters += row["action_id"] == "letter"
    assert spent <= budget + 1e-9
    assert given_letters <= letters


def test_maxima_are_never_exceeded_in_ten_thousand_random_instances():
    rng = np.random.default_rng(2026)
    tightest = stopped = 0
    for _ in range(10_000):
        cells = random_cells(int(rng.integers(1, 12)), rng)
        tables, terms = random_terms(cells.n, rng)
        drawn = decide(cells, tables, terms)
        owner = np.flatnonzero(drawn.choice >= 0)
        used = tables.cell_use(cells, drawn.choice[owner], owner).sum(axis=1)
        over = (used - tables.bound)[tables.hard]
        assert (over <= 1e-12 * np.maximum(1.0, np.abs(tables.bound[tables.hard]))).all()
        tightest += bool((np.abs(over) < 1e-9).any())
        stopped += bool((drawn.p[~cells.units.held_out[cells.owner()]] == 0.0).any())
    assert tightest > 500  # limits are reached,
    assert stopped > 500  # and they stop somebody


def test_the_control_share_is_exact_where_every_action_is_wanted_and_where_none_is():
    """p(none) = w · softmax(none) + floor / (1 + Σ g) + control, so at the two ends nothing but shares is left."""
    cells = random_cells(2_000, np.random.default_rng(5))
    mine = np.flatnonzero(~cells.units.held_out & (np.diff(cells.indptr) > 0))
    tables, terms = random_terms(cells.n, np.random.default_rng(5))
    free = np.full(tables.m, np.inf)
    for weights in ((), (1.0, 0.3, 3.0, 0.5)):
        rule = RuleSettings(0.01, 0.06, 0.13, weights)
        mass = 1.0 + np.bincount(cells.owner(), np.array(rule.floor_of(K))[cells.action], cells.n)[mine]
        for value, kept in ((1e6, 0.13), (-1e6, 1.0 - 0.06)):
            loved = replace(cells, value_money=np.full(cells.n_cells, value))
            drawn = decide(loved, tables, BlockTerms(np.zeros(tables.m), free, rule, terms.salt))
            np.testing.assert_allclose(drawn.p_none[mine], kept + 0.06 / mass, rtol=0.0, atol=1e-15)
