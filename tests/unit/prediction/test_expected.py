from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.folds import unit_folds
from alamo.prediction.expected import ExpectedMargin


def world(n):
    """Half of the customers order ten times as often as the others; the margin of an order is .3 of the scale."""
    rng = np.random.default_rng(3)
    often = np.arange(n) % 2 == 0
    scale = np.exp(rng.normal(3.0, 0.5, n))
    orders = rng.poisson(np.where(often, 1.0, 0.1))
    features = np.column_stack([often, rng.normal(size=n)]).astype(np.float32)
    return features, 0.3 * scale * orders, scale, often


def test_those_who_order_often_are_expected_to_bring_more():
    features, margin, scale, often = world(20_000)
    model = ExpectedMargin.fit(features, margin, scale)
    assert model is not None
    relative = model.of(features, scale) / scale
    assert relative[often].mean() == pytest.approx(0.3, rel=0.1)
    assert relative[~often].mean() == pytest.approx(0.03, rel=0.25)
    again = ExpectedMargin.from_dict(model.to_dict())
    assert again.of(features, scale).tolist() == model.of(features, scale).tolist()


def test_nobodys_own_margin_is_expected_of_them():
    features, margin, scale, _ = world(4_000)
    folds = unit_folds(np.arange(4_000, dtype=np.uint64), "s", 5)
    model = ExpectedMargin.fit(features, margin, scale)
    assert model is not None
    before = model.held_out(features, margin, scale, folds)
    after = model.held_out(features, np.where(folds == 0, 2.0 * margin, margin), scale, folds)
    assert after[folds == 0] == pytest.approx(before[folds == 0], rel=0.05)
    assert after[folds == 1].mean() > 1.05 * before[folds == 1].mean()


def test_nobody_is_expected_to_bring_nothing():
    features, margin, scale, often = world(4_000)
    model = ExpectedMargin.fit(features, np.where(often, margin, 0.0), scale)
    assert model is not None
    assert (model.of(features, scale) > 0.0).all()


def test_too_few_margins_say_nothing():
    features, margin, scale, _ = world(400)
    assert ExpectedMargin.fit(features, np.where(np.arange(400) < 10, margin, 0.0), scale) is None
    assert ExpectedMargin.fit(features[:, :0], margin, scale) is None
