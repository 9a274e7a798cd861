"""Effects from sums of cells: intervals cover, also where segments are thin and explain the outcome."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference import ExperimentSpec, analyze_experiment

pytestmark = pytest.mark.statistical


class _Nobody:
    def fit(self, *_: object) -> object:
        raise AssertionError("sums need no outcome model")


def _campaign(seed: int, spread: float, *, cells: int = 40, n: int = 6000) -> tuple[pa.Table, np.ndarray, float]:
    """Return a campaign with cells of 20 to 300 rows, the true effect in each cell, and their mean over the rows."""
    rng = np.random.default_rng(seed)
    place = np.minimum((rng.random(n) ** 1.7 * cells).astype(int), cells - 1)
    truth = 1.0 + spread * rng.normal(size=cells)
    level = 2.0 * rng.normal(size=cells)
    mail = rng.random(n) < 0.3
    y = 6.0 + level[place] + truth[place] * mail + rng.standard_gamma(0.5, n) * (2.0 + mail)
    y -= 0.5 * mail  # the spread of the noise, and so its mean, differs between the arms
    table = pa.table({"arm": np.where(mail, "mail", "none"), "cell": pa.array([f"c{i:02d}" for i in place]), "y": y})
    return table, truth, float(truth[place].mean())


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_pooled_and_segment_intervals_cover(spread, n_seeds):
    spec = ExperimentSpec("arm", "none", ("y",), features="none", segments=("cell",), level=0.9)
    pooled, segments, fine = [], [], 0
    for seed in range(3 * n_seeds):
        table, truth, mean = _campaign(seed, spread)
        rows = analyze_experiment(table, spec, _Nobody()).rows
        fine += rows[0].method == "doubly robust, means by segment"
        pooled.append(rows[0].lower <= mean <= rows[0].upper)
        hit = [row.lower <= truth[int(row.segment.split(" c")[1])] <= row.upper for row in rows[1:]]
        segments.append(np.mean(hit))
    assert fine == 3 * n_seeds
    # two standard errors of the number of runs; segments of one run are not independent, so their spread sets the slack
    assert abs(np.mean(pooled) - 0.9) <= 2.5 * np.sqrt(0.09 / len(pooled))
    assert np.mean(segments) >= 0.88 - 2 * np.std(segments) / np.sqrt(len(segments))
