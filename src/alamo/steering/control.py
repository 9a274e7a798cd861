"""The universal control: customers held out of everything, for several cycles at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alamo.domain.settings import ControlSettings
from alamo.numerics.hashing import uniforms


def universal_salt(salt: str, cycle: int, control: ControlSettings) -> str:
    """Return the salt of the universal control in force in `cycle`; it changes every `universal_cycles` cycles."""
    period = (cycle - 1) // max(control.universal_cycles, 1)
    return f"{salt}/universal/{period}"


def in_universal_control(keys: npt.NDArray[np.uint64], salt: str, share: float) -> npt.NDArray[np.bool_]:
    """Return which customers are held out: those whose salted hash lies below `share`, shape (n,)."""
    return np.asarray(uniforms(keys, salt) < share)
