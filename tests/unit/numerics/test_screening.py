from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.numerics.screening import (
    Design,
    arm_difference_p_value,
    is_constant,
    is_identifier,
    is_near_copy,
    screen_columns,
    weighted_shift_p_value,
)

N = 4000


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_text_that_is_nearly_all_distinct_is_an_identifier():
    assert is_identifier("key", pa.array([f"u{i}" for i in range(100)]))


def test_an_integer_that_counts_rows_is_an_identifier_but_a_real_number_is_not():
    assert is_identifier("row", pa.array(range(1000)))
    assert not is_identifier("history", pa.array(np.linspace(0.0, 1.0, 1000)))


def test_a_recurring_customer_id_is_known_by_its_name():
    assert is_identifier("customer_id", pa.array([i % 200 for i in range(2000)]))
    assert not is_identifier("recency", pa.array([i % 200 for i in range(2000)]))


def test_conversion_is_a_near_copy_of_spend(rng):
    conversion = rng.random(N) < 0.01
    spend = np.where(conversion, rng.gamma(2.0, 50.0, N), 0.0)
    assert is_near_copy(pa.array(conversion), spend)
    assert not is_near_copy(pa.array(rng.random(N) < 0.01), spend)


def test_text_that_spells_the_outcome_is_a_near_copy(rng):
    outcome = (rng.random(N) < 0.3).astype(float)
    assert is_near_copy(pa.array(np.where(outcome == 1.0, "bought", "not")), outcome)
    assert not is_near_copy(pa.array(rng.choice(["a", "b"], N)), outcome)


def test_a_column_moved_by_the_arm_is_seen(rng):
    arm = rng.integers(0, 3, N)
    visit = rng.random(N) < 0.1 + 0.08 * (arm == 1)
    assert arm_difference_p_value(pa.array(visit), Design(arm)) < 1e-6


def test_p_values_of_innocent_columns_are_about_uniform(rng):
    draws = 300
    arm = rng.integers(0, 2, 1000)
    p_values = np.array(
        [arm_difference_p_value(pa.array(rng.gamma(1.0, 1.0, 1000)), Design(arm)) for _ in range(draws)]
    )
    tolerance = 3.0 * np.sqrt(0.05 * 0.95 / draws)
    assert abs((p_values < 0.05).mean() - 0.05) < tolerance


def test_probabilities_that_depend_on_the_column_explain_its_difference(rng):
    x = rng.normal(size=N)
    p = np.where(x > 0, 0.8, 0.2)
    arm = (rng.random(N) < p).astype(np.int64)
    known = Design(arm, np.column_stack([1.0 - p, p]))
    assert arm_difference_p_value(pa.array(x), known) > 1e-4
    assert arm_difference_p_value(pa.array(x), Design(arm)) < 1e-10


def test_whole_clusters_in_one_arm_are_forgiven_by_the_inflation(rng):
    cluster_arm = rng.integers(0, 2, 40)
    arm = np.repeat(cluster_arm, 100)
    region = pa.array(np.repeat(rng.choice(["n", "s"], 40), 100))
    assert arm_difference_p_value(region, Design(arm, inflation=100.0)) > 0.001


def test_missing_values_count_as_a_level(rng):
    arm = rng.integers(0, 2, N)
    values = [None if a == 1 and rng.random() < 0.3 else 1.0 for a in arm]
    assert arm_difference_p_value(pa.array(values, pa.float64()), Design(arm)) < 1e-6


def test_a_constant_with_gaps_is_not_constant():
    assert is_constant(pa.array([1, 1, 1]))
    assert not is_constant(pa.array([1, None, 1]))


def test_screening_keeps_features_and_gives_a_reason_for_the_rest(rng):
    arm = rng.integers(0, 2, N)
    bought = (rng.random(N) < 0.2).astype(float)
    columns = {
        "age": pa.array(rng.integers(18, 90, N)),
        "customer": pa.array([f"c{i}" for i in range(N)]),
        "bought_again": pa.array(bought),
        "clicked": pa.array(rng.random(N) < 0.02 + 0.2 * arm),
        "nothing": pa.nulls(N, pa.float64()),
        "same": pa.array(np.ones(N)),
    }
    found = screen_columns(columns, Design(arm), {"bought": bought})
    assert found.kept == ("age",)
    assert set(found.dropped) == set(columns) - {"age"}
    assert "identifier" in found.dropped["customer"]
    assert "near copy" in found.dropped["bought_again"]
    assert "differs between the arms" in found.dropped["clicked"]


def _shifts(draw, rounds=400):
    return np.array([weighted_shift_p_value(*draw(np.random.default_rng([31, number]))) for number in range(rounds)])


def _light(rng):
    x = rng.normal(size=2_000)
    return pa.array(x), np.where(rng.random(2_000) < 0.3, 2.0, 4.0 / 7.0)


def _heavy(rng):
    """Thirty rows or so decide: 1 of 100 weighs 50."""
    return pa.array(rng.normal(size=3_000)), np.where(rng.random(3_000) < 0.01, 50.0, 0.5 / 0.99)


def _grouped(rng):
    """Units of five rows that share column and weight."""
    unit = np.repeat(np.arange(400), 5)
    return pa.array(rng.normal(size=400)[unit]), np.where(rng.random(400) < 0.3, 2.0, 4.0 / 7.0)[unit], unit


@pytest.mark.parametrize("draw", [_light, _heavy, _grouped])
def test_weights_that_ignore_a_column_seldom_seem_to_move_it(draw):
    p_values = _shifts(draw)
    for level in (0.05, 0.01):  # conservative: ten bins share the level
        assert (p_values < level).mean() < level + 3.0 * np.sqrt(level * (1.0 - level) / len(p_values))


def test_rows_of_one_unit_do_not_count_as_independent():
    alone = _shifts(lambda rng: _grouped(rng)[:2], 100)
    assert (alone < 0.05).mean() > 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / 100)


def test_a_column_that_the_weights_move_is_seen():
    rng = np.random.default_rng(32)
    b = rng.random(N) < 0.3
    late = rng.random(N) < 0.1 + 0.3 * b
    assert weighted_shift_p_value(pa.array(late), np.where(b, 2.0, 4.0 / 7.0)) < 1e-6
    assert weighted_shift_p_value(pa.array(late), np.ones(N)) == 1.0
