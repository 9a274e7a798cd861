"""What contacts displace: learned from days of values, charged by the state of a customer's slots."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.steering.test_eligibility import sent
from tests.unit.steering.worlds import NOW, actions, profiles, scores

from alamo.domain.action import ContactCap, ContactPolicy, Spacing
from alamo.domain.policy import CapCharge
from alamo.steering.candidates import Terms, gather
from alamo.steering.cells import Pairs
from alamo.steering.contact_policy import Ledger
from alamo.steering.control import UniversalControl
from alamo.steering.displacement import CapTerms, caps_to_fill, charges, learn, worth_of_slot
from alamo.steering.eligibility import Gatekeeper
from alamo.store import MemoryHistory

CAP = ContactCap(1, 28, "email")
TERMS = CapTerms(CAP, 7, 1.0)
N = 2000
IDS = pa.array([f"c{i}" for i in range(N)])


def days(seed: int, *, keep: float = 0.0) -> list[tuple[pa.Array, np.ndarray]]:
    """Return four days of exponential values; each customer keeps the last one with chance `keep`."""
    rng = np.random.default_rng(seed)
    worth = [rng.exponential(1.0, N)]
    for _ in range(3):
        worth.append(np.where(rng.random(N) < keep, worth[-1], rng.exponential(1.0, N)))
    return [(IDS, one) for one in worth]


def pairs_of(rows: list[tuple[int, int, float]]) -> Pairs:
    unit, action, value = (np.array(column) for column in zip(*rows, strict=True))
    return Pairs(unit, action, value.astype(float), np.zeros(len(unit)), np.zeros((len(unit), 1)))


def test_a_slot_is_worth_what_the_best_counted_action_adds_to_the_best_other():
    pairs = pairs_of([(0, 0, 3.0), (0, 1, 5.0), (0, 2, 4.0), (1, 0, 2.0), (2, 2, 9.0), (3, 0, 1.0), (3, 2, 4.0)])
    assert worth_of_slot(pairs, 5, [True, True, False]).tolist() == [1.0, 2.0, 0.0, 0.0, 0.0]


def test_values_that_come_and_go_are_waited_for_and_lasting_ones_are_not():
    """With values drawn anew, Bellman's threshold: g is what a cycle earns, and a contact displaces 3 g."""
    fleeting, lasting = learn(TERMS, days(1)), learn(TERMS, days(1, keep=1.0))
    assert isinstance(fleeting, CapCharge)
    assert isinstance(lasting, CapCharge)
    # exponential values: a contact is made above t, with t = 3 g and g (1 + e^t + 3) = t + 1
    t = 0.0
    for _ in range(200):
        t = 3 * (t + 1) / (np.exp(t) + 3)
    charge = np.array(fleeting.charge_money[0])
    assert charge[1:].mean() == pytest.approx(t, rel=0.03)
    assert charge == pytest.approx([t] * 21, rel=0.2)  # a row of transitions rests on 300 customers
    middle = np.array(lasting.value_money[5:])
    assert (np.array(lasting.charge_money[0])[5:] < middle).all()


def test_it_says_why_nothing_is_charged():
    known = days(2)
    assert "first" in learn(TERMS, known[:1])
    assert "cannot keep out" in learn(replace(TERMS, cycle_days=28), known)
    assert "cannot keep out" in learn(replace(TERMS, cap=ContactCap(4, 28)), known)
    assert "too many" in learn(CapTerms(ContactCap(12, 56), 2, 1.0), known)
    assert "fewer than 20" in learn(TERMS, [(IDS, np.zeros(N)), (IDS, np.r_[np.ones(19), np.zeros(N - 19)])])


def test_customers_are_matched_between_days_by_their_id():
    (ids, first), (_, second), *_ = days(3, keep=1.0)
    order = np.random.default_rng(1).permutation(N)
    shuffled = learn(TERMS, [(ids, first), (ids.take(pa.array(order)), second[order])])
    plain = learn(TERMS, [(ids, first), (ids, second)])
    assert isinstance(shuffled, CapCharge)
    assert isinstance(plain, CapCharge)
    assert np.array(shuffled.charge_money) == pytest.approx(np.array(plain.charge_money))
    with_strangers = [(pa.concat_arrays([ids, pa.array(["x", "y"])]), np.r_[first, 9.0, 9.0]), (ids, second)]
    assert isinstance(learn(TERMS, with_strangers), CapCharge)


LEARNED = CapCharge(2, 21, None, (), (), 7, (0.0, 1.0, 3.0), ((0.0, 0.1, 0.3), (0.0, 0.5, 0.9), (0.0, 0.7, 1.3)) * 2)
"""Two slots blocked for up to two cycles: states 00, 01, 02, 11, 12, 22."""


def test_a_charge_follows_the_customers_contacts_and_own_worth():
    """Nothing used; one slot free in a cycle; in two: 00, 01, 02; at worths between and beyond the levels."""
    events = sent(("c1", "email", 14.5), ("c2", "email", 6), ("c2", "email", 40))
    history = MemoryHistory()
    history.append("events", events, batch="b")
    ids = pa.chunked_array([[f"c{i}" for i in range(4)]])
    ledger = Ledger(history, ids, actions(), NOW)
    pairs = pairs_of([(0, 0, 2.0), (1, 0, 2.0), (2, 2, 9.0), (2, 0, 1.0), (3, 0, -1.0)])
    assert charges(pairs, ledger, [LEARNED]).tolist() == pytest.approx([0.2, 0.7, 1.3, 1.3, 0.0])


def test_the_largest_charge_of_the_caps_that_count_an_action_holds():
    history = MemoryHistory()
    ledger = Ledger(history, pa.chunked_array([["c0"]]), actions(), NOW)
    of_mail = replace(LEARNED, channel="email", charge_money=((0.0, 0.6, 0.6),) * 6)
    found = charges(pairs_of([(0, 0, 3.0), (0, 2, 1.0)]), ledger, [LEARNED, of_mail])
    assert found.tolist() == pytest.approx([0.6, 0.3])


def test_spacing_is_filled_like_a_cap_and_a_cap_of_nothing_is_none():
    policy = ContactPolicy(caps=(CAP, ContactCap(0, 7)), spacing=(Spacing(9, "post"),))
    assert caps_to_fill(policy) == [CAP, ContactCap(1, 9, "post")]


def test_what_is_displaced_is_taken_off_the_value_and_not_off_what_a_contact_earns():
    customers = profiles(50)
    history = MemoryHistory()
    history.append("events", sent(*((f"c{i}", "email", 6.0) for i in range(20))), batch="b")
    gatekeeper = Gatekeeper(actions(), ContactPolicy(), NOW)
    terms = Terms(gatekeeper, (), "s", UniversalControl("u", 0.0))
    plain = gather(history, customers, scores(customers, 1), terms).cells
    charged = gather(history, customers, scores(customers, 1), replace(terms, displacement=(LEARNED,))).cells
    assert np.array_equal(charged.earned_money, plain.value_money)
    assert np.array_equal(plain.earned_money, plain.value_money)
    off = charged.earned_money - charged.value_money
    assert (off >= 0).all()
    assert (off > 0).any()
    for i in range(0, 50, 7):  # one by one, the same bits
        alone = gather(
            history, customers.slice(i, 1), scores(customers, 1), replace(terms, displacement=(LEARNED,))
        ).cells
        place = charged.units.ids.to_pylist().index(f"c{i}")
        mine = slice(charged.indptr[place], charged.indptr[place + 1])
        assert np.array_equal(alone.value_money, charged.value_money[mine])


def test_ages_count_what_the_cap_counts():
    history = MemoryHistory()
    history.append(
        "events", sent(("c0", "email", 3), ("c0", "post", 2), ("c1", "email", 29), ("c2", "email", 1)), batch="b"
    )
    ledger = Ledger(history, pa.chunked_array([["c2", "c0"]]), actions(), NOW)
    unit, age = ledger.ages(CAP)
    assert dict(zip(unit.tolist(), age.tolist(), strict=True)) == {1: pytest.approx(3), 0: pytest.approx(1)}
    assert timedelta(days=age.max()) == timedelta(days=3)
