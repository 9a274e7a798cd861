"""What learners of trees give: the mean of several ensembles, shifted so that the mean of the scores is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.prediction.learners.booster import Trees

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EnsembleEffect:
    """The mean of several ensembles, each with a shift that keeps the mean of its training scores."""

    members: tuple[Trees, ...]
    shift: float
    spread: float

    def predict(self, features: Floats) -> Floats:
        """Return the effect at features (n, d), shape (n,)."""
        total = np.zeros(len(features))
        for member in self.members:
            total = total + member.predict(features)
        return self.shift + (self.spread / max(len(self.members), 1)) * total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"members": [member.text for member in self.members], "shift": self.shift, "spread": self.spread}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EnsembleEffect:
        """Return the model that `to_dict` wrote."""
        members = tuple(Trees(text) for text in values["members"])
        return cls(members, float(values["shift"]), float(values["spread"]))

    @classmethod
    def average(cls, fitted: Sequence[EnsembleEffect]) -> EnsembleEffect:
        """Return the mean of the folds' models as one model (their spreads differ by sampling only)."""
        shift = float(np.mean([model.shift for model in fitted])) if fitted else 0.0
        grown = [model for model in fitted if model.members]
        share = len(grown) / max(len(fitted), 1)
        spread = float(np.mean([model.spread for model in grown])) * share if grown else 0.0
        return cls(tuple(tree for model in grown for tree in model.members), shift, spread)


def sample_rows(weight: Floats, most_rows: int) -> tuple[Integers, Floats]:
    """Return at most `most_rows` row indices and their weights, of mean one.

    Beyond `most_rows` a systematic sample proportional to the weights is taken, each row then counting alike: no chance
    is involved, every cycle is present, and little precision is lost.
    """
    if len(weight) <= most_rows:
        return np.arange(len(weight)), weight / weight.mean()
    mass = np.cumsum(weight)
    steps = (np.arange(most_rows) + 0.5) / most_rows * mass[-1]
    rows = np.minimum(np.searchsorted(mass, steps), len(weight) - 1).astype(np.int64)
    return rows, np.ones(most_rows)
