"""Playing a past cycle again: what was drawn comes out as it did, and another draw differs by that draw alone."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.simulation.markets import action, batch, scenario, world

from alamo.simulation.counterfactual import CycleRecord, Replay
from alamo.simulation.decision_log import NOBODY, DecisionLog
from alamo.simulation.response import UNTREATED

ACTIONS = (
    action("earlier", effect={"mean": 0.1}, pulls_forward=1.0),
    action("pushy", channel="text", effect={"mean": 0.05}, fatigue=0.3),
)
CYCLES = 4


def played(customers: int = 600, seed: int = 1, p: tuple[float, ...] = (0.3, 0.3), actions=ACTIONS, **keys):
    """A market that a fixed random policy has run in, and the record of each cycle."""
    place = world(scenario(*actions, customers=customers, consent={"email": 1.0, "text": 0.8}, **keys), seed)
    rng = np.random.default_rng(seed)
    records = []
    for _ in range(CYCLES):
        open_ = (place.consent & ~place.view().state.withdrawn)[:, [0, 1]]
        chances = open_ * np.array(p)
        draw = rng.random(customers)
        edges = 1.0 - chances.sum(axis=1)
        place_of = (draw[:, None] >= edges[:, None] + np.cumsum(chances, axis=1)).sum(axis=1)
        drawn = np.where(draw < edges, NOBODY, np.minimum(place_of, 1))
        log = DecisionLog(np.arange(customers), drawn, open_, chances, np.zeros(customers, dtype=bool))
        for column, name in enumerate(entry["id"] for entry in actions):
            who = [place.population.ids[i] for i in np.flatnonzero(drawn == column)]
            place.receive(batch(place, name, who, f"{place.cycle}-{name}"))
        records.append(CycleRecord.of(place, log))
        place.advance()
    return place, records


@pytest.fixture(scope="module")
def market():
    return played()


def test_what_was_drawn_comes_out_as_it_did(market):
    place, records = market
    replay = Replay(place, records)
    seen = replay.follow(1, CYCLES)
    assert np.array_equal(seen.states[-1].ledger.total, place.view().state.ledger.total)
    assert np.array_equal(seen.states[-1].withdrawn, place.view().state.withdrawn)
    drawn_again = replay.follow(1, CYCLES, records[0].treated)
    assert all(np.array_equal(a, b) for a, b in zip(drawn_again.treated, seen.treated, strict=True))
    assert np.array_equal(drawn_again.states[-1].ledger.total, seen.states[-1].ledger.total)


def test_another_draw_changes_nobody_who_would_have_drawn_the_same(market):
    place, records = market
    replay, n = Replay(place, records), len(place.population)
    seen, none = replay.follow(2, 3), replay.follow(2, 3, np.full(n, UNTREATED))
    untouched = records[1].treated == UNTREATED
    assert np.array_equal(none.states[-1].ledger.total[untouched], seen.states[-1].ledger.total[untouched])
    assert (none.states[-1].ledger.total[~untouched] != seen.states[-1].ledger.total[~untouched]).any()


def test_a_permission_that_is_not_lost_is_used_again(market):
    place, records = market
    replay, n = Replay(place, records), len(place.population)
    everybody, nobody = (replay.follow(1, CYCLES, np.full(n, arm)) for arm in (1, UNTREATED))
    gone = everybody.lost[0][:, 1]
    assert gone.any()
    later = [np.mean(stretch.treated[2][gone] == 1) for stretch in (everybody, nobody)]
    assert later[0] == 0.0
    assert later[1] > 0.1


def test_cycles_after_the_last_record_go_on_under_its_policy(market):
    place, records = market
    n = len(place.population)
    stretch = Replay(place, records).follow(CYCLES, 4, np.full(n, UNTREATED))
    allowed = place.consent[:, 0] & ~stretch.states[-2].withdrawn[:, 0]
    assert np.mean(stretch.treated[-1][allowed] == 0) == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / allowed.sum()))
    again = Replay(place, records).follow(CYCLES, 4, np.full(n, UNTREATED))
    assert all(np.array_equal(a, b) for a, b in zip(again.treated, stretch.treated, strict=True))


def test_whoever_was_held_out_stays_held_out(market):
    place, records = market
    held = np.arange(len(place.population)) % 3 == 0
    kept = []
    for record in records:
        log = record.log
        drawn, chances = np.where(held, NOBODY, log.drawn), log.p * ~held[:, None]
        still = DecisionLog(log.position, drawn, log.eligible, chances, held)
        kept.append(CycleRecord(record.cycle, record.state, still, np.where(held, UNTREATED, record.treated)))
    stretch = Replay(place, kept).follow(1, CYCLES, np.zeros(len(held), dtype=np.int64))
    assert all((treated[held] == UNTREATED).all() for treated in stretch.treated[1:])
    assert all((treated[~held] != UNTREATED).any() for treated in stretch.treated[1:])
