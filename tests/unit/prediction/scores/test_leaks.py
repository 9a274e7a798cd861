"""Which columns are suspected of being known only afterwards, and which are not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.prediction.scores.samples import honest_columns, leak, table_of

from alamo.prediction.scores.columns import ColumnReader, choose_columns
from alamo.prediction.scores.evidence import NEARLY, STRICT, Coded, beyond, explained, pocket, trend_p_value
from alamo.prediction.scores.leaks import find_leaks, look_for_leaks

N = 4_000


def suspected(table, y, seed=0):
    chosen = choose_columns(table, table.column_names)
    return {
        one.column: one.kind for one in find_leaks(chosen.readers, chosen.read(table), y, np.random.default_rng(seed))
    }


@pytest.mark.parametrize("seed", range(3))
def test_columns_known_beforehand_are_not_suspected(seed):
    columns, y, _ = honest_columns(N, 0.15, np.random.default_rng(seed))
    assert suspected(table_of(columns), y) == {}


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("copy", "settles"),
        ("words", "settles"),
        ("transformed", "settles"),
        ("nearly a copy", "settles"),
        ("date of the end", "settles"),
        ("length of the talk", "pocket"),
        ("money after it", "pocket"),
        ("missing tells", None),
    ],
)
def test_a_column_known_only_afterwards_is_suspected_and_no_other(kind, mark):
    rng = np.random.default_rng(5)
    columns, y, _ = honest_columns(5 * N if mark == "pocket" else N, 0.2, rng)
    found = suspected(table_of(columns, late=leak(kind, y, rng)), y)
    assert list(found) == ["late"]
    assert mark in (None, found["late"])


def test_a_smooth_leak_in_a_short_file_is_a_question_and_no_suspicion():
    rng = np.random.default_rng(12)
    columns, y, _ = honest_columns(3_000, 0.15, rng)
    table = table_of(columns, late=leak("length of the talk", y, rng))
    chosen = choose_columns(table, table.column_names)
    found, doubts = look_for_leaks(chosen.readers, chosen.read(table), y, np.random.default_rng(0))
    assert found == ()
    assert [(doubt.column, doubt.kind) for doubt in doubts] == [("late", "doubt")]
    assert "at its low end" in doubts[0].why


@pytest.mark.parametrize(("n", "asked"), [(5_000, ["lead"]), (20_000, [])])
def test_an_honest_column_that_leads_all_others_is_asked_about_in_a_short_file_only(n, asked):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 3))
    eta = -2.0 + 2.0 * x[:, 0] + 0.5 * x[:, 1] + 0.3 * x[:, 2]
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    table = table_of({"lead": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
    chosen = choose_columns(table, table.column_names)
    found, doubts = look_for_leaks(chosen.readers, chosen.read(table), y, np.random.default_rng(0))
    assert found == ()
    assert [doubt.column for doubt in doubts] == asked


def test_two_leaks_that_say_the_same_do_not_hide_each_other():
    rng = np.random.default_rng(6)
    columns, y, _ = honest_columns(5 * N, 0.2, rng)
    talk = leak("length of the talk", y, rng)
    found = suspected(table_of(columns, seconds=talk, minutes=np.round(talk / 60, 1)), y)
    assert set(found) == {"seconds", "minutes"}


def test_a_pure_end_is_found_only_where_chance_would_have_filled_it():
    values, codes = np.arange(1000.0), np.repeat(np.arange(10), 100).astype(np.int32)
    column = Coded(codes, 11, ordered=True)
    y = (values >= 200).astype(float) * (np.arange(1000) % 2)
    rate = np.full(1000, y.mean())
    found = pocket(column, y, rate, STRICT)
    assert found is not None
    assert (found.where, found.seen, int(found.rows.sum()), found.always) == ("low", 0.0, 200, False)
    assert pocket(column, y, rate / 10, STRICT) is None  # eight were due: none seen proves nothing
    assert NEARLY.holds(1.0, 29.0)
    assert not NEARLY.holds(2.0, 29.0)


def test_what_a_column_adds_is_measured_beyond_the_others():
    rng = np.random.default_rng(7)
    codes = rng.integers(0, 4, N).astype(np.int32)
    eta = np.array([-2.0, -1.0, 0.0, 1.0])[codes]
    y = (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(float)
    column, fold = Coded(codes, 5, ordered=True), rng.integers(0, 5, N).astype(np.int32)
    flat = np.full(N, np.log(y.mean() / (1 - y.mean())))
    assert beyond(column, flat, y, fold) == pytest.approx(explained(eta, y), abs=0.01)
    assert abs(beyond(column, eta, y, fold)) < 0.01


def test_a_strong_honest_column_empties_its_end_no_further_than_its_trend_says():
    rng = np.random.default_rng(8)
    x = rng.normal(size=20_000)
    honest = (rng.random(20_000) < 1 / (1 + np.exp(4.5 - 2.0 * x))).astype(float)
    column = Coded.of(ColumnReader("x", "number"), x)
    flat = np.full(20_000, np.log(honest.mean() / (1 - honest.mean())))
    end = pocket(column, honest, np.full(20_000, honest.mean()), STRICT)
    assert end is not None
    assert trend_p_value(column, end, flat, honest) > 0.01
    cut = np.where(x < 0.5, 0.0, honest)
    end = pocket(column, cut, np.full(20_000, cut.mean()), STRICT)
    assert end is not None
    assert trend_p_value(column, end, flat, cut) < 0.01
