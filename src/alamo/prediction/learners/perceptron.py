"""One network with one hidden layer: trained by scikit-learn, kept and evaluated as plain numbers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_BATCH = 1_024
_EPOCHS = 40
_PATIENCE = 4
_STEP = 0.01
_KEPT_BACK = 0.2


@dataclass(frozen=True, slots=True)
class Perceptron:
    """A network with one layer of rectified units.

    Attributes
    ----------
    into
        Weights of each unit on each input, shape (units, inputs).
    offsets
        Of the units.
    out
        Weights of the units on the output.
    level
        Of the output.
    """

    into: tuple[tuple[float, ...], ...]
    offsets: tuple[float, ...]
    out: tuple[float, ...]
    level: float

    def predict(self, inputs: Sequence[Floats]) -> Floats:
        """Return the output for inputs given column by column, shape (n,).

        Summed input by input: a matrix product would give a row other last bits in a batch than alone.
        """
        total = np.full(len(inputs[0]), self.level)
        for weights, offset, out in zip(self.into, self.offsets, self.out, strict=True):
            unit = np.full(len(total), offset)
            for weight, values in zip(weights, inputs, strict=True):
                unit = unit + weight * values
            total = total + out * np.maximum(unit, 0.0)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "into": [list(weights) for weights in self.into],
            "offsets": list(self.offsets),
            "out": list(self.out),
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Perceptron:
        """Return the network that `to_dict` wrote."""
        return cls(
            into=tuple(tuple(float(weight) for weight in weights) for weights in values["into"]),
            offsets=tuple(float(value) for value in values["offsets"]),
            out=tuple(float(value) for value in values["out"]),
            level=float(values["level"]),
        )


def train_perceptron(inputs: Sequence[Floats], target: Floats, weight: Floats, *, units: int, seed: int) -> Perceptron:
    """Return a network trained on standardised inputs (each (n,)), target of variance one and positive weights (n,).

    Squared error by Adam on four fifths of the rows, stopped when the last fifth no longer gains. Squared weights are
    penalised by √(inputs / n): the sum over both layers acts as an ℓ1 norm of the units, and this is about the largest
    slope that noise shows by chance, so that units which follow noise alone are drawn to zero.

    Source: Neyshabur, Tomioka & Srebro (2015), "Norm-based capacity control in neural networks", COLT, theorem 1
    (squared weights of two layers are the ℓ1 norm of the units); Kingma & Ba (2015), ICLR (Adam); Prechelt (1998),
    Neural Networks 11(4) (stopping early).
    """
    # imported where a network is trained: it costs every other command a second
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415
    from sklearn.neural_network import MLPRegressor  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    n = len(target)
    batch = min(_BATCH, int((1.0 - _KEPT_BACK) * n))
    model = MLPRegressor(
        hidden_layer_sizes=(units,),
        alpha=batch * float(np.sqrt(len(inputs) / n)),
        batch_size=batch,
        learning_rate_init=_STEP,
        max_iter=_EPOCHS,
        early_stopping=True,
        validation_fraction=_KEPT_BACK,
        n_iter_no_change=_PATIENCE,
        tol=0.0,
        random_state=seed,
    )
    with threadpool_limits(limits=1), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last epoch is as good a place to stop as another
        model.fit(np.column_stack(list(inputs)), target, sample_weight=weight)
    into, out = model.coefs_
    return Perceptron(
        into=tuple(tuple(column) for column in into.T.tolist()),
        offsets=tuple(model.intercepts_[0].tolist()),
        out=tuple(out[:, 0].tolist()),
        level=float(model.intercepts_[1][0]),
    )
