"""What the programme as a whole is compared on: which decisions, and with which universal control."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.engine.context import Context
from alamo.numerics.hashing import unit_keys
from alamo.steering.control import stint_of, universal_of, washout_of


def compared_rows(context: Context, observations: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return the loop's own decisions, and the number of the universal control that each is compared with.

    Experiments knew none; and who was held out to take over as the control was neither in it nor in the programme.
    """
    own = observations.filter(pc.greater_equal(observations["cycle"], 1))
    own = own.filter(pa.array(~_waited(context, own)))
    settings = context.settings
    washout = washout_of(settings.outcome.window_days, settings.cycle_days)
    return own, stint_of(np.asarray(own["cycle"], dtype=np.int64), settings.control, washout)


def _waited(context: Context, observations: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which decisions were about somebody held out to take over as the universal control, shape (n,)."""
    waited = np.zeros(observations.num_rows, dtype=bool)
    cycle = np.asarray(observations["cycle"])
    for plan in context.state.plans.all():
        mine = cycle == plan.cycle
        if plan.state == "launched" and plan.summary.get("washout") and mine.any():
            keys = unit_keys(observations["unit_id"].filter(pa.array(mine)).to_pylist())
            _, waited[mine] = universal_of(context.shelf.get(plan.policy_version)).held_out(keys)
    return waited
