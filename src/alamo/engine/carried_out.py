"""Decisions as they were carried out: what a stopped launch leaves of those that were drawn, with their probabilities.

A launch hands each action's deliveries over in the order of their decisions' ids. A stop cuts that order: every
decision of the action before the cut was carried out, none after it. A decision's id is a hash that has nothing to do
with its customer, so behind the cut the action simply could not be had, whoever would have drawn it: there its
probability belongs to *no action*, in the rows that drew it and in those that did not. What remains is again a decision
with a known probability, so that nobody counts as treated who was not, and effects stay unbiased whenever a launch is
stopped.

Assumes that when to stop was not decided by the outcomes of those behind the cut: nobody had written to them.

Not supported: an action whose deliveries did not go out in that order. It stays as it was drawn (intention to treat).

Source: inverse probabilities of a design that is known, given the hash (Horvitz and Thompson 1952); the cut is a
stopping rule on an exchangeable order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.action import NO_ACTION
from alamo.domain.reasons import DecisionReason
from alamo.domain.records import LedgerRow
from alamo.domain.tables import DECISIONS

Flags = npt.NDArray[np.bool_]


def cuts(rows: Sequence[LedgerRow]) -> dict[str, str]:
    """Return action → the id of its first decision that was not carried out; an empty id where none was.

    Actions that were carried out whole, or in another order, are absent. ``dropped`` rows say nothing: who may not be
    written to is left out on either side of the cut.
    """
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for row in rows:
        if row.state == "cancelled":
            first[row.action_id] = min(row.decision_id, first.get(row.action_id, row.decision_id))
        elif row.state != "dropped":
            last[row.action_id] = max(row.decision_id, last.get(row.action_id, row.decision_id))
    return {action: cut if action in last else "" for action, cut in first.items() if last.get(action, "") < cut}


def as_carried_out(decisions: pa.Table, rows: Sequence[LedgerRow]) -> pa.Table:
    """Return the `decisions` (DECISIONS) of a plan as its ledger `rows` say they were carried out, in their order."""
    cut = cuts(rows)
    if not cut or not decisions.num_rows:
        return decisions
    ids = decisions["decision_id"].to_numpy(zero_copy_only=False).astype(str)
    drawn = decisions["action_id"].to_numpy(zero_copy_only=False).astype(str)
    lists, chances = (decisions[name].combine_chunks() for name in ("eligible", "p"))
    row_of = np.asarray(lists.value_parent_indices())
    names = lists.flatten().to_numpy(zero_copy_only=False).astype(str)
    p = np.asarray(chances.flatten(), dtype=np.float64)
    gone = _behind(cut, names, ids[row_of])
    none = names == NO_ACTION
    moved = np.bincount(row_of[gone], weights=p[gone], minlength=len(ids))
    p = np.where(none, np.minimum(p + moved[row_of], 1.0), p)
    changed = _behind(cut, drawn, ids)
    is_none = (drawn == NO_ACTION) | changed
    p_none = np.zeros(len(ids))
    p_none[row_of[none]] = p[none]
    kept = np.bincount(row_of[~gone], minlength=len(ids))
    offsets = pa.array(np.concatenate([[0], np.cumsum(kept)]).astype(np.int32))
    reasons = decisions["reason"].to_numpy(zero_copy_only=False)
    new = {
        "action_id": pa.array(np.where(changed, NO_ACTION, drawn).tolist(), pa.string()),
        "eligible": pa.ListArray.from_arrays(offsets, pa.array(names[~gone].tolist(), pa.string())),
        "p": pa.ListArray.from_arrays(offsets, pa.array(p[~gone])),
        "p_action": pa.array(np.where(is_none, p_none, decisions["p_action"].to_numpy())),
        "reason": pa.array(np.where(changed, DecisionReason.STOPPED.value, reasons).tolist(), pa.string()),
    }
    for name in ("value_mean_money", "net_money", "cost_money"):
        new[name] = pa.array(np.where(changed, 0.0, decisions[name].to_numpy()))
    columns = {name: new.get(name, decisions[name]) for name in decisions.column_names}
    return DECISIONS.check(pa.table(columns))


def _behind(cut: dict[str, str], actions: npt.NDArray[np.str_], ids: npt.NDArray[np.str_]) -> Flags:
    """Return whether each pair of action and decision lies behind the cut of the action."""
    out = np.zeros(len(ids), dtype=bool)
    for action, first in cut.items():
        mine = actions == action
        out[mine] = ids[mine] >= first
    return out
