"""Money, time, limits, policies and results: the small words everybody uses."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time
from typing import ClassVar

import numpy as np
import pytest

from alamo.domain.action import Action, Limit, QuietHours
from alamo.domain.errors import ConfigError, MissingExtraError
from alamo.domain.money import minor_per_major
from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot, RuleSettings, message_hash
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.domain.time import Calendar, end_of, iso, utc
from alamo.numerics.hashing import content_hash


def test_minor_units_follow_the_currency():
    assert [minor_per_major(code) for code in ("EUR", "JPY", "KWD")] == [100, 1, 1000]
    with pytest.raises(ConfigError, match="unknown currency 'EURO'"):
        minor_per_major("EURO")


def test_a_date_reaches_to_its_end_and_a_moment_to_itself():
    assert end_of(date(2026, 1, 2)) == datetime(2026, 1, 3, tzinfo=UTC)
    assert end_of(datetime(2026, 1, 2, 8, tzinfo=UTC)) == datetime(2026, 1, 2, 8, tzinfo=UTC)


def test_naive_times_and_dates_are_utc():
    assert utc(date(2026, 1, 2)) == datetime(2026, 1, 2, tzinfo=UTC)
    assert iso(datetime(2026, 1, 2, 3, 4, 5)) == "2026-01-02T03:04:05Z"  # noqa: DTZ001  # a naive time is the case


def test_cycles_are_numbered_from_one():
    calendar = Calendar(datetime(2026, 1, 1, tzinfo=UTC), 28)
    assert calendar.cycle_at(datetime(2025, 12, 31, tzinfo=UTC)) == 0
    assert calendar.cycle_at(calendar.start(3)) == 3
    assert calendar.cycle_at(datetime(2026, 1, 28, 23, tzinfo=UTC)) == 1


def test_quiet_hours_may_wrap_over_midnight():
    night = QuietHours(time(21), time(8))
    assert night.contains(time(23))
    assert night.contains(time(7, 59))
    assert not night.contains(time(8))
    assert not QuietHours(time(12), time(13)).contains(time(13))


def test_a_limit_covers_actions_by_id_channel_and_level():
    mail = Action("a", "A", "email", "upsell")
    assert Limit("x").covers(mail)
    assert Limit("x", channels=("email",), levels=("upsell",)).covers(mail)
    assert not Limit("x", actions=("b",)).covers(mail)


def snapshot():
    return PolicySnapshot(
        cycle=1,
        action_ids=("a",),
        rows=(),
        rule=RuleSettings(1.0, 0.1, 0.1),
        salt="s",
        universal_salt="u",
        universal_share=0.0,
        n_blocks=1,
        blocks=(BlockState(0, (), ()),),
        model_version="m",
        scores_as_of="2026-01-01",
        actions={"a": {"cost_money": 0.1}},
    )


def test_the_version_of_a_policy_is_its_content():
    assert snapshot().version == snapshot().version
    assert replace(snapshot(), salt="t").version != snapshot().version
    assert replace(snapshot(), rule=RuleSettings(np.nextafter(1.0, 2.0), 0.1, 0.1)).version != snapshot().version


LATER = ("universal_start", "universal_waiting", "displacement", "fatigue_money", "counter")


def test_an_even_floor_has_the_version_it_had_before_there_were_weights():
    values = asdict(snapshot())
    assert values["rule"].pop("floor_weights") == ()
    assert [values.pop(name) for name in LATER] == [0.0, None, (), {}, None]
    assert snapshot().version == content_hash(values)
    assert replace(snapshot(), rule=RuleSettings(1.0, 0.1, 0.1, (0.5,))).version != snapshot().version


def test_a_limit_on_an_amount_has_the_version_it_had_before_there_were_shares():
    row = LimitRow("budget", "cost", 5.0, 1, ("a",), "", True)
    values = asdict(replace(snapshot(), rows=(row,)))
    del values["rule"]["floor_weights"], values["rows"][0]["share"], values["rows"][0]["of_action_ids"]
    for name in LATER:
        del values[name]
    assert replace(snapshot(), rows=(row,)).version == content_hash(values)
    share = replace(row, share=0.3, of_action_ids=("a",))
    assert replace(snapshot(), rows=(share,)).version != replace(snapshot(), rows=(row,)).version


def test_floor_weights_fit_the_actions_or_are_refused():
    assert RuleSettings(1.0, 0.1, 0.1).floor_of(3) == (1.0, 1.0, 1.0)
    assert RuleSettings(1.0, 0.1, 0.1, (0.5, 2.0)).floor_of(2) == (0.5, 2.0)
    for weights in ((0.5,), (0.5, 0.0), (0.5, float("nan")), (0.5, float("inf"))):
        with pytest.raises(ValueError, match="floor weights"):
            RuleSettings(1.0, 0.1, 0.1, weights).floor_of(2)


def test_a_message_is_its_action_channel_and_content():
    mail = Action("a", "A", "email", "upsell", content={"subject": "Hello", "until": date(2026, 1, 1)})
    same = replace(mail, name="B", cost_money=2.0, eligible="orders > 1", content=dict(reversed(mail.content.items())))
    assert message_hash(same) == message_hash(mail)
    changed = (
        replace(mail, id="b"),
        replace(mail, channel="post"),
        replace(mail, content={}),
        replace(mail, content={**mail.content, "until": date(2026, 1, 2)}),
    )
    assert len({message_hash(mail), *map(message_hash, changed)}) == 5


@dataclass(frozen=True, repr=False)
class Pair(Result):
    schema: ClassVar[str] = "alamo.pair/1"
    columns: ClassVar[tuple[str, ...]] = ("name", "value")
    value: float = 1.0

    def records(self):
        return [{"name": "<b>", "value": self.value}]

    def beside(self):
        refusals = (Refusal("effect", "8 outcomes <only>", "wait"),) if self.value < 0 else ()
        return {"note": {"at": datetime(2026, 1, 1, tzinfo=UTC), "n": np.int64(3)}, "refusals": refusals}


def test_a_result_becomes_json_arrow_text_and_html():
    found = json.loads(json.dumps(Pair().to_dict(), allow_nan=False))
    assert found == {
        "schema": "alamo.pair/1",
        "rows": [{"name": "<b>", "value": 1.0}],
        "note": {"at": "2026-01-01T00:00:00+00:00", "n": 3},
        "refusals": [],
    }
    assert Pair(float("nan")).to_dict()["rows"][0]["value"] is None
    assert Pair().to_arrow().to_pylist() == [{"name": "<b>", "value": 1.0}]
    assert "alamo.pair/1" in repr(Pair())
    assert "&lt;b&gt;" in Pair()._repr_html_()


def test_a_result_shows_what_stands_beside_its_rows_and_leaves_out_what_is_empty():
    assert "note: at 2026-01-01T00:00:00+00:00, n 3" in repr(Pair())
    assert "refusals" not in repr(Pair()) + Pair()._repr_html_()
    assert "8 outcomes <only>" in repr(Pair(-1.0))
    assert "<caption>refusals</caption>" in Pair(-1.0)._repr_html_()
    assert "8 outcomes &lt;only&gt;" in Pair(-1.0)._repr_html_()


def test_pandas_is_asked_for_only_when_wanted(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pandas is not installed"):
        Pair().to_pandas()
