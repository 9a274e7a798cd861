"""Slices gathered apart and joined are what is gathered at once; a parcel brings back what it was given."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.steering.worlds import NOW, SALT, actions, profiles, scores

from alamo.domain.action import ContactPolicy, Limit
from alamo.domain.policy import LimitRow
from alamo.numerics.hashing import mix, unit_keys
from alamo.spark.parcel import joined, read_parcel, unfinished_beside, write_parcel
from alamo.steering.candidates import Candidates, Terms, gather, rows_of
from alamo.steering.control import UniversalControl
from alamo.steering.eligibility import Gatekeeper
from alamo.store import MemoryHistory

N = 400
LIMITS = (
    Limit("budget", use="cost", maximum=30.0),
    Limit("north", where="region = 'north'", maximum=40),
    Limit("loyal north", where="orders >= 2 AND region = 'north'", minimum=5.0),
    Limit("rare", use="cost", where="customer_id = 'c17'", maximum=0.5),
)
PART = LimitRow("part", "count", 0.0, 1, ("letter",), "orders >= 2", False, 0.3, ("letter", "mail-small"))
ROWS = (*rows_of(LIMITS, actions()), PART)
CONTROL = UniversalControl("universal", 0.1, waiting=0.5)
TERMS = Terms(Gatekeeper(actions(), ContactPolicy(), NOW), ROWS, SALT, CONTROL)


def gathered(slices: int) -> list[Candidates]:
    """Return the candidates of consecutive slices of the order, each gathered for itself."""
    customers = profiles(N, region=["north" if i % 2 else "south" for i in range(N)])
    customers = customers.set_column(
        customers.schema.get_field_index("consent"),
        customers.schema.field("consent"),
        [[["*"] if i % 4 else [] for i in range(N)]],
    )
    found = scores(customers, 5)
    place = mix(unit_keys(customers["customer_id"].to_pylist()), f"{SALT}/order")
    parts = []
    for chosen in np.array_split(np.sort(place), slices):
        inside = np.isin(place, chosen)
        ids = set(customers.filter(inside)["customer_id"].to_pylist())
        rows = [customer in ids for customer in found["customer_id"].to_pylist()]
        parts.append(gather(MemoryHistory(), customers.filter(inside), found.filter(rows), TERMS))
    return parts


def assert_same(one: Candidates, other: Candidates) -> None:
    assert one.cells.units.ids.equals(other.cells.units.ids)
    for record, twin in ((one.cells.units, other.cells.units), (one.cells, other.cells), (one.tables, other.tables)):
        for name in record.__slots__:
            value, same = getattr(record, name), getattr(twin, name)
            if isinstance(value, np.ndarray):
                assert (value.dtype, value.tobytes()) == (same.dtype, same.tobytes()), name
    assert one.tables.rows == other.tables.rows
    assert (one.cells.use_names, one.cells.action_ids) == (other.cells.use_names, other.cells.action_ids)
    assert one.eligibility.stages == other.eligibility.stages
    assert (one.scored, one.affordable) == (other.scored, other.affordable)


@pytest.mark.parametrize("slices", [1, 3, 60])
def test_joined_slices_are_what_is_gathered_at_once(slices):
    whole = gathered(1)[0]
    assert whole.tables.coefficient.shape[1] > 4
    assert_same(joined(gathered(slices)), whole)
    assert whole.unaffordable > 0


def test_a_slice_numbers_its_own_groups_so_joining_has_to_number_them_anew():
    parts = gathered(60)
    assert len({part.tables.coefficient.shape[1] for part in parts}) > 1
    whole = joined(parts)
    start = 0
    for part in parts:
        rows = whole.tables.coefficient[:, whole.cells.units.group[start : start + part.cells.n], :]
        assert np.array_equal(rows, part.tables.coefficient[:, part.cells.units.group, :])
        start += part.cells.n


def test_a_parcel_brings_back_every_bit_and_leaves_no_unfinished_file(tmp_path):
    for part, candidates in enumerate(gathered(3)):
        path = tmp_path / f"slice-{part}.npz"
        write_parcel(path, candidates)
        again = read_parcel(path, TERMS.rows)
        assert_same(again, candidates)
        assert np.array_equal(again.eligibility.open, candidates.eligibility.open)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slice-0.npz", "slice-1.npz", "slice-2.npz"]


def test_two_workers_that_try_the_same_part_do_not_write_into_one_file(tmp_path):
    first, second = unfinished_beside(tmp_path / "slice-1.npz"), unfinished_beside(tmp_path / "slice-1.npz")
    assert first != second
    assert first.parent == second.parent == tmp_path  # put in place by a rename, so on the same disk
