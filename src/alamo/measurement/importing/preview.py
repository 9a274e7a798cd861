"""A preview: how a file would be read, without writing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.domain.result import json_value
from alamo.domain.tables import CUSTOMERS, EVENTS
from alamo.measurement.importing.experiment import EXPERIMENT
from alamo.measurement.importing.fields import KINDS
from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.normalising import normalise
from alamo.measurement.importing.rows import QUARANTINE, ImportContext, SourceStream
from alamo.measurement.importing.streaming import Tally, nothing_accepted

SHOWN_ROWS = 10

_CARRIED = {"event_id", "source", "received_at", "properties", "attributes"}
"""Columns that no single field of the file fills."""
_COLUMNS = {"events": EVENTS.schema.names, "customers": CUSTOMERS.schema.names, "experiment": EXPERIMENT.names}


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file would be read.

    Attributes
    ----------
    mapping
        Which column is which field.
    rows
        The first accepted rows, with their row number in column ``row``, without columns that are empty.
    quarantined
        The first rows put aside (`QUARANTINE`).
    tally
        Counts over the whole file.
    """

    mapping: ResolvedMapping
    rows: pa.Table
    quarantined: pa.Table
    tally: Tally

    def sample(self) -> list[dict[str, Any]]:
        """Return the first rows with what the mapped fields became, and nothing else."""
        known = {"row", *_COLUMNS[KINDS[self.mapping.kind].table]} - _CARRIED
        rows: list[dict[str, Any]] = json_value(
            self.rows.select([name for name in self.rows.column_names if name in known]).to_pylist()
        )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the preview as it stands in ``--json``."""
        return {
            "mapping": self.mapping.to_dict(),
            "rows": self.sample(),
            "quarantined_rows": self.quarantined.to_pylist(),
            "accepted": self.tally.accepted,
            "quarantined": self.tally.quarantined,
            "complaints": self.tally.complaints(),
        }


def preview(stream: SourceStream, mapping: ResolvedMapping, context: ImportContext) -> Preview:
    """Read the whole file as an import would and keep the first rows.

    Raises
    ------
    InputError
        If not one row would be accepted.
    """
    tally = Tally()
    kept: list[pa.Table] = []
    aside: list[pa.RecordBatch] = []
    for batch in normalise(mapping.kind, stream, mapping, context):
        missing = SHOWN_ROWS - tally.accepted
        if missing > 0 and batch.rows.num_rows:
            kept.append(_numbered(batch.rows.slice(0, missing), batch.numbers[:missing]))
        missing = SHOWN_ROWS - tally.quarantined
        if missing > 0:
            aside.append(batch.quarantined.slice(0, missing))
        tally.add(batch)
    if not tally.accepted:
        raise nothing_accepted(stream.name, mapping.kind, tally)
    rows = pa.concat_tables(kept)
    filled = [name for name in rows.column_names if rows[name].null_count < rows.num_rows]
    return Preview(mapping, rows.select(filled), pa.Table.from_batches(aside, schema=QUARANTINE), tally)


def _numbered(rows: pa.RecordBatch, numbers: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Table:
    table = pa.Table.from_batches([rows])
    if "row" in table.column_names:
        return table
    return table.add_column(0, "row", pa.array(numbers))
