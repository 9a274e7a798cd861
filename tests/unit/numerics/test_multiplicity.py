from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.multiplicity import benjamini_hochberg, holm


def test_the_smallest_is_multiplied_by_how_many_there_are_and_order_is_kept():
    # Holm (1979): .01·3, then max(.03, .02·2), then max(.04, .5)
    assert holm(np.array([0.5, 0.01, 0.02])).tolist() == pytest.approx([0.5, 0.03, 0.04])


def test_adjusted_values_never_exceed_one_nor_fall_below_what_they_were():
    raw = np.random.default_rng(1).random(50)
    adjusted = holm(raw)
    assert adjusted.max() <= 1.0
    assert (adjusted >= raw).all()
    assert (np.diff(adjusted[np.argsort(raw)]) >= 0.0).all()


def test_nothing_stays_nothing():
    assert holm(np.zeros(0)).shape == (0,)


def test_the_published_example_rejects_four_hypotheses_at_five_per_cent() -> None:
    # Benjamini & Hochberg (1995), §3.1: thrombolysis trial, 15 tests; their procedure rejects the four smallest
    small = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p = np.array([*small, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    adjusted = benjamini_hochberg(p)
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_adjusted_values_follow_the_order_of_the_given_ones_and_never_fall() -> None:
    p = np.array([0.04, 0.001, 0.03, 0.9])
    adjusted = benjamini_hochberg(p)
    assert adjusted.tolist() == pytest.approx([0.04 * 4 / 3, 0.004, 0.04 * 4 / 3, 0.9])
    assert np.all(np.diff(adjusted[np.argsort(p)]) >= 0)
    assert benjamini_hochberg(np.array([])).tolist() == []


def test_a_single_test_is_not_adjusted_and_a_number_that_is_no_probability_is_refused() -> None:
    assert benjamini_hochberg(np.array([0.03])).tolist() == [0.03]
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg(np.array([0.5, np.nan]))
