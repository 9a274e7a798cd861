"""Micro-segments of any file of orders, without a project: what stands behind ``alamo analyze segments``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from alamo.analyze.layout import Layout, read_layout
from alamo.config.segment_keywords import SEGMENTS, SegmentKeywords
from alamo.connectors.clocks import SystemClock
from alamo.engine.segmenting import analyze_segments
from alamo.inference.micro_segments import MicroSegments, SegmentSpec, SegmentsResult
from alamo.store import memory_stores


def find_segments(
    orders: Any,
    spec: SegmentSpec | None = None,
    *,
    mapping: Layout = None,
    previous: SegmentsResult | MicroSegments | Mapping[str, Any] | None = None,
    **keywords: Unpack[SegmentKeywords],
) -> SegmentsResult:
    """Return micro-segments of the customers in a file of orders: alike in what they do next, and named in words.

    Parameters
    ----------
    orders
        Order lines, as for ``alamo import orders``: a path (CSV, Parquet, ``-``), or a table of pyarrow, polars,
        pandas ≥ 3 or DuckDB. Customer, time and amount (or quantity and price) are needed; order and category help.
    spec
        A `SegmentSpec`, instead of keywords or to be changed by them.
    mapping
        Mapping file (or its content) that says which column is which field, where the headings do not.
    previous
        What an earlier call returned, its definition, or the definition's ``to_dict()``, to bring up to date without
        needless change.
    until
        Last day that counts (default: the last day of the orders).
    currency, time_zone
        Of the amounts, and of times without an offset (default ``"EUR"``, ``"UTC"``).
    least
        Customers each segment needs (default 30, with `previous` as many as there).
    month_days, months
        Days of a month (default 30), and how many months ahead segments should tell customers apart (default 3).
    moved_from, moved_to
        Days between which to say who moved (default: the last month).
    level
        Of the intervals of forecasts (default 0.9).

    Raises
    ------
    UsageError
        For a keyword or value that does not exist, or a file without the columns.
    InputError
        If no row can be read.
    InsufficientDataError
        If the history is shorter than a month more than it should look ahead.

    See Also
    --------
    SegmentsResult.customers_table : the segment of every customer; `SegmentsResult.definition` goes into a file.
    SegmentsResult.moves_table : who moved and why; `SegmentsResult.migration_table` is the matrix.
    """
    old = previous.definition if isinstance(previous, SegmentsResult) else previous
    return analyze_segments(
        orders,
        SEGMENTS.spec(spec, keywords),
        memory_stores().history,
        now=SystemClock().now(),
        mapping=read_layout(mapping),
        previous=MicroSegments.from_dict(old) if isinstance(old, Mapping) else old,
    )
