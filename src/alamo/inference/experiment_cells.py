"""The cells of an experiment: frozen sums by arm and segment, all that passes from SQL to the effects.

Cells of disjoint rows merge, whichever engine counted them: a day's rows make a day's cells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.cell_sums import CellSums
from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_METADATA = b"alamo.experiment_cells"


@dataclass(frozen=True, slots=True)
class ExperimentCells:
    """Sums of an experiment by arm and segment.

    Attributes
    ----------
    keys
        One row per cell: the arm and the segment columns, as the file holds them.
    rows
        Rows of each cell, whether their outcome is known or not, shape (n_cells,).
    outcomes
        Outcome → its sums over the rows where it is known.
    money
        Outcome → whether it is money: called so, or not whole (looked at where a cost is given).
    """

    keys: pa.Table
    rows: Floats
    outcomes: Mapping[str, CellSums]
    money: Mapping[str, bool]

    @property
    def arm(self) -> pa.ChunkedArray:
        """Arm of each cell, as text."""
        return self.keys.column(0).cast(pa.string())

    def where(self, keep: npt.NDArray[np.bool_]) -> ExperimentCells:
        """Return the cells that `keep` marks."""
        places = np.flatnonzero(keep)
        return ExperimentCells(
            keys=self.keys.take(pa.array(places)),
            rows=self.rows[places],
            outcomes={name: sums.take(places) for name, sums in self.outcomes.items()},
            money=self.money,
        )

    @classmethod
    def merged(cls, parts: Sequence[ExperimentCells]) -> ExperimentCells:
        """Return the cells of all rows behind `parts`; they must answer the same question."""
        keys = _stacked([part.keys for part in parts])
        code, first = _codes(keys)
        n, names = len(first), list(parts[0].outcomes)
        return cls(
            keys=keys.take(pa.array(first)),
            rows=sums_by(code, np.concatenate([part.rows for part in parts]), n),
            outcomes={
                name: CellSums.joined([part.outcomes[name] for part in parts]).grouped(code, n) for name in names
            },
            money={name: any(part.money[name] for part in parts) for name in names},
        )

    def to_arrow(self) -> pa.Table:
        """Return the cells as a table: the keys, ``rows``, and of the i-th outcome the sums ending in ``_i``."""
        columns = {f"key_{i}": column for i, column in enumerate(self.keys.columns)} | {"rows": pa.array(self.rows)}
        for i, sums in enumerate(self.outcomes.values()):
            columns |= {f"{part.name}_{i}": pa.array(getattr(sums, part.name)) for part in fields(CellSums)}
        names = {"keys": self.keys.column_names, "outcomes": list(self.outcomes), "money": dict(self.money)}
        return pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(names)})

    @classmethod
    def from_arrow(cls, table: pa.Table) -> ExperimentCells:
        """Return the cells that `to_arrow` wrote.

        Raises
        ------
        KeyError
            If the table is another one.
        """
        names = json.loads(table.schema.metadata[_METADATA])
        keys = table.select([f"key_{i}" for i in range(len(names["keys"]))]).rename_columns(names["keys"])
        outcomes = {
            name: CellSums(**{part.name: _floats(table[f"{part.name}_{i}"]) for part in fields(CellSums)})
            for i, name in enumerate(names["outcomes"])
        }
        return cls(keys.replace_schema_metadata(None), _floats(table["rows"]), outcomes, names["money"])


def _stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the keys one below the other; a column that is a number in some and text in others becomes text."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowTypeError:
        words = pa.schema([(name, pa.string()) for name in tables[0].column_names])
        return pa.concat_tables([table.cast(words) for table in tables])


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column, dtype=np.float64)


def _codes(keys: pa.Table) -> tuple[Integers, Integers]:
    """Return a code per row of `keys`, by its values, and the first row of each code."""
    code = np.zeros(keys.num_rows, dtype=np.int64)
    for column in keys.columns:
        encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
        code = code * max(len(encoded.dictionary), 1) + np.asarray(encoded.indices, dtype=np.int64)
        code = np.unique(code, return_inverse=True)[1].astype(np.int64).reshape(-1)
    first = np.unique(code, return_index=True)[1].astype(np.int64)
    return code, first
