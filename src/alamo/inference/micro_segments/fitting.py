"""Finds micro-segments: customers alike in what they do next, in as many groups as what is held back allows.

The first cuts part the lifecycle stages; below them the cut comes next that tells apart best what customers of past
months did afterwards. How many cuts to make is judged on later months by customers whose own past was not looked at
(`alamo.numerics.partition_choice`). Every segment holds at least `least` of today's customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InsufficientDataError
from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.features import STAGE, Feature, bins_of, features_of
from alamo.inference.micro_segments.outcomes import future_of, told_apart
from alamo.numerics.hashing import buckets, uniforms, unit_keys
from alamo.numerics.partition_choice import Fold, Rows, SizeChoice, choose_size
from alamo.numerics.partition_growth import GrownPath, Growth, grow_partition
from alamo.numerics.partition_tree import PartitionTree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

FOLDS = 8
LEAST = 30
"""Customers of today each segment needs, unless told otherwise."""
JUDGED_MONTHS = 3
"""Latest months whose outcome is known that judge, where there are enough earlier ones to learn from."""


@dataclass(frozen=True, slots=True)
class SegmentSettings:
    """How to look for segments.

    Attributes
    ----------
    least
        Customers of today each segment needs.
    most
        Most segments.
    month_days
        Days between two snapshots.
    months
        Snapshots that outcomes look ahead.
    most_customers
        Customers looked at: of more, as many are drawn by a hash of their id, and each segment then needs `least` of
        these.
    """

    least: int = LEAST
    most: int = 400
    month_days: int = 30
    months: int = 3
    most_customers: int = 60_000


@dataclass(frozen=True, slots=True)
class Panel:
    """Customers of past months with what they did next, and those of today without.

    Attributes
    ----------
    rows
        Past customers: bins, outcomes and who.
    month
        Snapshot of each past row, shape (n,).
    today
        Bins of today's customers, shape (m, d).
    fold, fold_today
        Fold of each past row's customer, and of each of today's.
    """

    rows: Rows
    month: Integers
    today: Integers
    fold: Integers
    fold_today: Integers

    def part(self, mask: Flags) -> Rows:
        """Return some of the past rows."""
        return Rows(self.rows.bins[mask], self.rows.outcomes[mask], self.rows.unit[mask])


@dataclass(frozen=True, slots=True)
class FoundSegments:
    """Segments and how their number was chosen.

    Attributes
    ----------
    definition
        The segments.
    choice
        How many cuts, judged on what was held back; None in a refit.
    learnt, judged
        Snapshots whose customers taught and judged, by place.
    """

    definition: MicroSegments
    choice: SizeChoice | None
    learnt: tuple[int, ...]
    judged: tuple[int, ...]


def find_micro_segments(snapshots: Sequence[pa.Table], settings: SegmentSettings) -> FoundSegments:
    """Return the segments that tell apart best what customers do next.

    Parameters
    ----------
    snapshots
        PROFILES (with money by category, where known) at equal steps of `settings.month_days`, oldest first; the last
        is today.
    settings
        Sizes and steps.

    Raises
    ------
    InsufficientDataError
        If no outcome of `settings.months` months is known yet, or today has fewer customers than two segments need.

    Assumes
    -------
    What told customers apart in past months does so today. Where nothing is found beyond chance, the segments are the
    lifecycle stages.
    """
    features = features_of(snapshots[-1])
    panel = build_panel(snapshots, features, settings)
    learnt, judged = held_back(np.unique(panel.month))
    limits = Growth(settings.least, settings.most)
    folds = [_fold(panel, k, learnt, judged, (limits, features)) for k in range(FOLDS)]
    choice = choose_size(folds)
    path = _path(panel, np.ones(len(panel.month), bool), np.ones(len(panel.today), bool), limits, features)
    tree = path.first(choice.cuts if choice.found else 0)
    n = len(tree.leaves)
    definition = MicroSegments(
        features=features,
        tree=tree,
        numbers=tuple(range(1, n + 1)),
        next_number=n + 1,
        strength=choice.strength,
        least=settings.least,
        month_days=settings.month_days,
        months=settings.months,
        as_of_day=str(snapshots[-1]["as_of_day"][0].as_py()),
    )
    return FoundSegments(definition, choice, learnt, judged)


def build_panel(snapshots: Sequence[pa.Table], features: Sequence[Feature], settings: SegmentSettings) -> Panel:
    """Return past customers with their outcomes, and today's.

    Months with fewer customers than two segments need are left out.

    Raises
    ------
    InsufficientDataError
        If there is nothing to learn from.
    """
    known = range(len(snapshots) - settings.months)
    today = snapshots[-1] if snapshots else None
    if today is None or len(known) < 1 or today.num_rows < 2 * settings.least:
        raise _too_little(settings)
    today, *past = _drawn([today, *(snapshots[k] for k in known)], settings.most_customers)
    told = [k for k, table in zip(known, past, strict=True) if table.num_rows >= 2 * settings.least]
    if not told:
        raise _too_little(settings)
    past = [past[k] for k in told]
    customers = np.concatenate([np.asarray(table["customer_id"].to_pylist(), dtype=object) for table in past])
    names = pc.unique(pa.chunked_array([pa.array(customers, pa.string()), *today["customer_id"].chunks]))
    of_name = buckets(unit_keys(names.to_pylist()), "micro-segments", FOLDS)
    unit = np.asarray(pc.index_in(pa.array(customers, pa.string()), value_set=names), dtype=np.int64)
    now = np.asarray(pc.index_in(today["customer_id"].combine_chunks(), value_set=names), dtype=np.int64)
    futures = [
        _of(told_apart(future_of(snapshots, k, settings.months)), snapshots[k], part)
        for k, part in zip(told, past, strict=True)
    ]
    rows = Rows(np.concatenate([bins_of(table, features) for table in past]), np.concatenate(futures), unit)
    month = np.concatenate([np.full(table.num_rows, k) for k, table in zip(told, past, strict=True)])
    return Panel(rows, month, bins_of(today, features), of_name[unit], of_name[now])


def _too_little(settings: SegmentSettings) -> InsufficientDataError:
    days = settings.month_days * (settings.months + 1)
    return InsufficientDataError(
        f"no segments can be found yet: they need {2 * settings.least} customers and {days} days of orders",
        hint="Bring a longer history, or look ahead less: alamo analyze segments FILE --months 1",
        code="segments.too_little_history",
    )


def _drawn(tables: Sequence[pa.Table], most: int) -> list[pa.Table]:
    """Return the rows of about `most` of the first table's customers in each table; all where there are no more."""
    everybody = tables[0]["customer_id"].combine_chunks()
    if len(everybody) <= most:
        return list(tables)
    chosen = uniforms(unit_keys(everybody.to_pylist()), "micro-segments/drawn") < most / len(everybody)
    names = everybody.filter(pa.array(chosen))
    return [table.filter(pc.is_in(table["customer_id"], value_set=names)) for table in tables]


def _of(values: Floats, whole: pa.Table, part: pa.Table) -> Floats:
    """Return the values of the rows of `whole` that are in `part`, in its order."""
    if part.num_rows == whole.num_rows:
        return values
    return values[np.asarray(pc.index_in(part["customer_id"], value_set=whole["customer_id"].combine_chunks()))]


def held_back(months: Integers) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return which months teach and which judge: the latest judge, at most half; a single month does both."""
    n_judged = min(JUDGED_MONTHS, len(months) // 2)
    if not n_judged:
        return tuple(months.tolist()), tuple(months.tolist())
    return tuple(months[:-n_judged].tolist()), tuple(months[-n_judged:].tolist())


def _fold(
    panel: Panel, k: int, learnt: tuple[int, ...], judged: tuple[int, ...], how: tuple[Growth, Sequence[Feature]]
) -> Fold:
    limits, features = how
    share = (FOLDS - 1) / FOLDS
    mine = panel.fold == k
    learn, judge = ~mine & np.isin(panel.month, learnt), mine & np.isin(panel.month, judged)
    smaller = Growth(limits.least * share, limits.most)
    path = _path(panel, learn, panel.fold_today != k, smaller, features)
    return Fold(path, panel.part(learn), panel.part(judge))


def _path(panel: Panel, past: Flags, today: Flags, limits: Growth, features: Sequence[Feature]) -> GrownPath:
    """Grow below the lifecycle stages on some of the past rows; some of today's give the sizes."""
    bins = np.concatenate([panel.rows.bins[past], panel.today[today]])
    n_past, n_today = int(past.sum()), int(today.sum())
    outcomes = np.concatenate([panel.rows.outcomes[past], np.zeros((n_today, panel.rows.outcomes.shape[1]))])
    known = np.arange(n_past + n_today) < n_past
    start = _by_stage(bins, known, limits.least, features)
    return grow_partition(bins, outcomes, limits, counted=(~known).astype(np.float64), known=known, start=start)


def _by_stage(bins: Integers, known: Flags, least: float, features: Sequence[Feature]) -> PartitionTree:
    """Return a partition by lifecycle stage; a stage with too few customers stays with the next."""
    tree = PartitionTree()
    place = next((j for j, feature in enumerate(features) if feature.name == STAGE), None)
    if place is None:
        return tree
    node, rest = 0, np.ones(len(bins), bool)
    for cut in range(len(features[place].cuts)):
        left = rest & (bins[:, place] <= cut)
        right = rest & ~left
        if min((side & kind).sum() for side in (left, right) for kind in (known, ~known)) >= least:
            tree = tree.split(node, place, cut)
            node, rest = len(tree.column) - 1, right
    return tree
