"""Where stores were randomised as a whole, what-if intervals hold the luck of stores."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from alamo.prediction import UpliftSpec, analyze_uplift

SLOPE = 3.0
DRAWS = 40
SPEC = UpliftSpec(
    "arm", "none", "spend", cluster="store", features=("size",), segments="none", learners=("ridge",),
    what_if=("size",),
)  # fmt: skip


def stores(seed: int, n_stores: int = 160, each: int = 20) -> pa.Table:
    """An effect in proportion to the store's size, beside a store's own luck, which is as large as a customer's."""
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(n_stores), each)
    arm = np.where(rng.permutation(n_stores) % 2 == 0, "none", "mail")[store]
    size, luck = rng.normal(size=n_stores)[store], rng.normal(size=n_stores)[store]
    spend = luck + np.where(arm == "mail", SLOPE * size, 0.0) + rng.normal(size=len(store))
    return pa.table({"store": [f"s{s}" for s in store], "arm": arm, "size": size, "spend": spend})


@pytest.mark.statistical
def test_the_change_along_a_column_of_stores_is_covered() -> None:
    covered = []
    for seed in range(700, 700 + DRAWS):
        (curve,) = analyze_uplift(stores(seed), SPEC).explanation.what_if
        truth = SLOPE * (curve.points[-1].value - curve.points[0].value)
        covered.append(curve.change_lower <= truth <= curve.change_upper)
    # nominal 95 %, of which shrinkage, which intervals do not hold, may take 5; with folds by row half of them cover
    assert sum(covered) >= binom.ppf(0.001, DRAWS, 0.90)
