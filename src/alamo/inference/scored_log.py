"""The loop's log as SQL sees it: scores in the warehouse, decisions beside them, statements that add them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.ports import Warehouse
from alamo.inference.effect_statements import BITS, Statements
from alamo.inference.loop_rows import feature_matrix
from alamo.inference.outcomes import column

Floats = npt.NDArray[np.float64]

UNKNOWN = "unknown"
"""Segment or stage of a decision of which nothing was known, such as those of an imported experiment."""

_ORDINARY_MONEY = 1e6
"""Over the least chance, squared, and in parts of 2^−`BITS`, a hundred of these fit in a sum."""


@dataclass(frozen=True, slots=True)
class ScoredLog:
    """Scores in a warehouse beside the decisions they are of.

    Attributes
    ----------
    warehouse
        Runs the statements.
    statements
        Writes them.
    relations
        What they read besides the warehouse's tables.
    segments
        Names of the segments, by the number they have in SQL.
    features
        Names of the features that segment effects are regressed on.
    """

    warehouse: Warehouse
    statements: Statements
    relations: Mapping[str, pa.Table]
    segments: tuple[str, ...]
    features: tuple[str, ...]

    @classmethod
    def of(
        cls,
        warehouse: Warehouse,
        observations: pa.Table,
        *,
        scores: pa.Table | None = None,
        late: Iterable[int] = (),
        by_stage: bool = False,
    ) -> ScoredLog:
        """Bring scores and decisions together.

        Parameters
        ----------
        warehouse
            Where DR_SCORES is.
        observations
            OBSERVATIONS with ``outcome_money`` and ``segment``, in the order of time; rows without scores are ignored.
        scores
            DR_SCORES to read instead of those of the warehouse.
        late
            Cycles to leave out.
        by_stage
            Take the lifecycle stage at the decision for the segment; then there are no features.
        """
        words = stages_of(observations) if by_stage else pc.fill_null(observations["segment"], UNKNOWN)
        names = pc.dictionary_encode(words.combine_chunks())
        features = np.zeros((observations.num_rows, 0)) if by_stage else feature_matrix(observations)
        titles = tuple(f"feature_{i}" for i in range(features.shape[1]))
        seen = {
            "decision_id": observations["decision_id"],
            "unit": pc.dictionary_encode(observations["unit_id"].combine_chunks()).indices,
            "cycle": observations["cycle"].cast(pa.int64()),
            "decided_at": observations["decided_at"],
            "drawn": observations["action_id"],
            "outcome": observations["outcome_money"].cast(pa.float64()),
            "responded": pc.greater(observations["orders_window"], 0),
            "segment": names.indices,
        } | {name: np.ascontiguousarray(features[:, i]) for i, name in enumerate(titles)}
        relations = {"seen": pa.table(seen), "late": pa.table({"cycle": pa.array(sorted(late), pa.int64())})}
        return cls(
            warehouse=warehouse,
            statements=Statements("dr_scores" if scores is None else "given", _bits(observations)),
            relations=relations if scores is None else relations | {"given": scores},
            segments=tuple(names.dictionary.to_pylist()),
            features=titles,
        )

    def query(self, sql: str, **further: pa.Table) -> pa.Table:
        """Run one of the statements; `further` relations stand beside the usual ones."""
        return self.warehouse.query(sql, None, {**self.relations, **further})


def stages_of(observations: pa.Table) -> pa.ChunkedArray:
    """Return the lifecycle stage at each decision, the first word of its state, shape (n,)."""
    states = pc.dictionary_encode(pc.fill_null(observations["state"], UNKNOWN).combine_chunks())
    stages = pa.array([state.split("|")[0] for state in states.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([stages.take(states.indices)])


def _bits(observations: pa.Table) -> int:
    """Return how fine parts of money squared are; coarser where amounts are so large that squares would not fit."""
    largest = float(np.abs(column(observations, "outcome_money")).max(initial=0.0))
    return BITS - 2 * max(int(np.ceil(np.log2(max(largest, 1.0) / _ORDINARY_MONEY))), 0)
