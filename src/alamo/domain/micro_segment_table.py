"""The table of micro-segments found by the data; filled only where ``find`` is set under ``[segments]``."""

from __future__ import annotations

from alamo.domain.contracts import COUNT, TEXT, TIME, Column, Contract

MICRO_SEGMENTS = Contract(
    table="micro_segments",
    meaning="3a · The micro-segment of a customer as of a moment, found by the data; no decision rests on it.",
    written_by="inference",
    read_by="reports",
    key=("customer_id", "as_of"),
    partition=("as_of_day",),
    columns=(
        Column("customer_id", TEXT, "the person"),
        Column("as_of", TIME, "UTC"),
        Column("as_of_day", TEXT, "date of `as_of`, the partition"),
        Column("number", COUNT, "number of the segment; it keeps it from version to version", minimum=1),
        Column("segment", TEXT, "its name, which is its exact description under this version"),
        Column("segments_version", TEXT, "version of the definition"),
    ),
)
