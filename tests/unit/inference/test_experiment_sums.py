"""Sums of cells give the numbers of the rows."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference import ExperimentSpec, analyze_experiment
from alamo.inference.experiment_comparison import Comparison, compare
from alamo.inference.experiment_design import propensities
from alamo.inference.experiment_scores import score_arms
from alamo.inference.experiment_sums import has_sums
from alamo.inference.experiment_table import read_experiment
from alamo.inference.score_sums import ArmGrid, ScoreSums
from alamo.inference.segment_effects import SegmentScores
from alamo.numerics.cell_sums import CellSums
from alamo.numerics.doubly_robust import mean_by_group, scores

SPEC = ExperimentSpec("arm", "none", ("spend",), costs={"mail": 0.5}, features="none")


def _table(n: int = 6000, *, seed: int = 1, places: int = 12) -> pa.Table:
    rng = np.random.default_rng(seed)
    place = rng.integers(0, places, n)
    arm = np.maximum(rng.integers(0, 5, n) - 2, 0)
    buys = rng.random(n) < 0.05 + 0.03 * place / places + 0.05 * (arm == 1)
    spend = np.where(buys, np.exp(rng.normal(3.0, 0.8, n)), 0.0).round(2)
    return pa.table(
        {
            "arm": pa.array(["none", "mail", "post"]).take(pa.array(arm)),
            "place": pa.array([f"p{i:02d}" for i in range(places)]).take(pa.array(place)),
            "spend": spend,
        }
    )


def _rows_of(table: pa.Table, spec: ExperimentSpec, ridge) -> list:
    """Return the pooled effects as the path through rows gives them."""
    rows, _ = read_experiment(table, spec)
    chance = propensities(rows, spec)
    cost = np.array([spec.costs.get(arm, 0.0) for arm in rows.arms])
    net = rows.outcomes["spend"] - cost[rows.arm]
    scored = score_arms(rows, chance, net, np.zeros((len(rows), 0)), ridge, rows.unit_share("spend"))
    return [compare(Comparison(rows, chance, scored, arm, "spend"), None, np.zeros((len(rows), 0)), spec).rows[0]
            for arm in (1, 2)]  # fmt: skip


@pytest.mark.parametrize("propensity", [None, 0.2])
def test_pooled_effects_are_those_of_the_rows(ridge, propensity):
    spec = replace(SPEC, propensity=propensity)
    table = _table()
    found, expected = analyze_experiment(table, spec, ridge).rows, _rows_of(table, spec, ridge)
    assert [row.action for row in found] == ["mail", "post"]
    for one, other in zip(found, expected, strict=True):
        for key, value in asdict(other).items():
            assert getattr(one, key) == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), key


def _one_by_one(table: pa.Table) -> tuple[SegmentScores, np.ndarray, CellSums, np.ndarray]:
    """Return the scores of every row with means by segment that leave the row itself out."""
    y = table["spend"].to_numpy()
    arm = np.asarray(pa.compute.index_in(table["arm"], value_set=pa.array(["none", "mail", "post"])), dtype=np.int64)
    names, place = np.unique(table["place"].to_numpy(zero_copy_only=False), return_inverse=True)
    k, p = len(names), np.bincount(arm) / len(arm)
    mu = np.array([[y[(arm == a) & (place == g)].mean() for a in range(3)] for g in range(k)])[place]
    for i in range(len(y)):
        m = ((arm == arm[i]) & (place == place[i])).sum()
        mu[i, arm[i]] = (m * mu[i, arm[i]] - y[i]) / (m - 1)
    gamma = scores(mu, arm, y, p[arm])
    compared = arm < 2
    squared = (y - mu[np.arange(len(y)), arm])[compared] ** 2
    of_cell, n_cell = np.bincount(place[compared], squared, k), np.bincount(place[compared], minlength=k)
    borrowed = 20.0 * compared.sum() / np.count_nonzero(y[compared])
    expected = ((of_cell + borrowed * squared.mean()) / (n_cell + borrowed))[place]
    rows = SegmentScores(
        score=gamma[:, 1] - gamma[:, 0],
        variance=expected * (1 / p[0] + 1 / p[1]),
        segment=place,
        names=tuple(names),
        in_action=arm == 1,
        in_control=arm == 0,
        covariates=np.zeros((len(y), 0)),
    )
    return rows, squared, CellSums.of(y, arm * k + place, 3 * k), p


def test_scores_by_segment_are_those_of_rows_that_do_not_count_in_their_own_mean():
    rows, squared, cells, p = _one_by_one(_table(1500))
    sums = ScoreSums.of(ArmGrid(cells, p, np.zeros(3)), 1, by_segment=True)
    expected, direct = rows.sums(), sums.segments(rows.names)
    for name in ("n_action", "n_control", "size", "score", "variance"):
        assert getattr(direct, name) == pytest.approx(getattr(expected, name), rel=1e-9), name
    mean = mean_by_group(rows.score)
    assert sums.mean.mean == pytest.approx(mean.mean, rel=1e-9)
    assert sums.mean.se == pytest.approx(mean.se, rel=1e-9)
    assert sums.floor == pytest.approx(squared.mean() * (1 / p[0] + 1 / p[1]), rel=1e-9)


def test_segments_are_named_counted_and_net_of_cost(ridge):
    table = _table()
    result = analyze_experiment(table, replace(SPEC, segments=("place",)), ridge)
    shown = [row for row in result.rows if row.segment is not None and row.action == "mail"]
    assert {row.segment for row in shown} == {f"place p{i:02d}" for i in range(12)}
    third = next(row for row in shown if row.segment == "place p03")
    assert third.n == sum(row["arm"] == "mail" and row["place"] == "p03" for row in table.to_pylist())
    free = analyze_experiment(table, replace(SPEC, segments=("place",), costs={}), ridge)
    assert result.rows[0].mean == pytest.approx(free.rows[0].mean - 0.5)
    assert result.variance_removed["spend"] == pytest.approx(free.variance_removed["spend"])


def test_means_by_segment_are_used_where_segments_explain_the_outcome(ridge):
    table = _table()
    level = 5.0 * np.asarray(pa.compute.index_in(table["place"], value_set=pa.array([f"p{i:02d}" for i in range(12)])))
    table = table.set_column(2, "spend", pa.array(table["spend"].to_numpy() + level))
    spec = replace(SPEC, segments=("place",), costs={})
    fine, plain = (analyze_experiment(table, s, ridge).rows[0] for s in (spec, replace(spec, segments="none")))
    assert fine.method == "doubly robust, means by segment"
    assert plain.method == "difference in means"
    assert fine.se < 0.75 * plain.se
    assert abs(fine.mean - plain.mean) < 3.0 * plain.se


def test_a_segment_that_one_arm_never_met_is_refused_and_harms_no_other(ridge):
    table = _table()
    lonely = [
        {"arm": "mail", "place": "p99", "spend": 1.0},
        {"arm": "mail", "place": "p99", "spend": 3.0},
        {"arm": "post", "place": "p98", "spend": 3.0},
    ]
    spec = replace(SPEC, segments=("place",))
    result = analyze_experiment(pa.concat_tables([table, pa.Table.from_pylist(lonely)]), spec, ridge)
    assert {row.segment for row in result.rows if row.segment} == {f"place p{i:02d}" for i in range(12)}
    assert any("place p99" in refusal.what for refusal in result.refusals)
    assert all(np.isfinite([row.mean, row.se]).all() for row in result.rows)


def test_a_constant_arm_and_a_tiny_arm_are_refused_with_the_reason(ridge):
    table = _table(300)
    still = pa.table({"arm": ["flat"] * 50, "place": ["p00"] * 50, "spend": [2.0] * 50})
    few = pa.table({"arm": ["few"] * 3, "place": ["p00"] * 3, "spend": [2.0, 0.0, 1.0]})
    result = analyze_experiment(pa.concat_tables([table, still, few]), SPEC, ridge)
    reasons = {refusal.what: refusal.reason for refusal in result.refusals}
    assert reasons["effect of 'flat' on 'spend'"].startswith("the outcome is 2 for all 50 units of 'flat'")
    assert reasons["effect of 'few' on 'spend'"] == "only 3 units drew 'few'"
    assert {row.action for row in result.rows} == {"mail", "post"}


def test_a_column_of_two_hundred_values_makes_two_hundred_segments(ridge):
    result = analyze_experiment(_table(12_000, places=200), replace(SPEC, segments=("place",)), ridge)
    assert len({row.segment for row in result.rows if row.segment and row.action == "mail"}) > 50
    assert len({row.segment for row in result.rows if row.segment} | {None}) <= 201
    assert not any("(other)" in str(row.segment) for row in result.rows)


def test_what_needs_rows_is_not_answered_by_sums():
    assert has_sums(SPEC)
    assert has_sums(replace(SPEC, propensity=0.3, segments=("place",), shares={"none": 1.0}))
    assert not has_sums(replace(SPEC, propensity="p"))
