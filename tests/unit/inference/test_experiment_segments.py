from __future__ import annotations

import numpy as np
import pyarrow as pa

from alamo.inference.experiment_segments import MOST_GROUPS, grouped_segments, segments_by_columns


def _table(n: int = 20_000) -> pa.Table:
    rng = np.random.default_rng(1)
    return pa.table(
        {
            "money": pa.array(rng.exponential(100, n), mask=rng.random(n) < 0.1),
            "age": rng.normal(40, 10, n),
            "kids": rng.integers(0, 4, n),
            "town": rng.choice(["north", "south", "west"], n),
        }
    )


def test_groups_are_few_large_named_and_cover_everybody():
    groups = grouped_segments(_table(), ("money", "age", "kids", "town"))
    sizes = np.bincount(groups.code)
    assert 10 < len(groups.names) <= MOST_GROUPS
    assert sizes.min() >= 200
    assert sizes.sum() == 20_000
    assert len(set(groups.names)) == len(groups.names)


def test_a_small_file_stays_one_group():
    assert grouped_segments(_table(300), ("money", "age")).names == ("everybody",)


def test_groups_do_not_depend_on_the_order_of_rows():
    table = _table(3000)
    order = np.random.default_rng(2).permutation(3000)
    one, other = (
        grouped_segments(table, ("age", "town")),
        grouped_segments(table.take(pa.array(order)), ("age", "town")),
    )
    names = np.array(one.names)[one.code][order]
    assert (names == np.array(other.names)[other.code]).all()


def test_named_columns_are_crossed_and_numbers_with_many_values_are_cut_into_quarters():
    segments = segments_by_columns(_table(), ("town", "age"))
    assert len(segments.names) == 12
    assert abs(np.bincount(segments.code) / 20_000 - 1 / 12).max() < 0.01
    assert all(" · " in name for name in segments.names)


def test_missing_numbers_are_a_level_of_their_own():
    assert "money (missing)" in segments_by_columns(_table(), ("money",)).names


def test_numbers_with_few_values_are_taken_as_they_are():
    assert set(segments_by_columns(_table(), ("kids",)).names) == {"kids 0", "kids 1", "kids 2", "kids 3"}
