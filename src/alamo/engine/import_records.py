"""What the sources hold, by the log of imports: a hash that is known always means that its rows are in the table.

Before the rows of a source change, a record without a hash says what is arriving; another says afterwards that it is
there. Killed in between, the source may hold either, and whichever is imported next is made whole in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alamo.domain.records import ImportRecord
from alamo.domain.tables import CONTRACTS
from alamo.engine.context import Context
from alamo.engine.import_experiment import EXPERIMENT, remove_experiment
from alamo.measurement import KINDS
from alamo.numerics.hashing import content_hash

NOTHING = ""
"""The hash of a source without rows."""

_ARRIVING = "arriving"


def contents(records: Sequence[ImportRecord]) -> dict[str, tuple[str, ...]]:
    """Return the hash of what each source holds, or several where a killed import leaves open which of them it is."""
    held: dict[str, tuple[str, ...]] = {}
    for record in records:
        arriving = record.detail.get(_ARRIVING)
        before = held.get(record.source, (NOTHING,))
        held[record.source] = (record.content_hash,) if arriving is None else (*before, arriving)
    return held


def holder(records: Sequence[ImportRecord], key: str) -> str | None:
    """Return the source that holds exactly this content, if any."""
    return next((source for source, held in contents(records).items() if held == (key,)), None)


def possible_holder(records: Sequence[ImportRecord], key: str) -> str | None:
    """Return a source that may hold this content or another, since an import into it was killed."""
    return next((source for source, held in contents(records).items() if key in held and len(held) > 1), None)


def announce(context: Context, kind: str, source: str, key: str, detail: Mapping[str, Any]) -> str:
    """Record that content is about to arrive at a source; returns the key of its batch, after a kill the same again."""
    earlier = [record for record in context.state.imports.all() if record.source == source]
    number = len(earlier)
    if earlier and earlier[-1].detail.get(_ARRIVING) == key:
        number -= 1
    else:
        now = context.clock.now()
        context.state.imports.record(ImportRecord(source, kind, NOTHING, now, 0, 0, {**detail, _ARRIVING: key}))
    return content_hash({"content": key, "source": source, "number": number})


def empty_source(context: Context, kind: str, source: str, kept: str) -> None:
    """Take out the rows of a source whose file is counted as `kept`."""
    batch = announce(context, kind, source, NOTHING, {})
    if kind == EXPERIMENT:
        remove_experiment(context, source, batch)
    else:
        table = KINDS[kind].table
        context.history.replace(table, CONTRACTS[table].empty(), where={"source": source}, batch=batch)
    context.state.imports.record(ImportRecord(source, kind, NOTHING, context.clock.now(), 0, 0, {"counted_as": kept}))
