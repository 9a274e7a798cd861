"""A small neural network of effects: one hidden layer, several starts, stopped early and averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.folds import fold_splits
from alamo.prediction.learners.ensemble import sample_rows
from alamo.prediction.learners.perceptron import Perceptron, train_perceptron
from alamo.prediction.learners.protocol import CrossFit, View

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NetworkEffect:
    """The mean of several networks on standardised features, with a shift that keeps the mean of the training scores.

    Attributes
    ----------
    columns
        Columns used: those that vary.
    centre, scale
        Mean and standard deviation of each used column.
    members
        Networks.
    shift, spread
        The effect is `shift` + `spread` · mean of the networks.
    """

    columns: tuple[int, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    members: tuple[Perceptron, ...]
    shift: float
    spread: float

    def predict(self, features: Floats) -> Floats:
        """Return the effect at features (n, d), shape (n,)."""
        total = np.zeros(len(features))
        if not self.members:
            return total + self.shift
        inputs = standardised(features, self.columns, self.centre, self.scale)
        for member in self.members:
            total = total + member.predict(inputs)
        return self.shift + (self.spread / len(self.members)) * total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "columns": list(self.columns),
            "centre": list(self.centre),
            "scale": list(self.scale),
            "members": [member.to_dict() for member in self.members],
            "shift": self.shift,
            "spread": self.spread,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetworkEffect:
        """Return the model that `to_dict` wrote."""
        return cls(
            columns=tuple(int(column) for column in values["columns"]),
            centre=tuple(float(value) for value in values["centre"]),
            scale=tuple(float(value) for value in values["scale"]),
            members=tuple(Perceptron.from_dict(member) for member in values["members"]),
            shift=float(values["shift"]),
            spread=float(values["spread"]),
        )


@dataclass(frozen=True, slots=True)
class NetworkEffectLearner:
    """Fits `NetworkEffect`.

    Attributes
    ----------
    units
        Hidden units of a network.
    starts
        Random starts that are averaged, with seeds `seed`, `seed` + 1 …
    seed
        Of weights, order of the rows and of what is kept back to stop.
    most_rows, least_rows
        Rows used for one fit (see `sample_rows`), and rows below which everybody gets the mean.

    Assumes effects without jumps, and columns that say the same of new customers as of those learnt from: outside of
    what was seen a network goes on in straight lines. Not supported: missing values (they are imputed before).

    Source: Rumelhart, Hinton & Williams (1986), Nature 323; the penalty on weights: `train_perceptron`; on doubly
    robust scores: Kennedy (2023), EJS 17(2), alg. 1.
    """

    units: int = 8
    starts: int = 3
    seed: int = 20_240_002
    most_rows: int = 30_000
    least_rows: int = 500

    @property
    def name(self) -> str:
        """``network``."""
        return "network"

    @property
    def view(self) -> View:
        """Networks need numbers without gaps."""
        return "linear"

    def fit(self, features: Floats, score: Floats, weight: Floats) -> NetworkEffect:
        """Fit on features (n, d), scores (n,), weights (n,)."""
        mean = float(weight @ score / weight.sum())
        rows, share = sample_rows(weight, self.most_rows)
        x, s = np.asarray(features[rows], dtype=np.float64), score[rows]
        spread = float(np.sqrt(share @ (s - mean) ** 2 / share.sum()))
        scale = x.std(axis=0) if len(x) else np.zeros(x.shape[1])
        columns = np.flatnonzero(scale > 1e-9 * np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300))
        if spread == 0.0 or not len(columns) or len(s) < self.least_rows:
            return NetworkEffect((), (), (), (), mean, 0.0)
        used = tuple(columns.tolist())
        centre, scales = tuple(x[:, columns].mean(axis=0).tolist()), tuple(scale[columns].tolist())
        inputs = standardised(x, used, centre, scales)
        target = (s - mean) / spread
        members = tuple(
            train_perceptron(inputs, target, share, units=self.units, seed=self.seed + start)
            for start in range(self.starts)
        )
        raw = NetworkEffect(used, centre, scales, members, 0.0, spread)
        drift = float(share @ raw.predict(x) / share.sum())
        return NetworkEffect(used, centre, scales, members, mean - drift, spread)

    def cross_fit(self, features: Floats, score: Floats, weight: Floats, folds: Integers) -> CrossFit:
        """Fit once per fold; new rows are scored by the mean of the folds' networks."""
        held_out, fitted = np.zeros(len(score)), []
        for train, test in fold_splits(folds):
            fitted.append(self.fit(features[train], score[train], weight[train]))
            held_out[test] = fitted[-1].predict(features[test])
        return CrossFit(held_out, MeanEffect(tuple(fitted)))

    def read(self, state: Mapping[str, Any]) -> MeanEffect | NetworkEffect:
        """Return the model whose `to_dict` wrote `state`."""
        return MeanEffect.from_dict(state) if "parts" in state else NetworkEffect.from_dict(state)


@dataclass(frozen=True, slots=True)
class MeanEffect:
    """The mean of the folds' networks, each with its own standardisation."""

    parts: tuple[NetworkEffect, ...]

    def predict(self, features: Floats) -> Floats:
        """Return the effect at features (n, d), shape (n,)."""
        total = np.zeros(len(features))
        for part in self.parts:
            total = total + part.predict(features)
        return total / max(len(self.parts), 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"parts": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MeanEffect:
        """Return the model that `to_dict` wrote."""
        return cls(tuple(NetworkEffect.from_dict(part) for part in values["parts"]))


def standardised(
    features: Floats, columns: Sequence[int], centre: Sequence[float], scale: Sequence[float]
) -> list[Floats]:
    """Return the named columns less their centre, over their scale, one array (n,) per column."""
    found = zip(columns, centre, scale, strict=True)
    return [(features[:, j].astype(np.float64) - middle) / size for j, middle, size in found]
