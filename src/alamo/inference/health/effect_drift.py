"""Effect drift: does an action still change what it changed in earlier cycles?"""

from __future__ import annotations

import numpy as np

from alamo.inference.health.checks import Check
from alamo.inference.health.judged_rows import JudgedRows
from alamo.inference.segment_effects import LEAST_PER_ARM
from alamo.numerics.clustered import homogeneity
from alamo.numerics.moments import codes
from alamo.numerics.normal import z_value

EFFECT_DRIFT = "effect drift"
_ALIKE = 1e-9
"""Effects that differ by less than this part of themselves are one number, rounded."""


def effect_drift(rows: JudgedRows, level: float) -> Check:
    """Return whether the effects of all cycles so far are one, and how far the newest is from the others.

    `value` is the newest cycle's effect less the precision-weighted mean of the earlier ones; the p-value is that of
    Cochran's Q over all cycles with the covariance between cycles that recurring customers bring, so a swing between
    two older cycles counts too.

    Parameters
    ----------
    rows
        Of all cycles up to the one judged; cycles with few decisions in either arm are left out, and such in which
        all decisions show the same (a free message, and nobody bought): they have no error to judge by.
    level
        Of the interval.

    Assumes
    -------
    The same kind of customers is decided about: where another group became eligible, its effect may differ although
    no customer's has changed. Feature drift says so.
    """
    enough = [cycle for cycle in np.unique(rows.cycle).tolist() if _can_be_judged(rows.part(rows.cycle == cycle))]
    used = np.isin(rows.cycle, enough)
    effect, unit = rows.effect[used], rows.unit[used]
    cell, k = codes(rows.cycle[used])
    n_units = len(np.unique(unit))
    if k < 2 or n_units <= k or enough[-1] != rows.cycle.max():
        reason = f"an effect can drift from the second cycle on in which each arm has {LEAST_PER_ARM} decisions"
        told = f"{reason} and not all show the same; so far there are {len(enough)}"
        return Check(EFFECT_DRIFT, rows.action_id, n_units, told)
    found = homogeneity(effect, cell, unit)
    half = z_value(level) * found.newest_gap_se
    swings = ", ".join(f"{mean:+.3g}" for mean in found.means)
    return Check(
        EFFECT_DRIFT,
        rows.action_id,
        n_units,
        f"effect per decision in cycles {enough[0]} to {enough[-1]}: {swings}; Q = {found.q:.1f}, by chance up to "
        f"{found.threshold(level):.1f}",
        expected=found.means[-1] - found.newest_gap,
        found=found.means[-1],
        value=found.newest_gap,
        lower=found.newest_gap - half,
        upper=found.newest_gap + half,
        threshold=0.0,
        p_value=found.p_value,
    )


def _can_be_judged(rows: JudgedRows) -> bool:
    spread = float(np.ptp(rows.effect))
    return not rows.few and spread > _ALIKE * float(np.abs(rows.effect).max())
