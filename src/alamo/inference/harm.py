"""Harm in the loop: does an action make the outcome worse before its cost, or drive customers away?

Harm is the mean effect per decision at which the action was eligible, beside none, with the sign that makes worse
positive: money lost before the cost of the action, or further decisions with an unsubscribe, a complaint or a return in
their window. Each is compared with what is tolerated by an always-valid lower bound, so looking after every cycle, at
every action and at every metric errs with the chance that is declared, all together.

The declared chance is spent like this (a weighted Bonferroni correction, weights fixed before an action is looked at):
actions that start to be watched in the same cycle share 1/(w·(w + 1)) of it, w = 1, 2, 3 … counting such starts; these
parts add up to 1, however many actions are added or resumed. Of an action's part half is for the outcome, a sixth for
each kind of event.

Assumes the logged probabilities (the ratio check refuses where they are not those of the draws). Not supported: harm to
some customers that is made up for by others, harm after the outcome window, harm to customers who were not decided
about. The bounds on events hold at any sample size; the one on money is asymptotic, under the two rules of
`alamo.numerics.confidence_sequence`.

Source: see `alamo.numerics.harm_bound`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from alamo.inference.effect_sums import CycleSums
from alamo.inference.harm_sums import EventSums
from alamo.inference.loop_ratio import ratio_check
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO
from alamo.numerics.harm_bound import harm_lower_bound, one_sided_half_width

OUTCOME = "outcome"
EVENTS: Mapping[str, str] = {
    "unsubscribes": "permission_lost",
    "complaints": "complained_window",
    "returns": "returned_window",
}
"""Kind of event → the flag of OBSERVATIONS that says whether it happened in a decision's window."""

METRIC_SHARES = {OUTCOME: 0.5} | dict.fromkeys(EVENTS, 0.5 / len(EVENTS))
"""Part of an action's share of the error rate that each metric has; fixed, whether or not it is recorded."""


@dataclass(frozen=True, slots=True)
class Harm:
    """What is known of one action's harm by one metric.

    Attributes
    ----------
    action_id, metric
        Whose, and of what: ``"outcome"`` in money, the others in decisions (0.01 = one in a hundred).
    mean
        Estimated harm per decision, None where there is no estimate.
    bound
        Always-valid lower bound on it, None where the data give none.
    tolerated
        Harm that is accepted.
    alpha
        Error rate of this bound alone.
    n, n_action, n_control
        Decisions that count, and those that drew the action, or none.
    reason
        Why there is no bound; empty where there is one.
    """

    action_id: str
    metric: str
    mean: float | None
    bound: float | None
    tolerated: float
    alpha: float
    n: int = 0
    n_action: int = 0
    n_control: int = 0
    reason: str = ""

    @property
    def crossed(self) -> bool:
        """Whether more harm than is tolerated is established."""
        return self.bound is not None and self.bound > self.tolerated

    def to_dict(self) -> dict[str, Any]:
        """Return the row as it stands in ``--json``."""
        row = asdict(self)
        return {"action": row.pop("action_id"), **row, "crossed": self.crossed}


def wave_share(wave: int, actions: int) -> float:
    """Return the part of the error rate of one of `actions` actions that start together as the `wave`-th, from 1."""
    return 1.0 / (wave * (wave + 1)) / actions


def outcome_harm(
    sums: CycleSums | None, action_id: str, *, cost_money: float, tolerated: float, alpha: float, n_opt: float
) -> Harm:
    """Return the harm to the outcome before cost, from the sums of the cycles that count.

    Parameters
    ----------
    cost_money
        The most that one decision was charged for the action: added back to the effect, which is net of cost.
    alpha
        Error rate of the bound.
    n_opt
        Decisions at which it is tightest, fixed before the first look.
    """
    nothing = Harm(action_id, OUTCOME, None, None, tolerated, alpha, reason="no matured decision")
    if sums is None or not len(sums) or not sums.n_action.any() or not sums.n_control.any():
        return nothing
    n = int(sums.n.sum())
    mean = -(float(sums.score.sum()) / n + cost_money)
    variance = max(float(sums.scatter.sum()) / n, float(sums.residual.sum() / sums.weight.sum()))
    counts = {"n": n, "n_action": int(sums.n_action.sum()), "n_control": int(sums.n_control.sum())}
    reason = _no_bound(sums)
    bound = None if reason else mean - one_sided_half_width(n, variance, alpha=alpha, n_opt=n_opt)
    return Harm(action_id, OUTCOME, mean, bound, tolerated, alpha, **counts, reason=reason)


def event_harm(sums: EventSums | None, action_id: str, metric: str, *, tolerated: float, alpha: float) -> Harm:
    """Return the harm by one kind of event."""
    if sums is None or not sums.weight > 0.0:
        return Harm(action_id, metric, None, None, tolerated, alpha, reason="not recorded in any matured decision")
    bound = harm_lower_bound(sums.wealth, sums.weight, alpha)
    mean = sums.harm / sums.weight
    return Harm(action_id, metric, mean, bound, tolerated, alpha, sums.n, sums.n_action, sums.n_control)


def counting(sums: CycleSums, since: int) -> CycleSums:
    """Return the sums of the cycles from `since` on."""
    keep = np.flatnonzero(sums.cycle >= since)
    return CycleSums(
        cycle=sums.cycle[keep],
        decided_at=tuple(sums.decided_at[i] for i in keep),
        **{
            name: getattr(sums, name)[keep]
            for name in CycleSums.__dataclass_fields__
            if name not in ("cycle", "decided_at")
        },
    )


def _no_bound(sums: CycleSums) -> str:
    few = int(min(sums.nonzero_action.sum(), sums.nonzero_control.sum()))
    if few < LEAST_NONZERO:
        return f"{few} decisions with an order in the smaller arm, {LEAST_NONZERO} are needed"
    if float(sums.least_chance.min()) < LEAST_CHANCE:
        return f"a decision had a chance below {LEAST_CHANCE:g}"
    if ratio_check(sums).mismatch:
        return "drawn otherwise than the logged probabilities say: alamo doctor"
    return ""
