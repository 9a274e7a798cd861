"""Figures, calibration, folds, coding, columns and target, each against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit
from scipy.stats import norm

from alamo.domain.errors import UsageError
from alamo.numerics.text_dates import text_days
from alamo.prediction.learners.scorecard import BinnedColumn, fit_scorecard
from alamo.prediction.scores.calibration import calibrate, fit_beta, fit_isotonic, fit_platt, log_loss, pool_violators
from alamo.prediction.scores.choice import choose
from alamo.prediction.scores.coding import LevelMeans, NumberBins, prior_rows
from alamo.prediction.scores.columns import choose_columns
from alamo.prediction.scores.drift import stability_index
from alamo.prediction.scores.figures import auc, figures, intervals, top_decile_lift
from alamo.prediction.scores.folds import forward_blocks, row_groups, stratified_folds
from alamo.prediction.scores.spec import ScoreSpec
from alamo.prediction.scores.target import read_target


def test_figures_worked_out_by_hand():
    z, y = np.array([-2.0, -1.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0, 0.0])
    assert auc(z, y) == pytest.approx(3.5 / 6)  # pairs won: 1 + 2.5 of 2 · 3
    assert auc(z, np.ones(5)) is None
    assert top_decile_lift(np.arange(20.0), (np.arange(20) >= 18).astype(float)) == pytest.approx(10.0)
    assert top_decile_lift(np.zeros(20), (np.arange(20) < 5).astype(float)) == pytest.approx(1.0)
    half = figures(np.zeros(100), np.tile([0.0, 1.0], 50))
    assert half.log_loss == pytest.approx(np.log(2))
    assert half.ece == pytest.approx(0.0)


def test_intervals_of_auc_and_log_loss_cover_the_truth_as_often_as_they_say():
    grid = np.linspace(-8.0, 9.0, 20_001)
    loss = [norm.pdf(grid - y) * np.logaddexp(0.0, (1 - 2 * y) * (grid - 0.5)) for y in (0, 1)]
    truth = {"auc": norm.cdf(np.sqrt(0.5)), "log_loss": 0.5 * sum(np.trapezoid(part, grid) for part in loss)}
    covered, runs = dict.fromkeys(truth, 0.0), 400
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        y = np.tile([0.0, 1.0], 100)
        ends = intervals(rng.normal(size=200) + y - 0.5, y, 0.9, rng)
        for name, value in truth.items():
            covered[name] += ends[name][0] <= value <= ends[name][1]
    error = 4 * np.sqrt(0.9 * 0.1 / runs)
    assert abs(covered["auc"] / runs - 0.9) < error
    assert covered["log_loss"] / runs > 0.9 - error  # strata of fixed size make it a little conservative


@pytest.mark.parametrize("fit", [fit_platt, fit_beta, fit_isotonic])
def test_calibration_mends_log_odds_that_are_twice_too_large(fit):
    rng = np.random.default_rng(1)
    eta = rng.normal(size=20_000)
    y = (rng.random(20_000) < expit(eta)).astype(float)
    found = fit(2 * eta, y).apply(2 * eta)
    assert log_loss(found, y) < log_loss(2 * eta, y) - 0.02
    assert np.abs(expit(found) - expit(eta)).mean() < 0.02
    order = np.argsort(eta)
    assert (np.diff(found[order]) >= -1e-12).all()


def test_pooling_violators_by_hand():
    mean, weight, _ = pool_violators(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert mean.tolist() == [0.0, 0.5, 1.0]
    assert weight.tolist() == [1.0, 2.0, 1.0]


def test_a_fold_is_calibrated_without_its_own_labels():
    rng = np.random.default_rng(2)
    z, folds = rng.normal(size=3000), np.arange(3000) % 3
    y = (rng.random(3000) < expit(z)).astype(float)
    found = calibrate(3 * z, y, folds)
    for k, used in enumerate(found.by_fold):
        others = folds != k
        assert used in {fit(3 * z[others], y[others]) for fit in (fit_platt, fit_beta, fit_isotonic)}
        assert (found.log_odds[folds == k] == used.apply(3 * z[folds == k])).all()


def test_the_better_learner_is_chosen():
    rng = np.random.default_rng(3)
    eta = rng.normal(size=4000)
    y, folds = (rng.random(4000) < expit(eta)).astype(float), np.arange(4000) % 4
    noise = rng.normal(size=(4000, 2))
    assert choose(eta, noise, y, folds).final.trees_weight < 0.15
    right = choose(noise[:, 0], np.column_stack([noise[:, 1], eta]), y, folds).final
    assert (right.stage, right.trees_weight > 0.85) == (1, True)


def test_folds_keep_the_share_of_yes_and_never_part_a_group():
    y = (np.arange(1000) % 10 == 0).astype(float)
    group = np.arange(1000) // 2
    folds = stratified_folds(y, group, 5, np.random.default_rng(0))
    assert [int(y[folds == k].sum()) for k in range(5)] == [20] * 5
    assert (folds[::2] == folds[1::2]).all()


def test_forward_blocks_see_only_the_past_and_never_part_a_moment():
    order = np.repeat(np.arange(20.0), 7)
    blocks = forward_blocks(order, 4)
    assert len(blocks) == 4
    for before, block in blocks:
        assert order[before].max() < order[block].min()
    assert forward_blocks(np.zeros(50), 4) == []


def test_equal_rows_share_a_group_unless_rows_are_few_patterns():
    x = np.arange(100.0)
    x[99] = x[0]
    y = np.zeros(100)
    group, repeats = row_groups([x], y)
    assert (repeats, group[99] == group[0]) == (1, True)
    assert row_groups([np.arange(100.0) % 3], y)[1] == 0


def test_bins_keep_a_frequent_value_apart_and_gaps_last():
    values = np.concatenate([np.zeros(500), np.linspace(1, 2, 500), [np.nan]])
    bins = NumberBins.fit(values)
    codes = bins.codes(values)
    assert set(codes[:500]) == {codes[0]}
    assert codes[0] not in codes[500:]
    assert codes[-1] == bins.binned.bins - 1


def test_a_level_seen_once_cannot_tell_its_own_row_the_answer():
    rng = np.random.default_rng(4)
    codes = np.arange(2000).astype(np.int32)
    y = (rng.random(2000) < 0.3).astype(float)
    told = LevelMeans.held_out(codes, y, 2002, rng.integers(0, 5, 2000).astype(np.int32))
    assert abs(auc(told, y) - 0.5) < 4 * np.sqrt(1 / 12 / 600 + 1 / 12 / 1400)
    assert prior_rows(np.full(50, 30.0), np.full(50, 100.0)) == 10_000.0
    assert prior_rows(np.array([0.0, 100.0]), np.array([100.0, 100.0])) == 1.0


def test_a_scorecard_finds_the_points_and_gives_none_to_noise():
    rng = np.random.default_rng(5)
    truth = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    codes = rng.integers(0, 5, (2, 40_000)).astype(np.int32)
    y = (rng.random(40_000) < expit(-1 + truth[codes[0]])).astype(float)
    card = fit_scorecard(codes, y, [BinnedColumn(6, ordered=True), BinnedColumn(6, ordered=True)])
    assert np.abs(np.array(card.points[0][:5]) - truth).max() < 0.1  # four standard errors of a level: 0.1
    assert np.abs(card.points[1]).max() < 0.03
    assert card.log_odds(codes) == pytest.approx(card.base + card.contributions(codes).sum(axis=1))
    assert type(card).from_dict(card.to_dict()) == card


def test_columns_are_read_for_what_they_hold():
    n = 60
    table = pa.table(
        {
            "number as text": [f" {i / 2} " if i else "" for i in range(n)],
            "german date": [f"{i % 28 + 1:02d}.03.2024" for i in range(n)],
            "shop_id": [i % 4 for i in range(n)],
            "customer_id": list(range(n)),
            "name": [f"person {i}" for i in range(n)],
            "same": ["x"] * n,
            "nothing": pa.nulls(n, pa.string()),
            "list": [[1]] * n,
            "income": [float(i) for i in range(n)],
        }
    )
    chosen = choose_columns(table, table.column_names)
    assert {r.name: r.kind for r in chosen.readers} == {
        "number as text": "number",
        "german date": "date",
        "shop_id": "level",
        "income": "number",
    }
    assert {o.name for o in chosen.left_out if o.identifier} == {"customer_id", "name"}
    assert chosen.readers[0].read(table)[:2] == pytest.approx([np.nan, 0.5], nan_ok=True)
    assert text_days(pa.chunked_array([["03.01.1970", None]])) == pytest.approx([2.0, np.nan], nan_ok=True)
    assert text_days(pa.chunked_array([["03.01.1970", "soon"]])) is None
    assert text_days(pa.chunked_array([["28.02.1970", "30.02.1970"]])) is None  # there was no such day
    assert text_days(pa.chunked_array([["3/1/1970", "3/31/1970"]])) == pytest.approx([59.0, 89.0])


@pytest.mark.parametrize(
    ("values", "given", "positive", "yes"),
    [
        ([0, 1] * 30, None, "1", 30),
        ([0.0, 1.0, None] * 30, None, "1", 30),
        (["no", "Yes "] * 30, None, "Yes", 30),
        ([True, False] * 30, None, "true", 30),
        (["stays"] * 40 + ["leaves"] * 20, None, "leaves", 20),
        (["a", "b", "c"] * 30, "B", "b", 30),
        ([1, 2, 3] * 30, "2.0", "2", 30),
    ],
)
def test_which_value_counts_as_yes(values, given, positive, yes):
    found = read_target(pa.table({"t": values}), ScoreSpec("t", positive=given))
    assert (found.positive, int(np.nansum(found.values)), found.refusal) == (positive, yes, None)


def test_a_target_of_three_values_or_an_unknown_one_is_a_mistake():
    with pytest.raises(UsageError, match="3 different values") as three:
        read_target(pa.table({"t": ["a", "b", "c"]}), ScoreSpec("t"))
    assert "--positive" in three.value.hint
    with pytest.raises(UsageError, match="never holds"):
        read_target(pa.table({"t": ["a", "b"]}), ScoreSpec("t", positive="z"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1] * 50, "in all 50 rows"),
        ([None] * 50, "is empty"),
        ([0] * 45 + [1] * 5, "5 rows say yes"),
        ([0, 1], "1 rows"),
    ],
)
def test_too_little_is_a_refusal(values, words):
    found = read_target(pa.table({"t": pa.array(values, pa.int64())}), ScoreSpec("t"))
    assert words in found.refusal.reason


def test_the_stability_index_is_nothing_where_nothing_moved():
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 10, 2000).astype(np.int32)
    early, late = np.arange(1500), np.arange(1500, 2000)
    assert stability_index(codes, 10, early, late) < 0.03
    codes[late] = np.minimum(codes[late] + 3, 9)
    assert stability_index(codes, 10, early, late) > 0.25


@pytest.mark.parametrize("bad", [{"folds": 1}, {"level": 1.2}, {"drop": ("a",), "keep": ("a",)}])
def test_a_spec_that_cannot_be_met_is_refused(bad):
    with pytest.raises(UsageError):
        ScoreSpec("t", **bad)
