"""The dual scanned by Spark's workers: the same ranges give the same bits, others a bound within 1e-10."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from tests.integration.spark.test_carrier import CONTACT, LIMITS, carrier, history, of_day  # noqa: F401 # a fixture
from tests.unit.steering.worlds import NOW, SALT, actions, five_rows, market, names

from alamo.domain.reasons import LeftOut
from alamo.spark import SparkCells
from alamo.spark.parcel import write_parcel
from alamo.steering.allocation.certificate import certify
from alamo.steering.allocation.dual import hard_dual, solve_dual
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.repair import repair
from alamo.steering.allocation.source import RANGE
from alamo.steering.allocation.streamed import stream_problem
from alamo.steering.candidates import Candidates, Terms, gather, rows_of
from alamo.steering.control import UniversalControl
from alamo.steering.eligibility import Eligibility, Gatekeeper
from alamo.steering.funnel import Stage
from alamo.steering.limits import limit_tables

pytestmark = pytest.mark.spark

N, K = 140_000, 4


@pytest.fixture(scope="module")
def world():
    patterns = {"north": np.array([False, False, True, True]), "gold": np.array([False, True, False, True])}
    return market(N, K, seed=3), limit_tables(five_rows(N, K), names(K), ("cost",), patterns)


def spread(spark, folder, world, bounds):
    """Return the customers of a market in parcels between `bounds`."""
    cells, limits = world
    paths = []
    for part, (start, stop) in enumerate(pairwise(bounds)):
        nobody, stage = Eligibility(np.zeros((0, K), dtype=bool), ()), Stage(LeftOut.UNSCORED, (0,) * K, 0)
        paths.append(folder / f"slice-{part}.npz")
        write_parcel(paths[-1], Candidates(cells.span(start, stop), limits, nobody, stage, stage))
    return SparkCells.of(spark, paths, np.diff(bounds).tolist(), limits.rows)


def test_whole_ranges_give_the_prices_plan_and_certificate_of_memory_bit_for_bit(spark, tmp_path, world):
    cells, limits = world
    source, found = spread(spark, tmp_path, world, [0, RANGE, 2 * RANGE, N])
    assert np.array_equal(found.coefficient, limits.coefficient)
    problem, streamed = build_problem(cells, limits), stream_problem(source, found)
    here, there = solve_dual(problem), solve_dual(streamed)
    assert there.bound == here.bound
    assert there.prices.tobytes() == here.prices.tobytes()
    assert here.prices.any()
    assert there.choice.tobytes() == here.choice.tobytes()
    plan = repair(problem, here)
    assert repair(streamed, there).tobytes() == plan.tobytes()
    memory, counted = certify(cells, limits, plan, here.bound), certify(source, found, plan, here.bound)
    assert (counted.value_money, counted.used.tolist()) == (memory.value_money, memory.used.tolist())
    assert memory.feasible
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slice-0.npz", "slice-1.npz", "slice-2.npz"]


def test_other_parts_give_the_bound_to_1e_10_and_the_same_parts_the_same_bits(spark, tmp_path, world):
    cells, limits = world
    problem = build_problem(cells, limits)
    prices = 0.02 * problem.ceiling
    here = hard_dual(problem, prices)
    streamed = stream_problem(*spread(spark, tmp_path, world, [0, 30_000, 99_999, N]))
    there = hard_dual(streamed, prices)
    assert there.bound == pytest.approx(here.bound, rel=1e-10)
    assert there.choice.tobytes() == here.choice.tobytes()
    assert hard_dual(streamed, prices).use.tobytes() == there.use.tobytes()


def test_what_is_taken_are_those_customers_of_the_parts_that_have_them(spark, tmp_path, world):
    cells, _ = world
    source, _ = spread(spark, tmp_path, world, [0, 30_000, 99_999, N])
    wanted = np.array([3, 29_999, 100_001, N - 1], dtype=np.int64)
    taken, same = source.take(wanted), cells.take(wanted)
    assert taken.units.ids.equals(same.units.ids)
    assert taken.value_money.tobytes() == same.value_money.tobytes()
    assert taken.units.group.tobytes() == same.units.group.tobytes()
    assert source.take(np.zeros(0, dtype=np.int64)).n == 0


def test_cells_of_the_tables_stay_on_the_cluster(spark, history, tmp_path):  # noqa: F811 # the fixture
    terms = Terms(
        Gatekeeper(actions(), CONTACT, NOW), rows_of(LIMITS, actions()), SALT, UniversalControl("universal", 0.05)
    )
    whole = gather(history, of_day(history, "profiles"), of_day(history, "scores"), terms)
    problem = build_problem(whole.cells, whole.tables)
    with carrier(spark, history, tmp_path) as carried:
        streamed = stream_problem(*carried.source(terms, NOW + timedelta(hours=1)))
        assert streamed.n == problem.n
        found = solve_dual(streamed)
    best = solve_dual(problem)
    assert found.bound == pytest.approx(best.bound, rel=1e-10)
