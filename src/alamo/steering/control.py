"""Control groups: customers held out of everything for several cycles at a time, and customers held out of one action.

The universal control is handed over without a gap. Every customer has one place on a circle, by a salted hash that
never changes. The control of a period is an arc of the circle, that of the next period the arc after it: groups that
follow each other have nobody in common, every customer is as likely as any other to be in each of them, and everybody
is held out once before anybody is a second time.

At a hand-over both arcs are held out. The arc to come waits (the washout): what its customers were sent before has to
have worked off before they stand for customers who are sent nothing. The arc before stays the control meanwhile, until
one outcome window later, so that no cycle is without a control and the last decisions of the old one mature untouched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.policy import PolicySnapshot
from alamo.domain.settings import ControlSettings
from alamo.numerics.hashing import uniforms

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UniversalControl:
    """Who is held out of everything in one cycle.

    Attributes
    ----------
    salt
        Of the places on the circle, the same in every cycle.
    share
        Length of an arc.
    start
        Where the arc in force begins, in [0, 1).
    waiting
        Where the arc begins that is held out to take over; None outside a hand-over.
    """

    salt: str
    share: float
    start: float = 0.0
    waiting: float | None = None

    def held_out(self, keys: npt.NDArray[np.uint64]) -> tuple[Flags, Flags]:
        """Return who receives nothing, and who of them waits to become the control, shape (n,) each."""
        place = uniforms(keys, self.salt)
        control = _inside(place, self.start, self.share)
        if self.waiting is None:
            return control, np.zeros(len(control), dtype=bool)
        waits = _inside(place, self.waiting, self.share) & ~control
        return control | waits, waits


def universal_control(salt: str, cycle: int, control: ControlSettings, washout_cycles: int) -> UniversalControl:
    """Return who is held out in `cycle`, counted from 1, under the project's `salt`.

    Parameters
    ----------
    washout_cycles
        Cycles at the start of each period but the first in which the new control waits and the old one still counts;
        at most a whole period.
    """
    period, place = divmod(cycle - 1, max(control.universal_cycles, 1))
    share, circle = control.universal_share, f"{salt}/universal/0"
    if period > 0 and place < washout_cycles:
        return UniversalControl(circle, share, _arc(period - 1, share), _arc(period, share))
    return UniversalControl(circle, share, _arc(period, share))


def universal_of(policy: PolicySnapshot) -> UniversalControl:
    """Return who is held out under a policy."""
    return UniversalControl(
        policy.universal_salt, policy.universal_share, policy.universal_start, policy.universal_waiting
    )


def in_own_control(keys: npt.NDArray[np.uint64], salt: str, action_id: str, share: float) -> Flags:
    """Return who is held out of one action for good, shape (n,); of a larger share, the same customers and others."""
    return np.asarray(uniforms(keys, f"{salt}/control/{action_id}") < share)


def washout_of(window_days: int, cycle_days: int) -> int:
    """Return how many cycles an outcome window takes, at least one."""
    return max(-(-window_days // cycle_days), 1)


def stint_of(cycles: npt.NDArray[np.int64], control: ControlSettings, washout_cycles: int) -> npt.NDArray[np.int64]:
    """Return the number of the control group that counts in each cycle, from 0, shape (n,)."""
    length = max(control.universal_cycles, 1)
    late = (cycles - 1) % length < min(washout_cycles, length)
    return np.maximum((cycles - 1) // length - late, 0)


def _arc(period: int, share: float) -> float:
    return period * share % 1.0


def _inside(place: npt.NDArray[np.float64], start: float, share: float) -> Flags:
    return np.asarray((place - start) % 1.0 < share)
