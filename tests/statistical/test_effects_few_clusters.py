"""Few clusters: nothing is found where nothing is, in as many files as said, and effects are covered.

400 files each; misses of nominal 5 % are at most as many as a test that keeps its level exceeds with probability 1e-4.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom
from tests.unit.inference.conftest import Ridge

from alamo.inference import ExperimentSpec, analyze_experiment

pytestmark = pytest.mark.statistical

FILES = 400
MOST = binom.isf(1e-4, FILES, 0.05)
EFFECT = 0.7


def stores(seed: int, n: int, drew: int, uneven: float) -> pa.Table:
    """Stores, `drew` of which mailed all their customers; how many those are differs by `uneven` on the log scale."""
    rng = np.random.default_rng([51, n, drew, seed])
    size = np.maximum(2, np.round(25.0 * np.exp(uneven * rng.normal(size=n) - 0.5 * uneven**2))).astype(int)
    store = np.repeat(np.arange(n), size)
    mailed = np.isin(np.arange(n), rng.choice(n, drew, replace=False))[store]
    spend = 10.0 + rng.normal(size=n)[store] + EFFECT * mailed + 3.0 * rng.normal(size=len(store))
    return pa.table({"arm": np.where(mailed, "mail", "none"), "store": store, "spend": spend})


@pytest.mark.parametrize(("n", "drew", "uneven"), [(8, 4, 0.0), (20, 10, 0.0), (24, 6, 0.0), (24, 12, 0.6)])
def test_the_interval_of_few_clusters_covers(n: int, drew: int, uneven: float) -> None:
    spec = ExperimentSpec("arm", "none", ("spend",), features="none", cluster="store")
    missed = 0
    for seed in range(FILES):
        row = analyze_experiment(stores(seed, n, drew, uneven), spec, Ridge()).rows[0]
        missed += not row.lower <= EFFECT <= row.upper
    assert missed <= MOST


def test_control_of_few_clusters_is_not_blamed_for_being_few() -> None:
    false = answered = 0
    for seed in range(12):
        spec = ExperimentSpec("arm", "none", ("spend",), features="none", cluster="store", aa=50)
        (row,) = analyze_experiment(stores(seed, 20, 10, 0.0), spec, Ridge()).placebo.rows
        false, answered = false + row.false, answered + row.answered
    assert answered == 600
    assert false <= binom.isf(1e-4, answered, 0.07)  # a file of ten stores is not a normal law: two points more
