"""Kept sums: a day costs a day, a day again changes nothing, and the answer is that of all rows at once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import alamo
from alamo.domain.errors import InputError, StoreError, UsageError
from alamo.store import RowFiles

QUESTION = {"action": "arm", "control": "none", "outcome": "spend", "features": "none", "segments": ["place"]}


def _day(seed: int, n: int = 2000) -> pa.Table:
    rng = np.random.default_rng(seed)
    arm, place = rng.integers(0, 2, n), rng.integers(0, 6 + seed % 2, n)  # a place that opens on odd days
    spend = np.where(rng.random(n) < 0.2 + 0.05 * arm, rng.gamma(2.0, 10.0, n), 0.0).round(2)
    return pa.table({"arm": np.array(["none", "mail"])[arm], "place": [f"p{i}" for i in place], "spend": spend})


@pytest.fixture
def days(tmp_path: Path) -> Path:
    folder = tmp_path / "days"
    folder.mkdir()
    for day in range(3):
        pq.write_table(_day(day), folder / f"{day}.parquet")
    return folder


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Say which files were opened, call by call."""
    calls: list[list[str]] = []
    init = RowFiles.__init__

    def noting(self: RowFiles, files: list[Path], **options: object) -> None:
        calls.append([file.name for file in files])
        init(self, files, **options)

    monkeypatch.setattr(RowFiles, "__init__", noting)
    return calls


def _kept(days: Path, **changed: object) -> alamo.ExperimentResult:
    return alamo.estimate_effects(days, sums=days.parent / "sums.parquet", **QUESTION | changed)


def _check_same(found: object, expected: object) -> None:
    assert len(found.rows) == len(expected.rows)
    assert found.units == expected.units
    for one, other in zip(found.records(), expected.records(), strict=True):
        planned = ("anytime_lower", "anytime_upper")  # tightest at rows fixed at the first look, so a little wider
        for key in other.keys() - set(planned):
            value = other[key]
            assert one[key] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), key


def test_a_new_day_is_all_that_is_read_and_the_answer_is_that_of_all_days(days, counted):
    _kept(days)
    pq.write_table(_day(3), days / "3.parquet")
    found = _kept(days)
    assert counted == [["0.parquet", "1.parquet", "2.parquet"], ["3.parquet"]]
    _check_same(found, alamo.estimate_effects(days, **QUESTION))


def test_a_day_again_changes_nothing(days, counted):
    first = _kept(days)
    kept = (days.parent / "sums.parquet").read_bytes()
    os.utime(days / "1.parquet", (1, 1))  # touched, not changed
    shutil.copy(days / "2.parquet", days / "again.parquet")
    again = _kept(days)
    assert len(counted) == 1
    assert again.rows == first.rows
    assert again.refusals[-1].reason == "its content is that of 2.parquet, which is counted"
    (days / "again.parquet").unlink()
    touched = (days.parent / "sums.parquet").read_bytes()
    assert _kept(days).rows == first.rows
    assert (days.parent / "sums.parquet").read_bytes() == touched
    assert pq.read_table(pa.BufferReader(kept)).equals(pq.read_table(pa.BufferReader(touched)))


def test_rows_may_go_once_they_are_counted(days, counted):
    first = _kept(days)
    (days / "0.parquet").unlink()
    assert _kept(days).rows == first.rows
    pq.write_table(_day(3), days / "3.parquet")
    assert _kept(days).units == first.units + 2000
    assert counted[-1] == ["3.parquet"]


def test_a_changed_day_is_counted_anew_with_all_others(days, counted):
    _kept(days)
    pq.write_table(_day(9), days / "1.parquet")
    found = _kept(days)
    assert counted[-1] == ["0.parquet", "1.parquet", "2.parquet"]
    _check_same(found, alamo.estimate_effects(days, **QUESTION))


def test_a_changed_day_is_refused_when_another_is_gone(days):
    _kept(days)
    pq.write_table(_day(9), days / "1.parquet")
    (days / "0.parquet").unlink()
    with pytest.raises(InputError, match=r"1\.parquet has changed .* and 0\.parquet"):
        _kept(days)


def test_always_valid_intervals_stay_tightest_where_the_first_look_put_them(days):
    first = _kept(days).rows[0]
    once = alamo.estimate_effects(days, **QUESTION).rows[0]
    for day in range(3, 9):
        pq.write_table(_day(day), days / f"{day}.parquet")
    later = _kept(days).rows[0]
    assert first.anytime_upper - first.anytime_lower > once.anytime_upper - once.anytime_lower
    shrinks = (first.anytime_upper - first.anytime_lower) / (later.anytime_upper - later.anytime_lower)
    assert shrinks > np.sqrt(3.0)  # faster than the fixed-n interval, on the way to ten times the first rows


def test_units_planned_at_the_first_look_stay_when_a_day_changes_and_others_are_refused(days):
    first = _kept(days, planned=50_000)
    pq.write_table(_day(9), days / "1.parquet")
    changed = _kept(days)
    again = alamo.estimate_effects(days, planned=50_000, **QUESTION)
    assert changed.rows[0].anytime_upper == pytest.approx(again.rows[0].anytime_upper)
    assert _kept(days, planned=50_000).rows == changed.rows != first.rows
    with pytest.raises(UsageError, match=r"tightest at 50,000 units.*not at 6,000") as refused:
        _kept(days, planned=6_000)
    assert "--planned 50000" in refused.value.hint


def test_a_day_whose_places_are_numbers_and_a_day_whose_places_are_text_merge_as_text(days):
    for day, words in ((3, False), (4, True)):
        place = pa.array(np.random.default_rng(day).integers(0, 6, 2000))
        table = _day(day).set_column(1, "place", place.cast(pa.string()) if words else place)
        pq.write_table(table, days / f"{day}.parquet")
        _kept(days)
    _check_same(_kept(days), alamo.estimate_effects(days, **QUESTION))


def test_places_that_become_too_many_numbers_need_rows(tmp_path):
    folder = tmp_path / "numbered"
    folder.mkdir()
    for day in range(2):
        place = pa.array(np.random.default_rng(day).integers(8 * day, 8 * day + 8, 2000))
        pq.write_table(_day(day).set_column(1, "place", place), folder / f"{day}.parquet")
        if not day:
            _kept(folder)
            kept = (tmp_path / "sums.parquet").read_bytes()
    with pytest.raises(UsageError, match="'place' now has so many numbers"):
        _kept(folder)
    assert (tmp_path / "sums.parquet").read_bytes() == kept


def test_costs_and_level_may_be_asked_anew_of_the_same_sums(days, counted):
    first = _kept(days)
    net = _kept(days, cost={"mail": 1.0}, level=0.8)
    assert len(counted) == 1
    assert net.rows[0].mean == pytest.approx(first.rows[0].mean - 1.0)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"outcome": "other"}, "the kept sums are of outcomes spend by arm, place, not of other by arm, place"),
        ({"segments": "none"}, "not of spend by arm$"),
        ({"features": "auto"}, "sums cannot answer this question"),
    ],
    ids=["outcome", "segments", "features"],
)
def test_another_question_is_refused(days, changed, complaint):
    _kept(days)
    with pytest.raises(UsageError, match=complaint) as refused:
        _kept(days, **changed)
    assert "--sums" in refused.value.hint


def test_what_is_no_parquet_or_no_sums_is_refused(days, tmp_path):
    with pytest.raises(UsageError, match="--sums counts Parquet files"):
        alamo.estimate_effects(_day(1), sums=tmp_path / "sums.parquet", **QUESTION)
    pq.write_table(_day(1), tmp_path / "sums.parquet")
    with pytest.raises(InputError, match="holds no kept sums"):
        _kept(days)
    (tmp_path / "sums.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match="cannot be read") as refused:
        _kept(days)
    assert "rm " in refused.value.hint


def test_sums_that_cannot_be_kept_are_said_so(days, tmp_path):
    (tmp_path / "taken").write_text("a file where a folder is needed")
    with pytest.raises(StoreError, match="cannot be kept") as refused:
        alamo.estimate_effects(days, sums=tmp_path / "taken" / "sums.parquet", **QUESTION)
    assert "ls -ld" in refused.value.hint
