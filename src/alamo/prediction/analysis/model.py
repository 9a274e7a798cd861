"""A fitted uplift of a file: scores new rows with the same bits, and goes into a file as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import AlamoError, UsageError
from alamo.numerics.encoding import column_kind
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
    kinds
        How each column was read at the fit: ``number``, ``flag``, ``text``, or the name of another type.

    Not supported: columns whose kind has changed since the fit; they are refused.
    """

    actions: tuple[str, ...]
    costs: tuple[float, ...]
    features: tuple[str, ...]
    segmenting: Segmenting
    encoder: InputEncoder
    stacks: tuple[EffectStack, ...]
    kinds: Mapping[str, str] = field(default_factory=dict)

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
        self._require_kinds(table)
        try:
            return self.encoder.transform(self.segmenting.described(table.select(self.columns)), SEGMENT)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._other_types(f"a column cannot be read as it was when the model was fitted: {error}") from None

    def _require_kinds(self, table: pa.Table) -> None:
        """Refuse text where there were numbers and the reverse: either would be read as values never seen.

        Flags and numbers stand for each other, but not in a segment's name; a column of nulls is missing, not another.
        """
        for name in self.columns:
            was, now = self.kinds.get(name), kind_of(table.column(name).type)
            alike = {"number", "flag"} if name not in self.segmenting.columns else set()
            if None not in (was, now) and was != now and not {was, now} <= alike:
                raise self._other_types(f"column {name!r} was a {was} when the model was fitted, and is a {now} here")

    def _other_types(self, why: str) -> UsageError:
        return UsageError(
            why,
            hint=f"Give {', '.join(self.columns)} with the types of the table the model was fitted on.",
            code="uplift.other_types",
            details={"columns": list(self.columns)},
        )

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
            "kinds": dict(self.kinds),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FittedUplift:
        """Return the model that `to_dict` wrote.

        Raises
        ------
        UsageError
            If `values` is no such model, or a learner of another package in it is not installed.
        """
        schema = values.get("schema") if isinstance(values, Mapping) else None
        if schema != _SCHEMA:
            raise _no_model(f"its schema is {schema!r}, not {_SCHEMA!r}")
        try:
            return cls(
                actions=tuple(values["actions"]),
                costs=tuple(float(cost) for cost in values["costs"]),
                features=tuple(values["features"]),
                segmenting=Segmenting.from_dict(values["segmenting"]),
                encoder=InputEncoder.from_dict(values["encoder"]),
                stacks=tuple(EffectStack.from_dict(stack) for stack in values["stacks"]),
                kinds=dict(values["kinds"]),
            )
        except AlamoError:
            raise
        except KeyError as error:
            raise _no_model(f"it lacks {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise _no_model(f"a part of it cannot be read: {error}") from None


def kind_of(type_: pa.DataType) -> str | None:
    """Return how a column of this type is read, or the type's name; None for a column of nulls."""
    if pa.types.is_null(type_):
        return None
    try:
        return column_kind(type_)
    except TypeError:
        return str(type_)


def _no_model(why: str) -> UsageError:
    return UsageError(
        f"this is no uplift model: {why}",
        hint="Write one with: alamo analyze uplift FILE … --model-out model.json",
        code="uplift.not_a_model",
    )
