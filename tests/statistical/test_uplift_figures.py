"""Intervals of held-out figures, of importance and of what-if curves cover what they say they cover."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.prediction.analysis.figures import Draws, Figures
from alamo.prediction.analysis.holdout import HeldOut
from alamo.prediction.explanation import Judged, ScoredRows, loss_changes, what_if
from alamo.prediction.learners import RidgeEffectLearner

pytestmark = pytest.mark.statistical

SHARES = np.array([0.6, 0.2, 0.2])


def replications(n_seeds: int) -> int:
    return 20 * n_seeds


def least(nominal: float, n: int) -> float:
    """Return the least share covered that chance explains: three standard errors below the nominal one."""
    return nominal - 3.0 * np.sqrt(nominal * (1.0 - nominal) / n)


def draw(rng: np.random.Generator, n: int, *, rare: bool) -> tuple[np.ndarray, np.ndarray, Figures]:
    """Return predictions, true effects and figures of `n` held-out units of two actions."""
    x = rng.normal(size=(n, 2))
    truth = np.column_stack([0.3 * x[:, 0] + 0.1, -0.2 + 0.2 * x[:, 1]]) * (0.1 if rare else 1.0)
    predicted = truth * 0.8 + 0.1 * truth.std() * x[:, ::-1]
    arm = rng.choice(3, n, p=SHARES)
    lift = np.where(arm > 0, truth[np.arange(n), np.maximum(arm - 1, 0)], 0.0)
    if rare:
        outcome = (rng.random(n) < np.clip(0.1 + lift, 0.0, 1.0)).astype(float)
        truth = np.clip(0.1 + truth, 0.0, 1.0) - 0.1
    else:
        outcome = 1.0 + lift + rng.normal(size=n)
    level = 0.1 if rare else 1.0
    gamma = np.full((n, 3), level)
    gamma[np.arange(n), arm] += (outcome - level) / SHARES[arm]
    held_out = HeldOut(gamma[:, 1:] - gamma[:, :1], predicted, truth.mean(axis=0), np.arange(n), np.ones(n), 0.95)
    return predicted, truth, Figures(held_out, Draws(arm, SHARES[arm], SHARES, outcome, outcome - level), ("a", "b"))


def true_figures(rare: bool) -> dict[tuple[str | None, str], float]:
    """Return the figures that a million units have: the same equations on true effects instead of scores."""
    _, truth, found = draw(np.random.default_rng(99), 1_000_000, rare=rare)
    known = HeldOut(
        truth, found.held_out.predicted, truth.mean(axis=0), found.held_out.group, found.held_out.units, 0.95
    )
    rows = known.judge(("a", "b"))
    out: dict[tuple[str | None, str], float] = {}
    for row in rows:
        out[row.action, "value of policy"], out[row.action, "gain"] = row.value_of_policy, row.gain.mean
        if row.action:
            out[row.action, "qini"], out[row.action, "auuc"] = row.qini, row.auuc
            out[row.action, "calibration slope"] = row.calibration_slope
    return out


@pytest.mark.parametrize("rare", [False, True])
def test_intervals_of_held_out_figures_cover(rare, n_seeds):
    true, n = true_figures(rare), replications(n_seeds)
    covered: dict[tuple[str | None, str], list[bool]] = {key: [] for key in true}
    anytime: list[bool] = []
    for seed in range(n):
        _, _, found = draw(np.random.default_rng(1000 + seed), 2_500, rare=rare)
        for row in found.rows():
            key = row.action, row.figure
            if key in true:
                covered[key].append(row.lower <= true[key] <= row.upper)
            if key == (None, "value of policy"):
                anytime.append(row.anytime_lower <= true[key] <= row.anytime_upper)
    shares = {key: float(np.mean(hits)) for key, hits in covered.items()}
    assert min(shares.values()) > least(0.95, n) - 0.01, shares  # normal intervals of skewed scores: a point short
    assert np.mean(anytime) > 0.97  # one look at an interval that allows for all of them


def test_the_growth_of_the_loss_is_that_of_the_squared_error(n_seeds):
    def effect(table):
        return 2.0 * np.asarray(table["a"])[:, None] + 0.5 * np.asarray(table["b"])[:, None]

    n, hits, useless = replications(n_seeds), [], []
    for seed in range(n):
        rng = np.random.default_rng(2000 + seed)
        table = pa.table({"a": rng.normal(size=1500), "b": rng.normal(size=1500)})
        score = 2.0 * np.asarray(table["a"])[:, None] + 3.0 * rng.normal(size=(1500, 1))
        rows = ScoredRows(table, score, np.arange(1500))
        found = {change.column: change for change in loss_changes(effect, rows, ("x",), rng)}
        hits.append(found["a"].lower <= 8.0 <= found["a"].upper)  # E (2a' − 2a)²
        useless.append(found["b"].mean)  # E (b'/2)² − (b/2)² = 0: shuffling what misleads all alike changes nothing
    assert np.mean(hits) > least(0.95, n) - 0.02  # the shuffled partners are shared between rows
    assert abs(np.mean(useless)) < 3.0 * np.std(useless) / np.sqrt(n)


def test_intervals_of_a_what_if_cover_the_line_that_is_there(n_seeds):
    n, hits = replications(n_seeds), []
    held_out = np.random.default_rng(7).normal(size=(300, 3))
    table = pa.table({name: held_out[:, j] for j, name in enumerate("abc")})
    for seed in range(n):
        rng = np.random.default_rng(3000 + seed)
        x = rng.normal(size=(1500, 3))
        score = x @ np.array([1.0, -0.5, 0.0]) + 2.0 * rng.normal(size=1500)
        folds = rng.integers(0, 5, 1500)
        refits = []
        for rows in [np.ones(1500, dtype=bool), *(folds != fold for fold in range(5))]:
            line = RidgeEffectLearner().fit(x[rows], score[rows], np.ones(int(rows.sum())))
            refits.append(lambda t, line=line: line.predict(np.column_stack([t[c].to_numpy() for c in "abc"]))[:, None])
        judged = Judged(refits[0], tuple(refits[1:]), ScoredRows(table, np.zeros((300, 1)), np.arange(300)), ("x",))
        (curve,) = what_if(judged, "a")
        span = curve.points[-1].value - curve.points[0].value
        hits.append(curve.change_lower <= span <= curve.change_upper)
    # the ridge draws slopes in by about 1 % of their error: coverage of t with 4 degrees of freedom, a point for that
    assert least(0.95, n) - 0.01 < np.mean(hits) <= 1.0
