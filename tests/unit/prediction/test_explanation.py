from __future__ import annotations

import itertools
import math
import sys
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from alamo.prediction.explanation import Judged, ScoredRows, contributions, loss_changes, what_if
from alamo.prediction.explanation.grid import ColumnGrid
from alamo.prediction.explanation.what_if import jackknife_half_width, shape_of


def column(table, name):
    return np.asarray(table[name], dtype=np.float64)


def straight(table):
    """Two actions with effects that are straight lines in the columns."""
    a, b, c = (column(table, name) for name in "abc")
    return np.column_stack([1.0 + 2.0 * a - b, 0.5 * c])


def crossed(table):
    """One action whose columns work together."""
    a, b, c = (column(table, name) for name in "abc")
    return (a * b + np.maximum(c, 0.0) * (a > 0.0))[:, None]


@pytest.fixture
def rows():
    rng = np.random.default_rng(3)
    return pa.table({name: rng.normal(size=400) for name in "abc"})


def test_parts_of_a_straight_line_are_exact(rows):
    explained, background = rows.slice(0, 20), rows.slice(20, 30)
    found = contributions(straight, explained, background, ("x", "y"), np.random.default_rng(0))
    means = {name: column(background, name).mean() for name in "abc"}
    slopes = {"a": (2.0, 0.0), "b": (-1.0, 0.0), "c": (0.0, 0.5)}
    for i, name in enumerate(found.columns):
        away = column(explained, name) - means[name]
        for j in range(2):
            assert found.parts[:, i, j] == pytest.approx(slopes[name][j] * away, abs=1e-12)


def test_base_and_parts_add_up_to_the_effect_whatever_the_model(rows):
    found = contributions(crossed, rows.slice(0, 50), rows.slice(50, 7), ("x",), np.random.default_rng(1))
    assert found.base[None, :] + found.parts.sum(axis=1) == pytest.approx(found.effect, abs=1e-12)
    assert found.effect == pytest.approx(crossed(rows.slice(0, 50)))
    assert found.base == pytest.approx(crossed(rows.slice(50, 7)).mean(axis=0))


def shapley(effect, row, background):
    """Return the exact interventional Shapley values of one row by going through all sets of columns."""
    names = background.column_names

    def value(own):
        shown = {n: np.full(background.num_rows, row[n][0].as_py()) if n in own else background[n] for n in names}
        return float(effect(pa.table(shown)).mean())

    found = []
    for name in names:
        others, total = [other for other in names if other != name], 0.0
        for size in range(len(others) + 1):
            share = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(names))
            for group in itertools.combinations(others, size):
                total += share * (value({*group, name}) - value(set(group)))
        found.append(total)
    return found


def test_parts_come_close_to_the_shapley_values_of_all_sets_of_columns(rows):
    background = pa.concat_tables([rows.slice(100, 50)] * 40)  # the same fifty rows with forty orders each
    found = contributions(crossed, rows.slice(0, 3), background, ("x",), np.random.default_rng(2))
    for i in range(3):
        exact = shapley(crossed, rows.slice(i, 1), rows.slice(100, 50))
        assert found.parts[i, :, 0] == pytest.approx(exact, abs=0.06)  # sd of an order about 1, 2,000 orders: .022


def test_the_same_generator_gives_the_same_parts(rows):
    first, second = (
        contributions(crossed, rows.slice(0, 9), rows.slice(9, 9), ("x",), np.random.default_rng(7)) for _ in range(2)
    )
    assert np.array_equal(first.parts, second.parts)


def test_rows_explained_in_blocks_get_the_same_parts(rows, monkeypatch):
    given = (crossed, rows.slice(0, 9), rows.slice(9, 9), ("x",))
    whole = contributions(*given, np.random.default_rng(7)).parts
    monkeypatch.setattr(sys.modules[contributions.__module__], "_MOST_ROWS", 4)
    assert np.array_equal(contributions(*given, np.random.default_rng(7)).parts, whole)


def test_one_column_and_none_are_no_special_case(rows):
    def lonely(table):
        return column(table, "a")[:, None]

    found = contributions(lonely, rows.select("a").slice(0, 5), rows.select("a"), ("x",), np.random.default_rng(0))
    assert found.parts[:, 0, 0] == pytest.approx(column(rows, "a")[:5] - column(rows, "a").mean())
    assert found.mean_absolute().shape == (1, 1)
    table = found.table({"row": np.arange(5)})
    assert table.column_names == ["row", "action", "effect", "base", "part:a"]


def test_text_dates_and_missing_values_are_players_like_any_other():
    table = pa.table({"t": ["u", "v", None, "u"], "d": [date(2024, 1, day) for day in (1, 2, 3, 4)]})

    def effect(rows):
        return np.array([[2.0 * (t == "u") + 0.1 * d.day] for t, d in zip(*rows.to_pydict().values(), strict=True)])

    found = contributions(effect, table, table, ("x",), np.random.default_rng(0))
    assert found.parts[0, :, 0] == pytest.approx([1.0, 0.1 - 0.25])
    assert found.parts[2, :, 0] == pytest.approx([-1.0, 0.3 - 0.25])


def test_a_column_that_matters_costs_when_shuffled_and_one_that_does_not_costs_nothing(rows):
    score = straight(rows) + np.random.default_rng(5).normal(size=(400, 2))
    judged = ScoredRows(rows, score, np.arange(400))
    found = {(c.action, c.column): c for c in loss_changes(straight, judged, ("x", "y"), np.random.default_rng(6))}
    assert found["x", "a"].mean == pytest.approx(8.0, abs=2.5)  # twice the variance of what the column says
    assert found["x", "a"].lower > 0.0
    assert found["x", "c"].mean == found["x", "c"].lower == found["y", "a"].upper == 0.0
    wrong = ScoredRows(rows, -score, np.arange(400))
    turned = {(c.action, c.column): c for c in loss_changes(straight, wrong, ("x", "y"), np.random.default_rng(6))}
    assert turned["x", "a"].upper < 0.0  # a column that misleads is better shuffled


def test_rows_of_one_group_count_once(rows):
    score = straight(rows) + np.random.default_rng(5).normal(size=(400, 2))
    doubled = pa.concat_tables([rows, rows])
    one = ScoredRows(rows, score, np.arange(400))
    two = ScoredRows(doubled, np.vstack([score, score]), np.tile(np.arange(400), 2))
    width = [
        next(c.upper - c.lower for c in loss_changes(straight, r, ("x", "y"), np.random.default_rng(1), repeats=20))
        for r in (one, two)
    ]
    assert width[1] > 0.8 * width[0]  # taken for 800 independent rows it would be .7 of it


def judged(rows, refits=()):
    score = straight(rows) + np.random.default_rng(5).normal(size=(rows.num_rows, 2))
    return Judged(straight, tuple(refits), ScoredRows(rows, score, np.arange(rows.num_rows)), ("x", "y"))


def test_a_curve_follows_its_column_and_says_how_it_runs(rows):
    first, second = what_if(judged(rows), "a")
    assert (first.action, first.column, first.shape, second.shape) == ("x", "a", "rising", "flat")
    values = np.array([point.value for point in first.points])
    mean_b = column(rows, "b").mean()
    assert [point.effect for point in first.points] == pytest.approx(1.0 + 2.0 * values - mean_b)
    assert first.change == pytest.approx(2.0 * (values[-1] - values[0]))
    assert what_if(judged(rows), "b")[0].shape == "falling"
    assert sum(point.n for point in first.points) == 400
    assert all(point.seen_lower < point.seen < point.seen_upper for point in first.points)
    assert first.points[-1].seen > first.points[0].seen
    assert first.points[0].lower is None  # nothing was refitted


def test_the_interval_of_a_curve_is_the_jackknife_over_refits(rows):
    refits = [
        lambda table, slope=slope: straight(table) + slope * column(table, "a")[:, None]
        for slope in (-0.2, 0.0, 0.1, 0.1)
    ]
    curve = what_if(judged(rows, refits), "a")[0]
    last = curve.points[-1]
    expected = jackknife_half_width(np.array([[-0.2], [0.0], [0.1], [0.1]]) * last.value, 0.95)[0]
    assert last.upper - last.effect == pytest.approx(expected)
    span = last.value - curve.points[0].value
    assert curve.change_upper - curve.change == pytest.approx(
        jackknife_half_width(np.array([[-0.2], [0.0], [0.1], [0.1]]) * span, 0.95)[0]
    )


def test_a_refit_without_an_effect_leaves_a_curve_without_an_interval(rows):
    unknown = np.array([np.nan, 1.0])  # of the first action
    refits = [straight, straight, lambda table: straight(table) * unknown]
    first, second = what_if(judged(rows, refits), "a")
    assert {(point.lower, point.upper) for point in first.points} == {(None, None)}
    assert (first.change_lower, first.change_upper) == (None, None)
    assert first.change > 0.0
    assert second.points[0].lower is not None


def test_the_jackknife_of_a_mean_is_its_textbook_error():
    values = np.random.default_rng(0).normal(size=10)
    without = np.array([[np.delete(values, i).mean()] for i in range(10)])
    half = jackknife_half_width(without, 0.95)[0]
    assert half == pytest.approx(2.262157 * values.std(ddof=1) / math.sqrt(10), rel=1e-5)  # t with 9 degrees of freedom
    assert math.isnan(jackknife_half_width(without[:1], 0.95)[0])


@pytest.mark.parametrize(
    ("effect", "shape"),
    [
        ([1, 2, 2], "rising"),
        ([3, 2, 2], "falling"),
        ([2, 2, 2], "flat"),
        ([1, 3, 2], "mixed"),
        ([1, 1 + 1e-12], "flat"),
    ],
)
def test_the_shape_of_a_curve(effect, shape):
    assert shape_of(np.array(effect, dtype=float)) == shape


def test_a_grid_holds_values_that_are_found_there():
    few = ColumnGrid.of(pa.chunked_array([[3, 1, None, 2, 1]]))
    assert few.values.to_pylist() == [1, 2, 3]
    assert few.nearest.tolist() == [2, 0, -1, 1, 0]
    many = ColumnGrid.of(pa.chunked_array([np.arange(1000.0)]))
    assert len(many) == 10
    assert many.values[0].as_py() == 49.0
    assert many.nearest[0] == 0
    assert many.nearest[-1] == 9
    words = ColumnGrid.of(pa.chunked_array([["u", "v", "u", None]]))
    assert (words.values.to_pylist(), words.nearest.tolist(), words.ordered) == (["u", "v"], [0, 1, 0, -1], False)
    flags = ColumnGrid.of(pa.chunked_array([[True, False, True]]))
    assert flags.values.to_pylist() == [False, True]
    days = ColumnGrid.of(pa.chunked_array([[date(2024, 1, 2), date(2024, 1, 1)]]))
    assert days.values.to_pylist() == [date(2024, 1, 1), date(2024, 1, 2)]
    assert len(ColumnGrid.of(pa.chunked_array([pa.nulls(3, pa.float64())]))) == 0


def test_a_column_without_a_value_has_a_curve_without_points(rows):
    empty = rows.set_column(0, "a", pa.nulls(400, pa.float64()))
    held_out = ScoredRows(empty, np.zeros((400, 2)), np.arange(400))
    curve = what_if(Judged(straight, (straight, straight), held_out, ("x", "y")), "a")[0]
    assert (curve.points, curve.shape) == ((), None)


def test_text_has_no_order_and_so_no_shape():
    table = pa.table({"t": ["u", "v", "u", "w"] * 5})

    def effect(rows):
        return (np.array(rows["t"].to_pylist()) == "u").astype(float)[:, None]

    held_out = ScoredRows(table, effect(table), np.arange(20))
    (curve,) = what_if(Judged(effect, (), held_out, ("x",)), "t")
    assert (curve.shape, curve.change) == (None, None)
    assert [(point.value, point.effect, point.n) for point in curve.points] == [
        ("u", 1.0, 10),
        ("v", 0.0, 5),
        ("w", 0.0, 5),
    ]
