"""What was randomised as a whole is never split: neither by the hold-out nor by a fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from alamo.domain.errors import InsufficientDataError
from alamo.prediction import UpliftSpec, analyze_uplift
from alamo.prediction.analysis.prepared import prepare
from alamo.prediction.analysis.trial import read_trial
from alamo.prediction.rows import FOLDS

SPEC = UpliftSpec("arm", "none", "spend", unit="id", cluster="store", features=("size", "age"), segments="none")


def stores(n_stores=60, each=20, seed=0):
    """Customers of stores; every store is in one arm."""
    rng = np.random.default_rng(seed)
    store = np.repeat(np.arange(n_stores), each)
    arm = np.where(rng.permutation(n_stores) % 2 == 0, "none", "mail")[store]
    size, shock = rng.normal(size=n_stores)[store], rng.normal(size=n_stores)[store]
    return pa.table(
        {
            "id": [f"c{i:04d}" for i in range(len(store))],
            "store": [f"s{s:02d}" for s in store],
            "arm": arm,
            "size": size,
            "age": rng.normal(size=len(store)),
            "spend": shock + np.where(arm == "mail", 3.0 * size, 0.0) + rng.normal(size=len(store)),
        }
    )


def prepared(table, spec=SPEC):
    return prepare(read_trial(table, spec), spec, spec.features)


def per_store(table, values):
    """Return the set of values that each store has."""
    return {
        store: set(values[np.asarray(table["store"]) == store].tolist()) for store in set(np.asarray(table["store"]))
    }


def test_a_store_is_held_out_as_a_whole_or_not_at_all():
    table = stores()
    away = np.asarray(analyze_uplift(table, SPEC).scores_table()["holdout"])
    sides = per_store(table, away)
    assert all(len(side) == 1 for side in sides.values())
    assert {True, False} == set().union(*sides.values())
    by_customer = np.asarray(analyze_uplift(table, replace(SPEC, cluster=None)).scores_table()["holdout"])
    assert any(len(side) == 2 for side in per_store(table, by_customer).values())


def test_a_store_is_in_one_fold():
    ready = prepared(stores())
    learnt = ready.trial.table.take(pa.array(ready.train))
    folds = per_store(learnt, ready.folds)
    assert all(len(fold) == 1 for fold in folds.values())
    assert set().union(*folds.values()) == set(range(FOLDS))


def test_a_customer_without_a_store_stands_with_its_own_rows():
    table = stores()
    lost = table.slice(0, 40)  # two stores whose names were lost; every customer has two rows
    lost = lost.set_column(lost.schema.get_field_index("store"), "store", pa.nulls(40, pa.string()))
    twice = pa.concat_tables([lost, lost, table.slice(40)])
    trial = read_trial(twice, SPEC)
    assert len(np.unique(trial.group)) == 40 + 58
    assert trial.keys[:40].tolist() == trial.keys[40:80].tolist()
    assert len(set(trial.keys[:40].tolist())) == 40


def test_without_clusters_the_split_is_that_of_the_units():
    table, spec = stores(), replace(SPEC, cluster=None)
    by_unit = replace(spec, unit="store")
    assert prepared(table, SPEC).train.tolist() == prepared(table, by_unit).train.tolist()
    assert prepared(table, spec).train.tolist() != prepared(table, by_unit).train.tolist()


def test_a_file_of_one_store_says_that_clusters_are_missing():
    one = stores(n_stores=1, each=50)
    seeds = range(20)  # the store is held out under some of them
    refused = []
    for seed in seeds:
        try:
            prepared(one, replace(SPEC, seed=seed))
        except InsufficientDataError as error:
            refused.append((error.message, error.hint))
    assert 0 < len(refused) < len(seeds)
    assert refused[0][0] == "no cluster is left to fit on"
    assert "more clusters" in refused[0][1]


def test_what_if_intervals_hold_the_luck_of_stores():
    spec = replace(SPEC, what_if=("size",))
    (whole,) = (curve for curve in analyze_uplift(stores(), spec).explanation.what_if)
    (split,) = (curve for curve in analyze_uplift(stores(), replace(spec, cluster=None)).explanation.what_if)
    assert whole.change_upper - whole.change_lower > 2.0 * (split.change_upper - split.change_lower)
