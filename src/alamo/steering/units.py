"""Units: the customers of a cycle, whether anything is open to them or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.numerics.hashing import mix

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The customers of a cycle, eligible for anything or not.

    Attributes
    ----------
    ids
        Identifiers, shape (n,).
    key
        64-bit hash of each id, shape (n,).
    group
        Index of the pattern of limit predicates that hold for the customer, shape (n,).
    held_out
        Whether the customer is held out of everything, shape (n,).
    in_control
        Whether the customer is in the universal control, held out or open to actions that pass it, shape (n,); None:
        the same as `held_out`.
    waiting
        Whether the customer is held out to become the universal control, and is not yet, shape (n,); None for nobody.
    """

    ids: pa.Array
    key: npt.NDArray[np.uint64]
    group: npt.NDArray[np.int32]
    held_out: Flags
    in_control: Flags | None = None
    waiting: Flags | None = None

    @property
    def n(self) -> int:
        """Number of customers."""
        return len(self.key)

    @property
    def columns(self) -> dict[str, Any]:
        """What is known of each customer besides the id, by name; a column that may be None and is, is left out."""
        known = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "ids"}
        return {name: column for name, column in known.items() if column is not None}

    @property
    def meant(self) -> dict[str, Flags]:
        """What is meant where a column that may be None is None, by name."""
        return {"in_control": self.held_out, "waiting": np.zeros(self.n, dtype=np.bool_)}

    def take(self, index: Ints) -> Units:
        """Return the customers `index`, in that order."""
        return Units(self.ids.take(pa.array(index)), **{name: column[index] for name, column in self.columns.items()})

    def span(self, start: int, stop: int) -> Units:
        """Return the customers ``start:stop``; a view, nothing is copied but the ids."""
        part = {name: column[start:stop] for name, column in self.columns.items()}
        return Units(self.ids.slice(start, stop - start), **part)

    @property
    def universal_control(self) -> Flags:
        """Whether the customer is in the universal control, shape (n,)."""
        return self.held_out if self.in_control is None else self.in_control

    def order(self, salt: str) -> Ints:
        """Return the positions of the customers in the order in which they are decided."""
        return np.argsort(mix(self.key, f"{salt}/order"), kind="stable").astype(np.int64)


def join_units(parts: Sequence[Units]) -> Units:
    """Return the customers of `parts`, one after the other."""
    known = dict.fromkeys(name for part in parts for name in part.columns)
    return Units(
        pa.chunked_array([part.ids for part in parts]).combine_chunks(),
        **{name: np.concatenate([(part.meant | part.columns)[name] for part in parts]) for name in known},
    )
