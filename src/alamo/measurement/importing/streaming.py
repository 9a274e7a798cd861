"""Hands normalised rows to a store as one Arrow stream, and keeps the tally beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import AlamoError, InputError
from alamo.measurement.importing.rows import Normalised

_MOST_REASONS = 5
_ROWS_NAMED = 5

OnQuarantine = Callable[[pa.RecordBatch], None]


@dataclass(slots=True)
class Tally:
    """Counts of one import, complete once its rows have been read.

    Attributes
    ----------
    accepted, quarantined
        Rows.
    reasons
        Field and reason → rows put aside for it.
    first_rows
        Field and reason → numbers in the file of the first of them.
    values
        Field and reason → the value of the very first.
    """

    accepted: int = 0
    quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_rows: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, str | None] = field(default_factory=dict)

    def add(self, batch: Normalised) -> None:
        """Count one batch."""
        self.accepted += batch.rows.num_rows
        self.quarantined += batch.quarantined.num_rows
        if batch.quarantined.num_rows:
            named = pc.binary_join_element_wise(
                pc.fill_null(batch.quarantined["field"], ""), batch.quarantined["reason"], " "
            )
            for pair in pc.value_counts(named).to_pylist():
                reason = pair["values"].strip()
                self.reasons[reason] += pair["counts"]
                self._name_rows(reason, batch.quarantined.filter(pc.equal(named, pair["values"])))

    def _name_rows(self, reason: str, rows: pa.RecordBatch) -> None:
        named = self.first_rows.setdefault(reason, [])
        named += rows["row"].slice(0, _ROWS_NAMED - len(named)).to_pylist()
        self.values.setdefault(reason, rows["value"][0].as_py())

    def top_reasons(self) -> list[tuple[str, int]]:
        """Return the commonest reasons with their counts."""
        return self.reasons.most_common(_MOST_REASONS)

    def complaints(self) -> list[dict[str, Any]]:
        """Return every reason with how many rows, the numbers of the first and a value, the commonest first."""
        return [
            {"reason": reason, "rows": count, "first_rows": list(self.first_rows[reason]), "value": self.values[reason]}
            for reason, count in self.reasons.most_common()
        ]


@dataclass(slots=True)
class ImportRows:
    """The accepted rows of an import as a stream for the store.

    Attributes
    ----------
    table
        Where they belong.
    reader
        The rows; reading them drives the import.
    tally
        Counts so far.
    failure
        What stopped the reading, if anything did: an error that crosses a store's driver may lose its type there, so
        the caller raises this one instead.
    """

    table: str
    reader: pa.RecordBatchReader
    tally: Tally
    failure: AlamoError | None = None


def import_rows(batches: Iterator[Normalised], name: str, kind: str, on_quarantine: OnQuarantine) -> ImportRows:
    """Return the accepted rows as one stream.

    Reads up to the first accepted row at once, so that a file without any is refused before a store is touched.

    Parameters
    ----------
    batches
        From `normalise`.
    name, kind
        For messages.
    on_quarantine
        Given every batch of quarantined rows.

    Raises
    ------
    InputError
        If not one row is accepted; names the commonest reasons.
    """
    tally = Tally()
    counted = _counted(batches, tally, on_quarantine)
    first = next((batch for batch in counted if batch.rows.num_rows), None)
    if first is None:
        raise nothing_accepted(name, kind, tally)
    found = ImportRows(first.table, pa.RecordBatchReader.from_batches(first.rows.schema, iter(())), tally)
    found.reader = pa.RecordBatchReader.from_batches(first.rows.schema, _guarded(first, counted, found))
    return found


def _counted(batches: Iterator[Normalised], tally: Tally, on_quarantine: OnQuarantine) -> Iterator[Normalised]:
    for batch in batches:
        tally.add(batch)
        if batch.quarantined.num_rows:
            on_quarantine(batch.quarantined)
        yield batch


def _guarded(first: Normalised, rest: Iterator[Normalised], found: ImportRows) -> Iterator[pa.RecordBatch]:
    yield first.rows
    try:
        for batch in rest:
            if batch.rows.num_rows:
                yield batch.rows
    except AlamoError as error:
        found.failure = error
        raise


def nothing_accepted(name: str, kind: str, tally: Tally) -> InputError:
    """Return the refusal of a file that gives no row of any kind."""
    reasons = "; ".join(f"{count} × {reason}" for reason, count in tally.top_reasons()) or "it has no rows"
    return InputError(
        f"{name}: not one row can be imported as {kind}: {reasons}",
        hint="Say in a mapping file how its values are written (docs/how-to/import-orders.md)\n"
        f"then: alamo import {kind} FILE --mapping mappings/{kind}.toml --preview",
        code="import.no_rows",
        details={"file": name, "quarantined": tally.quarantined, "reasons": dict(tally.top_reasons())},
    )
