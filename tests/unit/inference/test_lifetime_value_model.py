"""The value model of the loop: what it is made of, what it says, and when it refuses."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.domain.settings import OutcomeSettings
from alamo.inference.lifetime_value import NoResidualValue, ValueModel, fit_value_model, value_model_from_dict
from alamo.inference.lifetime_value.bg_nbd import BgNbd
from alamo.inference.lifetime_value.gamma_gamma import GammaGamma

MODEL = ValueModel(
    purchases=BgNbd(0.6, 60.0, 0.8, 2.5),
    spending=GammaGamma(6.0, 3.7, 15.0, 33.0),
    margin_share=0.3,
    horizon_days=365,
    discount_rate_per_year=0.1,
    n_customers=1_000,
    n_repeat_customers=400,
    identified=True,
    limit="",
)


def profiles(n, seed=0, buyers=0.9):
    rng = np.random.default_rng(seed)
    lam, p, nu = rng.gamma(0.6, 1 / 60.0, n), rng.beta(0.8, 2.5, n), rng.gamma(3.7, 1 / 15.0, n)
    t = rng.integers(30, 400, n).astype(float)
    x, t_x, now = np.zeros(n), np.zeros(n), np.zeros(n)
    active = np.arange(n)
    while len(active):
        now[active] += rng.exponential(1.0, len(active)) / lam[active]
        active = active[now[active] < t[active]]
        x[active], t_x[active] = x[active] + 1, np.ceil(now[active])
        active = active[rng.random(len(active)) > p[active]]
    money = np.where(x > 0, rng.gamma(6.0 * np.maximum(x, 1), 1 / (nu * np.maximum(x, 1))), 0.0)
    bought = rng.random(n) < buyers
    total = np.where(bought, money * x + 6.0 / nu, 0.0)
    return pa.table(
        {
            "customer_id": [str(i) for i in range(n)],
            "x": np.where(bought, x, 0).astype(np.int64),
            "t_x_days": np.where(bought, t_x, 0.0),
            "t_days": np.where(bought, t, 0.0),
            "repeat_money": np.where(bought, money, 0.0),
            "money": total,
            "margin_money": 0.25 * total,
        }
    )


@pytest.fixture(scope="module")
def fitted():
    return fit_value_model(profiles(6_000), outcome=OutcomeSettings())


def test_the_fit_finds_the_customers_it_was_made_from(fitted):
    assert fitted.margin_share == pytest.approx(0.25)
    assert fitted.identified
    assert 5_200 < fitted.n_customers < 5_600
    assert fitted.purchases.r == pytest.approx(0.6, rel=0.25)
    assert fitted.spending.q == pytest.approx(3.7, rel=0.25)


def test_customers_who_never_bought_change_nothing(fitted):
    table = profiles(6_000)
    buyers = table.filter(pa.array(table["t_days"].to_numpy() > 0))
    assert fit_value_model(buyers, outcome=OutcomeSettings()).version == fitted.version


def test_residual_value_is_discounted_quarters_of_purchases_times_money_times_margin():
    x, t_x, t = np.array([0.0, 4.0]), np.array([0.0, 90.0]), np.array([50.0, 120.0])
    money = np.array([0.0, 40.0])
    ends = 365 * np.arange(5) / 4
    bought = np.array([[0.0, 0.0], *(MODEL.expected_purchases(end, x, t_x, t) for end in ends[1:])])
    discount = np.exp(-0.1 * (ends[1:] + ends[:-1]) / 2 / 365)
    expected = 0.3 * MODEL.expected_money(x, money) * (discount @ np.diff(bought, axis=0))
    np.testing.assert_allclose(MODEL.residual_value_money(x, t_x, t, money), expected, rtol=1e-12)


def test_a_customer_who_never_bought_is_worth_zero_and_a_buyer_is_not():
    zero = np.zeros(2)
    value = MODEL.residual_value_money(zero, zero, np.array([0.0, 1.0]), zero)
    assert value[0] == 0.0
    assert value[1] > 0.0


def test_no_horizon_means_no_residual_value():
    short = ValueModel.from_dict(MODEL.to_dict() | {"horizon_days": 0})
    assert short.residual_value_money(np.ones(3), np.ones(3), np.full(3, 9.0), np.ones(3)).tolist() == [0.0] * 3


def test_one_more_purchase_today_is_worth_more_than_silence():
    x, t = np.array([3.0, 4.0]), np.array([120.0, 120.0])
    silent, bought = MODEL.residual_value_money(x, np.array([60.0, 120.0]), t, np.full(2, 30.0))
    assert bought > silent


def test_rows_do_not_depend_on_each_other():
    table = profiles(500, seed=3)
    columns = [np.asarray(table[name].to_numpy(), float) for name in ("x", "t_x_days", "t_days", "repeat_money")]
    together = MODEL.residual_value_money(*columns)
    alone = np.concatenate([MODEL.residual_value_money(*(c[i : i + 1] for c in columns)) for i in range(0, 500, 25)])
    np.testing.assert_allclose(together[::25], alone, rtol=1e-12)


def test_a_model_survives_json_with_its_version(fitted):
    again = value_model_from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    assert again.version == fitted.version
    assert ValueModel.from_dict(fitted.to_dict() | {"margin_share": 0.2}).version != fitted.version


def test_too_few_repeat_customers_are_refused():
    with pytest.raises(InsufficientDataError, match="customers bought again") as refused:
        fit_value_model(profiles(60), outcome=OutcomeSettings())
    assert refused.value.code == "lifetime.too_few_repeat_customers"


def test_an_empty_table_is_refused():
    with pytest.raises(InsufficientDataError, match="only 0 customers"):
        fit_value_model(profiles(0), outcome=OutcomeSettings())


def test_net_money_of_nothing_is_refused():
    table = profiles(2_000)
    table = table.set_column(table.column_names.index("money"), "money", pa.array(np.zeros(2_000)))
    with pytest.raises(InsufficientDataError, match="net money"):
        fit_value_model(table, outcome=OutcomeSettings())


def test_the_fallback_gives_zeros_under_its_own_version():
    none = value_model_from_dict(NoResidualValue().to_dict())
    assert none.version == "none"
    assert none.residual_value_money(np.ones(2), np.ones(2), np.ones(2), np.ones(2)).tolist() == [0.0, 0.0]


def test_an_unknown_kind_of_model_is_refused():
    with pytest.raises(UsageError, match="'martingale'"):
        value_model_from_dict({"kind": "martingale"})


@pytest.mark.parametrize("process", ["mbg-nbd", "pareto-nbd"])
def test_other_purchase_processes_value_customers_and_come_back_from_json(process):
    model = fit_value_model(profiles(3_000), outcome=OutcomeSettings(), model=process)
    again = value_model_from_dict(json.loads(json.dumps(model.to_dict())))
    assert model.to_dict()["kind"] == f"{process}+gamma-gamma"
    assert again == model
    assert again.version == model.version
    x, t_x, t, money = np.array([0.0, 4.0]), np.array([0.0, 90.0]), np.array([50.0, 120.0]), np.array([0.0, 40.0])
    value = model.residual_value_money(x, t_x, t, money)
    year = model.expected_purchases(365.0, x, t_x, t) * model.margin_share * model.expected_money(x, money)
    assert ((value > np.exp(-0.1) * year) & (value < year)).all()
