"""The best of many policies: chosen on one half of the units, valued on the other, and the halves swapped.

The largest of many estimates is too large; a value from units that had no part in the choice is not.

Source: Chernozhukov et al. (2018), "Double/debiased machine learning", Econometrics Journal 21(1), §3 (cross-fitting).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.domain.ports import OutcomeLearner
from alamo.domain.reasons import Refusal
from alamo.inference.estimate import Estimate, normal_estimate
from alamo.inference.off_policy.estimators import Scores, doubly_robust
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy
from alamo.inference.off_policy.outcome_model import cross_fit, log_folds
from alamo.inference.off_policy.overlap import overlap_of, refusals_of, weights
from alamo.numerics.doubly_robust import mean_by_group

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the policies, by the whole log.

    Attributes
    ----------
    policy
        Its name.
    value, gain
        Doubly robust value, and difference to the running policy. Fair for each by itself; the largest of many is not.
    """

    policy: str
    value: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True)
class HalfChoice:
    """A policy chosen on one half and valued on the other.

    Attributes
    ----------
    policy
        Its name.
    value_where_chosen
        What it seemed worth on the half that chose it: too much.
    value, gain
        Value, and difference to the running policy, on the other half.
    """

    policy: str
    value_where_chosen: float
    value: Estimate
    gain: Estimate


@dataclass(frozen=True, slots=True)
class Selection:
    """The best of several policies.

    Attributes
    ----------
    halves
        The choice of each half; empty where nothing could be chosen.
    value, gain
        Over both halves: what the *choice* is worth. None without one.
    policy
        The policy that both halves chose; None where they disagree.
    refusals
        Policies that a half says too little about.
    candidates
        Those it could be chosen from, in the order given.
    """

    halves: tuple[HalfChoice, ...]
    value: Estimate | None
    gain: Estimate | None
    policy: str | None
    refusals: tuple[Refusal, ...]
    candidates: tuple[Candidate, ...] = ()


def select_policy(
    log: LoggedDecisions,
    policies: Mapping[str, TargetPolicy],
    context: Floats,
    learner: OutcomeLearner,
    *,
    level: float = 0.95,
    salt: str = "half",
) -> Selection:
    """Choose the policy with the largest doubly robust value and say what it is worth without the bias of choosing.

    Parameters
    ----------
    policies
        Name → policy, at least two.
    context
        Features known before the draw, shape (n, d).
    salt
        Of the halves: by a hash of the unit's number, so that a second run has the same.

    Raises
    ------
    UsageError
        With fewer than two policies.
    InsufficientDataError
        If a half has fewer than two units.
    """
    if len(policies) < 2:
        raise UsageError(
            f"{len(policies)} policies leave nothing to choose",
            hint="Give at least two, or value the one: alamo analyze policy FILE",
            code="policy.nothing_to_choose",
        )
    half = log_folds(log, salt, 2)
    parts = [np.flatnonzero(half == number) for number in (0, 1)]
    if min(len(np.unique(log.groups[rows])) for rows in parts) < 2:
        raise InsufficientDataError(
            f"{len(log):,} rows are too few to choose on one half of the units and to value on the other",
            hint="Log more decisions, or value one policy: alamo analyze policy FILE",
            code="policy.halves_too_few",
        )
    seen = [_Half(log.take(rows), context[rows], rows) for rows in parts]
    usable, refusals = _usable(seen, policies)
    if not usable:
        return Selection((), None, None, None, refusals)
    scores = [{name: part.score(usable[name], learner) for name in usable} for part in seen]
    best = [_best(own) for own in scores]
    halves = tuple(
        HalfChoice(
            policy=best[number],
            value_where_chosen=float(scores[number][best[number]].score.mean()),
            value=seen[1 - number].mean(scores[1 - number][best[number]].score, level),
            gain=seen[1 - number].mean(scores[1 - number][best[number]].score - seen[1 - number].log.outcome, level),
        )
        for number in (0, 1)
    )
    order = np.concatenate([seen[1].rows, seen[0].rows])
    both = _Half(log.take(order), context[order], order)

    def whole(first: str, second: str) -> tuple[Estimate, Estimate]:
        """Return value and gain of one policy on the second half and another on the first."""
        values = np.concatenate([scores[1][first].score, scores[0][second].score])
        return both.mean(values, level), both.mean(values - both.log.outcome, level)

    agreed = best[0] if best[0] == best[1] else None
    candidates = tuple(Candidate(name, *whole(name, name)) for name in usable)
    return Selection(halves, *whole(*best), agreed, refusals, candidates)


@dataclass(frozen=True, slots=True)
class _Half:
    log: LoggedDecisions
    context: Floats
    rows: Integers

    def score(self, policy: TargetPolicy, learner: OutcomeLearner) -> Scores:
        own = policy.take(self.rows)
        model = cross_fit(self.log, own, self.context, learner)
        return doubly_robust(weights(self.log, own), self.log.outcome, model)

    def mean(self, values: Floats, level: float) -> Estimate:
        found = mean_by_group(values, self.log.unit)
        return normal_estimate(found.mean, found.se, found.n, level)


def _best(scores: Mapping[str, Scores]) -> str:
    return max(scores, key=lambda name: float(scores[name].score.mean()))


def _usable(
    halves: list[_Half], policies: Mapping[str, TargetPolicy]
) -> tuple[dict[str, TargetPolicy], tuple[Refusal, ...]]:
    """Return the policies that both halves say enough about, and why the others are left out."""
    usable, refusals = {}, []
    for name, policy in policies.items():
        found = [
            refusal
            for half in halves
            for refusal in refusals_of(
                overlap_of(half.log, policy.take(half.rows)), len(half.rows) / sum(len(part.rows) for part in halves)
            )[:1]
        ]
        if found:
            refusals.append(Refusal(f"policy {name!r}", f"on one half, {found[0].reason}", found[0].cure))
        else:
            usable[name] = policy
    return usable, tuple(refusals)
