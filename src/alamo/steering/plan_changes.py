"""From one plan to another in people and money: who moves from which action to which, what that brings and costs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.steering.plan import Gain

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ABSENT = "not planned"
"""Stands for the action of a customer whom only the other plan decides."""
_JOIN = "\x1f"


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes from one plan to another.

    Attributes
    ----------
    moves
        One row per pair of actions that somebody moves between: ``from to customers gain_money cost_money``; the gain
        is null where a score of one of the two is not known.
    same
        Customers who keep what they had.
    gain
        Change of the expected gain over all moves whose scores are known, with its interval; None if there is none.
    cost_money
        Change of the cost of those moves.
    unscored
        Customers who move and have no score for one of the two actions.
    """

    moves: tuple[dict[str, Any], ...]
    same: int
    gain: Gain | None
    cost_money: float
    unscored: int


def changes(before: pa.Table, after: pa.Table, scores: pa.Table, level: float) -> Changes:
    """Return the changes between two sets of decisions (``customer_id action_id``) by `scores` (SCORES).

    The same scores value both sides. The interval of the change holds what the scores are unsure about: what customers
    share of an action's error counts once for all who come to it or leave it, so that it cancels where as many do both.
    """
    customers = pc.unique(
        pa.chunked_array([*before["customer_id"].chunks, *after["customer_id"].chunks], type=pa.string())
    )
    names = _names(before, after)
    old, new = (_actions(table, customers, names) for table in (before, after))
    moved = np.flatnonzero(old != new)
    left, come = (_Scored.of(scores, customers.take(pa.array(moved)), names, which[moved]) for which in (old, new))
    gain, cost = come.value - left.value, come.cost - left.cost
    known = np.isfinite(gain)
    pair = old[moved] * len(names) + new[moved]
    moves = [
        _move((names[code // len(names)], names[code % len(names)]), gain[pair == code], cost[pair == code])
        for code in np.unique(pair)
    ]
    return Changes(
        moves=tuple(sorted(moves, key=lambda row: -int(row["customers"]))),
        same=len(customers) - len(moved),
        gain=_total(left, come, (old[moved], new[moved]), known, level) if known.any() else None,
        cost_money=float(cost[known].sum()),
        unscored=int((~known).sum()),
    )


def _move(pair: tuple[str, str], gain: Floats, cost: Floats) -> dict[str, Any]:
    known = bool(np.isfinite(gain).all())
    return {
        "from": pair[0],
        "to": pair[1],
        "customers": len(gain),
        "gain_money": float(gain.sum()) if known else None,
        "cost_money": float(cost.sum()) if known else None,
    }


def _names(before: pa.Table, after: pa.Table) -> list[str]:
    found = {name for table in (before, after) for name in pc.unique(table["action_id"]).to_pylist()}
    return [ABSENT, NO_ACTION, *sorted(found - {NO_ACTION})]


def _actions(table: pa.Table, customers: pa.Array, names: list[str]) -> Ints:
    """Return the action of each of the `customers` as a position in `names`, 0 where the table does not have them."""
    row = pc.index_in(customers, value_set=table["customer_id"])
    code = pc.index_in(table["action_id"], value_set=pa.array(names, pa.string())).combine_chunks().take(row)
    return np.asarray(pc.fill_null(code, 0).to_numpy(zero_copy_only=False), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Value, cost and standard deviations of what each customer gets; NaN where there is no score, 0 for no action."""

    value: Floats
    cost: Floats
    sd: Floats
    shared: Floats

    @classmethod
    def of(cls, scores: pa.Table, customers: pa.Array, names: list[str], action: Ints) -> _Scored:
        """Return the scores of `customers` for their `action`."""
        wanted = pc.binary_join_element_wise(customers, pa.array(names, pa.string()).take(pa.array(action)), _JOIN)
        keys = pc.binary_join_element_wise(scores["customer_id"], scores["action_id"], _JOIN)
        row = pc.index_in(wanted, value_set=keys)
        nothing = action == names.index(NO_ACTION)
        columns = ("value_mean_money", "cost_money", "value_sd_money", "shared_sd_money")
        found = (
            np.asarray(scores[name].combine_chunks().take(row).to_numpy(zero_copy_only=False), dtype=np.float64)
            for name in columns
        )
        return cls(*(np.where(nothing, 0.0, values) for values in found))


def _total(
    left: _Scored, come: _Scored, actions: tuple[Ints, Ints], known: npt.NDArray[np.bool_], level: float
) -> Gain:
    """Return the change of the gain with its interval; actions count as measured independently."""
    size = int(max(actions[0].max(), actions[1].max())) + 1
    shared, own = np.zeros(size), 0.0
    for sign, side, action in ((-1.0, left, actions[0]), (1.0, come, actions[1])):
        common = np.minimum(side.shared, side.sd)
        shared += sign * np.bincount(action[known], common[known], size)
        own += float((side.sd[known] ** 2 - common[known] ** 2).sum())
    z = NormalDist().inv_cdf(0.5 + level / 2)
    mean = float((come.value - left.value)[known].sum())
    half_width = z * float((shared**2).sum() + own) ** 0.5
    return Gain(mean, mean - half_width, mean + half_width)
