"""Micro-segments of any file of orders, without a project: take it in, describe past months, call the room."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.connectors.sources import RowStream, open_rows, read_table
from alamo.connectors.sources.stream import FIRST_DATA_ROW, OnProgress, Rows
from alamo.domain.errors import InputError, UsageError
from alamo.domain.ports import History, Warehouse
from alamo.domain.reasons import Refusal
from alamo.domain.settings import MarginSettings
from alamo.domain.time import end_of, utc
from alamo.inference.micro_segments import MicroSegments, SegmentSpec, SegmentsResult, analyze_micro_segments
from alamo.measurement import (
    ImportContext,
    Tally,
    build_behaviour,
    import_rows,
    main_categories,
    months_back,
    normalise,
    resolve_mapping,
)

MOST_MONTHS = 36
"""Months looked back at most."""
_SOURCE = "orders:analysis"
_ORDERS = "orders"


def analyze_segments(
    source: Any,
    spec: SegmentSpec,
    history: History,
    *,
    now: datetime,
    mapping: Mapping[str, Any] | None = None,
    previous: MicroSegments | None = None,
) -> SegmentsResult:
    """Return the micro-segments of the customers in a file of orders; see `analyze_micro_segments`.

    Parameters
    ----------
    source
        Order lines as for ``alamo import orders``: a path, ``-``, or a table.
    history
        An empty store; the orders are kept there while they are looked at.
    now
        The present (UTC): orders after it are put aside, as in an import.
    mapping
        Which column is which field, where the headings do not say; as a mapping file is read.
    previous
        A definition to bring up to date.
    """
    with _stream(source, mapping or {}) as stream:
        context = ImportContext(_SOURCE, spec.currency, spec.time_zone, now)
        notes = _take_in(stream, context, history, mapping)
    until = _until(history, spec)
    days = spec.month_days if previous is None else previous.month_days
    snapshots = behaviour_back(history, until, days, currency=spec.currency, margin=MarginSettings())
    between = _between(history, until, spec)
    return analyze_micro_segments(snapshots, spec, previous, between).noting(notes)


def behaviour_back(
    warehouse: Warehouse, until: datetime, days: int, *, currency: str, margin: MarginSettings
) -> list[pa.Table]:
    """Return the profiles of `until` and of every `days` days before it, oldest first, with money by category."""
    categories = main_categories(warehouse, until)
    return [
        build_behaviour(warehouse, moment, categories, margin=margin, currency=currency)
        for moment in months_back(warehouse, until, days, MOST_MONTHS)
    ]


def behaviour_at(
    warehouse: Warehouse, moment: datetime, until: datetime, *, currency: str, margin: MarginSettings
) -> pa.Table:
    """Return the profiles of one moment, with money by the categories that `behaviour_back` takes for `until`."""
    categories = main_categories(warehouse, until)
    return build_behaviour(warehouse, moment, categories, margin=margin, currency=currency)


def _between(warehouse: Warehouse, until: datetime, spec: SegmentSpec) -> tuple[pa.Table, pa.Table] | None:
    """Return the profiles at the end of the two days between which to say who moved; None for the last month."""
    if spec.moved_from is None or spec.moved_to is None:
        return None
    if end_of(spec.moved_to) > until:
        last = until.date() - timedelta(days=1)
        raise UsageError(
            f"what happened up to {spec.moved_to} is not known: the last day that counts is {last}",
            hint=f"Give an earlier day: alamo analyze segments FILE --from DATE --to {last}",
            code="segments.no_span",
        )
    first, last = (
        behaviour_at(warehouse, end_of(day), until, currency=spec.currency, margin=MarginSettings())
        for day in (spec.moved_from, spec.moved_to)
    )
    if not first.num_rows:
        raise UsageError(
            f"nobody was a customer by {spec.moved_from}",
            hint="Give a later day: alamo analyze segments FILE --from DATE --to DATE",
            code="segments.no_span",
        )
    return first, last


def _take_in(
    stream: RowStream, context: ImportContext, history: History, given: Mapping[str, Any] | None
) -> Sequence[Refusal]:
    """Write the orders to `history`; what could not be read is counted."""
    mapping = resolve_mapping(_ORDERS, stream.header, given)
    rows = import_rows(normalise(_ORDERS, stream, mapping, context), stream.name, _ORDERS, lambda batch: None)
    history.append("events", rows.reader, batch=_SOURCE)
    if rows.failure is not None:
        raise rows.failure
    return _left_out(rows.tally)


def _left_out(tally: Tally) -> list[Refusal]:
    if not tally.quarantined:
        return []
    reasons = "; ".join(f"{count} × {reason}" for reason, count in tally.top_reasons()[:3])
    cure = "see them with: alamo import orders FILE --preview"
    return [Refusal(f"{tally.quarantined} of {tally.accepted + tally.quarantined} rows", f"left out: {reasons}", cure)]


def _until(warehouse: Warehouse, spec: SegmentSpec) -> datetime:
    """Return the midnight after the last day that counts."""
    last = warehouse.query("SELECT max(occurred_at) AS last FROM events WHERE kind = 'order_line'")["last"][0].as_py()
    if last is None:
        raise InputError(
            "the file holds no order, only returns",
            hint="See how the columns are read with: alamo import orders FILE --preview",
            code="segments.no_orders",
        )
    end = utc(last).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return end if spec.until is None else min(end_of(spec.until), end)


def _stream(source: Any, mapping: Mapping[str, Any]) -> RowStream:
    if isinstance(source, str | Path):
        encoding = str(mapping.get("encoding", "utf-8"))
        return open_rows(source, delimiter=mapping.get("delimiter"), encoding=encoding)
    table = read_table(source)

    def batches(progress: OnProgress | None) -> Iterator[Rows]:
        del progress
        start = FIRST_DATA_ROW
        for batch in table.to_batches():
            yield Rows(batch, np.arange(start, start + batch.num_rows))
            start += batch.num_rows

    return RowStream("the table", tuple(table.column_names), True, table.nbytes, Path(), batches)
