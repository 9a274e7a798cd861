"""Properties of the simulated world: killed anywhere it goes on as if nothing had happened, and time never leaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.simulation.markets import START, action, batch, scenario, world

from alamo.domain.errors import StateError
from alamo.simulation.world import World
from alamo.simulation.world_folder import WorldFolder

MARKET = scenario(
    action("a", fatigue=0.05), action("b", channel="post", effect={"mean": -0.02}), customers=200, cycle_days=14
)


def contacts(place, seed):
    """One batch per action, to customers chosen by the seed."""
    rng = np.random.default_rng([seed, place.cycle])
    chosen = rng.integers(-1, 2, len(place.population))
    ids = np.array(place.population.ids)
    return [batch(place, name, ids[chosen == a].tolist(), f"{place.cycle}/{name}") for a, name in enumerate(("a", "b"))]


def content(place):
    return {b.source: b.content_hash for b in place.pull(None, place.now())}


def reopened(folder, seed):
    return World(MARKET, WorldFolder(folder).read_population(), start=START, seed=seed, folder=folder)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000), stops=st.lists(st.integers(0, 5), max_size=4))
def test_a_world_closed_at_any_moment_goes_on_where_it_stopped(tmp_path_factory, seed, stops):
    folder = tmp_path_factory.mktemp("world")
    straight, broken = world(MARKET, seed), world(MARKET, seed, folder)
    moment = 0
    for _ in range(2):
        pairs = list(zip(contacts(straight, seed), contacts(broken, seed), strict=True))
        for one, other in pairs:
            straight.receive(one)
            broken.receive(other)
            if moment in stops:
                broken = reopened(folder, seed)
                broken.receive(other)  # the engine repeats a batch whose receipt it never saw
            moment += 1
        straight.advance()
        broken.advance()
        if moment in stops:
            broken = reopened(folder, seed)
        moment += 1
    assert content(broken) == content(straight)
    assert broken.now() == straight.now()


def test_files_of_a_cycle_that_was_not_finished_are_written_again(tmp_path):
    place = world(MARKET, 1, tmp_path)
    place.receive(contacts(place, 1)[0])
    place.advance()
    kept = content(place)
    WorldFolder(tmp_path).set_cycle(1, place._identity)  # as if killed before the last write
    again = reopened(tmp_path, 1)
    assert again.cycle == 1
    assert again.deliveries().num_rows > 0
    again.advance()
    assert content(again) == kept


def test_a_folder_of_another_market_is_refused(tmp_path):
    world(MARKET, 1, tmp_path)
    with pytest.raises(StateError, match="another scenario, seed or start"):
        world(MARKET, 2, tmp_path)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), who=st.integers(0, 199))
def test_a_contact_changes_nothing_about_anybody_else(seed, who):
    calm, loud = world(MARKET, seed), world(MARKET, seed)
    loud.receive(batch(loud, "a", [loud.population.ids[who]]))
    calm.advance()
    loud.advance()
    others = np.arange(200) != who
    for name, values in calm.view().state.to_arrays().items():
        assert np.array_equal(values[others], loud.view().state.to_arrays()[name][others]), name


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_event_lies_outside_its_cycle(seed):
    place = world(MARKET, seed)
    for piece in contacts(place, seed):
        place.receive(piece)
    start = place.now()
    place.advance()
    for piece in place.pull(start, place.now()):
        moments = piece.data["occurred_at"].to_pylist()
        assert min(moments) >= start
        assert max(moments) < place.now()
    assert {b.source for b in place.pull(start, place.now())} == {"simulation/cycle-1"}
