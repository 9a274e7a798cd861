from __future__ import annotations

import numpy as np
import pytest

from alamo.prediction.analysis.figures import Draws, Figures, effective_rows, thin_overlap
from alamo.prediction.analysis.holdout import HeldOut


def figures(n=3000, seed=0, *, group=None, seen=None):
    """Held-out rows of two actions, the second of which harms."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.5, 0.25, 0.25])
    arm = rng.choice(3, n, p=shares)
    effect = np.column_stack([rng.normal(0.5, 1.0, n), rng.normal(-1.0, 0.1, n)])
    outcome = np.where(arm > 0, np.take_along_axis(effect, np.maximum(arm - 1, 0)[:, None], 1)[:, 0], 0.0)
    outcome = (2.0 + outcome + rng.normal(size=n)) if seen is None else seen
    gamma = np.full((n, 3), 2.0)
    gamma[np.arange(n), arm] += (outcome - 2.0) / shares[arm]
    group = np.arange(n) if group is None else group
    held_out = HeldOut(gamma[:, 1:] - gamma[:, :1], effect, np.array([0.5, -1.0]), group, np.ones(n), 0.95)
    return Figures(held_out, Draws(arm, shares[arm], shares, outcome, outcome - 2.0), ("a", "b"))


def figure(found, action, name):
    return next(row for row in found.rows() if (row.action, row.figure) == (action, name))


def test_every_figure_has_its_interval_and_means_agree_with_the_rows():
    found = figures()
    rows = found.held_out.judge(("a", "b"))
    assert figure(found, None, "value of policy").mean == rows[0].value_of_policy
    assert figure(found, None, "value of policy").lower == pytest.approx(rows[0].lower)
    assert figure(found, None, "gain").mean == pytest.approx(rows[0].gain.mean)
    assert figure(found, "a", "qini").mean == rows[1].qini
    assert figure(found, "a", "auuc").mean == rows[1].auuc
    assert figure(found, "a", "calibration slope").mean == pytest.approx(rows[1].calibration_slope)
    assert {row.figure for row in found.rows() if row.action == "b"} == {
        "value of policy", "value of best single action", "gain", "qini", "auuc", "calibration slope",
    }  # fmt: skip


def test_the_always_valid_interval_is_wider_and_only_means_have_one():
    found = figures()
    value = figure(found, None, "value of policy")
    assert value.anytime_lower < value.lower < value.upper < value.anytime_upper
    assert figure(found, "a", "qini").anytime_lower is None


def test_there_is_no_always_valid_interval_before_every_compared_arm_has_shown_outcomes():
    rng = np.random.default_rng(1)
    rare = (rng.random(3000) < 0.004).astype(float)  # 12 of them, over three arms
    assert figure(figures(seen=rare), None, "value of policy").anytime_lower is None
    enough = (rng.random(3000) < 0.1).astype(float)
    assert figure(figures(seen=enough), None, "value of policy").anytime_lower is not None


def test_clusters_of_independent_units_leave_the_always_valid_interval_as_wide():
    ratios = []
    for size in (1, 3, 10):
        value = figure(figures(6000, group=np.arange(6000) // size), None, "value of policy")
        ratios.append((value.anytime_upper - value.anytime_lower) / (value.upper - value.lower))
    assert ratios[1:] == pytest.approx([ratios[0]] * 2, rel=0.1)  # 600 groups: their spread is known to about 3 %


def test_choices_that_never_differ_have_no_gain_and_no_sequence():
    found = figures()
    alone = figure(found, "b", "gain")  # b harms: neither the policy nor the best single action takes it
    assert (alone.mean, alone.se, alone.anytime_lower) == (0.0, 0.0, None)


def test_influences_are_the_derivative_of_the_figures():
    found = figures(300)
    score, predicted = found.held_out.score[:, 0], found.held_out.predicted[:, 0]
    n = len(score)
    for name in ("qini", "auuc"):
        se = figure(found, "a", name).se
        left_out = []
        for i in range(n):  # the jackknife agrees with the influence function up to terms of order 1/n
            keep = np.arange(n) != i
            part = HeldOut(
                score[keep, None], predicted[keep, None], np.zeros(1), np.arange(n - 1), np.ones(n - 1), 0.95
            )
            left_out.append(getattr(part.judge(("a",))[1], name))
        jackknife = np.sqrt((n - 1) / n * ((np.array(left_out) - np.mean(left_out)) ** 2).sum())
        assert se == pytest.approx(jackknife, rel=0.02)


def test_rows_of_a_unit_count_as_one():
    one = figures(2000)
    twice = HeldOut(
        np.vstack([one.held_out.score] * 2),
        np.vstack([one.held_out.predicted] * 2),
        one.held_out.training_mean,
        np.tile(one.held_out.group, 2),
        np.full(4000, 0.5),
        0.95,
    )
    draws = Draws(
        *(np.tile(getattr(one.draws, name), 2) for name in ("arm", "p_drawn")),
        one.draws.shares,
        *(np.tile(getattr(one.draws, name), 2) for name in ("outcome", "residual")),
    )
    both = Figures(twice, draws, one.actions)
    for name in ("qini", "calibration slope"):
        assert figure(both, "a", name).se == pytest.approx(figure(one, "a", name).se, rel=0.02)


def test_effective_rows_are_those_that_drew_the_choice():
    found = figures()
    every = found.overlap()[0]
    chosen = found.held_out.chosen([0, 1])
    agree = int((chosen == found.draws.arm).sum())
    assert 0.7 * agree < every.ess <= agree
    assert every.largest_weight == 4.0
    assert every.chosen_share == pytest.approx((chosen > 0).mean())
    assert effective_rows(np.zeros(3)) == 0.0
    assert effective_rows(np.array([2.0, 2.0, 0.0])) == 2.0


def test_policies_are_not_to_be_ranked_by_few_effective_rows():
    assert [refusal.what for refusal in thin_overlap(figures(900).overlap())] == ["ranking of policies"]
    assert thin_overlap(figures(6000).overlap()) == ()
