from __future__ import annotations

import numpy as np
import pytest
from tests.unit.steering.worlds import PATTERNS, market, names

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError
from alamo.domain.policy import LimitRow
from alamo.steering.limits import affordable, limit_rows, limit_tables


def test_a_limit_with_both_bounds_becomes_two_rows_of_opposite_sign():
    limit = Limit("both", maximum=10, minimum=2, where="north")
    high, low = limit_rows([limit], lambda _: ("a0",))
    assert (high.bound, high.sign, high.hard) == (10.0, 1, True)
    assert (low.bound, low.sign, low.hard) == (-2.0, -1, False)
    assert high.where == low.where == "north"


def test_coefficients_are_signs_where_scope_and_actions_meet():
    rows = [LimitRow("x", "cost", -5.0, -1, ("a1",), "north", False)]
    table = limit_tables(rows, names(3), ("cost",), PATTERNS)
    assert table.coefficient[0].tolist() == [[0, 0, 0], [0, -1, 0], [0, 0, 0], [0, -1, 0]]
    assert table.column.tolist() == [0]


def test_an_unknown_use_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="limit 'x' uses 'points'") as caught:
        limit_tables([LimitRow("x", "points", 1.0, 1, ("a1",), "", True)], names(2), ("cost",), {})
    assert "count, cost" in caught.value.hint


def test_what_alone_exceeds_a_maximum_is_not_affordable():
    cells = market(300, 3, 1)
    paused = limit_tables([LimitRow("paused", "count", 0.0, 1, ("a1",), "", True)], names(3), ("cost",), PATTERNS)
    np.testing.assert_array_equal(affordable(cells, paused), cells.action != 1)
    dear = limit_tables([LimitRow("dear", "cost", 1.0, 1, names(3), "gold", True)], names(3), ("cost",), PATTERNS)
    gold = cells.units.group[cells.owner()] >= 2
    np.testing.assert_array_equal(affordable(cells, dear), ~(gold & (cells.uses[:, 0] > 1.0)))


def test_cell_use_is_signed_use_within_scope():
    cells = market(50, 3, 1)
    rows = [LimitRow("n", "count", -1.0, -1, ("a0",), "", False), LimitRow("c", "cost", 9.0, 1, names(3), "", True)]
    tables = limit_tables(rows, names(3), ("cost",), PATTERNS)
    cell = np.arange(cells.n_cells, dtype=np.int64)
    use = tables.cell_use(cells, cell, cells.owner())
    np.testing.assert_array_equal(use[0], np.where(cells.action == 0, -1.0, 0.0))
    np.testing.assert_array_equal(use[1], cells.uses[:, 0])
