"""First micro-segments: value × recency × behaviour, named so that a person understands them.

The cut points are taken once from the customers as they were and then frozen under a version, so that a segment means
the same in every cycle. They look at nothing but profiles: neither outcomes nor arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.tables import SEGMENTS
from alamo.numerics.hashing import content_hash

Floats = npt.NDArray[np.float64]

NO_PURCHASE = "no purchase yet"
_VALUE = ("low value", "middle value", "high value")
_RECENCY = ("recent", "cooling", "lapsing")
_BEHAVIOUR = ("few categories", "many categories", "answered the last message", "bought on discount")
_NAMES = (
    *(f"{value} · {recency} · {how}" for value in _VALUE for recency in _RECENCY for how in _BEHAVIOUR),
    NO_PURCHASE,
)


@dataclass(frozen=True, slots=True)
class SegmentDefinition:
    """Frozen cut points of the micro-segments.

    Attributes
    ----------
    value_cuts
        Net money to date per customer that separates low, middle and high value (major units).
    recency_cuts
        Days since the last purchase that separate recent, cooling and lapsing.
    many_categories
        Least number of distinct categories that counts as many.
    """

    value_cuts: tuple[float, float]
    recency_cuts: tuple[float, float]
    many_categories: int

    @property
    def version(self) -> str:
        """Content hash of the cut points."""
        return content_hash(self.to_dict())[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the cut points as JSON-able values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SegmentDefinition:
        """Return the definition that `to_dict` wrote."""
        low, high = values["value_cuts"]
        recent, cooling = values["recency_cuts"]
        return cls((float(low), float(high)), (float(recent), float(cooling)), int(values["many_categories"]))


def define_segments(profiles: pa.Table) -> SegmentDefinition:
    """Take the cut points from PROFILES: thirds of value and of recency among buyers, the median of categories."""
    buyers = profiles.filter(pc.greater(profiles["purchase_days"], 0))
    if not buyers.num_rows:
        return SegmentDefinition((0.0, 0.0), (0.0, 0.0), 2)
    low, high = _thirds(buyers["money"])
    recent, cooling = _thirds(buyers["recency_days"])
    categories = float(np.median(buyers["categories"].to_numpy()))
    return SegmentDefinition((low, high), (recent, cooling), max(2, int(np.floor(categories)) + 1))


def assign_segments(profiles: pa.Table, definition: SegmentDefinition) -> pa.Table:
    """Return SEGMENTS: the micro-segment of every row of PROFILES, as of the same moment."""
    bought = np.asarray(pc.greater(profiles["purchase_days"], 0))
    value = np.searchsorted(definition.value_cuts, profiles["money"].to_numpy(), side="right")
    recency = np.searchsorted(
        definition.recency_cuts, np.asarray(pc.fill_null(profiles["recency_days"], 0.0)), side="right"
    )
    behaviour = np.select(
        [
            np.asarray(profiles["bought_on_discount"]),
            np.asarray(profiles["answered_last"]),
            profiles["categories"].to_numpy() >= definition.many_categories,
        ],
        [3, 2, 1],
        0,
    )
    place = np.where(bought, (value * len(_RECENCY) + recency) * len(_BEHAVIOUR) + behaviour, len(_NAMES) - 1)
    table = pa.table(
        {
            "customer_id": profiles["customer_id"],
            "as_of": profiles["as_of"],
            "as_of_day": profiles["as_of_day"],
            "segment": pa.array(_NAMES).take(pa.array(place.astype(np.int64))),
            "segments_version": pa.repeat(definition.version, profiles.num_rows),
        }
    )
    return SEGMENTS.check(table)


def tier_of(segment: str) -> tuple[int, int] | None:
    """Return the place (value, recency) of a micro-segment, each from 0; None for one without purchases."""
    value, _, rest = segment.partition(" · ")
    recency = rest.partition(" · ")[0]
    return (_VALUE.index(value), _RECENCY.index(recency)) if value in _VALUE and recency in _RECENCY else None


def _thirds(values: pa.ChunkedArray) -> tuple[float, float]:
    low, high = np.quantile(values.drop_null().to_numpy(), [1 / 3, 2 / 3])
    return float(low), float(high)
