"""What the decisions of one plan brought against contacting nobody, with the law that it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.inference.programme import DecisionGains
from alamo.numerics.skewed_mean import SkewedMean


@dataclass(frozen=True, slots=True)
class PlanGain:
    """The doubly robust gain of a plan's decisions, in money.

    Attributes
    ----------
    total
        Over all of them, with errors over customers.
    n
        Decisions.
    buyers
        Decisions whose window shows any margin: of those that drew an action, and of those that could have and drew
        none.
    """

    total: SkewedMean
    n: int
    buyers: tuple[int, int]

    @classmethod
    def of(cls, scored: pa.Table, observations: pa.Table) -> Self:
        """Measure a plan.

        Parameters
        ----------
        scored
            DR_SCORES of its cycle; those of other plans are left out.
        observations
            ``decision_id, action_id, bought`` of its decisions.
        """
        mine = pc.is_in(scored["decision_id"], value_set=observations["decision_id"].combine_chunks())
        gains = DecisionGains.of(scored.filter(mine), observations, {})
        place = pc.index_in(gains.decision_id, value_set=observations["decision_id"].combine_chunks())
        drew_none = np.asarray(pc.equal(observations["action_id"], NO_ACTION).take(place), dtype=bool)
        bought = np.asarray(observations["bought"].take(place), dtype=bool) & gains.reachable
        n = len(gains.gain)
        buyers = (int((bought & ~drew_none).sum()), int((bought & drew_none).sum()))
        return cls(SkewedMean.of(gains.gain, gains.unit).times(float(n)), n, buyers)
