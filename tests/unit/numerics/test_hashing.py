"""Draws by hashing are uniform, stable, and independent of row order."""

from __future__ import annotations

import numpy as np
import pytest

from alamo.numerics.hashing import buckets, content_hash, mix, salt_key, uniforms, unit_keys


def test_keys_do_not_depend_on_the_machine_or_the_version():
    assert [int(key) for key in unit_keys(["c1", "ü"])] == [5653263758500360259, 3976460501203677525]
    assert int(salt_key("alamo")) == 2153566448558036607
    assert int(mix(unit_keys(["c1"]), "alamo")[0]) == 6580621565181359479


def test_a_unit_gets_the_same_draw_alone_and_among_others():
    keys = unit_keys([f"c{i}" for i in range(1000)])
    assert uniforms(keys, "s")[7] == uniforms(keys[7:8], "s")[0]
    order = np.argsort(keys)
    assert np.array_equal(uniforms(keys, "s")[order], uniforms(keys[order], "s"))


def test_draws_are_uniform_and_salts_are_uncorrelated():
    n = 200_000
    keys = unit_keys([str(i) for i in range(n)])
    first, second = uniforms(keys, "cycle-1"), uniforms(keys, "cycle-2")
    assert first.min() >= 0
    assert first.max() < 1
    counts = np.bincount((first * 50).astype(int), minlength=50)
    chi_square = ((counts - n / 50) ** 2 / (n / 50)).sum()
    assert chi_square < 49 + 5 * np.sqrt(2 * 49)
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(n)


def test_buckets_cover_their_range():
    found = buckets(unit_keys([str(i) for i in range(1000)]), "s", 7)
    assert set(found) == set(range(7))


def test_content_hashes_ignore_the_order_of_keys_and_refuse_what_json_cannot_say():
    assert content_hash({"a": 1, "b": [0.1]}) == content_hash({"b": [0.1], "a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_hash(float("nan"))
