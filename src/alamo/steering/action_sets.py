"""The sets of actions that one customer may get together: at most so many, of which none excludes another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import comb

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.steering.cells import Cells, Flags, Ints

MOST_SETS = 500
"""Sets that one customer may be open to."""
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Which actions one customer may get together.

    Attributes
    ----------
    most
        Actions per customer at most.
    apart
        Which actions each exclusion names, shape (n_exclusions, n_actions): at most one of them goes to a customer.
    drawn
        Whether sets are drawn, so that those count, too, that no best plan would take.
    """

    most: int
    apart: Flags
    drawn: bool = False


def all_sets(cells: Cells, single: Ints, together: Together) -> tuple[Ints, Ints]:
    """Return customer and members of every set of the cells `single`, by customer and size, shapes (n,), (n, most)."""
    n_open = np.bincount(cells.owner()[single], minlength=cells.n)
    ways = np.array([_ways(int(size), together.most) for size in range(int(n_open.max(initial=0)) + 1)])
    effort = np.minimum(ways, MOST_SETS * np.arange(len(ways)))[n_open]
    cuts = np.flatnonzero(np.diff(np.cumsum(effort) // _AT_ONCE, prepend=-1, append=-1))
    excluded = np.packbits(together.apart.T, axis=1)[cells.action[single]]
    of_customer = np.concatenate([[0], np.cumsum(n_open)])
    parts = []
    for start, stop in pairwise(cuts.tolist()):
        own = slice(of_customer[start], of_customer[stop])
        owner = np.repeat(np.arange(stop - start), n_open[start:stop])
        found, member = _sets(_Singles(single[own], owner, excluded[own]), together.most, cells.units.ids[start:stop])
        parts.append((found + start, member))
    width = max((member.shape[1] for _, member in parts), default=1)
    return (
        np.concatenate([owner for owner, _ in parts]),
        np.concatenate([_widened(member, width) for _, member in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Singles:
    """Single cells of some customers, ascending: cell, customer, and which exclusions name it."""

    cell: Ints
    owner: Ints
    excluded: npt.NDArray[np.uint8]

    def larger(self, sets: _Level) -> _Level:
        """Return the sets with one member more: a later cell of the same customer that nothing in the set excludes."""
        room = np.searchsorted(self.owner, sets.owner, side="right") - sets.member[:, -1] - 1
        of = np.repeat(np.arange(len(room)), room)
        more = sets.member[of, -1] + 1 + np.arange(len(of)) - np.repeat(np.cumsum(room) - room, room)
        fits = ~(sets.excluded[of] & self.excluded[more]).any(axis=1)
        of, more = of[fits], more[fits]
        return _Level(sets.owner[of], np.column_stack([sets.member[of], more]), sets.excluded[of] | self.excluded[more])


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """Sets of one size: customer, members as positions in `_Singles`, and which exclusions name one of them."""

    owner: Ints
    member: Ints
    excluded: npt.NDArray[np.uint8]


def _sets(singles: _Singles, most: int, ids: pa.Array) -> tuple[Ints, Ints]:
    """Return customer and member cells of the sets of the customers `ids`, by customer and size."""
    level = _Level(singles.owner, np.arange(len(singles.cell))[:, None], singles.excluded)
    levels = [level]
    count = np.bincount(level.owner, minlength=len(ids))
    n_open = count.copy()
    while len(levels) < most and len(level.owner) and count.max() <= MOST_SETS:
        level = singles.larger(level)
        levels.append(level)
        count += np.bincount(level.owner, minlength=len(ids))
    if count.max(initial=0) > MOST_SETS:
        customer = int(count.argmax())
        raise _too_many(ids[customer].as_py(), int(n_open[customer]), most)
    owner = np.concatenate([level.owner for level in levels])
    member = np.concatenate([_widened(level.member, len(levels)) for level in levels])
    order = np.argsort(owner, kind="stable")
    return owner[order], np.where(member >= 0, singles.cell[member], -1)[order]


def _too_many(customer: str, n_open: int, most: int) -> UsageError:
    keep = next(size for size in range(MOST_SETS, -1, -1) if _ways(size, most) <= MOST_SETS)
    return UsageError(
        f"customer {customer!r} may get up to {most} of {n_open:,} actions together: more than {MOST_SETS} sets",
        hint=f"Lower max_actions, keep the best {keep} actions of each customer in the file, or name more actions that "
        "exclude each other; then run the same again",
        code="allocation.too_many_sets",
        details={"customer": customer, "max_actions": most, "actions": n_open, "most_sets": MOST_SETS},
    )


def _ways(size: int, most: int) -> int:
    """Return how many sets of one to `most` of `size` actions there are; 2⁴⁰ is as good as endless."""
    total, endless = 0, 2**40
    for chosen in range(1, min(most, size) + 1):
        total += comb(size, chosen)
        if total >= endless:
            return endless
    return total


def _widened(member: Ints, width: int) -> Ints:
    return np.pad(member, ((0, 0), (0, width - member.shape[1])), constant_values=-1)
