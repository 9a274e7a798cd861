"""What runs in a Spark worker: the engine's own functions on one part of the customers.

Every piece of work is a frozen dataclass that is sent to the workers and called there. It writes a file below the work
folder and returns one row that names it; a refusal of Alamo's comes back as a row too, so that the driver can say it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain import errors
from alamo.domain.errors import AlamoError
from alamo.domain.policy import BlockState, LimitRow, PolicySnapshot
from alamo.engine.batch import Batch, Stamp, decision_table
from alamo.engine.realtime import decide_cells
from alamo.numerics.hashing import mix, unit_keys
from alamo.spark.answers import Answering, Answers
from alamo.spark.parcel import read_parcel, unfinished_beside, write_parcel
from alamo.steering.candidates import Terms, gather
from alamo.steering.pacing import block_bounds
from alamo.store.snapshot import HistorySnapshot, SnapshotReader

Batches = Iterator[pa.RecordBatch]
"""What Spark hands to a piece of work that maps, and what it returns."""

DONE = pa.schema([("part", pa.int64()), ("rows", pa.int64()), ("path", pa.string()), ("refusal", pa.string())])
"""What a piece of work returns: its number, how many rows it made, the file, and why it made none."""
DONE_DDL = "part long, rows long, path string, refusal string"


class Scorer(Protocol):
    """Scores customers in a worker; the same object scores them in one process."""

    def __call__(self, profiles: pa.Table, segments: pa.Table) -> pa.Table:
        """Return SCORES of the customers of `profiles`."""
        ...


def order_of(ids: pa.ChunkedArray | pa.Array, salt: str) -> npt.NDArray[np.uint64]:
    """Return the place of each customer in the order of `salt`, as `Units.order` sorts them, shape (n,)."""
    return mix(unit_keys(ids.to_pylist()), f"{salt}/order")


@dataclass(frozen=True, slots=True)
class Order:
    """Tells the place of every customer in the order in which they are decided."""

    salt: str

    def __call__(self, batches: Batches) -> Batches:
        """Yield the place of each row; the 64 bits as Spark's signed numbers."""
        for batch in batches:
            place = order_of(batch.column("customer_id"), self.salt).view(np.int64)
            yield pa.RecordBatch.from_arrays([pa.array(place)], ["place"])


@dataclass(frozen=True, slots=True, eq=False)
class Slicing:
    """Says into which slice of the order each row's customer falls.

    Attributes
    ----------
    salt
        Of the order.
    cuts
        Place of the first customer of each slice but the first, ascending, shape (n_slices − 1,).
    """

    salt: str
    cuts: npt.NDArray[np.uint64]

    def __call__(self, batches: Batches) -> Batches:
        """Yield the rows with a column ``slice`` behind them."""
        for batch in batches:
            place = order_of(batch.column("customer_id"), self.salt)
            number = pa.array(np.searchsorted(self.cuts, place, side="right").astype(np.int64))
            yield pa.RecordBatch.from_arrays([*batch.columns, number], [*batch.schema.names, "slice"])


@dataclass(frozen=True, slots=True, eq=False)
class Gathering:
    """Gathers the candidates of a slice; called by Spark with the slice's profiles and scores.

    Attributes
    ----------
    terms
        What the cycle is decided under.
    history, answers
        What can be asked.
    schemas
        Of profiles and scores, as the rooms know them.
    folder
        Where parcels go.
    """

    terms: Terms
    history: HistorySnapshot
    answers: Answers
    schemas: tuple[pa.Schema, pa.Schema]
    folder: str

    def gather(self, part: int, profiles: pa.Table, scores: pa.Table) -> pa.Table:
        """Write the parcel of a slice."""
        path = Path(self.folder) / f"slice-{part}.npz"
        reader = SnapshotReader(self.history)
        try:
            warehouse = Answering(self.answers, reader)
            profiles, scores = _as(profiles, self.schemas[0]), _as(scores, self.schemas[1])
            candidates = gather(warehouse, profiles, scores, self.terms)
            write_parcel(path, candidates)
        except AlamoError as error:
            return pa.Table.from_batches([refused(part, error)])
        finally:
            reader.close()
        return pa.Table.from_batches([done(part, candidates.cells.n, path)])


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """Scores a part of the customers; called by Spark with the part's profiles and segments.

    Attributes
    ----------
    scorer
        Scores.
    schemas
        Of profiles and segments.
    folder
        Where the scores go.
    """

    scorer: Scorer
    schemas: tuple[pa.Schema, pa.Schema]
    folder: str

    def score(self, part: int, profiles: pa.Table, segments: pa.Table) -> pa.Table:
        """Write the scores of a part."""
        path = Path(self.folder) / f"scores-{part}.arrow"
        try:
            scores = self.scorer(_as(profiles, self.schemas[0]), _as(segments, self.schemas[1]))
        except AlamoError as error:
            return pa.Table.from_batches([refused(part, error)])
        write_rows(path, scores)
        return pa.Table.from_batches([done(part, scores.num_rows, path)])


@dataclass(frozen=True, slots=True)
class Piece:
    """The customers ``start:stop`` of the parcel at `path`."""

    path: str
    start: int
    stop: int


def pieces_of(paths: Sequence[Path], sizes: Sequence[int], n_blocks: int) -> tuple[tuple[Piece, ...], ...]:
    """Return where the customers of each block are, in parcels of `sizes` customers in their order."""
    ends = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    whole = list(zip(paths, pairwise(ends), strict=True))
    return tuple(
        tuple(
            Piece(str(path), max(start - first, 0), min(stop, last) - first)
            for path, (first, last) in whole
            if first < stop and start < last
        )
        for start, stop in block_bounds(ends[-1], n_blocks)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Deciding:
    """Decides blocks under a published policy; called by Spark with the numbers of the blocks.

    Attributes
    ----------
    policy
        Prices, what was left of each limit at the start of each block, and the rule.
    rows
        Limits the parcels were gathered under.
    stamp
        Written beside every decision.
    pieces
        Where the customers of each block are, in their order.
    folder
        Where decisions go.
    """

    policy: PolicySnapshot
    rows: tuple[LimitRow, ...]
    stamp: Stamp
    pieces: tuple[tuple[Piece, ...], ...]
    folder: str

    def __call__(self, batches: Batches) -> Batches:
        """Write the decisions of each block."""
        for batch in batches:
            for block in batch.column("id").to_pylist():
                path = Path(self.folder) / f"block-{block}.arrow"
                decided = pa.concat_tables(list(self.decided(block)))
                write_rows(path, decided)
                yield done(block, decided.num_rows, path)

    def decided(self, block: int) -> Iterator[pa.Table]:
        """Yield the decisions of the pieces of a block: what one piece leaves of the limits, the next one has."""
        state = self.policy.blocks[block]
        for piece in self.pieces[block]:
            candidates = read_parcel(Path(piece.path), self.rows)
            cells = candidates.cells.span(piece.start, piece.stop)
            drawn, after = decide_cells(cells, candidates.tables, self.policy, state)
            batch = Batch(drawn, np.full(cells.n, block, dtype=np.int64), (state,))
            yield decision_table(cells, batch, self.stamp)
            state = BlockState(block, state.prices, after.remaining)


def numbered_tasks(session: Any, numbers: Sequence[int]) -> Any:
    """Return the frame of `numbers`, ascending, in as many tasks as a shuffle at most: each costs its start."""
    most = str(session.conf.get("spark.sql.shuffle.partitions"))
    tasks = min(len(numbers), int(most) if most.isdigit() else len(numbers))
    if list(numbers) == list(range(len(numbers))):
        return session.range(0, len(numbers), 1, tasks)
    table = pa.table({"id": pa.array(list(numbers), pa.int64())})
    return session.createDataFrame(table).repartitionByRange(tasks, "id")


def write_rows(path: Path, table: pa.Table) -> None:
    """Write an Arrow file in one step; it is read without being loaded."""
    unfinished = unfinished_beside(path)
    with pa.ipc.new_file(str(unfinished), table.schema) as writer:
        writer.write_table(table)
    unfinished.replace(path)


def read_rows(path: str) -> pa.Table:
    """Return the rows of an Arrow file, mapped into memory: they take none until they are looked at."""
    return pa.ipc.open_file(pa.memory_map(path)).read_all()


def done(part: int, rows: int, path: Path) -> pa.RecordBatch:
    """Return the row of a piece of work that was done."""
    return pa.RecordBatch.from_pylist([{"part": part, "rows": rows, "path": str(path)}], schema=DONE)


def refused(part: int, error: AlamoError) -> pa.RecordBatch:
    """Return the row of a piece of work that Alamo refuses."""
    said = {
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "code": error.code,
        "details": error.details,
    }
    return pa.RecordBatch.from_pylist(
        [{"part": part, "rows": 0, "refusal": json.dumps(said, default=str)}], schema=DONE
    )


def as_error(refusal: str) -> AlamoError:
    """Return the error that a worker refused with."""
    said: Mapping[str, Any] = json.loads(refusal)
    kind = getattr(errors, said["kind"], AlamoError)
    error: AlamoError = kind(said["message"], hint=said["hint"], code=said["code"], details=said["details"])
    return error


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the columns of `schema` in their order and types."""
    return table.select(schema.names).cast(schema)
