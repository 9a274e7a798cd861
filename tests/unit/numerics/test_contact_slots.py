"""What a contact displaces, against the textbook's thresholds, brute force and cases worked by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from alamo.numerics.contact_slots import Horizon, Slots, displaced, n_states, transitions

UNIFORM = (np.arange(2000) + 0.5) / 2000
SAME = np.full((2000, 2000), 1 / 2000)


def test_one_choice_among_uniform_values_has_mosers_thresholds():
    """E(n + 1) = (1 + E(n)²)/2: 1/2, 5/8, 89/128, … (Moser, 1956; Gilbert and Mosteller, §5a)."""
    slots = Slots.of(1, 40)
    expected = 0.0
    for n in range(1, 9):
        expected = (1 + expected**2) / 2
        assert displaced(slots, UNIFORM, SAME, Horizon(n))[0, 0] == pytest.approx(expected, abs=1e-6)


def test_several_choices_have_the_thresholds_of_the_sequential_assignment():
    """a(i, n + 1) = ∫ of x between a(i − 1, n) and a(i, n) plus the ends (Derman, Lieberman and Ross, Theorem 1)."""
    n, choices = 6, 3
    a = np.array([0.0, 1.0])
    for _ in range(n):
        inner = [(a[i] ** 2 - a[i - 1] ** 2) / 2 + a[i - 1] * a[i - 1] + a[i] * (1 - a[i]) for i in range(1, len(a))]
        a = np.array([0.0, *inner, 1.0])
    slots = Slots.of(choices, 20)
    charge = displaced(slots, UNIFORM, SAME, Horizon(n))
    thresholds = a[1:-1][::-1]  # of the best, the second, … of n values to come
    for left in range(1, choices + 1):
        state = slots.index(np.array([sorted([0] * left + [20] * (choices - left))]))[0]
        assert charge[state, 0] == pytest.approx(thresholds[left - 1], abs=1e-5)


def test_by_hand_two_levels_that_alternate():
    """Today's 4 blocks the slot tomorrow, when 10 comes for certain: a contact displaces 10."""
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    slots = Slots.of(1, 1)
    assert displaced(slots, np.array([4.0, 10.0]), swap, Horizon(1))[0].tolist() == [10.0, 4.0]
    assert displaced(slots, np.array([4.0, 10.0]), swap, Horizon(1, discount=0.9))[0] == pytest.approx([9.0, 3.6])
    assert displaced(slots, np.array([4.0, 10.0]), swap, Horizon(0))[0].tolist() == [0.0, 0.0]


def test_a_value_that_never_changes_is_not_waited_with():
    """Waiting only brings the next contact later: the charge stays below the value at every level."""
    value = np.array([1.0, 5.0, 25.0])
    charge = displaced(Slots.of(1, 3), value, np.eye(3), Horizon(24, ends=4))[0]
    assert (charge < value).all()
    assert charge == pytest.approx(0.75 * value)  # a slot earns x/4 a cycle, and is gone for three


def test_a_cap_that_cannot_bind_charges_nothing():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), 4)
    charge = displaced(Slots.of(4, 3), rng.random(4), p, Horizon(20))  # four contacts in four cycles
    assert charge[0] == pytest.approx(np.zeros(4), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_the_best_policy_loses_with_one_slot_less(seed):
    """Against enumeration of every course of levels and every choice."""
    rng = np.random.default_rng(seed)
    value, p, blocked, horizon = rng.random(2), rng.dirichlet(np.ones(2), 2), 2, 4

    def best(state, level, cycles):
        waits = (
            sum(p[level, k] * best(tuple(sorted(max(b - 1, 0) for b in state)), k, cycles - 1) for k in (0, 1))
            if cycles
            else 0.0
        )
        if state[0]:
            return waits
        after = tuple(sorted(max(b - 1, 0) for b in (blocked + 1, *state[1:])))
        return max(waits, value[level] + ahead(after, level, cycles))

    def ahead(state, level, cycles):
        return sum(p[level, k] * best(state, k, cycles - 1) for k in (0, 1)) if cycles else 0.0

    slots = Slots.of(2, blocked)
    charge = displaced(slots, value, p, Horizon(horizon))
    for state, level in product(range(len(slots.states)), (0, 1)):
        b = tuple(slots.states[state])
        if b[0] == 0:
            without = tuple(sorted(max(x - 1, 0) for x in b))
            after = tuple(sorted(max(x - 1, 0) for x in (blocked + 1, *b[1:])))
            lost = ahead(without, level, horizon) - ahead(after, level, horizon)
            assert charge[state, level] == pytest.approx(lost, abs=1e-12)


def test_states_are_counted_and_too_many_are_refused():
    assert len(Slots.of(3, 5).states) == n_states(3, 5) == 56
    for count, blocked in ((0, 3), (1, -1), (12, 27)):
        with pytest.raises(ValueError, match="too few or too many"):
            Slots.of(count, blocked)


def test_transitions_add_up_and_follow_what_was_seen():
    rng = np.random.default_rng(2)
    before = rng.integers(0, 3, 30_000)
    after = np.where(rng.random(30_000) < 0.7, before, rng.integers(0, 3, 30_000))
    found = transitions(before, after, 3)
    assert found.sum(axis=1) == pytest.approx(np.ones(3))
    assert found.diagonal() == pytest.approx([0.8] * 3, abs=4 * (0.8 * 0.2 / 10_000) ** 0.5)
    nothing = transitions(np.zeros(0, np.int64), np.zeros(0, np.int64), 3)
    assert nothing == pytest.approx(np.full((3, 3), 1 / 3))
