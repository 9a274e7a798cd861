"""Refits micro-segments with a month more of history, and says which segment of the new definition is which of the old.

A cut stays unless the months held back predict clearly better without it (`alamo.numerics.partition_refit`). New and
old segments are matched by the customers they share among today's; what is matched keeps its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.features import STAGE, Feature, bins_of, features_of
from alamo.inference.micro_segments.fitting import FoundSegments, SegmentSettings, build_panel, find_micro_segments
from alamo.numerics.agreement import matched
from alamo.numerics.partition_growth import Growth
from alamo.numerics.partition_refit import RefitRule, refit_partition
from alamo.numerics.partition_tree import PartitionTree

Integers = npt.NDArray[np.int64]


def refit_micro_segments(snapshots: Sequence[pa.Table], old: MicroSegments, settings: SegmentSettings) -> FoundSegments:
    """Return `old`, brought up to date without needless change.

    Parameters
    ----------
    snapshots, settings
        As in `find_micro_segments`; steps and horizon are those of `old`.

    Raises
    ------
    InsufficientDataError
        As in `find_micro_segments`.
    """
    settings = replace(settings, month_days=old.month_days, months=old.months)
    features = _united(old.features, features_of(snapshots[-1]))
    tree = _moved(old, features)
    panel = build_panel(snapshots, features, settings)
    learnt, judged = unseen(snapshots, old, len(snapshots) - settings.months)
    taught, judge = (panel.part(np.isin(panel.month, months)) for months in (learnt, judged))
    stage = [place for place, feature in enumerate(features) if feature.name == STAGE]
    rule = RefitRule(Growth(settings.least, settings.most), old.strength, fixed=frozenset(stage))
    new = refit_partition(tree, taught, judge, rule, today=panel.today).tree
    numbers, next_number = _numbers(old, tree.leaf_of(panel.today), new, new.leaf_of(panel.today))
    definition = MicroSegments(
        features=features,
        tree=new,
        numbers=numbers,
        next_number=next_number,
        strength=old.strength,
        least=settings.least,
        month_days=old.month_days,
        months=old.months,
        as_of_day=str(snapshots[-1]["as_of_day"][0].as_py()),
        parent=old.version,
    )
    return FoundSegments(definition, None, learnt, judged)


def found_anew(snapshots: Sequence[pa.Table], old: MicroSegments, settings: SegmentSettings) -> FoundSegments:
    """Return segments found at other steps or another horizon than `old`, with its numbers where they mostly are its.

    Raises
    ------
    InsufficientDataError
        As in `find_micro_segments`.
    """
    found, today = find_micro_segments(snapshots, settings), snapshots[-1]
    new = found.definition
    before, after = (one.tree.leaf_of(bins_of(today, one.features)) for one in (old, new))
    numbers, next_number = _numbers(old, before, new.tree, after)
    definition = replace(new, numbers=numbers, next_number=next_number, parent=old.version)
    return replace(found, definition=definition)


def unseen(snapshots: Sequence[pa.Table], old: MicroSegments, n_known: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return which months teach and which judge: those whose outcome `old` could not know; without any, the latest.

    A single month does both.
    """
    day = date.fromisoformat(old.as_of_day) - timedelta(days=old.month_days * old.months)
    fresh = [k for k in range(n_known) if snapshots[k]["as_of_day"][0].as_py() > day.isoformat()]
    judged = tuple(fresh) if 0 < len(fresh) < n_known else (n_known - 1,)
    return tuple(k for k in range(n_known) if k < judged[0]) or judged, judged


def _united(old: Sequence[Feature], new: Sequence[Feature]) -> tuple[Feature, ...]:
    """Return the old features first, each with the cut points of both."""
    later = {feature.name: feature.cuts for feature in new}
    kept = [Feature(f.name, tuple(sorted({*f.cuts, *later.pop(f.name, ())}))) for f in old]
    return (*kept, *(Feature(name, cuts) for name, cuts in later.items()))


def _moved(old: MicroSegments, features: Sequence[Feature]) -> PartitionTree:
    """Return the old tree over the cut points of `features`, of which its own come first."""
    cut = [
        features[place].cuts.index(old.features[place].cuts[at]) if place >= 0 else -1
        for place, at in zip(old.tree.column, old.tree.cut, strict=True)
    ]
    return PartitionTree(old.tree.column, tuple(cut), old.tree.left, old.tree.right)


def _numbers(old: MicroSegments, before: Integers, tree: PartitionTree, after: Integers) -> tuple[tuple[int, ...], int]:
    """Return the number of each new segment, and the next one that is free."""
    place_before = {leaf: place for place, leaf in enumerate(old.tree.leaves)}
    shared = np.zeros((len(tree.leaves), len(old.numbers)))
    place_after = {leaf: place for place, leaf in enumerate(tree.leaves)}
    for leaf_after, leaf_before in zip(after.tolist(), before.tolist(), strict=True):
        shared[place_after[leaf_after], place_before[leaf_before]] += 1.0
    free, numbers = old.next_number, []
    for partner in matched(shared).tolist():
        numbers.append(old.numbers[partner] if partner >= 0 else free)
        free += partner < 0
    return tuple(numbers), free
