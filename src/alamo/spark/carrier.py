"""Carries scores, eligibility and the rule over partitions on Spark, reading the files of the Delta tables.

    gather    places of all customers in the order → cuts into slices → profiles and scores of a slice in one worker,
              which gathers its candidates and keeps them as a file (a parcel)
    decide    one task per block of a published policy: the parcels of the block, one after another, under the state
              that the policy recorded for it
    score     profiles and segments of a part in one worker, which scores them by the model it was sent

Parcels and results lie in a work folder that all machines see under the same path.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import AlamoError, InsufficientDataError, StoreError
from alamo.domain.policy import PolicySnapshot
from alamo.domain.settings import EngineSettings
from alamo.engine.batch import Stamp
from alamo.spark.answers import Listening
from alamo.spark.parcel import joined, read_parcel
from alamo.spark.session import open_session
from alamo.spark.source import SparkCells
from alamo.spark.work import (
    DONE_DDL,
    Deciding,
    Gathering,
    Order,
    Scorer,
    Scoring,
    Slicing,
    as_error,
    numbered_tasks,
    pieces_of,
    read_rows,
)
from alamo.steering.candidates import Candidates, Terms, gather
from alamo.steering.limits import LimitTables
from alamo.store import DeltaHistory
from alamo.store.snapshot import HistorySnapshot

SLICE = 65_536
"""Customers whose candidates one worker gathers at a time."""
_REHEARSED = 1_000
"""Customers of a rehearsal: from so many on, contacts are counted of everybody."""
_SCORED_COLUMNS = (
    "customer_id",
    "action_id",
    "value_mean_money",
    "value_sd_money",
    "shared_sd_money",
    "cost_money",
)
_GLOB = re.compile(r"([\\{}\[\]*?])")


class SparkCarrier:
    """Implements `alamo.engine.carrier.Carrier` on a Spark session; a context manager that leaves no file behind.

    Parameters
    ----------
    session
        Spark session; it is not stopped.
    history
        Where the tables are.
    work
        Folder for what is carried between the stages, the same path on every machine.
    customers_per_slice
        How much one worker gathers at a time.

    Assumes
    -------
    No two customers have the same 64-bit place in the order (a chance of 3 in a million at ten million customers).
    """

    def __init__(self, session: Any, history: DeltaHistory, work: Path, *, customers_per_slice: int = SLICE) -> None:
        self._session = session
        self._history = history
        self._folder = work.absolute() / f"run-{gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._slice = customers_per_slice
        self._gathered: tuple[Terms, list[Path], list[int]] | None = None

    @classmethod
    def open(cls, settings: EngineSettings, history: DeltaHistory, root: Path) -> Self:
        """Return the carrier of the project in `root` on the session in force, or a new one.

        Raises
        ------
        MissingExtraError, StoreError
            As `open_session`.
        """
        work = root / settings.work_path
        return cls(open_session(settings), history, work, customers_per_slice=settings.customers_per_slice)

    def __enter__(self) -> Self:
        _sweep(self._folder.parent)
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def gather(self, terms: Terms, as_of: datetime) -> Candidates:
        """Return the candidates of the profiles and scores of a day; see `alamo.steering.candidates.gather`.

        Raises
        ------
        InsufficientDataError
            If there are no profiles of that day.
        ConfigError
            As `alamo.steering.candidates.gather`.
        """
        paths, _ = self._parcels(terms, as_of)
        return joined([read_parcel(path, terms.rows) for path in paths])

    def source(self, terms: Terms, as_of: datetime) -> tuple[SparkCells, LimitTables]:
        """Return the cells that `gather` would, left where they are, for a dual that is scanned there.

        They are gone when the carrier is left.
        """
        return SparkCells.of(self._session, *self._parcels(terms, as_of), terms.rows)

    def _parcels(self, terms: Terms, as_of: datetime) -> tuple[list[Path], list[int]]:
        """Gather the candidates of a day; return the parcels in their order, and how many customers each has.

        Raises
        ------
        InsufficientDataError
            If there are no profiles of that day.
        ConfigError
            As `alamo.steering.candidates.gather`.
        """
        snapshot, day = self._history.snapshot(), as_of.date().isoformat()
        schemas = (snapshot.tables["profiles"].schema, _narrow(snapshot.tables["scores"].schema))
        listening = Listening(self._history)
        few = self._history.query(
            "SELECT * FROM profiles WHERE as_of_day = $day LIMIT $n", {"day": day, "n": _REHEARSED}
        )
        gather(listening, few, schemas[1].empty_table(), terms)  # refuses wrong predicates before any work
        profiles, scores = self._rows(snapshot, "profiles", day), self._rows(snapshot, "scores", day)
        if profiles is None:
            raise _no_profiles(day)
        bounds = self._slices(profiles, terms.salt)
        work = Gathering(terms, snapshot, listening.answers, schemas, self._made())
        slicing = Slicing(terms.salt, bounds)
        sliced = [_sliced(frame, slicing) for frame in (profiles, self._or_none(scores, schemas[1]))]
        done = self._done(_together(sliced, "slice", work.gather))
        self._gathered = (terms, [Path(path) for path in done["path"].to_pylist()], done["rows"].to_pylist())
        return self._gathered[1:]

    def decide(self, policy: PolicySnapshot, stamp: Stamp) -> pa.Table:
        """Return the decisions (DECISIONS) of what was gathered last, under a published policy, in their order.

        The rows are mapped from files of the work folder, which go when the carrier is left.
        """
        if self._gathered is None:
            raise RuntimeError("decide before gather")
        terms, paths, sizes = self._gathered
        work = Deciding(policy, terms.rows, stamp, pieces_of(paths, sizes, policy.n_blocks), self._made())
        blocks = numbered_tasks(self._session, range(policy.n_blocks))
        done = self._done(blocks.mapInArrow(work, DONE_DDL))
        return pa.concat_tables([read_rows(path) for path in done["path"].to_pylist()])

    def score(self, scorer: Scorer, as_of: datetime) -> pa.Table:
        """Return what `scorer` says of the profiles and segments of a day (SCORES), in no particular order."""
        snapshot, day = self._history.snapshot(), as_of.date().isoformat()
        profiles, segments = self._rows(snapshot, "profiles", day), self._rows(snapshot, "segments", day)
        if profiles is None:
            raise _no_profiles(day)
        schemas = (snapshot.tables["profiles"].schema, snapshot.tables["segments"].schema)
        parts = max(1, -(-profiles.count() // self._slice))
        spread = [
            frame.selectExpr("*", f"pmod(hash(customer_id), {parts}) AS part")
            for frame in (profiles, self._or_none(segments, schemas[1]))
        ]
        work = Scoring(scorer, schemas, self._made())
        done = self._done(_together(spread, "part", work.score))
        return pa.concat_tables([read_rows(path) for path in done["path"].to_pylist()])

    def _rows(self, snapshot: HistorySnapshot, table: str, day: str) -> Any:
        """Return the rows of a day as a data frame; None without any."""
        files = [file for file in snapshot.tables[table].files if f"/as_of_day={day}/" in file]
        if not files:
            return None
        frame = self._session.read.option("mergeSchema", "true").parquet(*[_url(file) for file in files])
        return frame.select(*_SCORED_COLUMNS) if table == "scores" else frame.selectExpr("*", f"'{day}' AS as_of_day")

    def _or_none(self, frame: Any, schema: pa.Schema) -> Any:
        return self._session.createDataFrame(schema.empty_table()) if frame is None else frame

    def _slices(self, profiles: Any, salt: str) -> npt.NDArray[np.uint64]:
        """Return the place of the first customer of every slice but the first."""
        column = profiles.select("customer_id").mapInArrow(Order(salt), "place long").toArrow()["place"]
        places = np.sort(column.to_numpy().view(np.uint64))
        return places[self._slice :: self._slice]

    def _done(self, frame: Any) -> pa.Table:
        """Run the work of `frame`; return what was done in the order of the parts, or raise what a worker refused."""
        rows = _run(frame.toArrow).sort_by("part")
        for refusal in rows["refusal"].drop_null().to_pylist():
            raise as_error(refusal)
        return rows

    def _made(self) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        return str(self._folder)


def _sweep(work: Path) -> None:
    """Remove what runs of this machine left that were killed."""
    for folder in work.glob(f"run-{gethostname()}-*-*"):
        pid = int(folder.name.split("-")[-2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # it runs under another user


def _run(action: Callable[[], pa.Table]) -> pa.Table:
    try:
        return action()
    except AlamoError:
        raise
    except Exception as error:
        said = [line for line in str(error).splitlines() if line.strip()]
        raise StoreError(
            f"the work on Spark failed: {said[-1] if said else type(error).__name__}",
            hint="Look into the logs of the executors, then run the same again. Or leave Spark out: --engine local",
            code="spark.failed",
            details={"said": said[:20]},
            transient=True,
        ) from error


def _narrow(scores: pa.Schema) -> pa.Schema:
    return pa.schema([scores.field(name) for name in _SCORED_COLUMNS])


def _sliced(frame: Any, slicing: Slicing) -> Any:
    from pyspark.sql.types import LongType, StructField, StructType  # noqa: PLC0415 # an extra

    return frame.mapInArrow(slicing, StructType([*frame.schema.fields, StructField("slice", LongType())]))


def _together(frames: Sequence[Any], column: str, work: Callable[..., pa.Table]) -> Any:
    """Return the frame of `work` on the rows of both `frames` that share a number in `column`."""
    left, right = frames

    def on_rows(key: tuple[pa.Scalar, ...], mine: pa.Table, theirs: pa.Table) -> pa.Table:
        return work(key[0].as_py(), mine, theirs)  # Spark counts the parameters, and a method has one too many

    return left.groupBy(column).cogroup(right.groupBy(column)).applyInArrow(on_rows, DONE_DDL)


def _url(path: str) -> str:
    return "file://" + _GLOB.sub(r"\\\1", path)


def _no_profiles(day: str) -> InsufficientDataError:
    return InsufficientDataError(
        f"there are no profiles as of {day}", hint="Build them with: alamo measure", code="loop.no_profiles"
    )
