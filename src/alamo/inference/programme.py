"""The programme as a whole: against the universal control, and what one cycle brought against contacting nobody."""

from __future__ import annotations

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

_LEAST_UNITS = 20


def programme_effect(observations: pa.Table, *, as_of: datetime, level: float) -> tuple[pa.Table, tuple[Refusal, ...]]:
    """Return the effect of the whole programme per decision (EFFECTS, action ``*``) and what had to be refused.

    The universal control sees all carry-over between decisions. A unit's outcome is the margin less cost of all its
    decisions plus the residual value at the end of the last one, so no future is counted twice; groups are compared by
    unit, since that is what was held out, after taking out what was expected of each before its first decision (CUPED).
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
    contribution = _adjusted(_without_double_future(observations, unit), _expected_before(observations, unit))
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


def _without_double_future(observations: pa.Table, unit: Integers) -> Floats:
    """Return margin less cost of each decision, plus the residual value where the decision is its unit's last, (n,)."""
    earned = column(observations, "margin_money") - column(observations, "cost_money")
    residual = column(observations, "outcome_money") - earned
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


def programme_gain(dr_scores: pa.Table, observations: pa.Table, cycle: int, level: float) -> Estimate:
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
    """
    scored = dr_scores.filter(pc.equal(dr_scores["cycle"], cycle))
    known = pc.is_in(scored["decision_id"], value_set=observations["decision_id"].combine_chunks())
    scored = scored.filter(known)
    decision, n = codes_of(scored["decision_id"])
    unit_of_row, _ = codes_of(scored["unit_id"])
    p, gamma = column(scored, "p"), column(scored, "gamma_money")
    is_none = np.asarray(pc.equal(scored["action_id"], NO_ACTION))
    gain = sums_by(decision, (p - is_none) * gamma, n)
    unit = np.zeros(n, dtype=np.int64)
    unit[decision] = unit_of_row
    mean = mean_by_group(gain, unit)
    return normal_estimate(mean.mean * n, mean.se * n, n, level)


def codes_of(values: pa.ChunkedArray) -> tuple[Integers, int]:
    """Return a code per row in order of first appearance, shape (n,), and how many there are."""
    encoded = pc.dictionary_encode(values.combine_chunks())
    return np.asarray(encoded.indices, dtype=np.int64), len(encoded.dictionary)
