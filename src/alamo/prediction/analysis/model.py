"""A fitted uplift of a file: scores new rows with the same bits, and goes into a file as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.prediction.analysis.segmenting import SEGMENT, Segmenting
from alamo.prediction.inputs import EffectInputs, InputEncoder
from alamo.prediction.named_columns import require_columns
from alamo.prediction.stack import EffectStack

Floats = npt.NDArray[np.float64]

_SCHEMA = "alamo.uplift_model/1"
_BLOCK = 100_000


@dataclass(frozen=True, slots=True)
class FittedUplift:
    """What each action adds for each row, with its uncertainty; immutable.

    Attributes
    ----------
    actions, costs
        Names of the actions, and the cost of each per row.
    features
        Columns the models look at.
    segmenting
        From a row to its segment.
    encoder
        From columns to what the candidates look at.
    stacks
        The fitted effect of each action.

    Not supported: columns whose type has changed since the fit.
    """

    actions: tuple[str, ...]
    costs: tuple[float, ...]
    features: tuple[str, ...]
    segmenting: Segmenting
    encoder: InputEncoder
    stacks: tuple[EffectStack, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a table that scores depend on: features, then columns of the segments."""
        return tuple(dict.fromkeys((*self.features, *self.segmenting.columns)))

    def inputs(self, table: pa.Table) -> EffectInputs:
        """Return what the candidates look at.

        Raises
        ------
        UsageError
            If `table` lacks a column, or one cannot be read as it was when the model was fitted.
        """
        require_columns(table, self.columns)
        try:
            return self.encoder.transform(self.segmenting.described(table.select(self.columns)), SEGMENT)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UsageError(
                f"a column cannot be read as it was when the model was fitted: {error}",
                hint=f"Give {', '.join(self.columns)} with the types of the table the model was fitted on.",
                code="uplift.other_types",
                details={"columns": list(self.columns)},
            ) from None

    def effects(self, table: pa.Table) -> Floats:
        """Return the gross effect of every action, shape (n, k); a row gets the same bits alone as in a batch."""
        return self.effects_of(self.inputs(table))

    def effects_of(self, inputs: EffectInputs) -> Floats:
        """Return the gross effect of every action from what `inputs` gave, shape (n, k)."""
        out = np.empty((len(inputs), len(self.stacks)))
        for j, stack in enumerate(self.stacks):
            out[:, j] = stack.predict(inputs)
        return out

    def predict(self, table: Any) -> pa.Table:
        """Return the score of every row of a table (anything Arrow reads) for every action, action by action.

        Columns: ``row`` (0-based), ``action``, ``value_mean`` and ``value_sd`` (net of cost), ``cost``.

        Raises
        ------
        UsageError
            As `inputs`.
        """
        rows = table if isinstance(table, pa.Table) else pa.table(table)
        n = rows.num_rows
        mean, sd = np.empty((len(self.stacks), n)), np.empty((len(self.stacks), n))
        for start in range(0, max(n, 1), _BLOCK):
            block, inputs = slice(start, start + _BLOCK), self.inputs(rows.slice(start, _BLOCK))
            for j, (cost, stack) in enumerate(zip(self.costs, self.stacks, strict=True)):
                mean[j, block], sd[j, block] = stack.predict(inputs) - cost, stack.spread.predict(inputs)
        parts = []
        for j, (action, cost) in enumerate(zip(self.actions, self.costs, strict=True)):
            values = {"value_mean": mean[j], "value_sd": sd[j], "cost": np.full(n, cost)}
            parts.append(pa.table({"row": np.arange(n), "action": pa.repeat(action, n), **values}))
        return pa.concat_tables(parts) if parts else pa.table({"row": pa.array([], pa.int64())})

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "schema": _SCHEMA,
            "actions": list(self.actions),
            "costs": list(self.costs),
            "features": list(self.features),
            "segmenting": self.segmenting.to_dict(),
            "encoder": self.encoder.to_dict(),
            "stacks": [stack.to_dict() for stack in self.stacks],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FittedUplift:
        """Return the model that `to_dict` wrote.

        Raises
        ------
        UsageError
            If `values` is no such model, or a learner of another package in it is not installed.
        """
        if values.get("schema") != _SCHEMA:
            raise UsageError(
                f"this is no uplift model: its schema is {values.get('schema')!r}, not {_SCHEMA!r}",
                hint="Write one with: alamo analyze uplift FILE … --model-out model.json",
                code="uplift.not_a_model",
            )
        return cls(
            actions=tuple(values["actions"]),
            costs=tuple(float(cost) for cost in values["costs"]),
            features=tuple(values["features"]),
            segmenting=Segmenting.from_dict(values["segmenting"]),
            encoder=InputEncoder.from_dict(values["encoder"]),
            stacks=tuple(EffectStack.from_dict(stack) for stack in values["stacks"]),
        )
