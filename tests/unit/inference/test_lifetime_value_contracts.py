"""Contract customers: the published retention figures, limits, covariates, residual value."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.domain.errors import InputError, InsufficientDataError, UsageError
from alamo.inference.lifetime_value import ShiftedBetaGeometric, fit_hazard, fit_shifted_beta_geometric

HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)
"""Customers of 1,000 who are left after 0 to 7 renewals: Fader & Hardie (2007), table 1."""


def histories(left_after):
    """Return periods and left of everybody."""
    counts = np.array(left_after)
    leavers = -np.diff(counts)
    periods = np.repeat(np.arange(1, len(counts)), leavers)
    still = np.full(counts[-1], len(counts) - 1)
    return np.concatenate([periods, still]), np.arange(counts[0]) < leavers.sum()


def test_the_published_high_end_segment_gives_the_published_parameters():
    fit = fit_shifted_beta_geometric(*histories(HIGH_END))
    assert fit.estimates["alpha"] == pytest.approx(0.668, abs=5e-4)
    assert fit.estimates["beta"] == pytest.approx(3.806, abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-1611.2, abs=0.05)


def test_survival_is_the_product_of_retention():
    model = ShiftedBetaGeometric(0.7, 3.8)
    np.testing.assert_allclose(model.survival(np.arange(6)), np.cumprod([1.0, *model.retention(np.arange(5))]))
    assert model.survival_from(2, 3) == pytest.approx(float(model.survival(5) / model.survival(2)))


def test_residual_value_is_the_discounted_sum_and_rises_with_loyalty():
    model = ShiftedBetaGeometric(0.7, 3.8)
    value = model.residual_value_money([0, 4], 100.0, discount_per_period=0.1, horizon=3)
    by_hand = sum(100.0 * float(model.survival(i)) / 1.1 ** (i - 1) for i in (1, 2, 3))
    assert value[0] == pytest.approx(by_hand)
    assert value[1] > value[0]


def test_equal_chances_to_leave_are_found_as_a_limit():
    rng = np.random.default_rng(1)
    leaves = rng.geometric(0.3, 2_000)
    fits = [fit_shifted_beta_geometric(np.minimum(part, 6), part <= 6) for part in np.split(leaves, 4)]
    limits = [fit for fit in fits if not fit.identified]
    assert limits, "about half of the samples are less spread than the geometric"
    for fit in limits:
        assert fit.estimates == {"alpha": None, "beta": None}
        assert fit.model.retention(0) == pytest.approx(0.7, abs=0.05)


def test_too_few_leavers_are_refused():
    with pytest.raises(InsufficientDataError, match="9 customers left"):
        fit_shifted_beta_geometric(np.ones(200, dtype=int), np.arange(200) < 9)


def simulated(rng, n=4_000):
    x = np.stack([rng.normal(size=n), rng.random(n) < 0.4], axis=1).astype(float)
    odds = np.array([-1.0, -1.6, -2.0, -2.2, -2.4])
    leave = rng.random((n, 5)) < 1 / (1 + np.exp(-(odds + (x @ [0.5, -0.8])[:, None])))
    left = leave.any(axis=1)
    return np.where(left, leave.argmax(axis=1) + 1, 5), left, x


def test_the_hazard_recovers_effects_and_baseline_within_four_standard_errors():
    fit = fit_hazard(*simulated(np.random.default_rng(2)), ("size", "annual"))
    assert fit.converged
    for effect, true, se in zip(fit.effects, (0.5, -0.8), fit.standard_errors, strict=True):
        assert abs(effect - true) < 4 * se
    assert len(fit.baseline) == 5
    assert (np.diff(fit.baseline) < 0.15).all()


def test_expected_leavers_are_those_seen_at_every_age():
    periods, left, x = simulated(np.random.default_rng(3))
    fit = fit_hazard(periods, left, x, ("size", "annual"))
    for age in range(5):
        at_risk = periods > age
        expected = fit.p_leaves(np.full(at_risk.sum(), age), x[at_risk]).sum()
        assert expected == pytest.approx((left & (periods == age + 1)).sum(), rel=1e-6)  # the score equations


def test_survival_of_the_hazard_multiplies_and_later_ages_share_the_last_log_odds():
    fit = fit_hazard(*simulated(np.random.default_rng(4)), ("size", "annual"))
    someone = np.array([[0.3, 1.0]])
    ahead = fit.survival_from(np.array([4]), someone, 3)[0]
    stays = 1 - fit.p_leaves(np.array([9]), someone)[0]
    np.testing.assert_allclose(ahead, [stays, stays**2, stays**3])


def test_a_constant_covariate_is_named():
    periods, left, x = simulated(np.random.default_rng(5), 500)
    with pytest.raises(UsageError, match="'annual' is constant"):
        fit_hazard(periods, left, np.stack([x[:, 0], np.ones(500)], axis=1), ("size", "annual"))


def leaving(chances, n=4_000, seed=6):
    rng = np.random.default_rng(seed)
    leave = rng.random((n, len(chances))) < chances
    left = leave.any(axis=1)
    return np.where(left, leave.argmax(axis=1) + 1, len(chances)), left, rng.normal(size=(n, 1))


def test_a_minimum_term_keeps_the_profile_of_the_ages_after_it():
    periods, left, x = leaving([0.0, 0.4, 0.05, 0.05])
    fit = fit_hazard(periods, left, x, ("size",))
    p = fit.p_leaves(np.arange(4), np.repeat(fit.centre[None, :], 4, axis=0))
    assert p[0] == 0.0
    for age, true in ((1, 0.4), (2, 0.05), (3, 0.05)):
        assert abs(p[age] - true) < 4 * np.sqrt(true * (1 - true) / (periods > age).sum())
    assert fit.survival_from(np.array([0]), fit.centre[None, :], 1)[0, 0] == 1.0


def test_an_age_without_leavers_shares_its_neighbours_and_later_ages_keep_their_own():
    fit = fit_hazard(*leaving([0.2, 0.0, 0.3, 0.3]), ("size",))
    assert fit.baseline[1] == fit.baseline[0] < fit.baseline[2]
    assert np.isfinite(fit.baseline).all()
    # ages 0 and 1 together: 0.2 of 4,000 among 4,000 + 3,200 at risk
    assert abs(1 / (1 + np.exp(-fit.baseline[0])) - 0.2 * 4_000 / 7_200) < 4 * np.sqrt(0.1 / 7_200)


def test_an_age_without_stayers_shares_its_neighbours():
    fit = fit_hazard(*leaving([0.2, 0.3, 1.0]), ("size",))
    assert len(fit.baseline) == 3
    assert fit.baseline[2] == fit.baseline[1] > fit.baseline[0]
    assert fit.converged


PERIODS, LEFT = np.tile([1, 2, 3], 40), np.tile([True, False, False, True], 30)


def fit_hazard_on(periods, left):
    return fit_hazard(periods, left, np.linspace(0.0, 1.0, 120)[:, None], ("size",))


@pytest.mark.parametrize("fit", [fit_shifted_beta_geometric, fit_hazard_on])
@pytest.mark.parametrize(
    ("periods", "left", "complaint"),
    [
        (np.where(np.arange(120) == 4, np.nan, PERIODS), LEFT, "periods, value 5: 'nan'"),
        (PERIODS - 1, LEFT, "periods, value 1: '0'"),
        (PERIODS + 0.9, LEFT, "periods, value 1: '1.9'"),
        (PERIODS.astype(str), LEFT, "periods, value 1: '1'"),
        (PERIODS, np.where(LEFT, "True", "False"), "left, value 1: 'True'"),
        (PERIODS, np.where(LEFT, 1.0, np.nan), "left, value 2: 'nan'"),
        (PERIODS, np.where(LEFT, 2, 0), "left, value 1: '2'"),
        (PERIODS, np.where(LEFT, LEFT, None), "left, value 2: 'None'"),
    ],
)
def test_rows_that_mean_nothing_are_named(fit, periods, left, complaint):
    with pytest.raises(InputError, match=complaint):
        fit(periods, left)


@pytest.mark.parametrize("fit", [fit_shifted_beta_geometric, fit_hazard_on])
def test_rows_must_be_equally_many_and_0_and_1_are_flags(fit):
    with pytest.raises(UsageError, match="shape"):
        fit(PERIODS, LEFT[:-1])
    assert fit(PERIODS, LEFT.astype(float)).log_likelihood == fit(list(PERIODS), list(LEFT)).log_likelihood


def test_ages_and_horizons_are_whole_numbers_from_where_they_start():
    model = ShiftedBetaGeometric(1.0, 2.0)
    with pytest.raises(InputError, match="age"):
        model.survival_from(-1, 2)
    with pytest.raises(InputError, match="horizon"):
        model.residual_value_money([1], 1.0, discount_per_period=0.1, horizon=0)
    with pytest.raises(UsageError, match="rate"):
        model.residual_value_money([1], 1.0, discount_per_period=-1.0, horizon=2)
    with pytest.raises(InputError, match="age"):
        fit_hazard_on(PERIODS, LEFT).survival_from([-1], np.array([[0.5]]), 2)


def test_covariates_that_make_each_other_up_are_named():
    periods, left, x = simulated(np.random.default_rng(7), 1_000)
    with pytest.raises(UsageError, match="'double' is made up"):
        fit_hazard(periods, left, np.column_stack([x, 2 * x[:, 0] + 1]), ("size", "annual", "double"))
    kind = np.eye(3)[np.random.default_rng(8).integers(0, 3, 1_000)]
    with pytest.raises(UsageError, match="'c' is made up"):
        fit_hazard(periods, left, kind, ("a", "b", "c"))
    assert fit_hazard(periods, left, kind[:, :2], ("a", "b")).converged


def test_covariates_that_tell_who_left_are_named():
    periods, left, x = simulated(np.random.default_rng(9), 1_000)
    with pytest.raises(UsageError, match="'gone' tells"):
        fit_hazard(periods, left, np.column_stack([x[:, 0], left & (periods == 1)]), ("size", "gone"))
    loyal = ~left & (np.arange(1_000) % 2 == 0)
    with pytest.raises(UsageError, match="'loyal' tells"):
        fit_hazard(periods, left, loyal[:, None], ("loyal",))
    short = np.ones(1_000, dtype=int)  # leavers lie beyond a line across two covariates, neither of which tells alone
    with pytest.raises(UsageError, match="tells"):
        fit_hazard(short, x[:, 0] + x[:, 1] > 0.5, x, ("size", "annual"))


def test_covariates_must_be_numbers_a_row_per_customer_and_somebody_must_stay():
    periods, left, x = simulated(np.random.default_rng(10), 500)
    for bad in (x[:-1], x[:, :1], np.full((500, 2), "a")):
        with pytest.raises(UsageError, match="covariates"):
            fit_hazard(periods, left, bad, ("size", "annual"))
    with pytest.raises(InsufficientDataError, match="nobody renewed"):
        fit_hazard(np.ones(500, dtype=int), np.ones(500, dtype=bool), x, ("size", "annual"))
