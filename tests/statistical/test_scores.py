"""How often honest columns are suspected, how often leaks are found, and bank marketing over five seeds."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.prediction.scores.samples import honest_columns, leak, table_of

from alamo.connectors.sources import read_table
from alamo.prediction.scores import ScoreSpec, analyze_scores
from alamo.prediction.scores.columns import choose_columns
from alamo.prediction.scores.leaks import look_for_leaks

pytestmark = pytest.mark.statistical

FIRST_SEED = 6_000


def suspected(table, y, seed, *, doubted=False):
    chosen = choose_columns(table, table.column_names)
    found, doubts = look_for_leaks(chosen.readers, chosen.read(table), y, np.random.default_rng(seed))
    return {one.column for one in (*found, *(doubts if doubted else ()))}


@pytest.mark.parametrize(("n", "rate"), [(1_000, 0.1), (4_000, 0.1), (4_000, 0.4)])
def test_an_honest_table_is_suspected_or_doubted_in_at_most_one_of_twenty(n, rate, n_seeds):
    alarms = 0
    for seed in range(FIRST_SEED, FIRST_SEED + 2 * n_seeds):
        columns, y, _ = honest_columns(n, rate, np.random.default_rng(seed))
        alarms += bool(suspected(table_of(columns), y, seed, doubted=True))
    runs = 2 * n_seeds
    assert alarms / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("copy", 0.9),
        ("nearly a copy", 0.9),
        ("money after it", 0.9),
        ("missing tells", 0.9),
        ("length of the talk", 0.5),
    ],
)
def test_a_leak_is_found_as_often_as_recorded(kind, least, n_seeds):
    """A smooth leak may pass for a strong honest column: half of them are."""
    hits = 0
    for seed in range(FIRST_SEED, FIRST_SEED + n_seeds):
        rng = np.random.default_rng(seed)
        columns, y, _ = honest_columns(20_000, 0.15, rng)
        hits += "late" in suspected(table_of(columns, late=leak(kind, y, rng)), y, seed)
    assert hits / n_seeds >= least - 2 * np.sqrt(least * (1 - least) / n_seeds)


def test_bank_marketing_without_the_leak_over_five_seeds(test_data):
    table = read_table(test_data / "uci_bank_marketing/bank-additional-full.csv.gz")
    found = [analyze_scores(table, ScoreSpec("y", drop=("duration",), seed=seed)) for seed in range(5)]
    assert np.mean([one.validation.pooled.auc for one in found]) >= 0.80
    assert np.mean([one.validation.pooled.ece for one in found]) <= 0.01
    assert not any(one.suspected_leaks for one in found)
