"""Segment effects: coverage after shrinkage, and that a campaign that did nothing shows nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference import ExperimentSpec, analyze_experiment
from alamo.numerics.fay_herriot import fay_herriot
from alamo.numerics.ratio_check import multinomial_log_e
from alamo.prediction.learners import boosted_outcome

pytestmark = pytest.mark.statistical


@pytest.mark.parametrize("n_segments", [15, 40, 68])
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.5, 2.0])
def test_shown_intervals_cover_at_every_spread_between_segments(n_segments, spread, n_seeds):
    covered = []
    for seed in range(3 * n_seeds):
        rng = np.random.default_rng(seed)
        variance = 1.0 / rng.uniform(0.3, 2.5, n_segments)
        tau = np.sqrt(spread / np.mean(1.0 / variance))
        truth = 1.0 + tau * rng.normal(size=n_segments)
        shrunk = fay_herriot(truth + np.sqrt(variance) * rng.normal(size=n_segments), variance, scale=0.5)
        covered.append(np.mean(np.abs(shrunk.show_mean - truth) <= 1.6448536 * shrunk.show_sd))
    # target .88 at nominal .90; segments of one draw are not independent, so the spread over draws sets the slack
    assert np.mean(covered) >= 0.88 - 2 * np.std(covered) / np.sqrt(len(covered))


def _nil_campaign(seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    n = 12_000
    rate = 0.06 * np.exp(0.5 * rng.normal(size=n))
    return pa.table(
        {
            "arm": np.where(rng.random(n) < 0.5, "mail", "none"),
            "rate": rate + 0.02 * rng.normal(size=n),
            "age": rng.normal(40, 12, n),
            "town": rng.choice(["a", "b", "c", "d"], n),
            "ordered": (rng.random(n) < rate).astype(int),
        }
    )


def test_a_nil_campaign_shows_no_segment_although_the_raw_table_would(n_seeds):
    shown, raw = 0, 0
    for seed in range(n_seeds):
        table = _nil_campaign(seed)
        spec = ExperimentSpec("arm", "none", ("ordered",), segments=("rate", "age", "town"))
        rows = [r for r in analyze_experiment(table, spec, boosted_outcome()).rows if r.segment is not None]
        assert len(rows) == 64
        shown += any(row.found for row in rows)
        raw += _any_raw_segment(table)
    assert shown <= 0.06 * n_seeds + 2 * np.sqrt(0.06 * 0.94 * n_seeds)
    assert raw >= 0.8 * n_seeds


@pytest.mark.parametrize("rate", [0.006, 0.06])
def test_a_nil_campaign_shows_no_segment_where_only_the_sums_of_segments_are_looked_at(rate, n_seeds):
    shown, looked, replications = 0, 0, 5 * n_seeds
    for seed in range(replications):
        rng = np.random.default_rng(seed)
        cell = rng.integers(0, 64, 20_000)
        own = rate * np.exp(0.4 * rng.normal(size=64))[cell]
        names = {"arm": np.where(rng.random(20_000) < 0.5, "mail", "none"), "cell": np.char.add("c", cell.astype(str))}
        table = pa.table(names | {"ordered": (rng.random(20_000) < own).astype(int)})
        spec = ExperimentSpec("arm", "none", ("ordered",), features="none", segments=("cell",))
        rows = [r for r in analyze_experiment(table, spec, boosted_outcome()).rows if r.segment is not None]
        looked += len(rows) == 64  # by chance the arms may differ in their segments so much that none is shown
        shown += any(row.found for row in rows)
    assert looked >= 0.9 * replications
    assert shown <= 0.06 * replications + 2 * np.sqrt(0.06 * 0.94 * replications)


def _any_raw_segment(table: pa.Table) -> bool:
    """Say whether a plain comparison in each of the 64 cells would call one significant at 95 %."""
    quarter = [np.searchsorted(np.quantile(x, [0.25, 0.5, 0.75]), x) for x in (table["rate"], table["age"])]
    town = np.unique(np.array(table["town"].to_pylist()), return_inverse=True)[1]
    cell = quarter[0] * 16 + quarter[1] * 4 + town
    treated, y = np.array(table["arm"].to_pylist()) == "mail", table["ordered"].to_numpy()
    for at in range(64):
        a, b = y[treated & (cell == at)], y[~treated & (cell == at)]
        se = np.sqrt(a.var() / len(a) + b.var() / len(b))
        if se > 0 and abs(a.mean() - b.mean()) > 1.96 * se:
            return True
    return False


def test_the_ratio_check_may_be_looked_at_a_thousand_times(n_seeds):
    alarms = 0
    replications = 20 * n_seeds
    for seed in range(replications):
        first = np.cumsum(np.random.default_rng(seed).binomial(100, 0.5, 1000))
        counts = np.column_stack([first, 100 * np.arange(1, 1001) - first])
        alarms += multinomial_log_e(counts, np.array([0.5, 0.5])).max() >= np.log(100)
    assert alarms <= 0.01 * replications + 2 * np.sqrt(0.01 * 0.99 * replications)
