"""The score of every row of a table, block by block, with what each column adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit

from alamo.prediction.scores.model import ScoreModel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_BLOCK = 100_000
MOST_EXPLAINED = 50_000
"""Rows taken apart: the highest scores. Beyond them parts are null, because they cost far more than scores."""


@dataclass(frozen=True, slots=True)
class RowScores:
    """A model and the table it scores.

    Attributes
    ----------
    fold
        Of each row, −1 where it was not learnt from, shape (n,).
    held_out
        Log-odds of the rows learnt from by the model that had not seen them, in the order of the rows with a fold.
    """

    model: ScoreModel
    rows: pa.Table
    id: str | None
    fold: Integers
    held_out: Floats

    def log_odds(self) -> Floats:
        """Return the log-odds of every row, shape (n,)."""
        out = np.empty(self.rows.num_rows)
        for start in range(0, len(out), _BLOCK):
            block = self.rows.slice(start, _BLOCK)
            out[start : start + _BLOCK] = self.model.log_odds(self.model.read(block))
        out[self.fold >= 0] = self.held_out
        return out

    def table(self) -> pa.Table:
        """Return one row per row; see `ScoresResult.scores_table`."""
        log_odds = self.log_odds()
        n = len(log_odds)
        columns: dict[str, object] = {"row": np.arange(n)}
        if self.id is not None:
            columns[self.id] = self.rows.column(self.id)
        fold = pa.array(self.fold + 1, mask=self.fold < 0)
        columns |= {"score": expit(log_odds), "log_odds": log_odds, "fold": fold}
        return pa.table(columns | self._parts(log_odds))

    def _parts(self, log_odds: Floats) -> dict[str, object]:
        n, names = len(log_odds), [reader.name for reader in self.model.readers]
        chosen = np.arange(n)
        if n > MOST_EXPLAINED:
            chosen = np.sort(np.argpartition(-log_odds, MOST_EXPLAINED)[:MOST_EXPLAINED])
        unknown = np.ones(n, dtype=bool)
        unknown[chosen] = False
        parts = np.zeros((n, len(names) + 2))
        for start in range(0, len(chosen), _BLOCK // 10):
            at = chosen[start : start + _BLOCK // 10]
            found = self.model.explain(self.model.read(self.rows.take(pa.array(at))), self.fold[at])
            parts[at] = np.column_stack([found.base, found.parts, found.calibration])
        heads = ["base", *(f"part: {name}" for name in names), "part: (calibration)"]
        return {head: pa.array(parts[:, j], mask=unknown) for j, head in enumerate(heads)}
