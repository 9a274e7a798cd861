from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.folds import fold_splits, hashed_rows, systematic_rows, unit_folds
from alamo.numerics.hashing import unit_keys


def test_rows_of_one_unit_share_a_fold():
    keys = unit_keys(["a", "b", "a", "c", "b"])
    folds = unit_folds(keys, "s", 3)
    assert folds[0] == folds[2]
    assert folds[1] == folds[4]


def test_folds_are_about_equal_and_another_salt_gives_other_folds():
    keys = unit_keys(str(i) for i in range(10_000))
    first, second = unit_folds(keys, "a", 5), unit_folds(keys, "b", 5)
    # a fold is Binomial(10,000, 1/5): sd 40
    assert np.abs(np.bincount(first) - 2000).max() < 200
    assert abs((first == second).mean() - 0.2) < 0.02


def test_splits_hold_out_every_row_once_and_never_train_on_it():
    folds = unit_folds(unit_keys(str(i) for i in range(100)), "s", 4)
    held = np.zeros(100, dtype=int)
    for train, test in fold_splits(folds):
        assert not set(train) & set(test)
        assert len(train) + len(test) == 100
        held[test] += 1
    assert (held == 1).all()


def test_one_fold_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        unit_folds(unit_keys(["a"]), "s", 1)


def test_a_systematic_sample_takes_every_row_or_every_kth():
    assert systematic_rows(5, 10).tolist() == [0, 1, 2, 3, 4]
    assert systematic_rows(10, 4).tolist() == [0, 3, 6, 9]
    assert systematic_rows(0, 4).tolist() == []


def test_a_hashed_sample_keeps_no_rhythm_and_is_the_same_again():
    rows = hashed_rows(10_000, 1_000, "s")
    assert len(set(rows.tolist())) == 1_000
    assert (np.diff(rows) > 0).all()
    # rows of one rest by 4 are hypergeometric, mean 250, sd 13
    assert np.abs(np.bincount(rows % 4, minlength=4) - 250).max() < 4 * 13
    assert rows.tolist() == hashed_rows(10_000, 1_000, "s").tolist()
    assert rows.tolist() != hashed_rows(10_000, 1_000, "t").tolist()
    assert hashed_rows(3, 5, "s").tolist() == [0, 1, 2]
