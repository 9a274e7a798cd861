"""What sources hold by the log of imports, when some were killed."""

from __future__ import annotations

from datetime import UTC, datetime

from alamo.domain.records import ImportRecord
from alamo.engine.import_records import contents, holder, possible_holder

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def finished(source: str, key: str) -> ImportRecord:
    return ImportRecord(source, "orders", key, NOW, 1, 0)


def arriving(source: str, key: str) -> ImportRecord:
    return ImportRecord(source, "orders", "", NOW, 0, 0, {"arriving": key})


def test_a_finished_import_is_all_that_its_source_holds():
    log = [arriving("a", "1"), finished("a", "1"), arriving("a", "2"), finished("a", "2")]
    assert contents(log) == {"a": ("2",)}
    assert (holder(log, "2"), possible_holder(log, "2")) == ("a", None)
    assert (holder(log, "1"), possible_holder(log, "1")) == (None, None)


def test_a_killed_import_leaves_open_what_its_source_holds():
    log = [finished("a", "1"), arriving("a", "2"), arriving("a", "3"), finished("b", "4")]
    assert contents(log) == {"a": ("1", "2", "3"), "b": ("4",)}
    for key in ("1", "2", "3"):
        assert (holder(log, key), possible_holder(log, key)) == (None, "a")
    assert holder(log, "4") == "b"


def test_a_first_import_that_was_killed_may_have_left_nothing():
    log = [arriving("a", "1")]
    assert contents(log) == {"a": ("", "1")}
    assert (holder(log, "1"), possible_holder(log, "1")) == (None, "a")


def test_an_emptied_source_holds_nothing():
    log = [finished("a", "1"), arriving("a", ""), finished("a", "")]
    assert contents(log) == {"a": ("",)}
    assert (holder(log, "1"), possible_holder(log, "1")) == (None, None)
