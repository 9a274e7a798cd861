"""A check of model health, and the verdict on many of them: false alarms are rare over everything that is looked at.

With several kinds of checks on every action and three dozen features something always sticks out. So within a kind
p-values are adjusted by Holm, and each kind gets an equal part of the chance of a false alarm: in a cycle in which
nothing is wrong, any check at all fails with a chance of at most 1 − level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from alamo.domain.health_table import CHECKS, HEALTH
from alamo.numerics.multiplicity import holm

_KINDS = {
    "calibration level": "calibration",
    "calibration slope": "calibration",
    "challenger loss": "challenger",
}
FAMILIES = len({_KINDS.get(check, check) for check in CHECKS})
"""Kinds that share the chance of a false alarm: level and slope of calibration are one, and so are challengers."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of what was promised with what came.

    Attributes
    ----------
    aspect, subject
        See the columns of HEALTH.
    n
        Independent customers.
    reason
        In words; where nothing could be tested, why, and what would cure it.
    expected, found, value, lower, upper, threshold
        See the columns of HEALTH.
    p_value
        Of this check alone; None: it is refused. After `judged`: adjusted.
    matters
        Verdict if chance does not explain it: ``fails``, ``watch``, ``keep`` or ``replace`` the model, or ``holds``
        where it is too small to matter.
    otherwise
        Verdict if chance may explain it.
    verdict
        Filled in by `judged`.
    """

    aspect: str
    subject: str
    n: int
    reason: str
    expected: float | None = None
    found: float | None = None
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    matters: str = "fails"
    otherwise: str = "holds"
    verdict: str = "refused"

    @property
    def family(self) -> str:
        """The kind of checks that p-values are adjusted within."""
        return _KINDS.get(self.aspect, self.aspect)


def judged(checks: Sequence[Check], level: float) -> tuple[Check, ...]:
    """Return the checks of one cycle with adjusted p-values and verdicts.

    Parameters
    ----------
    checks
        All checks of a kind together; kinds may come apart, each has its own part of 1 − `level`.
    level
        Chance that nothing fails where nothing is wrong.

    Source: Holm (1979), §2, within a kind; Bonferroni between the kinds.
    """
    adjusted: dict[int, float] = {}
    for family in {check.family for check in checks}:
        mine = [i for i, check in enumerate(checks) if check.family == family and check.p_value is not None]
        raw = np.array([checks[i].p_value for i in mine], dtype=np.float64)
        adjusted |= dict(zip(mine, np.minimum(FAMILIES * holm(raw), 1.0).tolist(), strict=True))
    return tuple(
        check if i not in adjusted else replace(check, p_value=adjusted[i], verdict=_verdict(check, adjusted[i], level))
        for i, check in enumerate(checks)
    )


def _verdict(check: Check, p_value: float, level: float) -> str:
    return check.matters if p_value < 1.0 - level else check.otherwise


def health_table(checks: Sequence[Check], *, cycle: int, model: str, as_of: datetime) -> pa.Table:
    """Return HEALTH of judged checks, in the order of the kinds."""
    ordered = sorted(checks, key=lambda check: CHECKS.index(check.aspect))
    names = ("aspect", "subject", "expected", "found", "value", "lower", "upper", "threshold", "p_value", "verdict")
    rows = [
        {name: getattr(check, name) for name in names}
        | {"reason": check.reason, "n": check.n, "model": model, "cycle": cycle, "as_of": as_of}
        for check in ordered
    ]
    return HEALTH.check(pa.Table.from_pylist(rows, schema=HEALTH.schema))
