"""The programme as a whole: against the universal control, and what one cycle brought against contacting nobody.

Both count money that came in. What an outcome was charged for a lost permission is put back: it stands for gains of
later cycles, which are counted when they come, or do not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.reasons import Refusal
from alamo.inference.dr_scores import prior_values
from alamo.inference.effects import EVERYBODY, effects_table
from alamo.inference.estimate import Estimate, normal_estimate
from alamo.inference.outcomes import column
from alamo.numerics.doubly_robust import ScoreMean, mean_by_group
from alamo.numerics.moments import codes, sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_LEAST_UNITS = 20
_NOTHING_CHARGED: Mapping[str, float] = {}


def programme_effect(
    observations: pa.Table,
    *,
    as_of: datetime,
    level: float,
    charged: Mapping[str, float] = _NOTHING_CHARGED,
    stint: Integers | None = None,
) -> tuple[pa.Table, tuple[Refusal, ...]]:
    """Return the effect of the whole programme per decision (EFFECTS, action ``*``) and what had to be refused.

    The universal control sees all carry-over between decisions. A unit's outcome is the margin less cost of all its
    decisions plus the residual value at the end of the last one, so no future is counted twice; groups are compared by
    unit, since that is what was held out, after taking out what was expected of each before its first decision (CUPED).
    Where the control is handed over, this is done within the stint of each control: a unit's stint ends with the future
    it had then, and what it does later, in another group, is not the doing of that stint. Errors stay by unit.
    A small control of heavy-tailed units may by chance show little spread; its standard error is at least what the
    spread of the rest would give it. There is no always-valid interval: the units were drawn once.

    Parameters
    ----------
    observations
        OBSERVATIONS with ``outcome_money`` of all matured cycles.
    as_of
        Moment of the estimate (UTC).
    level
        Of the interval.
    charged
        Decision → what its outcome was charged for a lost permission.
    stint
        Number of the control group in force at each decision, shape (n,); None where there was only one. Decisions of
        units that were held out to take over belong to neither group and must not be among the observations.
    """
    held = np.asarray(observations["universal_control"], dtype=bool)
    unit, _ = codes(np.asarray(observations["unit_id"].to_numpy(zero_copy_only=False)))
    groups = {flag: len(np.unique(unit[held == flag])) for flag in (True, False)}
    if min(groups.values()) < _LEAST_UNITS:
        refusal = Refusal(
            "effect of the programme",
            f"the universal control has {groups[True]} units, the rest {groups[False]}; each needs {_LEAST_UNITS}",
            "set a universal_share above 0 under [control] and run a cycle",
        )
        return effects_table([], as_of), (refusal,)
    spell = unit if stint is None else codes(unit * (int(stint.max(initial=0)) + 1) + stint)[0]
    contribution = _adjusted(
        _without_double_future(observations, spell, charged), _expected_before(observations, spell)
    )
    rest, control = (mean_by_group(contribution[held == flag], unit[held == flag]) for flag in (False, True))
    control_se = max(control.se, rest.se * (rest.n / control.n) ** 0.5)
    estimate = normal_estimate(rest.mean - control.mean, float(np.hypot(rest.se, control_se)), rest.n, level)
    return effects_table([_programme_row(estimate, rest, control)], as_of), ()


def _programme_row(estimate: Estimate, rest: ScoreMean, control: ScoreMean) -> dict[str, object]:
    return {
        "action_id": EVERYBODY,
        "segment": EVERYBODY,
        "mean_money": estimate.mean,
        "se": estimate.se,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "anytime_lower": None,
        "anytime_upper": None,
        "n": rest.n,
        "n_control": control.n,
        "baseline_money": control.mean,
        "method": "universal control, by unit",
        "found": estimate.lower > 0.0 or estimate.upper < 0.0,
    }


def _without_double_future(observations: pa.Table, unit: Integers, charged: Mapping[str, float]) -> Floats:
    """Return margin less cost of each decision, plus the residual value where the decision is its unit's last, (n,)."""
    earned = column(observations, "margin_money") - column(observations, "cost_money")
    residual = column(observations, "outcome_money") - earned
    if charged:
        residual = residual + _charged_to(observations["decision_id"], charged)
    order = np.lexsort((np.asarray(observations["decided_at"].cast(pa.int64())), unit))
    last = np.zeros(len(unit), dtype=bool)
    last[order] = np.append(unit[order][1:] != unit[order][:-1], True)
    return earned + np.where(last, residual, 0.0)


def _expected_before(observations: pa.Table, unit: Integers) -> Floats:
    """Return what was expected of each decision's unit before its first decision, shape (n,)."""
    prior = prior_values(observations, None)
    order = np.lexsort((np.asarray(observations["decided_at"].cast(pa.int64())), unit))
    opens = np.append(True, unit[order][1:] != unit[order][:-1])
    first = np.zeros(int(unit.max()) + 1)
    first[unit[order][opens]] = prior[order][opens]
    return first[unit]


def _adjusted(value: Floats, covariate: Floats) -> Floats:
    """Return `value` less its projection on the centred covariate (Deng et al. 2013, §3.2), shape (n,)."""
    centred = covariate - covariate.mean()
    spread = float(centred @ centred)
    return value - (float(centred @ value) / spread) * centred if spread > 0.0 else value


@dataclass(frozen=True, slots=True)
class DecisionGains:
    """What each decision brought against contacting nobody, shapes (n,).

    Attributes
    ----------
    decision_id
        The decision.
    gain
        Σ_a p_a·Γ(a) − Γ(none), over the actions asked for.
    unit
        Code of its unit.
    reachable
        Whether one of them could be drawn.
    """

    decision_id: pa.ChunkedArray
    gain: Floats
    unit: Integers
    reachable: Bools

    @classmethod
    def of(
        cls,
        scored: pa.Table,
        observations: pa.Table,
        charged: Mapping[str, float],
        among: Collection[str] | None = None,
    ) -> DecisionGains:
        """Measure the decisions of `scored` (DR_SCORES); `charged` as in `programme_effect`, put back into Γ.

        With `among` what those actions alone brought: Σ p_a·(Γ(a) − Γ(none)) over them.
        """
        decision, n = codes_of(scored["decision_id"])
        unit_of_row, _ = codes_of(scored["unit_id"])
        p, gamma = column(scored, "p"), column(scored, "gamma_money")
        is_none = np.asarray(pc.equal(scored["action_id"], NO_ACTION))
        mine = ~is_none if among is None else _among(scored["action_id"], among)
        unit = np.zeros(n, dtype=np.int64)
        unit[decision] = unit_of_row
        first = np.zeros(n, dtype=np.int64)
        first[decision[::-1]] = np.arange(len(decision))[::-1]
        ids = scored["decision_id"].take(pa.array(first))
        p_none = sums_by(decision, p * is_none, n)
        share = 1.0 - p_none if among is None else sums_by(decision, p * mine, n)
        gain = sums_by(decision, np.where(is_none, -share[decision], p * mine) * gamma, n)
        if charged:
            place = pc.index_in(ids, value_set=observations["decision_id"].combine_chunks())
            drawn = observations["action_id"].take(place)
            drew_none = np.asarray(pc.equal(drawn, NO_ACTION))
            drew_mine = ~drew_none if among is None else _among(drawn, among)
            weight = drew_mine - np.divide(share * drew_none, p_none, out=np.zeros(n), where=p_none > 0.0)
            gain = gain + _charged_to(ids, charged) * weight
        reachable = sums_by(decision, mine.astype(np.float64), n) > 0.0
        return cls(ids, gain, unit, reachable)


def _among(action_id: pa.ChunkedArray, names: Collection[str]) -> Bools:
    return np.asarray(pc.is_in(action_id, value_set=pa.array(sorted(names), pa.string())), dtype=bool)


def _charged_to(decision_id: pa.ChunkedArray, charged: Mapping[str, float]) -> Floats:
    """Return what each decision's outcome was charged, shape (n,)."""
    return np.array([charged.get(name, 0.0) for name in decision_id.to_pylist()])


def programme_gain(
    dr_scores: pa.Table,
    observations: pa.Table,
    cycle: int,
    level: float,
    charged: Mapping[str, float] = _NOTHING_CHARGED,
) -> Estimate:
    """Return the incremental money of one cycle against contacting nobody, with its interval.

    Sum over decisions of Σ_a p_a·Γ(a) − Γ(none): what the cycle's policy earned, doubly robustly, from its own log.
    Decisions of the universal control are not in it.

    Parameters
    ----------
    dr_scores
        DR_SCORES; other cycles are ignored.
    observations
        OBSERVATIONS; rows of the cycle say which decisions count as independent (by unit).
    cycle
        The cycle.
    level
        Of the interval.
    charged
        Decision → what its outcome was charged for a lost permission.
    """
    scored = dr_scores.filter(pc.equal(dr_scores["cycle"], cycle))
    known = pc.is_in(scored["decision_id"], value_set=observations["decision_id"].combine_chunks())
    gains = DecisionGains.of(scored.filter(known), observations, charged)
    mean, n = mean_by_group(gains.gain, gains.unit), len(gains.gain)
    return normal_estimate(mean.mean * n, mean.se * n, n, level)


def codes_of(values: pa.ChunkedArray) -> tuple[Integers, int]:
    """Return a code per row in order of first appearance, shape (n,), and how many there are."""
    encoded = pc.dictionary_encode(values.combine_chunks())
    return np.asarray(encoded.indices, dtype=np.int64), len(encoded.dictionary)
