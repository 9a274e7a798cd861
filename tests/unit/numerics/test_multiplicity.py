from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.multiplicity import holm


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
