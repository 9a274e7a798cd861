"""Champion and challenger: would a simpler rule, or the model of the cycle before, have chosen better?

All are judged on the same decisions, which none of them had seen: each rule picks for every decision the action it
values most, or none where it values none above nothing, and is worth the doubly robust score of what it picks. The
difference is paired, so it rests on the decisions alone at which the two choose differently.

Source: Dudík, Langford & Li (2011), "Doubly robust policy evaluation and learning", ICML, §3 (value of a rule from the
log of another); paired comparison of forecasts frozen before: Diebold & Mariano (1995), JBES 13(3), §1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.inference.health.checks import Check
from alamo.inference.outcomes import column
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO
from alamo.numerics.moments import codes
from alamo.numerics.skewed_mean import SkewedMean

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CHALLENGER, LOSS = "challenger", "challenger loss"
SIMPLE = {
    "zero": "contacting nobody",
    "one effect": "the same effect for everybody",
    "segments": "one effect per segment",
    "last model": "the values of the cycle before",
}
"""Column of the table, and what the challenger is."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """One cycle's decisions and what champion and challengers valued each open action at.

    Attributes
    ----------
    effect
        Γ(a) − Γ(none), money, net of cost, by decision and action, shape (n,).
    weight
        Precision of `effect` up to the outcome's variance, shape (n,).
    start
        First row of each decision, shape (m,); rows of a decision lie together.
    unit
        Code of each decision's customer, shape (m,).
    drawn
        Whether the row's action was drawn, shape (n,).
    drew_none
        Whether none was drawn, by decision, shape (m,).
    bought
        Whether the decision's window shows any margin, shape (m,).
    champion, challengers
        Values, shape (n,), NaN where none was given; a challenger that valued nothing is not there.
    """

    effect: Floats
    weight: Floats
    start: Integers
    unit: Integers
    drawn: Bools
    drew_none: Bools
    bought: Bools
    champion: Floats
    challengers: Mapping[str, Floats]

    @classmethod
    def of(cls, table: pa.Table) -> Rivals:
        """Read a table ordered by ``decision_id``.

        Beside the columns of `judged_rows` it has ``bought`` and one per rule, null: no value.
        """
        p, p_none = column(table, "p"), column(table, "p_none")
        champion = column(table, "champion")
        open_ = (p >= LEAST_CHANCE) & (p_none >= LEAST_CHANCE) & np.isfinite(champion)
        mine = table.filter(pa.array(open_))
        decision = mine["decision_id"].combine_chunks().dictionary_encode().indices
        start = np.unique(np.asarray(decision), return_index=True)[1].astype(np.int64)
        start.sort()
        unit = np.asarray(mine["unit_id"].to_numpy(zero_copy_only=False))[start]
        values = {name: column(mine, name) for name in SIMPLE if name in mine.column_names}
        return cls(
            effect=column(mine, "effect_money"),
            weight=(p * p_none / (p + p_none))[open_],
            start=start,
            unit=codes(unit)[0],
            drawn=np.asarray(pc.equal(mine["drawn"], mine["action_id"]), dtype=bool),
            drew_none=np.asarray(pc.equal(mine["drawn"], "none"), dtype=bool)[start],
            bought=np.asarray(mine["bought"], dtype=bool)[start],
            champion=champion[open_],
            challengers={name: value for name, value in values.items() if np.isfinite(value).any()},
        )


def challenged(rivals: Rivals, level: float) -> list[Check]:
    """Return for each challenger the champion's lead in money per decision, and in squared error.

    The lead is positive where the champion is better. The second is the difference of the precision-weighted doubly
    robust losses, (Γ − challenger)² − (Γ − champion)², money²: it judges the values themselves, also where both rules
    would choose alike. A challenger is compared on the decisions of which it valued every open action: the model of the
    cycle before did not know customers who came later.

    Assumes
    -------
    Limits and caps are left out: each rule gives every customer what it values most.

    Not supported
    -------------
    A difference that lies in decisions whose drawn action neither rule would have chosen is not seen. Where fewer than
    20 bought of those who drew the champion's choice, or the challenger's, it is refused: a handful of buyers in a thin
    arm would tell rules apart that are worth the same. So are the values where fewer than 20 bought with an action, or
    without.
    """
    if not len(rivals.start):
        reason = (
            "no decision of the cycle has been scored in which an action and none both had a chance; see: alamo status"
        )
        return [Check(check, "*", 0, reason) for check in (CHALLENGER, LOSS)]
    checks = []
    for name, words in SIMPLE.items():
        known = None if name not in rivals.challengers else _valued(rivals, name)
        if known is None or not len(known.start):
            checks += [
                Check(check, name, len(rivals.start), f"{words}: not known then") for check in (CHALLENGER, LOSS)
            ]
            continue
        checks += [_value(known, name, words, level), _loss(known, name, words, level)]
    return checks


def _valued(rivals: Rivals, name: str) -> Rivals:
    """Return the decisions of which a challenger valued every open action."""
    values = rivals.challengers[name]
    sizes = np.diff(np.append(rivals.start, len(values)))
    mine = np.logical_and.reduceat(np.isfinite(values), rivals.start)
    rows = np.repeat(mine, sizes)
    return Rivals(
        effect=rivals.effect[rows],
        weight=rivals.weight[rows],
        start=np.cumsum(sizes[mine]) - sizes[mine],
        unit=rivals.unit[mine],
        drawn=rivals.drawn[rows],
        drew_none=rivals.drew_none[mine],
        bought=rivals.bought[mine],
        champion=rivals.champion[rows],
        challengers={name: values[rows]},
    )


def _value(rivals: Rivals, name: str, words: str, level: float) -> Check:
    ours, theirs = (_choice(values, rivals) for values in (rivals.champion, rivals.challengers[name]))
    differ = ours != theirs
    buyers = tuple(int((differ & rivals.bought & _drawn(choice, rivals)).sum()) for choice in (ours, theirs))
    if min(buyers) < LEAST_NONZERO:
        few = "{:,} bought of those who drew the champion's choice, and {:,} of those who drew the other".format(
            *buyers
        )
        reason = f"against {words}: they choose differently in {int(differ.sum()):,} decisions, in which {few}"
        return Check(CHALLENGER, name, len(rivals.start), f"{reason}; {LEAST_NONZERO} of both are needed")
    earned, would = _worth(ours, rivals), _worth(theirs, rivals)
    lead = SkewedMean.of(earned - would, rivals.unit)
    reason = (
        f"against {words}: they choose differently in {differ.mean():.0%} of the decisions, "
        f"in which {sum(buyers):,} bought who drew either choice"
    )
    sides = (float(would.mean()), float(earned.mean()))
    return _compared(CHALLENGER, name, lead, (reason, sides), level)


def _loss(rivals: Rivals, name: str, words: str, level: float) -> Check:
    ours, theirs, weight = rivals.champion, rivals.challengers[name], rivals.weight
    gap = weight * (ours - theirs) * (2.0 * rivals.effect - ours - theirs)
    sizes = np.diff(np.append(rivals.start, len(gap)))
    unit = np.repeat(rivals.unit, sizes)
    if not gap.any():
        return Check(LOSS, name, len(rivals.start), f"against {words}: they value everything alike")
    drew_action = np.logical_or.reduceat(rivals.drawn, rivals.start)
    buyers = tuple(int((rivals.bought & drew).sum()) for drew in (drew_action, rivals.drew_none))
    if min(buyers) < LEAST_NONZERO:
        few = "{:,} of those who drew an action bought, and {:,} of those who drew none".format(*buyers)
        return Check(LOSS, name, len(rivals.start), f"against {words}: {few}; {LEAST_NONZERO} of both are needed")
    lead = SkewedMean.of(gap, unit, weight)
    reason = f"against {words}: squared error of the values, weighted by precision"
    return _compared(LOSS, name, lead, (reason, (None, None)), level)


def _compared(
    check: str,
    name: str,
    lead: SkewedMean,
    told: tuple[str, tuple[float | None, float | None]],
    level: float,
) -> Check:
    reason, (would, earned) = told
    lower, upper = lead.interval(level)
    return Check(
        check,
        name,
        lead.n,
        reason,
        expected=would,
        found=earned,
        value=lead.mean,
        lower=lower,
        upper=upper,
        threshold=0.0,
        p_value=lead.p_value(),
        matters="keep" if lead.mean > 0.0 else "replace",
        otherwise="no difference",
    )


def _choice(values: Floats, rivals: Rivals) -> Integers:
    """Return the row that a rule chooses in each decision, −1 for none, shape (m,)."""
    best = np.maximum.reduceat(values, rivals.start)
    sizes = np.diff(np.append(rivals.start, len(values)))
    row = np.where(values == np.repeat(best, sizes), np.arange(len(values)), len(values))
    return np.where(best > 0.0, np.minimum.reduceat(row, rivals.start), -1)


def _worth(choice: Integers, rivals: Rivals) -> Floats:
    return np.where(choice >= 0, rivals.effect[np.maximum(choice, 0)], 0.0)


def _drawn(choice: Integers, rivals: Rivals) -> Bools:
    return np.where(choice >= 0, rivals.drawn[np.maximum(choice, 0)], rivals.drew_none)
