from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from alamo.numerics.stability import ReferenceBins, effective_rows, stability


def column(values: object) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_a_frequent_value_has_a_bin_of_its_own_and_missing_values_are_apart():
    bins = ReferenceBins.of(column([0.0] * 60 + [1.0] * 20 + [2.0] * 20 + [None] * 7))
    assert bins.edges[1:] == (0.0, 1.0, 2.0)
    assert -1e-300 < bins.edges[0] < 0.0
    assert bins.counts == (0, 60, 20, 20, 0, 7)


def test_a_value_below_a_frequent_one_is_not_taken_for_it():
    bins = ReferenceBins.of(column([-1.0] * 10 + [0.0] * 80 + [1.0] * 10))
    assert bins.edges == (-1.0, 0.0)
    assert bins.place(column([-5.0, -0.5, 0.0, 9.0])).tolist() == [1, 2, 1, 0]


def test_a_constant_column_has_one_bin_and_what_leaves_it_is_seen():
    bins = ReferenceBins.of(column([3.0] * 50))
    assert stability(bins, column([3.0] * 50), n_reference=50, n=50).psi == 0.0
    assert bins.counts == (0, 50, 0, 0)
    assert stability(bins, column([None, None] * 25), n_reference=50, n=50).psi > 0.25


def test_what_was_never_seen_beyond_a_frequent_end_is_seen_at_once():
    bins = ReferenceBins.of(column([False] * 1_000))
    flagged = stability(bins, column([False] * 890 + [True] * 110), n_reference=1_000, n=1_000)
    assert flagged.psi > 0.25
    assert flagged.p_value < 1e-6


def test_in_a_tail_a_new_greatest_value_is_nothing_new():
    bins = ReferenceBins.of(column(np.arange(1_000.0)))
    assert bins.place(column([2_000.0])).tolist() == [*[0] * 9, 1, 0]


def test_rare_and_new_levels_of_a_text_share_a_bin():
    bins = ReferenceBins.of(column(["a"] * 500 + ["b"] * 495 + ["c"] * 5))
    assert bins.levels == ("a", "b")
    assert bins.place(column(["a", "new", "c", None])).tolist() == [1, 0, 2, 1]


def test_the_index_is_the_textbook_one():
    bins = ReferenceBins.of(column(["a"] * 600 + ["b"] * 400))
    found = stability(bins, column(["a"] * 500 + ["b"] * 500), n_reference=1_000, n=1_000)
    p, q = (600.5 / 1001, 400.5 / 1001), (500.5 / 1001, 500.5 / 1001)
    assert found.psi == pytest.approx(sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)))
    assert found.n_bins == 2
    # about χ² with one degree of freedom: 20.3 · (1/1000 + 1/1000)
    assert found.p_value == pytest.approx(math.erfc(math.sqrt(found.psi / 0.002 / 2.0)))
    assert found.threshold(0.95) == pytest.approx(0.002 * 3.841459, rel=1e-6)


def test_fewer_effective_rows_make_the_same_index_less_telling():
    bins = ReferenceBins.of(column(np.arange(1_000.0)))
    moved = column(np.arange(1_000.0) + 60.0)
    many = stability(bins, moved, n_reference=1_000, n=1_000)
    few = stability(bins, moved, n_reference=100, n=100)
    assert many.p_value < 0.05 < few.p_value
    assert few.threshold(0.95) == pytest.approx(10.0 * many.threshold(0.95))


def test_rows_of_recurring_groups_are_worth_their_number_of_groups():
    assert effective_rows(np.repeat(np.arange(10), 4)) == pytest.approx(10.0)
    assert effective_rows(np.array([0, 0, 0, 1])) == pytest.approx(16.0 / 10.0)
    assert effective_rows(np.zeros(0, dtype=np.int64)) == 0.0
