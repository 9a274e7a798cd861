"""The cells of an experiment: frozen sums by arm and segment, all that passes from SQL to the effects.

Cells of disjoint rows merge, whichever engine counted them: a day's rows make a day's cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.numerics.cell_sums import CellSums
from alamo.numerics.moments import sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


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
        keys = pa.concat_tables([part.keys for part in parts], promote_options="permissive")
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


def _codes(keys: pa.Table) -> tuple[Integers, Integers]:
    """Return a code per row of `keys`, by its values, and the first row of each code."""
    code = np.zeros(keys.num_rows, dtype=np.int64)
    for column in keys.columns:
        encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
        code = code * max(len(encoded.dictionary), 1) + np.asarray(encoded.indices, dtype=np.int64)
        code = np.unique(code, return_inverse=True)[1].astype(np.int64).reshape(-1)
    first = np.unique(code, return_index=True)[1].astype(np.int64)
    return code, first
