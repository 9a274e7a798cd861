"""Micro-segments found by the data: customers alike in what they do next, named in words, stable from month to month.

Not here: who should get what (steering), a prediction for a single customer (prediction), and profiles (measurement).
A segment says what its customers are expected to do; what an action changes for them is `alamo.inference.effects`.
"""

from __future__ import annotations

from alamo.inference.micro_segments.analysis import analyze_micro_segments, describe_micro_segments
from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.fitting import FoundSegments, SegmentSettings, find_micro_segments
from alamo.inference.micro_segments.refitting import found_anew, refit_micro_segments
from alamo.inference.micro_segments.result import SegmentsResult
from alamo.inference.micro_segments.spec import SegmentSpec

__all__ = [
    "FoundSegments",
    "MicroSegments",
    "SegmentSettings",
    "SegmentSpec",
    "SegmentsResult",
    "analyze_micro_segments",
    "describe_micro_segments",
    "find_micro_segments",
    "found_anew",
    "refit_micro_segments",
]
