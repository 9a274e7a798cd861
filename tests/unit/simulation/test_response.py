from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from tests.unit.simulation.markets import action, batch, scenario, world


def money_of(place):
    total = np.zeros(len(place.population))
    for piece in place.pull(None, place.now()):
        if piece.source == "simulation/opening":
            continue
        rows = piece.data.filter(pc.equal(piece.data["kind"], "order_line"))
        np.add.at(total, place.positions(rows["customer_id"].to_pylist()), rows["amount_minor"].to_numpy() / 100)
    return total


def test_larger_orders_are_larger_by_the_effect():
    market = scenario(action(effect={"mean": 0.25, "on": "spend"}))
    calm, loud = world(market), world(market)
    loud.receive(batch(loud, "good", loud.population.ids))
    calm.advance()
    loud.advance()
    before, after = money_of(calm), money_of(loud)
    bought = before > 0
    assert np.allclose(after[bought] / before[bought], 1.25, atol=0.02)
    assert (after[~bought] == 0).all()


def test_what_was_pulled_forward_is_missing_later():
    market = scenario(action(effect={"mean": 0.2}, pulls_forward=1.0), purchase={"rate_per_year": 12.0, "dropout": 0.0})
    calm, loud = world(market), world(market)
    loud.receive(batch(loud, "good", loud.population.ids))
    for place in (calm, loud):
        place.advance()
    borrowers = loud.view().state.owes
    assert borrowers.sum() > 200
    orders_after_first = [place.view().state.ledger.purchase_days for place in (calm, loud)]
    assert (orders_after_first[1] - orders_after_first[0])[borrowers].tolist() == [1] * int(borrowers.sum())
    for _ in range(30):
        calm.advance()
        loud.advance()
    repaid = borrowers & ~loud.view().state.owes
    days = [place.view().state.ledger.purchase_days for place in (calm, loud)]
    assert repaid.sum() > 0.9 * borrowers.sum()
    # an extra order may share its day with no natural one, so the counts agree exactly once the debt is repaid
    assert (days[1] - days[0])[repaid].tolist() == [0] * int(repaid.sum())


def test_spend_that_came_earlier_makes_the_next_order_smaller():
    market = scenario(
        action(effect={"mean": 0.3, "on": "spend"}, pulls_forward=1.0), purchase={"rate_per_year": 24.0, "dropout": 0.0}
    )
    calm, loud = world(market), world(market)
    loud.receive(batch(loud, "good", loud.population.ids))
    for _ in range(12):
        calm.advance()
        loud.advance()
    settled = loud.view().state.owes_money < 0.01
    assert settled.mean() > 0.95
    difference = (money_of(loud) - money_of(calm))[settled]
    assert np.abs(difference).max() < 0.5  # rounding of each order to pence
