"""One rule, many carriers: what Spark gathers, decides and scores equals what one process does, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.steering.worlds import NOW, actions, profiles, scores

from alamo.domain.action import ContactCap, ContactPolicy, Limit
from alamo.domain.errors import ConfigError, InsufficientDataError
from alamo.domain.policy import CapCharge
from alamo.domain.reasons import Ineligible
from alamo.domain.settings import ControlSettings, Settings
from alamo.domain.tables import EVENTS
from alamo.engine.batch import Stamp
from alamo.engine.predict import OpeningScorer
from alamo.engine.propose import SteerRequest, propose
from alamo.engine.realtime import terms_of
from alamo.engine.replay import replay
from alamo.spark import SparkCarrier
from alamo.steering.candidates import gather
from alamo.steering.eligibility import Gatekeeper
from alamo.store import DeltaHistory

pytestmark = pytest.mark.spark

N = 3_000
LIMITS = (
    Limit("budget", use="cost", maximum=150.0),
    Limit("letters north", actions=("letter",), where="region = 'north'", maximum=50),
    Limit("loyal", where="orders >= 2", minimum=20.0),
)
CONTACT = ContactPolicy(caps=(ContactCap(1, 7, "email"),))
LATE = "CASE WHEN customer_id = 'c2999' THEN CAST(region AS INTEGER) > 1 ELSE true END"
"""Fails at a customer that no rehearsal meets."""
OF_DAY = f"WHERE as_of_day = '{NOW.date().isoformat()}'"


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> DeltaHistory:
    """Customers of two regions and of two days, some without consent, without a score or at their cap."""
    history = DeltaHistory(tmp_path_factory.mktemp("spark") / "history with [brackets]")
    customers = profiles(
        N,
        region=["north" if i % 2 else "south" for i in range(N)],
        consent=[["*"] if i % 5 else [] for i in range(N)],
    )
    history.append("profiles", customers, batch="today")
    earlier = NOW - timedelta(days=28)
    history.append("profiles", _on(customers, earlier), batch="earlier")
    found = scores(customers, 3)
    history.append("scores", found.slice(0, 3 * N - 100), batch="today")
    history.append("scores", _on(found, earlier), batch="earlier")
    history.append("events", sent(range(0, N, 7)), batch="sent")
    return history


def _on(table: pa.Table, moment) -> pa.Table:
    for name, value in (("as_of", moment), ("as_of_day", moment.date().isoformat())):
        place, field = table.schema.get_field_index(name), table.schema.field(name)
        table = table.set_column(place, field, pa.array([value] * table.num_rows, field.type))
    return table


def sent(numbers) -> pa.Table:
    """Return one e-mail to each of the customers, two days ago."""
    rows = [
        {
            "event_id": f"e{i}",
            "source": "mails",
            "customer_id": f"c{i}",
            "kind": "sent",
            "occurred_at": NOW - timedelta(days=2),
            "received_at": NOW - timedelta(days=2),
            "channel": "email",
        }
        for i in numbers
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS.schema)


def of_day(history: DeltaHistory, table: str) -> pa.Table:
    return history.query(f"SELECT * FROM {table} {OF_DAY}")


def request(**changes) -> SteerRequest:
    settings = Settings("t", control=ControlSettings(0.1, 0.05))
    return replace(SteerRequest(actions(), LIMITS, CONTACT, settings, 1, NOW, True), **changes)


def carrier(spark, history, tmp_path, per_slice: int = 700) -> SparkCarrier:
    return SparkCarrier(spark, history, tmp_path / "work", customers_per_slice=per_slice)


@pytest.fixture(scope="module")
def proposed(history):
    """What one process proposes."""
    return propose(history, of_day(history, "profiles"), of_day(history, "scores"), request())


@pytest.mark.parametrize("per_slice", [700, 1_000_000])
def test_a_proposal_on_spark_is_the_one_made_here(spark, history, proposed, tmp_path, per_slice):
    scored = history.query(f"SELECT model_version, max(as_of) AS as_of FROM scores {OF_DAY} GROUP BY model_version")
    with carrier(spark, history, tmp_path, per_slice) as carried:
        again = propose(history, of_day(history, "profiles").slice(0, 0), scored, request(), carried)
        assert again.decisions.equals(proposed.decisions)
        assert list(tmp_path.glob("work/run-*"))
    assert (again.plan_id, again.policy, again.summary) == (proposed.plan_id, proposed.policy, proposed.summary)
    assert not list(tmp_path.glob("work/run-*"))


def test_charges_of_caps_filled_by_value_are_taken_off_alike(spark, history, tmp_path):
    """The states of a customer's slots come from its own contacts, in whichever slice it is."""
    charges = ((0.02, 0.05), (0.05, 0.2), (0.1, 0.3))
    asked = request(contact=ContactPolicy(), displacement=(CapCharge(1, 60, "email", (), (), 28, (0.1, 0.6), charges),))
    tables = of_day(history, "profiles"), of_day(history, "scores")
    here = propose(history, *tables, asked)
    assert here.policy.displacement
    with carrier(spark, history, tmp_path) as carried:
        there = propose(history, *tables, asked, carried)
        assert there.decisions.equals(here.decisions)
    assert (there.plan_id, there.summary) == (here.plan_id, here.summary)


def test_candidates_are_those_gathered_here_with_every_reason_counted(spark, history, proposed, tmp_path):
    terms = terms_of(proposed.policy, Gatekeeper(actions(), CONTACT, NOW))
    here = gather(history, of_day(history, "profiles"), of_day(history, "scores"), terms)
    with carrier(spark, history, tmp_path) as carried:
        there = carried.gather(terms, NOW)
    assert there.eligibility.stages == here.eligibility.stages
    assert (there.scored, there.affordable) == (here.scored, here.affordable)
    assert here.eligibility.excluded[0][Ineligible.CHANNEL_CAP.value] > 0
    assert there.cells.units.ids.equals(here.cells.units.ids)
    assert np.array_equal(there.tables.coefficient, here.tables.coefficient)
    for name in ("group", "held_out", "in_control", "key"):
        assert getattr(there.cells.units, name).tobytes() == getattr(here.cells.units, name).tobytes()
    for name in ("indptr", "action", "value_money", "value_sd_money", "shared_sd_money", "uses"):
        assert getattr(there.cells, name).tobytes() == getattr(here.cells, name).tobytes()


def test_the_log_of_a_published_policy_is_decided_again_from_the_tables(spark, history, proposed, tmp_path):
    stamp = Stamp(proposed.plan_id, proposed.policy.version, 1, NOW, proposed.valid_until)
    terms = terms_of(proposed.policy, Gatekeeper(actions(), CONTACT, NOW))
    with carrier(spark, history, tmp_path) as carried:
        candidates = carried.gather(terms, NOW)
        again = carried.decide(proposed.policy, stamp)
        assert again.equals(proposed.decisions)
    assert replay(proposed.policy, candidates.cells, candidates.tables, proposed.decisions, stamp).identical


def test_scores_are_those_made_here(spark, history, tmp_path):
    scorer = OpeningScorer(actions(), NOW, 0.5)
    here = scorer(of_day(history, "profiles"), of_day(history, "segments"))
    with carrier(spark, history, tmp_path) as carried:
        there = carried.score(scorer, NOW)
        by = [("customer_id", "ascending"), ("action_id", "ascending")]
        assert there.sort_by(by).equals(here.sort_by(by))


@pytest.mark.parametrize(
    ("eligible", "said"),
    [
        ("no_such_column > 1", "no_such_column"),
        ("customer_id = 'c2999' AND CAST(region AS INTEGER) > 1", "Could not convert"),
    ],
    ids=["before any work", "by a worker that met the value"],
)
def test_a_wrong_predicate_is_refused_in_the_words_of_one_process(spark, history, tmp_path, eligible, said):
    wrong = (replace(actions()[0], eligible=eligible), *actions()[1:])
    asked = request(actions=wrong)
    with pytest.raises(ConfigError) as here:
        propose(history, of_day(history, "profiles"), of_day(history, "scores"), asked)
    with carrier(spark, history, tmp_path) as carried, pytest.raises(ConfigError, match=said) as there:
        propose(history, of_day(history, "profiles"), of_day(history, "scores"), asked, carried)
    assert (there.value.code, there.value.hint) == (here.value.code, here.value.hint)
    assert not list(tmp_path.glob("work/run-*"))


def test_a_day_without_profiles_says_how_to_build_them(spark, history, proposed, tmp_path):
    terms = terms_of(proposed.policy, Gatekeeper(actions(), CONTACT, NOW))
    with carrier(spark, history, tmp_path) as carried:
        for ask in (
            lambda: carried.gather(terms, NOW + timedelta(days=1)),
            lambda: carried.score(OpeningScorer(actions(), NOW, 0.5), NOW + timedelta(days=1)),
        ):
            with pytest.raises(InsufficientDataError) as error:
                ask()
            assert error.value.hint.endswith("alamo measure")


def test_what_a_killed_run_left_is_removed_by_the_next(spark, history, tmp_path):
    left = carrier(spark, history, tmp_path)
    host, _pid, rest = left._folder.name.removeprefix("run-").rsplit("-", 2)
    dead = tmp_path / "work" / f"run-{host}-{2**22 + 1}-{rest}"
    dead.mkdir(parents=True)
    with carrier(spark, history, tmp_path):
        assert not dead.exists()
