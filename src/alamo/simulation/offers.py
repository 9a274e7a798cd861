"""What a good analyst concludes from the first cycle's log: what each action is worth, to everybody and by group.

Doubly robust scores instead of plain means, a handful of well-filled groups instead of every micro-segment, and group
effects shrunk towards the effect of the action as a whole: the same care the engine's own effects are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alamo.inference.estimate import normal_estimate
from alamo.inference.loop_rows import ActionRows, LoopLog, segment_scores
from alamo.inference.segment_effects import LEAST_PER_ARM, shrink_segments, usable_segments
from alamo.inference.segments import tier_of
from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.fay_herriot import LEAST_SEGMENTS
from alamo.simulation.purchases import Floats

MOST_GROUPS = 8
WELL_FILLED = 500
"""Decisions a group needs to stand for itself."""

_LEVEL = 0.95
Tier = tuple[int, int] | None
Group = frozenset[Tier]


@dataclass(frozen=True, slots=True, eq=False)
class Offers:
    """What each action is worth per decision, net of its cost; −∞ where the log says nothing of it.

    Attributes
    ----------
    everybody
        Pooled effects (money), shape (n_actions,).
    groups
        Place of each tier of value and recency in `by_group`.
    by_group
        Shrunk effects (money), shape (n_groups, n_actions).
    """

    everybody: Floats
    groups: Mapping[Tier, int]
    by_group: Floats

    @classmethod
    def of(cls, log: LoopLog, action_ids: Sequence[str]) -> Offers:
        """Learn from the log of decisions and their scores."""
        groups = merged_tiers(_tier_sizes(log))
        code = np.array([groups[tier_of(name)] for name in log.segment_names], dtype=np.int64)
        n_groups = max(groups.values(), default=-1) + 1
        grouped = replace(log, segment=code[log.segment], segment_names=tuple(map(str, range(n_groups))))
        everybody = np.full(len(action_ids), -np.inf)
        by_group = np.full((n_groups, len(action_ids)), -np.inf)
        for column, action_id in enumerate(action_ids):
            data = grouped.action(action_id)
            if data is not None and min(data.drew_action.sum(), data.drew_none.sum()) >= LEAST_PER_ARM:
                everybody[column], by_group[:, column] = _effects(grouped, data, n_groups)
        return cls(everybody, groups, by_group)

    def values(self, segments: Sequence[str]) -> Floats:
        """Return the effects in the group of each micro-segment, those of everybody for one unseen, (n, n_actions)."""
        table = np.vstack([self.by_group, self.everybody])
        return table[[self.groups.get(tier_of(name), -1) for name in segments]]


def _effects(log: LoopLog, data: ActionRows, n_groups: int) -> tuple[float, Floats]:
    """Return the pooled effect of an action and that of each group, pooled where the group says too little."""
    mean = mean_by_group(data.score, groups=log.unit[data.place])
    effects = np.full(n_groups, mean.mean)
    scores = segment_scores(log, data).sums()
    places = usable_segments(scores)
    if len(places) >= LEAST_SEGMENTS and data.score.var() > 0.0:
        pooled = normal_estimate(mean.mean, mean.se, mean.n, _LEVEL)
        effects[places] = shrink_segments(scores, places, pooled).decide_mean
    return mean.mean, effects


def _tier_sizes(log: LoopLog) -> dict[Tier, int]:
    sizes: dict[Tier, int] = {}
    for name, count in zip(log.segment_names, np.bincount(log.segment, minlength=len(log.segment_names)), strict=True):
        tier = tier_of(name)
        sizes[tier] = sizes.get(tier, 0) + int(count)
    return sizes


def merged_tiers(sizes: Mapping[Tier, int]) -> dict[Tier, int]:
    """Return the group of each tier: the smallest joins its smaller neighbour until all are few and well filled.

    Neighbours differ by one step of value or of recency; customers without purchases have none and stay apart.
    """
    groups = [frozenset([tier]) for tier in sorted(sizes, key=str)]
    while True:
        groups.sort(key=lambda group: _size(group, sizes))
        others = ((group, other) for group in groups for other in groups if other is not group)
        pairs = (pair for pair in others if _touch(*pair))
        small, partner = next(pairs, (None, None))
        if small is None or partner is None or (len(groups) <= MOST_GROUPS and _size(small, sizes) >= WELL_FILLED):
            return {tier: place for place, group in enumerate(groups) for tier in group}
        groups = [group for group in groups if group not in (small, partner)] + [small | partner]


def _size(group: Group, sizes: Mapping[Tier, int]) -> int:
    return sum(sizes[tier] for tier in group)


def _touch(one: Group, other: Group) -> bool:
    return any(a is not None and b is not None and abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 for a in one for b in other)
