"""The tail of the number of future purchases, by recursion and by asking the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nbinom, norm

from alamo.inference.lifetime_value import predictive
from alamo.inference.lifetime_value.bg_bb import BgBb
from alamo.inference.lifetime_value.bg_cnbd import BgCnbd
from alamo.inference.lifetime_value.bg_nbd import BgNbd
from alamo.inference.lifetime_value.future_counts import first_tail, step_after
from alamo.inference.lifetime_value.maximum_likelihood import Fitted
from alamo.inference.lifetime_value.pareto_nbd import ParetoNbd
from alamo.inference.lifetime_value.predictive import purchase_intervals, total_interval
from alamo.inference.lifetime_value.purchase_fit import PurchaseFit

CUSTOMERS = (
    np.array([0.0, 2.0, 2.0, 9.0, 2.0, 1_500.0]),
    np.array([0.0, 11.0, 30.0, 50.0, 12.0, 59.0]),
    np.array([40.0, 40.0, 40.0, 52.0, 12.0, 60.0]),
)
MODELS = [
    BgNbd(0.6, 8.0, 0.8, 2.5),
    BgNbd(0.6, 8.0, np.exp(-600.0), 1.0),  # nobody ever leaves
    BgCnbd(0.6, 8.0, 0.8, 2.5, leaves_at_once=True),
    ParetoNbd(0.6, 8.0, 0.7, 20.0),
]


def fit_of(model, x, t_x, t, deviations=()):
    fit = Fitted(model, {}, {}, 0.0, True, True, "", 1, len(x), deviations)
    return PurchaseFit("any", fit, x, t_x, t, np.arange(len(x)), 1.0)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_the_recursion_is_the_model_asked_for_each_count(model):
    """Rounding: each step adds about 1e-16. The last customer's first chance is below exp(-600): nothing to recur."""
    tail, rows = first_tail(model, 52.0, CUSTOMERS), np.arange(6)
    for count in range(1, 120):
        asked = model.p_at_least_if_alive(count, 52.0, *(part[rows] for part in CUSTOMERS))
        np.testing.assert_allclose(tail.p_at_least(rows), asked, atol=1e-13)
        if count == 5:
            rows = np.array([1, 5])  # the others' laws are dropped
        tail = tail.moved(1, rows)


def test_models_without_the_form_are_asked():
    for model in (BgCnbd(0.6, 8.0, 0.8, 2.5, 3), BgBb(1.2, 0.75, 0.66, 2.8)):
        tail = first_tail(model, 20.0, tuple(part[:5] for part in CUSTOMERS)).moved(1, np.arange(5))
        asked = model.p_at_least_if_alive(2, 20.0, *(part[:5] for part in CUSTOMERS))
        np.testing.assert_array_equal(tail.p_at_least(np.arange(5)), asked)


def test_counts_go_up_one_by_one_to_a_thousand():
    assert [step_after(count) for count in (1, 999, 1_000, 6_400)] == [1, 1, 7, 50]


def test_thousands_of_purchases_have_the_quantiles_and_variance_of_their_law():
    """Nobody leaves, so the law is one negative binomial, with steps s = 27 of the count at 3,400; interpolation errs
    by less than s² / 8 over the law's scale of 100, and adds s² / 6 = 120 to the variance of 10,600."""
    model, customers = BgNbd(0.6, 8.0, np.exp(-600.0), 1.0), tuple(part[5:] for part in CUSTOMERS)
    law = nbinom(1_500.6, 68.0 / (68.0 + 150.0))
    lower, upper = purchase_intervals(replace(fit_of(model, *customers), unit_days=1.0), 150.0, 0.9)
    assert lower[0] == pytest.approx(law.ppf(0.05), abs=2)
    assert upper[0] == pytest.approx(law.ppf(0.95), abs=2)
    total = total_interval(fit_of(model, *customers), 150.0, 0.9)
    assert (total.upper - total.mean) / norm.ppf(0.95) == pytest.approx(law.std(), rel=0.01)


def test_a_level_finer_than_the_recursion_is_asked_of_the_model():
    customers = tuple(part[:5] for part in CUSTOMERS)
    upper = purchase_intervals(fit_of(MODELS[0], *customers), 52.0, 1.0 - 1e-12)[1]
    for i, count in enumerate(upper.astype(int)):
        one = tuple(part[i : i + 1] for part in customers)
        alive = MODELS[0].p_alive(*one)[0]
        assert alive * MODELS[0].p_at_least_if_alive(count, 52.0, *one)[0] > 0.5e-12
        assert alive * MODELS[0].p_at_least_if_alive(count + 1, 52.0, *one)[0] <= 0.51e-12


def test_customers_held_in_blocks_have_the_intervals_of_all_together(monkeypatch):
    fit = fit_of(MODELS[3], *CUSTOMERS)
    whole = purchase_intervals(fit, 52.0, 0.9)
    monkeypatch.setattr(predictive, "_ROWS", 2)
    np.testing.assert_array_equal(purchase_intervals(fit, 52.0, 0.9), whole)
