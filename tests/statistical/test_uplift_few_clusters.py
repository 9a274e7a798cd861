"""Few clusters drawn as a whole: differences between customers that are not there are believed as rarely as elsewhere.

What a store's customers share makes a column of the store look as if it moved the effect. 50 files in which nothing is:
with rows counted as independent, 8 of them were believed.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from alamo.prediction import UpliftSpec, analyze_uplift

pytestmark = pytest.mark.statistical

FILES = 50
SPEC = UpliftSpec(
    "arm", "none", "spend", cluster="store", features=("size", "region", "age"), segments="none", learners=("ridge",)
)


def stores(seed: int, n: int = 40, each: int = 100) -> pa.Table:
    """Nothing is moved; customers of a store share a third of their variance, and its size and region."""
    rng = np.random.default_rng([61, seed])
    store = np.repeat(np.arange(n), each)
    arm = np.where(rng.permutation(n) % 2 == 0, "none", "mail")[store]
    size, region, age = rng.normal(size=n)[store], rng.integers(0, 3, n)[store], rng.normal(size=len(store))
    spend = 0.7 * rng.normal(size=n)[store] + rng.normal(size=len(store)) + 0.3 * age
    return pa.table(
        {"store": store, "arm": arm, "size": size, "region": region.astype(str), "age": age, "spend": spend}
    )


@pytest.fixture(scope="module")
def fitted() -> list:
    return [analyze_uplift(stores(seed), SPEC) for seed in range(FILES)]


def test_differences_between_customers_that_are_not_there_are_rarely_believed(fitted) -> None:
    weights = [{row.learner: row.weight for row in found.rows} for found in fitted]
    believed = sum(1.0 - one["zero"] - one["one effect"] > 0.5 for one in weights)
    assert believed <= binom.isf(1e-2, FILES, 0.05)


def test_the_value_of_acting_on_it_is_found_as_rarely_as_said(fitted) -> None:
    rows = [row for found in fitted for row in found.figures if row.figure == "value of policy" and row.action is None]
    found = sum(row.lower > 0.0 or row.upper < 0.0 for row in rows)
    assert found <= binom.isf(1e-4, len(rows), 0.05)
