"""What every kind needs while a file is read: the mapping, the context, how times are written, ids seen so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.money import minor_unit_exponent
from alamo.measurement.importing.identity import SeenIds, own_ids, row_ids
from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.numbers import Floats, read_numbers
from alamo.measurement.importing.rows import Fields, ImportContext, Inspection, Numbers, flags
from alamo.measurement.importing.times import TimeReader

CLOCK_SKEW = timedelta(days=1)
"""How far ahead of the import a row may be dated: clocks and zones differ by that much."""

_THOUSANDTHS = 3

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """The tools of one import; `seen` grows as the file is read."""

    mapping: ResolvedMapping
    context: ImportContext
    times: TimeReader
    decimal: str | None = "."
    seen: SeenIds = field(default_factory=SeenIds)

    def number(self, fields: Fields, name: str, inspection: Inspection) -> Floats | None:
        """Return the numbers of a field, NaN where there is none, or None if the file has no such field."""
        values = fields.raw(name)
        return None if values is None else read_numbers(values, name, self._mark(name), inspection)

    def _mark(self, name: str) -> str | None:
        """Return the decimal mark of a field.

        A constant has a point as in TOML, unless it is written with a comma; so has money of thousandths.
        """
        constant = None if name in self.mapping.columns else self.mapping.constants.get(name)
        if constant is not None and "," not in constant:
            return "."
        return "." if self.decimal is None and self.exponent == _THOUSANDTHS else self.decimal

    def time(self, fields: Fields, name: str, inspection: Inspection) -> pa.Array:
        """Return the moments of a required field; rows without a readable one are quarantined."""
        values = fields.raw(name)
        moments = self.times.read(values if values is not None else pa.nulls(fields.n, pa.string()))
        if moments.null_count:
            shown = fields.text(name)
            missing = flags(pc.is_null(moments))
            inspection.reject(missing & flags(pc.is_null(shown)), name, "there is no time")
            inspection.reject(missing, name, f"does not read as {self.times.describe()}", shown)
        self.plausible(moments, fields, name, inspection)
        return moments

    def plausible(self, moments: pa.Array, fields: Fields, name: str, inspection: Inspection) -> None:
        """Quarantine rows dated before 1970, or after the file came in by more than clocks differ."""
        now = self.context.received_at
        early = flags(pc.less(moments, pa.scalar(_FIRST, moments.type)))
        late = flags(pc.greater(moments, pa.scalar(now + CLOCK_SKEW, moments.type)))
        if early.any() or late.any():
            shown = fields.text(name)
            inspection.reject(early, name, "lies before 1970", shown)
            inspection.reject(late, name, f"lies in the future (now: {now:%Y-%m-%d})", shown)

    def known_currency(self, fields: Fields, inspection: Inspection) -> None:
        """Quarantine rows in another currency than the project's."""
        if not self.mapping.has("currency"):
            return
        given = fields.text("currency")
        other = pc.not_equal(pc.utf8_upper(given), self.context.currency)
        inspection.reject(
            flags(other), "currency", f"unknown currency: the project counts in {self.context.currency}", given
        )

    @property
    def exponent(self) -> int:
        """Decimal places of the project's currency."""
        return minor_unit_exponent(self.context.currency)

    def ids(self, fields: Fields, name: str, numbers: Numbers, inspection: Inspection) -> pa.Array:
        """Return one event id per row: the file's own where it has one, else from the row number."""
        by_row = row_ids(self.context.source, numbers)
        if not self.mapping.has(name):
            return by_row
        given = fields.text(name)
        inspection.reject(self.seen.repeated(given), name, "duplicate id: an earlier row of the file has it", given)
        return pc.coalesce(own_ids(self.context.source, given), by_row)

    def stamps(self, n: int) -> dict[str, Any]:
        """Return the columns that are the same in every row: source and time of receipt, shape (n,)."""
        return {
            "source": pa.repeat(self.context.source, n),
            "received_at": pa.repeat(pa.scalar(self.context.received_at, pa.timestamp("us", tz="UTC")), n),
        }
