"""Decisions that can be checked with a pocket calculator."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.policy import LimitRow, RuleSettings
from alamo.domain.reasons import DecisionReason
from alamo.numerics.hashing import unit_keys
from alamo.steering.cells import Cells, Pairs, assemble
from alamo.steering.limits import limit_tables
from alamo.steering.rule import REASONS, BlockTerms, Drawn, decide
from alamo.steering.units import Units

IDS = ("mail", "letter")
BUDGET = LimitRow("budget", "cost", 10.0, 1, IDS, "", True)
ORDER = ["c2", "c0", "c6", "c9", "c3", "c4", "c11", "c8", "c5", "c7", "c10", "c1"]
CHOSEN = [
    "letter",
    "letter",
    "mail",
    "letter",
    "none",
    "letter",
    "mail",
    "letter",
    "letter",
    "letter",
    "none",
    "letter",
]
P_HEX = ["0x1.cdf8a60623fadp-3", "0x1.2858c9de2e65ap-1"]


def customers(values: list[tuple[float, float]], *, held_out: bool = False) -> Cells:
    n = len(values)
    ids = [f"c{i}" for i in range(n)]
    units = Units(pa.array(ids), unit_keys(ids), np.zeros(n, np.int32), np.full(n, held_out))
    value = np.array(values).ravel()
    pairs = Pairs(
        np.repeat(np.arange(n), 2), np.tile([0, 1], n), value, np.ones(2 * n), np.tile([0.5, 2.0], n)[:, None]
    )
    return assemble(units, pairs, ("cost",), IDS, "golden")


def decided(cells: Cells, *, price: float = 0.0, left: float = 10.0, rule: RuleSettings) -> Drawn:
    tables = limit_tables([BUDGET], IDS, ("cost",), {})
    return decide(cells, tables, BlockTerms(np.array([price]), np.array([left]), rule, "golden"))


def test_without_floor_and_control_the_rule_is_a_softmax_of_value_over_temperature():
    drawn = decided(customers([(1.0, 2.0)]), rule=RuleSettings(1.0, 0.0, 0.0))
    total = 1 + math.e + math.e**2
    assert drawn.p == pytest.approx([math.e / total, math.e**2 / total], rel=1e-14)
    assert drawn.p_none[0] == pytest.approx(1 / total, rel=1e-14)


def test_a_price_is_charged_per_unit_of_use_before_the_softmax():
    drawn = decided(customers([(1.0, 2.0)]), price=0.5, rule=RuleSettings(0.5, 0.0, 0.0))
    assert drawn.net_money == pytest.approx([0.75, 1.0], abs=0)
    weights = np.exp([1.5, 2.0, 0.0])
    assert [*drawn.p, drawn.p_none[0]] == pytest.approx(list(weights / weights.sum()), rel=1e-14)


def test_floor_is_shared_equally_and_control_goes_to_none():
    drawn = decided(customers([(-50.0, 50.0)]), rule=RuleSettings(0.1, 0.03, 0.2))
    assert [*drawn.p, drawn.p_none[0]] == pytest.approx([0.01, 0.78, 0.21], abs=1e-15)


def test_weights_share_the_floor_out_beside_one_for_none():
    drawn = decided(customers([(-50.0, 50.0)]), rule=RuleSettings(0.1, 0.04, 0.2, (2.0, 1.0)))
    assert [*drawn.p, drawn.p_none[0]] == pytest.approx([0.02, 0.77, 0.21], abs=1e-15)


def test_what_no_longer_fits_loses_its_probability_to_none_before_the_draw():
    drawn = decided(customers([(-50.0, 50.0)]), left=1.9, rule=RuleSettings(0.1, 0.03, 0.2))
    assert [*drawn.p, drawn.p_none[0]] == pytest.approx([0.01, 0.0, 0.99], abs=1e-15)


def test_a_draw_that_a_limit_refused_says_so():
    drawn = decided(customers([(-50.0, 50.0)] * 200), left=1.9, rule=RuleSettings(0.1, 0.0, 0.0))
    assert not (drawn.choice >= 0).any()
    assert {REASONS[code] for code in drawn.reason} == {DecisionReason.LIMIT_REACHED}
    assert drawn.remaining[0] == 1.9


def test_the_last_of_a_budget_goes_to_the_first_in_line():
    drawn = decided(customers([(-50.0, 50.0)] * 20), left=7.0, rule=RuleSettings(0.1, 0.0, 0.0))
    assert (drawn.choice >= 0).tolist() == [True] * 3 + [False] * 17
    assert drawn.remaining[0] == 1.0


def test_reasons_tell_value_exploration_and_control_apart():
    rule = RuleSettings(0.01, 0.6, 0.2)
    cells = customers([(1.0, -1.0)] * 300)
    drawn = decided(cells, left=1e9, rule=rule)
    action = np.where(drawn.choice >= 0, cells.action[np.maximum(drawn.choice, 0)], -1)
    found = {int(a): {REASONS[code] for code in drawn.reason[action == a]} for a in (-1, 0, 1)}
    assert found == {
        -1: {DecisionReason.CONTROL},
        0: {DecisionReason.VALUE},
        1: {DecisionReason.EXPLORATION},
    }


def test_none_is_drawn_for_its_value_when_every_action_loses_money():
    drawn = decided(customers([(-1.0, -1.0)]), rule=RuleSettings(0.01, 0.0, 0.0))
    assert drawn.choice[0] == -1
    assert REASONS[drawn.reason[0]] is DecisionReason.VALUE


def test_the_universal_control_gets_nothing_with_certainty():
    drawn = decided(customers([(9.0, 9.0)], held_out=True), rule=RuleSettings(0.01, 0.0, 0.0))
    assert (drawn.choice[0], drawn.p_none[0], drawn.p.sum()) == (-1, 1.0, 0.0)
    assert REASONS[drawn.reason[0]] is DecisionReason.UNIVERSAL_CONTROL


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_never_drawn_and_never_raises(bad):
    cells = customers([(1.0, 1.0)])
    broken = Cells(
        cells.units,
        cells.indptr,
        cells.action,
        np.array([bad, 1.0]),
        cells.value_sd_money,
        cells.uses,
        cells.use_names,
        cells.action_ids,
    )
    drawn = decided(broken, rule=RuleSettings(1.0, 0.3, 0.1))
    assert drawn.p[0] == 0.0
    assert drawn.p[1] + drawn.p_none[0] == pytest.approx(1.0, abs=1e-15)
    nothing = decided(
        Cells(
            cells.units,
            cells.indptr,
            cells.action,
            np.array([bad, bad]),
            cells.value_sd_money,
            cells.uses,
            cells.use_names,
            cells.action_ids,
        ),
        rule=RuleSettings(1.0, 0.3, 0.1),
    )
    assert (nothing.choice[0], nothing.p_none[0]) == (-1, 1.0)
    assert REASONS[nothing.reason[0]] is DecisionReason.NO_ELIGIBLE_ACTION


def test_decisions_of_known_customers_stay_what_they_were():
    """The draw is part of the public promise: replay after an upgrade gives the same decision."""
    drawn = decided(customers([(1.0, 2.0)] * 12), left=1e9, rule=RuleSettings(1.0, 0.06, 0.1))
    order = customers([(1.0, 2.0)] * 12).units.ids.to_pylist()
    chosen = ["none" if c < 0 else IDS[c % 2] for c in drawn.choice]
    assert order == ORDER
    assert chosen == CHOSEN
    assert drawn.p[:2].tolist() == [float.fromhex(h) for h in P_HEX]
