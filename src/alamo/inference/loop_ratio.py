"""Ratio check of the loop: was each action drawn as often as its logged probabilities say?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alamo.inference.loop_rows import ActionRows, LoopLog
from alamo.numerics.ratio_check import MISMATCH, mixture_log_e, p_value, tilted_log_likelihoods


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """Always-valid p-value of "drawn as logged", how often the action was drawn, and how often it should have been."""

    p_value: float
    drawn: int
    expected: float

    @property
    def mismatch(self) -> bool:
        """Whether the log contradicts itself."""
        return self.p_value <= MISMATCH

    def to_dict(self) -> dict[str, float]:
        """Return the check as JSON-able values."""
        return {"p_value": self.p_value, "drawn": self.drawn, "expected": self.expected}


def ratio_check(log: LoopLog, data: ActionRows) -> RatioCheck:
    """Test the draws of one action, and of none beside it, looked at after every cycle.

    The smaller of the two always-valid p-values, doubled (Bonferroni).
    """
    cycle = log.cycle[data.place]
    worst = -np.inf
    for drawn, p in ((data.drew_action, data.p_action), (data.drew_none, data.p_none)):
        total = np.zeros(1)
        for number in np.unique(cycle):
            rows = cycle == number
            total = total + tilted_log_likelihoods(drawn[rows], p[rows])
            worst = max(worst, mixture_log_e(total))
    return RatioCheck(
        p_value=min(1.0, 2.0 * p_value(worst)),
        drawn=int(data.drew_action.sum()),
        expected=float(data.p_action.sum()),
    )
