"""Ratio check of the loop: was each action drawn as often as its logged probabilities say?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from alamo.inference.effect_sums import CycleSums
from alamo.numerics.ratio_check import MISMATCH, looked_at, mixture_log_e, tilted_from_sums


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """The draws of one action, and of none beside it, looked at after every cycle.

    Attributes
    ----------
    p_value
        Always-valid p-value of "drawn as logged", the smallest so far.
    drawn, expected
        How often the action was drawn, and how often it should have been.
    tripped_cycle, tripped_at
        Cycle after which the check first failed, and the moment of its last decision (UTC); None while it holds.
    """

    p_value: float
    drawn: int
    expected: float
    tripped_cycle: int | None = None
    tripped_at: datetime | None = None

    @property
    def mismatch(self) -> bool:
        """Whether the log contradicts itself."""
        return self.p_value <= MISMATCH

    def to_dict(self) -> dict[str, Any]:
        """Return the check as JSON-able values."""
        since = None if self.tripped_at is None else self.tripped_at.date().isoformat()
        return {
            "p_value": self.p_value,
            "drawn": self.drawn,
            "expected": self.expected,
            "tripped_cycle": self.tripped_cycle,
            "tripped_on": since,
        }


def ratio_check(cycles: CycleSums) -> RatioCheck:
    """Test the draws of one action, and of none beside it; a check that has failed once has failed.

    The smaller of the two always-valid p-values, doubled (Bonferroni).
    """
    arms = ((cycles.n_action, cycles.tilt_action), (cycles.n_control, cycles.tilt_control))
    largest = [mixture_log_e(np.cumsum(tilted_from_sums(drawn[:, None], tilt), axis=0)) for drawn, tilt in arms]
    smallest, tripped = looked_at(np.maximum(*largest), len(arms))
    return RatioCheck(
        p_value=smallest,
        drawn=int(cycles.n_action.sum()),
        expected=float(cycles.expected.sum()),
        tripped_cycle=None if tripped is None else int(cycles.cycle[tripped]),
        tripped_at=None if tripped is None else cycles.decided_at[tripped],
    )
