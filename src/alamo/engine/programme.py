"""What is compared with whom over all cycles: the programme with the universal control, an action with its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.reasons import Refusal
from alamo.engine.context import Context
from alamo.inference import programme_effect
from alamo.numerics.hashing import unit_keys
from alamo.steering.control import in_own_control, stint_of, universal_of, washout_of


def compared_rows(context: Context, observations: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return the loop's own decisions, and the number of the universal control that each is compared with.

    Experiments knew none; and who was held out to take over as the control was neither in it nor in the programme.
    """
    own = observations.filter(pc.greater_equal(observations["cycle"], 1))
    own = own.filter(pa.array(~_waited(context, own)))
    settings = context.settings
    washout = washout_of(settings.outcome.window_days, settings.cycle_days)
    return own, stint_of(np.asarray(own["cycle"], dtype=np.int64), settings.control, washout)


def own_controls(
    context: Context, own: pa.Table, *, as_of: datetime, charged: Mapping[str, float]
) -> tuple[list[dict[str, Any]], list[Refusal]]:
    """Return what each action that has a control of its own adds to everything else, and why one has no estimate.

    Everybody to whom it may be open with everybody in its control, per decision since it was first open to anybody,
    whoever drew what: the other actions took its place where it was not open. By unit, like the programme.

    Parameters
    ----------
    own
        Decisions of the loop, `compared_rows`.
    as_of
        Moment of the estimate (UTC).
    charged
        Decision → what its outcome was charged for a lost permission.
    """
    rows: list[dict[str, Any]] = []
    refusals: list[Refusal] = []
    open_rows = own.filter(pc.invert(own["universal_control"]))
    for action in context.actions:
        first = _first_cycle(context, action.id) if action.control_share else None
        if first is None:
            continue
        table = open_rows.filter(pc.greater_equal(open_rows["cycle"], first))
        keys = unit_keys(table["unit_id"].to_pylist())
        held = in_own_control(keys, context.settings.salt, action.id, action.control_share)
        place = table.schema.get_field_index("universal_control")
        compared = table.set_column(place, "universal_control", pa.array(held))
        found, refused = programme_effect(
            compared, as_of=as_of, level=context.settings.inference.level, charged=charged
        )
        names = ("mean_money", "se", "lower", "upper", "n", "n_control", "baseline_money", "found")
        about = {"action": action.id, "since_cycle": first}
        rows += [about | {name: row[name] for name in names} for row in found.to_pylist()]
        refusals += [_of_its_own(action.id, held, table) for _ in refused]
    return rows, refusals


def _of_its_own(action_id: str, held: npt.NDArray[np.bool_], table: pa.Table) -> Refusal:
    units = np.asarray(table["unit_id"].to_numpy(zero_copy_only=False))
    few = len(np.unique(units[held]))
    what = f"{action_id} against its own control"
    return Refusal(what, f"the control has {few} units, 20 are needed", "set a larger control in the action's file")


def _first_cycle(context: Context, action_id: str) -> int | None:
    """Return the first matured cycle of the loop in which the action was open to anybody."""
    found = context.history.query(
        "SELECT min(cycle) AS cycle FROM dr_scores WHERE action_id = $action AND cycle >= 1", {"action": action_id}
    )["cycle"][0].as_py()
    return None if found is None else int(found)


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
