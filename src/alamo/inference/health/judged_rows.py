"""What was predicted for a decision beside its doubly robust score, as arrays of one action."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.inference.outcomes import column
from alamo.inference.segment_effects import LEAST_PER_ARM
from alamo.numerics.confidence_sequence import LEAST_CHANCE, LEAST_NONZERO
from alamo.numerics.moments import codes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """Decisions at which one action and none both had a chance; shapes (n,).

    Attributes
    ----------
    action_id
        The action.
    effect
        Γ(a) − Γ(none), money, net of cost.
    predicted, shared_sd
        Value predicted before the cycle, and the part of its standard deviation that all customers share; NaN where
        nothing was predicted.
    weight
        p(a)·p(none)/(p(a) + p(none)): the precision of `effect` up to the outcome's variance. Known before the draw.
    unit, cycle
        Code of the customer (unit of randomisation), and the cycle.
    drew_action, drew_none
        Whether either was drawn.
    bought
        Whether the decision's window shows any margin.
    """

    action_id: str
    effect: Floats
    predicted: Floats
    shared_sd: Floats
    weight: Floats
    unit: Integers
    cycle: Integers
    drew_action: Bools
    drew_none: Bools
    bought: Bools

    @property
    def n_units(self) -> int:
        """Independent customers."""
        return len(np.unique(self.unit))

    @property
    def few(self) -> str:
        """Say what is too little to judge by; empty where it is enough."""
        least = int(min(self.drew_action.sum(), self.drew_none.sum()))
        if least >= LEAST_PER_ARM:
            return ""
        return f"only {least} decisions in the smaller arm, {LEAST_PER_ARM} are needed; wait for the next cycle"

    @property
    def few_buyers(self) -> str:
        """Say that too few bought for a mean to have the error that it seems to have; empty where enough did.

        Where an arm is small and orders are rare, it often shows none at all: the mean is then far off, and nothing in
        the rows says so.
        """
        least = int(min((self.bought & drew).sum() for drew in (self.drew_action, self.drew_none)))
        if least >= LEAST_NONZERO:
            return ""
        return f"only {least} bought in the smaller arm, {LEAST_NONZERO} are needed; wait for the next cycle"

    def part(self, rows: Bools) -> JudgedRows:
        """Return the decisions that `rows` marks, shape (n,)."""
        whole = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "action_id"}
        return JudgedRows(self.action_id, **{name: values[rows] for name, values in whole.items()})


def judged_rows(table: pa.Table) -> Iterator[JudgedRows]:
    """Yield the rows of each action, in order of its name.

    Parameters
    ----------
    table
        One row per decision and action it could have drawn: ``action_id, unit_id, cycle, drawn`` (the action drawn),
        ``p, p_none, effect_money, bought`` and, where a prediction is judged, ``value_mean_money, shared_sd_money``.
    """
    unit, _ = codes(np.asarray(table["unit_id"].to_numpy(zero_copy_only=False)))
    p, p_none = column(table, "p"), column(table, "p_none")
    open_ = (p >= LEAST_CHANCE) & (p_none >= LEAST_CHANCE)
    for action_id in sorted(pc.unique(table["action_id"]).to_pylist()):
        rows = np.flatnonzero(open_ & np.asarray(pc.equal(table["action_id"], action_id), dtype=bool))
        mine = table.take(pa.array(rows))
        drawn = mine["drawn"]
        yield JudgedRows(
            action_id=action_id,
            effect=column(mine, "effect_money"),
            predicted=_optional(mine, "value_mean_money"),
            shared_sd=_optional(mine, "shared_sd_money"),
            weight=p[rows] * p_none[rows] / (p[rows] + p_none[rows]),
            unit=unit[rows],
            cycle=np.asarray(mine["cycle"], dtype=np.int64),
            drew_action=np.asarray(pc.equal(drawn, action_id), dtype=bool),
            drew_none=np.asarray(pc.equal(drawn, NO_ACTION), dtype=bool),
            bought=np.asarray(mine["bought"], dtype=bool),
        )


def _optional(table: pa.Table, name: str) -> Floats:
    return column(table, name) if name in table.column_names else np.full(table.num_rows, np.nan)
