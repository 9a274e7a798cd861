from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alamo.prediction.inputs import EffectInputs
from alamo.prediction.noise import NoiseModel, customer_size


def test_the_noise_follows_the_size_in_money():
    rng = np.random.default_rng(0)
    size = np.exp(rng.normal(3.0, 1.0, 20_000))
    model = NoiseModel.fit(size, size**0.75 * rng.normal(size=20_000))
    assert model.power == pytest.approx(1.5, abs=0.1)
    assert model.variance(np.array([20.0]))[0] == pytest.approx(20.0**1.5, rel=0.15)


def test_few_residuals_give_one_variance_for_all():
    model = NoiseModel.fit(np.array([1.0, 100.0]), np.array([2.0, -2.0]))
    assert model.variance(np.array([1.0, 100.0])).tolist() == [4.0, 4.0]


def test_the_size_is_the_geometric_mean_of_an_order_and_of_what_is_expected():
    empty = np.zeros((2, 0), dtype=np.float32)
    inputs = EffectInputs(empty, empty, np.zeros(2, dtype=np.int64), np.array([4.0, 9.0]))
    assert customer_size(inputs).tolist() == [4.0, 9.0]
    assert customer_size(replace(inputs, expected=np.array([1.0, 16.0]))).tolist() == [2.0, 12.0]
