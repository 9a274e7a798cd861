"""The way from a file's rows to rows under contract, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from alamo.domain.errors import UsageError
from alamo.measurement.importing.decimals import decimal_mark
from alamo.measurement.importing.desk import Desk
from alamo.measurement.importing.experiment import experiment_rows
from alamo.measurement.importing.happenings import consents, deliveries, events, suppressions
from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.orders import order_lines
from alamo.measurement.importing.people import customers
from alamo.measurement.importing.rows import ImportContext, Normalised, SourceRows, SourceStream
from alamo.measurement.importing.times import ISO, TimeReader, time_reader

_BY_KIND: Mapping[str, Callable[[SourceRows, Desk], Normalised]] = {
    "customers": customers,
    "orders": order_lines,
    "events": events,
    "experiment": experiment_rows,
    "consent": consents,
    "suppression": suppressions,
    "deliveries": deliveries,
}
_TIME_FIELDS = ("occurred_at", "created_at")


def normalise(
    kind: str, stream: SourceStream, mapping: ResolvedMapping, context: ImportContext
) -> Iterator[Normalised]:
    """Yield what becomes of each batch: accepted rows under the table's contract, the others with a reason.

    Every row of the file is in exactly one of the two, with its row number. Memory is bounded by one batch, plus
    eight bytes per identifier where the file has its own.

    Parameters
    ----------
    kind
        One of `KINDS`; the mapping's own.
    stream
        The file; read once, and before that as far as needed to see how it writes its times and numbers.
    mapping, context
        What the columns mean and what the rows do not say.

    Raises
    ------
    UsageError
        If the mapping belongs to another kind, or nothing tells how times are written.
    """
    if kind != mapping.kind:
        raise UsageError(
            f"the mapping is for {mapping.kind}, not for {kind}",
            hint=f"Import it as what it is: alamo import {mapping.kind} FILE",
            code="import.wrong_kind",
        )
    desk = Desk(mapping, context, _times(stream, mapping, context), decimal_mark(stream, mapping))
    for rows in stream:
        yield _BY_KIND[kind](rows, desk)


def _times(stream: SourceStream, mapping: ResolvedMapping, context: ImportContext) -> TimeReader:
    for name in _TIME_FIELDS:
        if mapping.has(name):
            return time_reader(stream, mapping, name, context)
    return TimeReader((ISO,), context.time_zone)
