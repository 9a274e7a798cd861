from __future__ import annotations

import json

import numpy as np
import pytest

from alamo.numerics.grouping import Grouping

NAMES = ("recency", "history", "channel=web")


@pytest.fixture
def features():
    rng = np.random.default_rng(2)
    return np.column_stack([rng.integers(1, 13, 6000), rng.gamma(1.0, 200.0, 6000), rng.random(6000) < 0.4]).astype(
        float
    )


def test_groups_are_at_most_as_many_as_asked_and_hold_enough_rows(features):
    grouping = Grouping.fit(features, NAMES, most=20, least_rows=150)
    counts = np.bincount(grouping.assign(features))
    assert 10 <= len(counts) <= 20
    assert counts.min() >= 150


def test_every_group_has_its_own_label(features):
    labels = Grouping.fit(features, NAMES).labels
    assert len(set(labels)) == len(labels)
    assert any("channel=web" in label for label in labels)
    assert any("recency" in label for label in labels)


def test_a_row_falls_into_the_same_group_alone_as_in_a_batch(features):
    grouping = Grouping.fit(features, NAMES)
    together = grouping.assign(features[:200])
    assert [grouping.assign(features[i : i + 1])[0] for i in range(200)] == together.tolist()


def test_missing_values_count_as_the_median(features):
    grouping = Grouping.fit(features, NAMES)
    row = features[:1].copy()
    row[0, 0] = np.nan
    filled = features[:1].copy()
    filled[0, 0] = np.median(features[:, 0])
    assert grouping.assign(row) == grouping.assign(filled)


def test_constant_features_give_one_group():
    grouping = Grouping.fit(np.ones((1000, 2)), ("a", "b"))
    assert grouping.labels == ("all",)


def test_a_partition_comes_back_from_its_state(features):
    grouping = Grouping.fit(features, NAMES)
    read = Grouping.from_dict(json.loads(json.dumps(grouping.to_dict())))
    assert read == grouping
    assert np.array_equal(read.assign(features), grouping.assign(features))
