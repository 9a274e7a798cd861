from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import ConfigError
from alamo.steering.predicates import cross, list_holds, predicate_masks
from alamo.store import MemoryHistory

TABLE = pa.table({"region": ["north", "south", None], "orders": [1, 2, 3]})


def test_null_counts_as_not_and_columns_may_be_qualified():
    wanted = {"a": "region <> 'south'", "b": "profiles.orders >= 2 -- a comment", "c": ""}
    masks = predicate_masks(MemoryHistory(), "profiles", TABLE, wanted)
    assert {key: mask.tolist() for key, mask in masks.items()} == {
        "region <> 'south'": [True, False, False],
        "profiles.orders >= 2 -- a comment": [False, True, True],
    }


def test_a_predicate_of_numbers_is_a_truth_value_and_one_of_text_is_refused():
    masks = predicate_masks(MemoryHistory(), "profiles", TABLE, {"a": "orders - 1"})
    assert masks["orders - 1"].tolist() == [False, True, True]
    with pytest.raises(ConfigError, match="limit 'x'"):
        predicate_masks(MemoryHistory(), "profiles", TABLE, {"limit 'x'": "region"})


def test_groups_are_the_patterns_that_occur():
    masks = {"p": np.array([True, True, False, False, True]), "q": np.array([True, False, False, False, True])}
    group, patterns = cross(masks, 5)
    assert len(patterns["p"]) == 3
    for predicate, mask in masks.items():
        assert patterns[predicate][group].tolist() == mask.tolist()
    assert cross({}, 3)[0].tolist() == [0, 0, 0]


def test_many_predicates_are_told_apart():
    rng = np.random.default_rng(0)
    masks = {f"p{j}": rng.random(500) < 0.5 for j in range(70)}
    group, patterns = cross(masks, 500)
    assert all((patterns[key][group] == mask).all() for key, mask in masks.items())


def test_list_membership_survives_slices_nulls_and_several_chunks():
    kind = pa.list_(pa.string())
    column = pa.chunked_array([pa.array([["x"], ["email", "sms"], None], kind).slice(1), pa.array([[], ["*"]], kind)])
    assert list_holds(column, ("email", "*")).tolist() == [True, False, False, True]
    assert list_holds(pa.chunked_array([], kind), ("email",)).tolist() == []
