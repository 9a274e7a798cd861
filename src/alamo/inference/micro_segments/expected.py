"""What a customer of each segment is expected to do next: means of past months, shrunk along the cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.features import bins_of
from alamo.inference.micro_segments.outcomes import future_of
from alamo.numerics.partition_tree import node_sums, shrunk_means

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Expected:
    """Per segment, shape (k,) each; over the months that the definition looks ahead, per customer.

    Attributes
    ----------
    bought
        Probability to buy at all.
    purchase_days
        Number of purchase days.
    money, margin_money
        Net money and margin (major units).
    rows
        Customers of past months behind it.
    """

    bought: Floats
    purchase_days: Floats
    money: Floats
    margin_money: Floats
    rows: Integers


def expected_by_segment(snapshots: Sequence[pa.Table], definition: MicroSegments) -> Expected:
    """Return what customers of each segment did in the months that followed, over all months that are known.

    Means are shrunk towards those of the coarser groups a segment belongs to, as strongly as the definition was judged
    to predict best with.
    """
    known = range(len(snapshots) - definition.months)
    futures = [future_of(snapshots, k, definition.months) for k in known]
    outcomes = np.concatenate([np.column_stack([f.bought, f.purchase_days, f.money, f.margin_money]) for f in futures])
    bins = np.concatenate([bins_of(snapshots[k], definition.features) for k in known])
    sums = node_sums(definition.tree, bins, outcomes)
    leaves = list(definition.tree.leaves)
    means = shrunk_means(definition.tree, sums, definition.strength)[leaves]
    bought, days, money, margin = means.T
    return Expected(bought, days, money, margin, sums.count[leaves].astype(np.int64))
