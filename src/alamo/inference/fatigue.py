"""Fatigue: what a contact takes away from the contacts of the cycles after it, from the draws of the log.

What the next contacts bring is measured doubly robustly (`DecisionGains`): G = Σ_a p_a·Γ(a) − q·Γ(none) at a decision h
cycles later, with q the chance of a contact there, so that a contact brings R = ΣG/Σq. Whether a customer was contacted
now was drawn with known probabilities. So with weights ω of the inverse probability, in each cycle and both arms,

    loss(h) = q̄ · (R(none now) − R(contact now)),    R(arm) = Σ ω G / Σ ω q,    q̄ = Σ ω q / Σ ω of *none now*,

and the loss of a contact is the sum over h = 1 … 3. The error is that of the linearised ratios, summed by customer.
Actions are drawn towards each other by the spread that exceeds their errors (DerSimonian and Laird).

*Assumes* that a contact changes what the next ones bring only through the customer who received it, and that those who
can still be reached are comparable: who lost the permission is out of it, and has a price of its own. *Not supported*:
what lies more than three cycles ahead.

*Source*: the ratio of weighted means, Hájek, 1971; DerSimonian, Laird, 1986, "Meta-analysis in clinical trials",
Controlled Clinical Trials 7, eq. (8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.reasons import Refusal
from alamo.inference.estimate import Estimate, normal_estimate
from alamo.inference.outcomes import column
from alamo.inference.programme import DecisionGains

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LAGS, LEAST_PAIRS = 3, 200
"""Cycles ahead that are looked at, and how many pairs of decisions of each arm a cycle ahead needs."""

WHAT = "loss of the next contacts per contact"


@dataclass(frozen=True, slots=True)
class Fatigue:
    """What a contact takes away from the contacts after it, money per contact.

    Attributes
    ----------
    loss
        Of any contact; negative where contacts help the next ones.
    by_action
        Of each action with enough decisions, drawn towards each other.
    lags
        Cycles ahead that it counts.
    """

    loss: Estimate
    by_action: Mapping[str, Estimate]
    lags: int

    @property
    def found(self) -> bool:
        """Whether the interval of the loss lies above zero: before that nothing is charged."""
        return self.loss.lower > 0.0

    def charge_money(self, action_id: str) -> float:
        """Return what a contact with an action is charged: its own loss, else that of any contact; 0 until found."""
        return max(self.by_action.get(action_id, self.loss).mean, 0.0) if self.found else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the parts as JSON-able values."""
        actions = {name: one.to_dict() for name, one in self.by_action.items()}
        return {"loss": self.loss.to_dict(), "by_action": actions, "lags": self.lags, "found": self.found}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fatigue:
        """Return the fatigue that `to_dict` wrote."""
        actions = {name: Estimate(**one) for name, one in values["by_action"].items()}
        return cls(Estimate(**values["loss"]), actions, values["lags"])


def fatigue(
    dr_scores: pa.Table, observations: pa.Table, charged: Mapping[str, float], level: float
) -> Fatigue | Refusal:
    """Return what contacts take away from the next ones, or why it cannot be told.

    Parameters
    ----------
    dr_scores, observations
        DR_SCORES and OBSERVATIONS of matured cycles; imported experiments and the universal control are left out.
    charged
        Decision → what its outcome was charged for a lost permission; put back, for it is counted there.
    level
        Of the intervals.
    """
    own = pc.and_(pc.greater_equal(observations["cycle"], 1), pc.invert(observations["universal_control"]))
    recent = observations.filter(own)
    known = dr_scores.filter(pc.is_in(dr_scores["decision_id"], value_set=recent["decision_id"].combine_chunks()))
    log = _Log.of(known, recent, charged)
    pairs = [_pairs(log, lag) for lag in range(1, LAGS + 1)]
    whole = _loss(log, pairs, ~log.drew_none, 1.0 - log.p_none, level)
    if whole is None:
        most = max((len(now) for now, _ in pairs), default=0)
        return Refusal(
            WHAT,
            f"{most} decisions are followed by another one about the same customer who could be contacted in both; "
            f"{LEAST_PAIRS} with a contact and {LEAST_PAIRS} without are needed",
            "needs about 2 more cycles",
        )
    each = {}
    for name in sorted(set(log.action.tolist()) - {NO_ACTION}):
        found = _loss(log, pairs, log.action == name, log.p_drawn, level)
        if found is not None:
            each[name] = found[0]
    return Fatigue(whole[0], _drawn_together(each, level), whole[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Log:
    """Scored decisions: what each brought, and how it was drawn; shapes (n,)."""

    gain: Floats
    unit: Integers
    cycle: Integers
    action: npt.NDArray[np.object_]
    p_drawn: Floats
    p_none: Floats
    reachable: Bools

    @property
    def drew_none(self) -> Bools:
        return np.asarray(self.action == NO_ACTION)

    @classmethod
    def of(cls, scored: pa.Table, observations: pa.Table, charged: Mapping[str, float]) -> _Log:
        gains = DecisionGains.of(scored, observations, charged)
        place = pc.index_in(gains.decision_id, value_set=observations["decision_id"].combine_chunks())
        mine = observations.select(["cycle", "action_id", "p_action"]).take(place)
        none = scored.filter(pc.equal(scored["action_id"], NO_ACTION))
        where = pc.index_in(gains.decision_id, value_set=none["decision_id"].combine_chunks())
        return cls(
            gains.gain,
            gains.unit,
            np.asarray(mine["cycle"].to_numpy(), dtype=np.int64),
            np.asarray(mine["action_id"].to_pylist(), dtype=object),
            column(mine, "p_action"),
            column(none.take(where), "p"),
            gains.reachable,
        )


def _pairs(log: _Log, lag: int) -> tuple[Integers, Integers]:
    """Return decisions and those of the same customers `lag` cycles later, where a contact had a chance in both."""
    usable = np.flatnonzero(log.reachable & (log.p_none > 0.0))
    span = int(log.cycle.max(initial=0)) + LAGS + 1
    key = log.unit[usable] * span + log.cycle[usable]
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], key + lag)
    there = (place < len(key)) & (key[order][np.minimum(place, len(key) - 1)] == key + lag) if len(key) else key > 0
    return usable[there], usable[order][place[there]]


def _loss(
    log: _Log, pairs: list[tuple[Integers, Integers]], treated: Bools, p_treated: Floats, level: float
) -> tuple[Estimate, int] | None:
    """Return the loss by the decisions `treated`, drawn with `p_treated`, and over how many lags; None with too few."""
    total, lags, n = 0.0, 0, 0
    influence = np.zeros(int(log.unit.max(initial=-1)) + 1)
    for now, later in pairs:
        arms = (log.drew_none[now], treated[now])
        if min(int(np.count_nonzero(arm)) for arm in arms) < LEAST_PAIRS:
            break
        q = 1.0 - log.p_none[later]
        rate, part, contacted = [], [], 1.0
        for arm, chance in zip(arms, (log.p_none[now], p_treated[now]), strict=True):
            weight = _weights(arm, chance, log.cycle[now])
            rate.append(float(weight @ log.gain[later]) / float(weight @ q))
            part.append(weight * (log.gain[later] - rate[-1] * q) / float(weight @ q))
            contacted = contacted if len(rate) > 1 else float(weight @ q) / float(weight.sum())
        total += contacted * (rate[0] - rate[1])
        influence += np.bincount(log.unit[now], contacted * (part[0] - part[1]), len(influence))
        lags, n = lags + 1, max(n, len(np.unique(log.unit[now])))
    if lags == 0:
        return None
    return normal_estimate(total, float(np.sqrt(influence @ influence * n / max(n - 1, 1))), n, level), lags


def _weights(arm: Bools, chance: Floats, cycle: Integers) -> Floats:
    """Return inverse-probability weights of an arm that give each cycle its share of the decisions, shape (n,)."""
    weight = np.where(arm, 1.0 / np.maximum(chance, 1e-12), 0.0)
    share = np.bincount(cycle)
    there = np.bincount(cycle, weight)
    scale = np.divide(share, there, out=np.zeros(len(share)), where=there > 0.0)
    return np.asarray(weight * scale[cycle])


def _drawn_together(each: Mapping[str, Estimate], level: float) -> dict[str, Estimate]:
    """Return the losses of the actions drawn towards their common mean by the spread beyond their errors."""
    if len(each) < 2:
        return dict(each)
    mean, variance = (np.array([getattr(one, name) for one in each.values()]) for name in ("mean", "se"))
    weight = 1.0 / np.maximum(variance**2, 1e-300)
    common = float(weight @ mean / weight.sum())
    excess = float(weight @ (mean - common) ** 2) - (len(each) - 1)
    spread = max(excess / float(weight.sum() - weight @ weight / weight.sum()), 0.0)
    kept = spread * weight / (1.0 + spread * weight)
    of_common = 1.0 / float((1.0 / (spread + 1.0 / weight)).sum())
    se = np.sqrt(kept / weight + (1.0 - kept) ** 2 * of_common)
    shrunk = common + kept * (mean - common)
    return {
        name: normal_estimate(float(m), float(s), one.n, level)
        for (name, one), m, s in zip(each.items(), shrunk, se, strict=True)
    }
