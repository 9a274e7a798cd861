"""The SQL that adds up the loop's scores; `alamo.inference.effect_sums` says what the sums are.

The statements read three relations: the scores (DR_SCORES), ``seen`` (one row per observed decision) and ``late``
(cycles to leave out). Sums are of whole numbers, so engines agree to the bit whatever order they add in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alamo.domain.action import NO_ACTION
from alamo.numerics.confidence_sequence import LEAST_CHANCE
from alamo.numerics.doubly_robust import BINS, SLACK
from alamo.numerics.ratio_check import TILT_FACTORS

_COUNTS = """count(*) AS n, sum(CASE WHEN drew_action THEN 1 ELSE 0 END) AS n_action,
       sum(CASE WHEN drew_none THEN 1 ELSE 0 END) AS n_control"""

BITS = 40
"""Parts of 2⁻⁴⁰ are about 10⁻¹²."""


@dataclass(frozen=True, slots=True)
class Statements:
    """Writes the statements.

    Attributes
    ----------
    scores
        Relation that holds DR_SCORES.
    bits
        Money squared is added up as whole numbers of 2^−bits parts; all else, of 2^−`BITS` parts.
    """

    scores: str
    bits: int

    def by_cycle(self) -> str:
        """Return the statement of the sums by action, cycle, and whether both arms had a chance."""
        tilts = [
            f"{self._total(f'ln(1 + {chance} * {factor:.17e})')} AS tilt_{arm}_{i}"
            for arm, chance in (("action", "p_action"), ("control", "p_none"))
            for i, factor in enumerate(TILT_FACTORS)
        ]
        return f"""
WITH {self._pairs()}
SELECT action_id, cycle, likely, max(decided_at) AS decided_at, {_COUNTS},
       sum(CASE WHEN drew_action AND responded THEN 1 ELSE 0 END) AS nonzero_action,
       sum(CASE WHEN drew_none AND responded THEN 1 ELSE 0 END) AS nonzero_control,
       {self._total("score")} AS score, {self._squares("score * score")} AS squares,
       {self._total("gamma_none")} AS gamma_none, {self._squares("squared * inverse * weight")} AS residual,
       {self._total("weight")} AS weight, {self._total("p_action")} AS expected, min(least_chance) AS least_chance,
       {", ".join(tilts)}
FROM pairs GROUP BY action_id, cycle, likely ORDER BY action_id, cycle, likely
"""

    def by_unit(self, *, within_cycles: bool = False) -> str:
        """Return the statement of the sums over units, by action; `within_cycles`: and by cycle."""
        group = "action_id, cycle" if within_cycles else "action_id"
        return f"""
WITH {self._pairs()},
units AS (
    SELECT {group}, unit, count(*) AS size, {self._total("score")} AS score
    FROM pairs WHERE likely GROUP BY {group}, unit
)
SELECT {group}, count(*) AS units, {self._squares("score * score")} AS squares,
       {self._total("score * size")} AS crossed, CAST(sum(size * size) AS DOUBLE) AS sizes
FROM units GROUP BY {group} ORDER BY {group}
"""

    def by_pattern(self, newest: int) -> str:
        """Return the statement of the sums by action over units decided about in the same cycles.

        Reads a fourth relation, ``kept``: the cycles of each action that count, none above `newest`. What is multiplied
        by the number of the cycle is added up in parts that are coarser by as much.
        """
        coarser = max(newest, 1).bit_length()
        return f"""
WITH {self._pairs()},
units AS (
    SELECT pairs.action_id, pairs.unit, count(*) AS size, sum(pairs.cycle) AS x, sum(pairs.cycle * pairs.cycle) AS xx,
           {self._total("score")} AS y, {self._total("score * pairs.cycle")} AS xy
    FROM pairs JOIN kept ON kept.action_id = pairs.action_id AND kept.cycle = pairs.cycle
    WHERE likely GROUP BY pairs.action_id, pairs.unit
)
SELECT action_id, CAST(size AS DOUBLE) AS size, CAST(x AS DOUBLE) AS x, CAST(xx AS DOUBLE) AS xx,
       CAST(count(*) AS DOUBLE) AS clusters, {self._total("y")} AS y, {self._total("xy")} AS xy,
       {self._squares("y * y")} AS yy, {self._squares("y * xy", coarser)} AS yxy,
       {self._squares("xy * xy", 2 * coarser)} AS xyxy
FROM units GROUP BY action_id, size, x, xx ORDER BY action_id, size, x, xx
"""

    def by_segment(self, features: Sequence[str] = ()) -> str:
        """Return the statement of the sums by action, segment and bin; `features` are columns of ``seen``.

        Bins are those of ten equal counts of what is expected without the action, over the decisions that drew it or
        none.
        """
        shares = ", ".join(f"{i / BINS!r}" for i in range(1, BINS))
        edges = (f"edges[{i}] + {SLACK:e} * abs(edges[{i}])" for i in range(1, BINS))
        place = " + ".join(f"CASE WHEN mu_none > {edge} THEN 1 ELSE 0 END" for edge in edges)
        sums = "".join(f", {self._total(name)} AS {name}" for name in features)
        return f"""
WITH {self._pairs(*features)},
levels AS (
    SELECT action_id, quantile_cont(mu_none, [{shares}]) AS edges
    FROM pairs WHERE likely AND compared GROUP BY action_id
),
binned AS (
    SELECT pairs.*, {place} AS bin FROM pairs JOIN levels ON levels.action_id = pairs.action_id WHERE likely
)
SELECT action_id, segment AS place, bin, {_COUNTS}, {self._total("score")} AS score,
       {self._total("inverse")} AS inverse, {self._squares("squared * weight")} AS residual,
       {self._total("weight")} AS weight{sums}
FROM binned GROUP BY action_id, segment, bin ORDER BY action_id, segment, bin
"""

    def _pairs(self, *columns: str) -> str:
        """Return the relation ``pairs``: each decision and action beside none, with the score and what it rests on.

        Where an arm had next to no chance the row is not ``likely``, and holds no score: it would be without bound.
        """
        further = "".join(f", seen.{name}" for name in columns)
        return f"""drawn AS (
    SELECT a.action_id, least(a.p, n.p) AS least_chance, least(a.p, n.p) >= {LEAST_CHANCE:e} AS likely,
           greatest(a.p, {LEAST_CHANCE:e}) AS p_action, greatest(n.p, {LEAST_CHANCE:e}) AS p_none,
           n.mu_money AS mu_none, a.gamma_money - n.gamma_money AS difference, n.gamma_money AS gamma,
           CASE WHEN seen.drawn = a.action_id THEN a.mu_money ELSE n.mu_money END AS mu,
           seen.drawn = a.action_id AS drew_action, seen.drawn = '{NO_ACTION}' AS drew_none,
           seen.cycle, seen.decided_at, seen.unit, seen.segment, seen.outcome, seen.responded{further}
    FROM {self.scores} AS a
    JOIN {self.scores} AS n ON n.decision_id = a.decision_id AND n.action_id = '{NO_ACTION}'
    JOIN seen ON seen.decision_id = a.decision_id
    WHERE a.action_id <> '{NO_ACTION}' AND seen.cycle NOT IN (SELECT cycle FROM late)
),
pairs AS (
    SELECT *, CASE WHEN likely THEN difference ELSE 0 END AS score,
           CASE WHEN likely THEN gamma ELSE 0 END AS gamma_none,
           drew_action OR drew_none AS compared, (outcome - mu) * (outcome - mu) AS squared,
           1 / p_action + 1 / p_none AS inverse,
           CASE WHEN drew_action OR drew_none THEN 1 / (p_action + p_none) ELSE 0 END AS weight
    FROM drawn
)"""

    def _total(self, expression: str) -> str:
        """Return the SQL of a sum that is the same in any order of rows."""
        return _exact(expression, BITS)

    def _squares(self, expression: str, coarser: int = 0) -> str:
        """Return the same of an expression in money squared, in parts 2^`coarser` times as large."""
        return _exact(expression, self.bits - coarser)


def _exact(expression: str, bits: int) -> str:
    one = f"{2.0**bits:.17e}"
    return f"CAST(sum(CAST(round(({expression}) * {one}) AS HUGEINT)) AS DOUBLE) / {one}"
