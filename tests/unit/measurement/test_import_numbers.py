"""Exact money, identifiers seen before, and the tally's words."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pyarrow as pa

from alamo.measurement.importing.identity import SeenIds, own_ids, row_ids
from alamo.measurement.importing.numbers import minor_units, money_minor, too_large


def test_products_equal_decimal_arithmetic_for_four_places():
    rng = np.random.default_rng(7)
    quantity = rng.integers(-50_000, 50_000, 2000) / 10.0 ** rng.integers(0, 5, 2000)
    price = rng.integers(0, 100_000, 2000) / 10.0 ** rng.integers(0, 5, 2000)
    for exponent in (0, 2, 3):
        step = Decimal(1).scaleb(-exponent)
        expected = [
            int((Decimal(repr(float(q))) * Decimal(repr(float(p)))).quantize(step, ROUND_HALF_EVEN).scaleb(exponent))
            for q, p in zip(quantity, price, strict=True)
        ]
        assert minor_units(quantity, price, exponent).tolist() == expected


def test_money_rounds_half_to_even_on_both_sides_of_zero():
    assert money_minor(np.array([0.005, 0.015, -0.005, -0.015, np.nan]), 2).tolist() == [0, 2, 0, -2, 0]


def test_what_cannot_be_counted_exactly_is_too_large():
    assert too_large(np.array([1e5, 1e9, np.nan]), np.array([1e4, 1e4, 1.0])).tolist() == [False, True, False]


def test_ids_are_seen_across_batches_and_null_never_repeats():
    seen = SeenIds()
    assert seen.repeated(pa.array(["a", "b", None, "a"])).tolist() == [False, False, False, True]
    assert seen.repeated(pa.array(["c", None, "b"])).tolist() == [False, False, True]
    for start in range(0, 5000, 100):
        assert not seen.repeated(pa.array([f"id{i}" for i in range(start, start + 100)])).any()
    assert seen.repeated(pa.array([f"id{i}" for i in range(0, 5000, 7)])).all()


def test_event_ids_are_short_stable_and_differ_between_sources():
    rows = np.array([2, 3])
    assert row_ids("orders:a", rows).to_pylist() == row_ids("orders:a", rows).to_pylist()
    assert not set(row_ids("orders:a", rows).to_pylist()) & set(row_ids("orders:b", rows).to_pylist())
    assert max(map(len, row_ids("orders:a", np.array([10_000_000])).to_pylist())) < 20
    assert own_ids("orders:a", pa.array(["x", None])).to_pylist()[1] is None
