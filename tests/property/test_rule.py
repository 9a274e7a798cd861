"""What holds for every decision, whatever the values, limits and settings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.examples import examples

from alamo.domain.policy import LimitRow, RuleSettings
from alamo.numerics.hashing import unit_keys
from alamo.steering.cells import Cells, Pairs, assemble
from alamo.steering.limits import LimitTables, limit_tables
from alamo.steering.rule import BlockTerms, Drawn, decide
from alamo.steering.units import Units

K = 4
IDS = tuple(f"a{a}" for a in range(K))
HOLDS = {"north": np.array([False, True])}


@st.composite
def rules(draw: st.DrawFn) -> RuleSettings:
    floor = draw(st.floats(0.0, 0.6))
    weights = draw(st.sampled_from([(), (1.0, 0.3, 3.0, 0.5)]))
    return RuleSettings(draw(st.floats(1e-3, 10.0)), floor, draw(st.floats(0.0, 0.4)), weights)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Cells, LimitTables, BlockTerms]:
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = random_cells(n, rng)
    rows = (
        LimitRow("budget", "cost", draw(st.floats(0.0, 5.0)), 1, IDS, "", True),
        LimitRow("capacity", "count", float(draw(st.integers(0, n))), 1, IDS[:2], "north", True),
        LimitRow("minimum", "count", -float(draw(st.integers(0, n))), -1, IDS[1:], "", False),
    )
    tables = limit_tables(rows, IDS, ("cost",), HOLDS)
    prices = np.array([draw(st.floats(0.0, 3.0)) for _ in rows])
    return cells, tables, BlockTerms(prices, tables.bound.copy(), draw(rules()), "property")


def random_cells(n: int, rng: np.random.Generator) -> Cells:
    ids = [f"c{i}" for i in range(n)]
    held = rng.random(n) < 0.1
    units = Units(pa.array(ids), unit_keys(ids), rng.integers(0, 2, n).astype(np.int32), held)
    unit, action = np.nonzero(rng.random((n, K)) < 0.6)
    pairs = Pairs(
        unit, action, rng.normal(0, 2, len(unit)), np.ones(len(unit)), rng.choice([0.0, 0.1, 0.7], len(unit))[:, None]
    )
    return assemble(units, pairs, ("cost",), IDS, "property")


def random_terms(n: int, rng: np.random.Generator) -> tuple[LimitTables, BlockTerms]:
    rows = (
        LimitRow("budget", "cost", float(rng.uniform(0.0, 0.4 * n)), 1, IDS, "", True),
        LimitRow("capacity", "count", float(rng.integers(0, n + 1)), 1, IDS[:2], "north", True),
        LimitRow("minimum", "count", -float(rng.integers(0, n + 1)), -1, IDS[1:], "", False),
    )
    tables = limit_tables(rows, IDS, ("cost",), HOLDS)
    rule = RuleSettings(float(rng.uniform(1e-3, 5.0)), float(rng.uniform(0.0, 0.6)), float(rng.uniform(0.0, 0.4)))
    return tables, BlockTerms(rng.uniform(0.0, 2.0, 3), tables.bound.copy(), rule, f"{rng.integers(1 << 30)}")


def sums(cells: Cells, drawn: Drawn) -> np.ndarray:
    return np.bincount(cells.owner(), drawn.p, cells.n) + drawn.p_none


@given(situations())
@settings(max_examples=examples(300), deadline=None)
def test_probabilities_add_up_to_one_and_none_is_negative(situation):
    cells, tables, terms = situation
    drawn = decide(cells, tables, terms)
    assert np.abs(sums(cells, drawn) - 1).max() <= 1e-12
    assert drawn.p.min(initial=0.0) >= 0.0
    assert drawn.p_none.min() >= 0.0


def test_where_spent_limits_stop_every_action_none_is_certain_and_never_more_than_that():
    cells = random_cells(20_000, np.random.default_rng(7))
    tables = limit_tables((LimitRow("spent", "count", 0.0, 1, IDS, "", True),), IDS, ("cost",), HOLDS)
    terms = BlockTerms(np.zeros(1), tables.bound.copy(), RuleSettings(1.0, 0.08, 0.15), "spent")
    drawn = decide(cells, tables, terms)
    assert drawn.p.max() == 0.0
    assert drawn.p_none.max() == 1.0


@given(situations())
@settings(max_examples=examples(300), deadline=None)
def test_nothing_with_probability_zero_is_ever_drawn_and_only_own_cells_are(situation):
    cells, tables, terms = situation
    drawn = decide(cells, tables, terms)
    acted = np.flatnonzero(drawn.choice >= 0)
    assert (drawn.p[drawn.choice[acted]] > 0).all()
    assert (cells.owner()[drawn.choice[acted]] == acted).all()
    assert (drawn.p_none[drawn.choice < 0] > 0).all()
    assert not cells.units.held_out[acted].any()


@given(situations())
@settings(max_examples=examples(300), deadline=None)
def test_no_hard_limit_is_ever_exceeded(situation):
    cells, tables, terms = situation
    drawn = decide(cells, tables, terms)
    owner = np.flatnonzero(drawn.choice >= 0)
    used = tables.cell_use(cells, drawn.choice[owner], owner).sum(axis=1)
    over = used - tables.bound
    assert (over[tables.hard] <= 1e-12 * np.maximum(1.0, np.abs(tables.bound[tables.hard]))).all()
    np.testing.assert_allclose(drawn.remaining, tables.bound - used, atol=1e-9)


@given(situations(), st.floats(0.0, 5.0), st.integers(0, 10_000))
@settings(max_examples=examples(300), deadline=None)
def test_raising_a_value_at_fixed_prices_never_lowers_its_probability(situation, raised, which):
    cells, tables, terms = situation
    if not cells.n_cells:
        return
    roomy = replace(terms, remaining=np.full(tables.m, 1e9))
    j = which % cells.n_cells
    value = cells.value_money.copy()
    value[j] += raised
    before, after = decide(cells, tables, roomy), decide(replace(cells, value_money=value), tables, roomy)
    assert after.p[j] >= before.p[j] - 1e-15


@given(situations(), st.integers(0, 2**32))
@settings(max_examples=examples(150), deadline=None)
def test_the_order_of_customers_and_pairs_does_not_matter(situation, seed):
    cells, tables, terms = situation
    rng = np.random.default_rng(seed)
    customers, pairs = rng.permutation(cells.n), rng.permutation(cells.n_cells)
    place = np.argsort(customers)
    shuffled = assemble(
        cells.units.take(customers),
        Pairs(
            place[cells.owner()[pairs]],
            cells.action[pairs].astype(np.int64),
            cells.value_money[pairs],
            cells.value_sd_money[pairs],
            cells.uses[pairs],
        ),
        cells.use_names,
        cells.action_ids,
        "property",
    )
    first, second = decide(cells, tables, terms), decide(shuffled, tables, terms)
    assert shuffled.units.ids.equals(cells.units.ids)
    assert first.p.tobytes() == second.p.tobytes()
    assert first.choice.tobytes() == second.choice.tobytes()


@given(situations())
@settings(max_examples=examples(150), deadline=None)
def test_every_action_that_fits_keeps_its_floor(situation):
    cells, tables, terms = situation
    drawn = decide(cells, tables, replace(terms, remaining=np.full(tables.m, 1e9)))
    owner = cells.owner()
    weight = np.array(terms.rule.floor_of(K))[cells.action]
    open_cells = ~cells.units.held_out[owner]
    floor = terms.rule.floor_share * weight / (1.0 + np.bincount(owner, weight, cells.n)[owner])
    assert (drawn.p[open_cells] >= floor[open_cells] - 1e-15).all()
    assert (drawn.p_none >= terms.rule.control_share - 1e-15).all()


@given(situations(), st.floats(0.0, 0.3))
@settings(max_examples=examples(150), deadline=None)
def test_control_takes_exactly_its_share_of_what_follows_value_and_gives_it_to_none(situation, share):
    cells, tables, terms = situation
    roomy = replace(terms, remaining=np.full(tables.m, 1e9))
    floor = roomy.rule.floor_share
    none, some = (
        decide(cells, tables, replace(roomy, rule=replace(roomy.rule, control_share=c))) for c in (0.0, share)
    )
    mine = ~cells.units.held_out[cells.owner()]
    weight = np.array(terms.rule.floor_of(K))[cells.action]
    least = floor * weight / (1.0 + np.bincount(cells.owner(), weight, cells.n)[cells.owner()])
    left = (1.0 - floor - share) / (1.0 - floor)
    np.testing.assert_allclose((some.p - least)[mine], left * (none.p - least)[mine], atol=1e-13)
    moved = (some.p_none - none.p_none)[~cells.units.held_out]
    taken = np.bincount(cells.owner(), none.p - some.p, cells.n)[~cells.units.held_out]
    np.testing.assert_allclose(moved, taken, atol=1e-13)
