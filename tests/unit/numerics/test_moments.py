from __future__ import annotations

import math

import numpy as np
import pytest

from alamo.numerics.moments import Moments, codes, sums_by


def test_moments_give_mean_and_sample_variance():
    values = np.array([1.0, 2.0, 4.0])
    moments = Moments.of(values, origin=2.0)
    assert moments.mean == pytest.approx(values.mean())
    assert moments.variance == pytest.approx(values.var(ddof=1))


def test_nothing_has_no_mean_and_one_number_no_variance():
    assert math.isnan(Moments().mean)
    assert math.isnan(Moments.of(np.array([3.0])).variance)


def test_moments_about_different_origins_do_not_add():
    with pytest.raises(ValueError, match="do not add"):
        Moments.of(np.ones(2)) + Moments.of(np.ones(2), origin=1.0)


def test_codes_are_dense_and_sums_go_by_code():
    code, k = codes(np.array(["b", "a", "b"]))
    assert code.tolist() == [1, 0, 1]
    assert sums_by(code, np.array([1.0, 2.0, 3.0]), k).tolist() == [2.0, 4.0]
