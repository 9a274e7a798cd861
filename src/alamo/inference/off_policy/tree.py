"""A policy a person can read: a small tree grown on shrunk effects and valued on other units by their scores.

A tree grown on raw scores chases their noise and promises what it does not have; one grown on shrunk effects does
neither. Growing and judging units are apart, so what is shown about a leaf is not picked by the same noise.

Source: Athey & Wager (2021), "Policy learning with observational data", Econometrica 89(1); Zhou, Athey & Wager (2023).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.errors import InsufficientDataError
from alamo.inference.estimate import Estimate, normal_estimate
from alamo.inference.off_policy.shrinkage import shrunk_effects
from alamo.inference.off_policy.tree_words import TreeColumns
from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.hashing import uniforms, unit_keys
from alamo.numerics.moments import codes
from alamo.numerics.policy_tree import ActionTree, grow_tree

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

EffectModel = Callable[[Integers], Floats]
"""From the growing rows to the effects (m, k) of every action on them, learnt from these rows alone."""


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How a tree is grown and judged.

    Attributes
    ----------
    depth
        Most cuts on the way to a leaf; exact to 2, greedy beyond.
    cuts
        Most cut points of a column (quantiles).
    least_leaf
        Least rows of a leaf.
    growing_share
        Share of the units to grow on; the others judge.
    level
        Of the intervals.
    salt
        Of the split.
    """

    depth: int = 2
    cuts: int = 8
    least_leaf: int = 500
    growing_share: float = 0.5
    level: float = 0.95
    salt: str = "tree"


@dataclass(frozen=True, slots=True)
class TreeScores:
    """What a tree is grown on and judged by.

    Attributes
    ----------
    features, names
        Shape (n, d), missing NaN, and what each column is called; ``channel=web`` is a level of a text column.
    gamma
        Doubly robust scores of every action, shape (n, k).
    actions
        Names of the actions; the first is the one that effects are measured against.
    groups
        Code of the independent unit of each row, shape (n,); None: each row.
    running
        What followed under the running policy, shape (n,), in the unit of the scores; None where nothing is compared
        with it.
    """

    features: Floats
    names: tuple[str, ...]
    gamma: Floats
    actions: tuple[str, ...]
    groups: Integers | None = None
    running: Floats | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf, judged on units it was not grown on.

    Attributes
    ----------
    words
        Who is in it.
    action
        What it chooses.
    share
        Of the judging rows.
    gain
        Value of its action less that of the first action, per row of the leaf; None with fewer than two units.
    """

    words: str
    action: str
    share: float
    gain: Estimate | None


@dataclass(frozen=True, slots=True)
class PolicyTree:
    """A grown tree with its value.

    Attributes
    ----------
    tree, columns
        What chooses.
    actions
        Names of the actions.
    leaves
        From left to right.
    value
        Mean of the scores under the tree, per judging row.
    gain_over_single
        Less that of the best single action, which was picked on the growing units.
    single
        That action.
    gain_over_running
        Less what followed under the running policy, on the same rows; None where that was not given.
    n_growing, n_judging
        Rows of the two parts.
    """

    tree: ActionTree
    columns: TreeColumns
    actions: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    value: Estimate
    gain_over_single: Estimate
    single: str
    gain_over_running: Estimate | None = None
    n_growing: int = 0
    n_judging: int = 0

    def choose(self, features: Floats) -> Integers:
        """Return the index of the action for each row of features (n, d), shape (n,)."""
        return np.array(self.tree.action)[self.tree.leaf_of(self.columns.bins(features))]

    def __str__(self) -> str:
        return "\n".join(f"{leaf.words}: {leaf.action} ({leaf.share:.0%} of rows{_told(leaf)})" for leaf in self.leaves)


def fit_policy_tree(
    data: TreeScores, *, effects: EffectModel | None = None, settings: TreeSettings | None = None
) -> PolicyTree:
    """Grow a tree on the shrunk effects of one part of the units and value it on the scores of the others.

    Parameters
    ----------
    effects
        Learns effects from the growing rows; default: means of groups of similar rows, shrunk (Fay–Herriot).
    settings
        How it is grown.

    Raises
    ------
    InsufficientDataError
        If either part has fewer than two units, or the growing one fewer rows than a leaf needs.
    """
    told = settings or TreeSettings()
    grow, judge = _split(data, told)
    columns = TreeColumns.fit(data.features[grow], data.names, most=told.cuts)
    learnt = effects(grow) if effects else shrunk_effects(data.gamma[grow], data.features[grow], _part(data, grow))
    bins = columns.bins(data.features)
    tree = grow_tree(bins[grow], learnt, depth=told.depth, least=told.least_leaf)
    single = int(learnt.sum(axis=0).argmax())
    leaf, groups, gamma = tree.leaf_of(bins[judge]), _part(data, judge), data.gamma[judge]
    chosen = gamma[np.arange(len(judge)), np.array(tree.action)[leaf]]
    leaves = []
    for node, words in zip(tree.leaves, columns.words(tree), strict=True):
        inside = np.flatnonzero(leaf == node)
        gain = gamma[inside, tree.action[node]] - gamma[inside, 0]
        few = len(np.unique(inside if groups is None else groups[inside])) < 2
        found = None if few else _mean(gain, None if groups is None else groups[inside], told.level)
        leaves.append(Leaf(words, data.actions[tree.action[node]], len(inside) / len(judge), found))
    return PolicyTree(
        tree=tree,
        columns=columns,
        actions=data.actions,
        leaves=tuple(leaves),
        value=_mean(chosen, groups, told.level),
        gain_over_single=_mean(chosen - gamma[:, single], groups, told.level),
        single=data.actions[single],
        gain_over_running=None if data.running is None else _mean(chosen - data.running[judge], groups, told.level),
        n_growing=len(grow),
        n_judging=len(judge),
    )


def _split(data: TreeScores, settings: TreeSettings) -> tuple[Integers, Integers]:
    n = len(data.gamma)
    unit = np.arange(n) if data.groups is None else data.groups
    growing = uniforms(unit_keys(str(code) for code in unit.tolist()), f"grow/{settings.salt}") < settings.growing_share
    grow, judge = np.flatnonzero(growing), np.flatnonzero(~growing)
    least_units = min(len(np.unique(unit[part])) for part in (grow, judge))
    if least_units < 2 or len(grow) < settings.least_leaf:
        raise InsufficientDataError(
            f"{n:,} rows are too few to grow a tree with leaves of {settings.least_leaf:,} on one part of the units "
            "and to judge it on the other",
            hint="Log more decisions, or allow smaller leaves: --least-leaf 100",
            code="policy.tree_too_few",
        )
    return grow, judge


def _part(data: TreeScores, rows: Integers) -> Integers | None:
    return None if data.groups is None else codes(data.groups[rows])[0]


def _mean(values: Floats, groups: Integers | None, level: float) -> Estimate:
    found = mean_by_group(values, groups)
    return normal_estimate(found.mean, found.se, found.n, level)


def _told(leaf: Leaf) -> str:
    if leaf.gain is None:
        return ""
    return f", {leaf.gain.mean:+.4g} a row, {leaf.gain.lower:+.4g} … {leaf.gain.upper:+.4g}"
