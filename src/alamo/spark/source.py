"""Cells of an allocation that stay in parcels: the dual is scanned by the workers, in ranges that are added in order.

A scan sends prices, one number per use column, group and action, and brings back the sums of each range with choice and
gap of its customers (six bytes each). The same ranges give the same bits as cells in memory, whoever scans them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.policy import LimitRow
from alamo.spark.parcel import numbered, one_numbering, read_parcel, read_tables, write_parcel
from alamo.spark.work import DONE_DDL, Batches, done, numbered_tasks
from alamo.steering.allocation.kernels import HardSums
from alamo.steering.allocation.source import Counted, add_counts, count_cells, gather_sums, scan_ranges
from alamo.steering.cells import Cells, Floats, Ints, Places, concatenate
from alamo.steering.limits import LimitTables

_SUMS = ("total", "tallies", "choice", "gap")
_SUMS_DDL = "part long, place long, total binary, tallies binary, choice binary, gap binary"
_COUNTS = ("total", "tallies", "shape")
_COUNTS_DDL = "part long, place long, total binary, tallies binary, shape binary"


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """Where the cells of a slice are, how many customers it has, and the number among all of each of its groups."""

    path: str
    n: int
    groups: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """A piece of work on parcels; called by Spark with their numbers."""

    parcels: tuple[Parcel, ...]
    rows: tuple[LimitRow, ...]

    def cells(self, part: int) -> Cells:
        parcel = self.parcels[part]
        return numbered(read_parcel(Path(parcel.path), self.rows).cells, parcel.groups)


@dataclass(frozen=True, slots=True, eq=False)
class Scanning(_Work):
    """Scans parcels at `prices`."""

    prices: Floats

    def __call__(self, batches: Batches) -> Batches:
        """Yield the sums of each range."""
        for part in _numbers(batches):
            for place, sums in enumerate(scan_ranges(self.cells(part), self.prices)):
                yield _row((part, place), _SUMS, (sums.total, sums.tallies, sums.choice, sums.gap))


@dataclass(frozen=True, slots=True, eq=False)
class Counting(_Work):
    """Counts value and use of a choice, one array for each parcel."""

    choice: tuple[Places, ...]

    def __call__(self, batches: Batches) -> Batches:
        """Yield the counts of each range."""
        for part in _numbers(batches):
            for place, counted in enumerate(count_cells(self.cells(part), self.choice[part])):
                shape = np.array(counted.tallies.shape, dtype=np.int64)
                yield _row((part, place), _COUNTS, (np.array([counted.value_money]), counted.tallies, shape))


@dataclass(frozen=True, slots=True, eq=False)
class Taking(_Work):
    """Writes a parcel with some of a parcel's customers."""

    index: tuple[Ints, ...]
    folder: str

    def __call__(self, batches: Batches) -> Batches:
        """Write the customers wanted of each parcel."""
        for part in _numbers(batches):
            candidates = read_parcel(Path(self.parcels[part].path), self.rows)
            cells = numbered(candidates.cells, self.parcels[part].groups).take(self.index[part])
            path = Path(self.folder) / f"taken-{part}.npz"
            write_parcel(path, replace(candidates, cells=cells))
            yield done(part, cells.n, path)


class SparkCells:
    """Implements `alamo.steering.allocation.source.CellSource` over parcels that Spark's workers read.

    Parameters
    ----------
    session
        Spark session.
    parcels
        In the order of their customers; each but the last with a multiple of 65,536 for the same bits as in memory.
    rows
        Limits they were gathered under.
    """

    def __init__(self, session: Any, parcels: Sequence[Parcel], rows: tuple[LimitRow, ...]) -> None:
        self._session = session
        self._parcels = tuple(parcels)
        self._rows = rows
        self._bounds = np.concatenate([[0], np.cumsum([parcel.n for parcel in parcels])]).astype(np.int64)

    @classmethod
    def of(
        cls, session: Any, paths: Sequence[Path], sizes: Sequence[int], rows: tuple[LimitRow, ...]
    ) -> tuple[Self, LimitTables]:
        """Return the cells of the parcels at `paths`, with `sizes` customers each, and the tables over all of them."""
        tables, moved = one_numbering([read_tables(path, rows) for path in paths])
        parcels = [Parcel(str(path), n, groups) for path, n, groups in zip(paths, sizes, moved, strict=True)]
        return cls(session, parcels, rows), tables

    @property
    def n(self) -> int:
        """Number of customers."""
        return int(self._bounds[-1])

    def scan(self, prices: Floats) -> HardSums:
        """Return best net value, use, choice and gap at `prices` (1 + n_use_columns, n_groups, n_actions)."""
        rows = self._run(Scanning(self._parcels, self._rows, prices), _SUMS_DDL, range(len(self._parcels)))
        return gather_sums((_sums(row, prices.shape) for row in rows), self.n, prices)

    def count(self, choice: Places) -> Counted:
        """Return value and use of `choice`, shape (n,)."""
        parts = tuple(choice[start:stop] for start, stop in pairwise(self._bounds))
        rows = self._run(Counting(self._parcels, self._rows, parts), _COUNTS_DDL, range(len(self._parcels)))
        counted = [_counted(row) for row in rows]
        widest = max(one.tallies.shape[1] for one in counted)
        return add_counts(counted, (counted[0].tallies.shape[0], widest, counted[0].tallies.shape[2]))

    def take(self, index: Ints) -> Cells:
        """Return the cells of the customers `index`, ascending; parcels without any of them are not read."""
        cuts = np.searchsorted(index, self._bounds)
        wanted = [part for part in range(len(self._parcels)) if cuts[part + 1] > cuts[part]] or [0]
        parts = tuple(index[a:b] - self._bounds[part] for part, (a, b) in enumerate(pairwise(cuts)))
        folder = Path(self._parcels[0].path).parent / f"taken-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        rows = self._run(Taking(self._parcels, self._rows, parts, str(folder)), DONE_DDL, wanted)
        taken = concatenate([read_parcel(Path(row["path"]), self._rows).cells for row in rows])
        for row in rows:
            Path(row["path"]).unlink()
        folder.rmdir()
        return taken

    def _run(self, work: Callable[[Batches], Batches], ddl: str, parts: Sequence[int]) -> list[dict[str, Any]]:
        """Run `work` on each of `parts` and return its rows in their order."""
        rows = numbered_tasks(self._session, parts).mapInArrow(work, ddl).toArrow()
        keys = [(name, "ascending") for name in ("part", "place") if name in rows.column_names]
        return list(rows.sort_by(keys).to_pylist())


def _numbers(batches: Batches) -> Iterator[int]:
    for batch in batches:
        yield from batch.column("id").to_pylist()


def _row(key: tuple[int, int], names: Sequence[str], arrays: Sequence[npt.NDArray[Any]]) -> pa.RecordBatch:
    columns = [pa.array([np.ascontiguousarray(array).tobytes()], pa.binary()) for array in arrays]
    numbers = [pa.array([number], pa.int64()) for number in key]
    return pa.RecordBatch.from_arrays([*numbers, *columns], ["part", "place", *names])


def _sums(row: dict[str, Any], shape: tuple[int, ...]) -> HardSums:
    return HardSums(
        np.frombuffer(row["total"]),
        np.frombuffer(row["tallies"]).reshape(shape),
        np.frombuffer(row["choice"], dtype=np.int16),
        np.frombuffer(row["gap"], dtype=np.float32),
    )


def _counted(row: dict[str, Any]) -> Counted:
    shape = np.frombuffer(row["shape"], dtype=np.int64)
    return Counted(float(np.frombuffer(row["total"])[0]), np.frombuffer(row["tallies"]).reshape(shape))
