"""Plain keywords → the spec of `alamo.analyze.find_segments`."""

from __future__ import annotations

from datetime import date
from typing import TypedDict

from alamo.config.keyword_values import day, field, number, perhaps, text, whole
from alamo.config.keywords import Keywords
from alamo.inference.micro_segments import SegmentSpec


class SegmentKeywords(TypedDict, total=False):
    """Keywords of `alamo.analyze.find_segments`."""

    until: date | str | None
    currency: str
    time_zone: str
    least: int | None
    month_days: int
    months: int
    moved_from: date | str | None
    moved_to: date | str | None
    level: float


SEGMENTS = Keywords(
    "analyze.find_segments",
    SegmentSpec,
    {
        "until": field("until", perhaps(day)),
        "currency": field("currency", text),
        "time_zone": field("time_zone", text),
        "least": field("least", perhaps(whole)),
        "month_days": field("month_days", whole),
        "months": field("months", whole),
        "moved_from": field("moved_from", perhaps(day)),
        "moved_to": field("moved_to", perhaps(day)),
        "level": field("level", number),
    },
    {},
)
