from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.steering.worlds import market

from alamo.numerics.hashing import unit_keys
from alamo.steering.cells import Pairs, assemble, concatenate
from alamo.steering.units import Units


def by_customer(cells):
    return {
        unit: [(int(a), float(v)) for a, v in zip(cells.action[lo:hi], cells.value_money[lo:hi], strict=True)]
        for unit, lo, hi in zip(cells.units.ids.to_pylist(), cells.indptr[:-1], cells.indptr[1:], strict=True)
    }


def test_take_span_and_keep_agree_with_the_whole():
    cells = market(200, 4, 1)
    whole = by_customer(cells)
    part = cells.span(50, 120)
    assert by_customer(part) == {unit: whole[unit] for unit in part.units.ids.to_pylist()}
    index = np.array([7, 3, 199])
    taken = cells.take(index)
    assert taken.units.ids.to_pylist() == [cells.units.ids[int(i)].as_py() for i in index]
    assert by_customer(taken) == {unit: whole[unit] for unit in taken.units.ids.to_pylist()}
    kept = cells.keep(cells.action == 2)
    assert by_customer(kept) == {unit: [c for c in found if c[0] == 2] for unit, found in whole.items()}


def test_customers_stand_in_an_order_that_only_id_and_salt_decide():
    def order(salt, ids):
        units = Units(pa.array(ids), unit_keys(ids), np.zeros(len(ids), np.int32), np.zeros(len(ids), bool))
        none = np.zeros(0, dtype=np.int64)
        cells = assemble(units, Pairs(none, none, np.zeros(0), np.zeros(0), np.zeros((0, 1))), ("cost",), ("a",), salt)
        return cells.units.ids.to_pylist()

    ids = [f"c{i}" for i in range(50)]
    assert order("s", ids) == order("s", ids[::-1])
    assert order("s", ids) != order("t", ids)
    assert sorted(order("s", ids)) == sorted(ids)


def test_sparse_and_dense_assembly_give_the_same_cells():
    rng = np.random.default_rng(0)
    ids = [f"c{i}" for i in range(40)]
    units = Units(pa.array(ids), unit_keys(ids), np.zeros(40, np.int32), np.zeros(40, bool))
    unit, action = np.nonzero(rng.random((40, 6)) < 0.5)
    shuffle = rng.permutation(len(unit))
    unit, action = unit[shuffle], action[shuffle]
    pairs = Pairs(unit, action, rng.normal(size=len(unit)), np.ones(len(unit)), np.ones((len(unit), 1)))
    few = tuple(f"a{a}" for a in range(6))
    many = tuple(f"a{a}" for a in range(600))
    dense, sparse = (assemble(units, pairs, ("cost",), names, "s") for names in (few, many))
    assert by_customer(dense) == by_customer(sparse)
    assert (np.diff(dense.action)[np.diff(dense.owner()) == 0] > 0).all()


def test_values_that_are_no_numbers_are_left_out():
    ids = ["x", "y"]
    units = Units(pa.array(ids), unit_keys(ids), np.zeros(2, np.int32), np.zeros(2, bool))
    pairs = Pairs(
        np.array([0, 0, 1]),
        np.array([0, 1, 0]),
        np.array([np.nan, 1.0, 2.0]),
        np.ones(3),
        np.array([[1.0], [1.0], [np.inf]]),
    )
    assert by_customer(assemble(units, pairs, ("cost",), ("a", "b"), "s"))["x"] == [(1, 1.0)]
    assert by_customer(assemble(units, pairs, ("cost",), ("a", "b"), "s"))["y"] == []


def test_parts_put_together_are_the_whole_with_every_column_that_any_of_them_has():
    cells = market(60, 3, 5)
    waiting = replace(cells.units, waiting=np.arange(60) % 5 == 0, in_control=np.arange(60) % 2 == 0)
    known = replace(cells, units=waiting, shared_sd_money=cells.value_sd_money / 2, score_money=cells.value_money + 1.0)
    for name, column in (known.units.columns | known.columns).items():
        whole = concatenate([known.span(0, 25), known.span(25, 60)])
        assert np.array_equal((whole.units.columns | whole.columns)[name], column), name
    mixed = concatenate([cells.span(0, 25), known.span(25, 60)])
    first = int(cells.indptr[25])
    assert np.array_equal(mixed.units.in_control, np.r_[cells.units.held_out[:25], waiting.in_control[25:]])
    assert np.array_equal(mixed.units.waiting, np.r_[np.zeros(25, bool), waiting.waiting[25:]])
    assert np.array_equal(mixed.score_money[:first], cells.value_money[:first])
    assert mixed.gain_variance(np.arange(first)) == pytest.approx(cells.gain_variance(np.arange(first)))
    assert np.array_equal(mixed.take(np.array([30, 2])).units.waiting, mixed.units.waiting[[30, 2]])
