from __future__ import annotations

import numpy as np

from alamo.simulation.purchases import Purchases
from alamo.simulation.state import Ledger, MarketState


def purchases(*rows):
    customer, day, money = (np.array(column) for column in zip(*rows, strict=True))
    return Purchases(customer, day, money.astype(float), np.zeros(len(rows), dtype=np.int64))


def test_the_first_purchase_is_not_a_repeat():
    books = Ledger.empty(3).after(purchases((0, -50, 10.0), (0, -20, 30.0), (0, -10, 50.0), (1, -5, 7.0)))
    x, t_x, age, repeat = books.statistics(0)
    assert x.tolist() == [2, 0, 0]
    assert t_x.tolist() == [40, 0, 0]
    assert age.tolist() == [50, 5, 0]
    assert repeat.tolist() == [40.0, 0.0, 0.0]


def test_books_kept_cycle_by_cycle_equal_books_kept_at_once():
    early, late = ((0, 1, 10.0), (2, 5, 3.0)), ((0, 30, 20.0), (1, 31, 5.0), (2, 40, 4.0))
    at_once = Ledger.empty(3).after(purchases((0, 1, 10.0), (0, 30, 20.0), (1, 31, 5.0), (2, 5, 3.0), (2, 40, 4.0)))
    in_turn = Ledger.empty(3).after(purchases(*early)).after(purchases(*late))
    for one, other in zip(at_once.statistics(56), in_turn.statistics(56), strict=True):
        assert one.tolist() == other.tolist()
    assert at_once.total.tolist() == in_turn.total.tolist()


def test_the_state_survives_its_arrays():
    state = MarketState.opening(np.array([True, False]), Ledger.empty(2).after(purchases((1, -3, 9.0))), 2)
    again = MarketState.from_arrays(state.to_arrays())
    for name, values in state.to_arrays().items():
        assert np.array_equal(values, again.to_arrays()[name])
