"""A grown tree's worth: its intervals hold, and where nothing is to be found it does not claim to beat one action.

Each of 60 logs is simulated anew. At most as many misses of 95 % intervals as a correct procedure exceeds with
probability 1e-4.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom
from tests.unit.inference.conftest import Ridge

from alamo.inference.estimate import Estimate
from alamo.inference.off_policy import PolicyTreeSpec, analyze_policy_tree

pytestmark = pytest.mark.statistical

LOGS, ROWS = 60, 6_000
SHARES = np.array([0.4, 0.3, 0.3])
SPEC = PolicyTreeSpec("a", "p", "y", control="0", least_leaf=200)


def log_of(rng: np.random.Generator, size: float) -> tuple[pa.Table, np.ndarray]:
    """Return a log and the true outcome of every action for every row, shape (n, 3)."""
    x, z = rng.uniform(0.0, 1.0, ROWS), rng.normal(size=ROWS)
    truth = 1.0 + z[:, None] * 0.5 + size * np.column_stack([np.zeros(ROWS), x - 0.5, 0.5 - x])
    drawn = rng.choice(3, ROWS, p=SHARES)
    y = truth[np.arange(ROWS), drawn] + rng.normal(size=ROWS)
    return pa.table({"a": drawn.astype(str), "p": SHARES[drawn], "y": y, "x": x, "z": z}), truth


@pytest.fixture(scope="module", params=[0.0, 1.0], ids=["nothing to find", "two kinds of customers"])
def runs(request):
    out = []
    for seed in range(LOGS):
        table, _ = log_of(np.random.default_rng([20_23, seed]), request.param)
        found = analyze_policy_tree(table, SPEC, Ridge())
        fresh, truth = log_of(np.random.default_rng([20_24, seed]), request.param)
        chosen = np.array(found.model.choose(fresh)["action"].to_pylist(), dtype=np.int64)
        earned = truth[np.arange(ROWS), chosen]
        out.append((request.param, found, earned.mean(), (earned - truth[:, int(found.single)]).mean()))
    return out


def half_width(found: Estimate) -> float:
    return 0.5 * (found.upper - found.lower) + 1e-9  # a tree that is the single action gains 0 without error


def misses(inside: list[bool]) -> int:
    return len(inside) - sum(inside)


def test_value_and_gain_lie_in_their_intervals(runs):
    most = binom.isf(1e-4, LOGS, 0.05)
    values = [found.value.lower <= earned <= found.value.upper for _, found, earned, _ in runs]
    gains = [
        found.gain_over_single.lower - 1e-9 <= gain <= found.gain_over_single.upper + 1e-9 for _, found, _, gain in runs
    ]
    assert misses(values) <= most
    assert misses(gains) <= most


def test_a_tree_beats_one_action_only_where_there_are_two_kinds_of_customers(runs):
    size = runs[0][0]
    claims = sum(found.gain_over_single.lower > 0.0 for _, found, _, _ in runs)
    if size == 0.0:
        assert claims <= binom.isf(1e-4, LOGS, 0.025)
    else:
        assert claims >= 0.9 * LOGS
        assert np.mean([gain for *_, gain in runs]) > 0.8 * 0.25  # the best rule gains E|x − ½| = ¼
