"""Maximum likelihood that also looks at infinity: is every heterogeneity parameter identified?

A likelihood of this family often has no interior maximum: it rises for ever while the customers of the model become
more alike. Each such limit is a plane in the space of log parameters, far away, on which the model loses a parameter
or two. The maximum is sought in the interior and on the planes it may have run towards; a plane that does as well as
the interior wins, and the parameters it does without have no estimate.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from alamo.numerics.newton import NewtonResult, Objective, minimise, on_plane

Floats = npt.NDArray[np.float64]
Model = TypeVar("Model")

FAR = 32.0
"""Logarithm of a parameter at infinity: 8e13, where first-order terms are below rounding."""
NEAR = -600.0
"""Logarithm of a parameter at zero: far enough that no customer's history outweighs it."""

_TIE = 1e-5  # log-likelihood units; a smaller gain of the interior over a limit is rounding
_TIE_RELATIVE = 1e-11


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A limit of some of the parameters, as a plane ``offset + directions @ z`` in their logarithms.

    Attributes
    ----------
    meaning
        What is true of customers there; empty for the interior.
    lost
        Parameters without an estimate there.
    offset, directions
        Shapes (k,) and (k, d).
    seed
        Shape (d, k): starting z from log parameters of the interior.
    """

    meaning: str
    lost: tuple[str, ...]
    offset: Floats
    directions: Floats
    seed: Floats

    @classmethod
    def interior(cls, n_parameters: int) -> Face:
        """Return the face on which nothing is lost."""
        return cls("", (), np.zeros(n_parameters), np.eye(n_parameters), np.eye(n_parameters))

    def beside(self, other: Face) -> Face:
        """Return the face of the parameters of `self` followed by those of `other`."""
        return Face(
            meaning="; ".join(part.meaning for part in (self, other) if part.meaning),
            lost=self.lost + other.lost,
            offset=np.concatenate([self.offset, other.offset]),
            directions=_block_diagonal(self.directions, other.directions),
            seed=_block_diagonal(self.seed, other.seed),
        )


@dataclass(frozen=True, slots=True, eq=False)
class MaximumLikelihood:
    """Estimates of positive parameters.

    Attributes
    ----------
    theta
        Logarithms of all parameters, shape (k,); those lost stand at their limit, so forecasts can be made.
    standard_errors
        Of the parameters themselves (delta method), shape (k,); without meaning where lost.
    deviations
        Root of the covariance of `theta`: columns whose outer products add up to it, shape (k, d).
    face
        Where the maximum lies.
    """

    theta: Floats
    standard_errors: Floats
    deviations: Floats
    log_likelihood: float
    converged: bool
    iterations: int
    face: Face


@dataclass(frozen=True, slots=True)
class Fitted(Generic[Model]):
    """A fitted model, as it is shown.

    Attributes
    ----------
    model
        For forecasts; at a limit its parameters are numerically zero or infinite.
    estimates, standard_errors
        By parameter; None where the likelihood does not identify it.
    identified
        False if the likelihood does not fall as a heterogeneity parameter runs to zero or infinity.
    limit
        What is true of customers at that limit; empty if identified.
    deviations
        Steps of the model's log parameters whose outer products add up to their covariance.
    """

    model: Model
    estimates: dict[str, float | None]
    standard_errors: dict[str, float | None]
    log_likelihood: float
    converged: bool
    identified: bool
    limit: str
    iterations: int
    n_customers: int
    deviations: tuple[tuple[float, ...], ...] = ()


def fitted(model: Model, names: Sequence[str], fit: MaximumLikelihood, n_customers: int) -> Fitted[Model]:
    """Return `fit` under the names of its parameters, without the estimates of those lost."""
    kept = [name not in fit.face.lost for name in names]
    values, errors = np.exp(fit.theta), fit.standard_errors
    return Fitted(
        model=model,
        estimates={name: float(values[i]) if kept[i] else None for i, name in enumerate(names)},
        standard_errors={name: float(errors[i]) if kept[i] else None for i, name in enumerate(names)},
        log_likelihood=fit.log_likelihood,
        converged=fit.converged,
        identified=all(kept),
        limit=fit.face.meaning,
        iterations=fit.iterations,
        n_customers=n_customers,
        deviations=tuple(tuple(float(step) for step in column) for column in fit.deviations.T),
    )


def maximise(
    objective: Objective, start: npt.ArrayLike, n: float, suspects: Sequence[Sequence[Face]] = ()
) -> MaximumLikelihood:
    """Fit on the interior, then on the combinations of `suspects`, and keep the best; ties go to the limit.

    Parameters
    ----------
    objective
        Negative mean log-likelihood in log parameters.
    start
        Log parameters, shape (k,).
    n
        Number of customers.
    suspects
        For each consecutive block of parameters the faces to try, its interior among them; empty: interior only.
    """
    theta = np.asarray(start, dtype=np.float64)
    fits = [
        (face, minimise(on_plane(objective, face.offset, face.directions), face.seed @ theta, max_iterations=300))
        for face in _combinations(suspects, len(theta))
    ]
    best = min(fit.value for _, fit in fits)
    slack = _TIE / n + _TIE_RELATIVE * abs(best)
    within = [(face, fit) for face, fit in fits if fit.value <= best + slack]
    face, fit = min(within, key=lambda pair: (pair[0].directions.shape[1], pair[1].value))
    iterations = sum(tried.iterations for _, tried in fits)
    return _estimates(face, fit, n, iterations)


def best_of(fits: Sequence[MaximumLikelihood], n: float) -> MaximumLikelihood:
    """Return the fit with the highest log-likelihood; among ties the one with the most parameters lost, the first."""
    best = max(fit.log_likelihood for fit in fits)
    slack = _TIE + _TIE_RELATIVE * abs(best)
    within = [fit for fit in fits if fit.log_likelihood >= best - slack]
    return max(within, key=lambda fit: (len(fit.face.lost), fit.converged))


def _combinations(suspects: Sequence[Sequence[Face]], n_parameters: int) -> Iterator[Face]:
    if not suspects:
        yield Face.interior(n_parameters)
        return
    for blocks in itertools.product(*suspects):
        face = blocks[0]
        for block in blocks[1:]:
            face = face.beside(block)
        yield face


def _estimates(face: Face, fit: NewtonResult, n: float, iterations: int) -> MaximumLikelihood:
    theta = face.offset + face.directions @ fit.parameters
    inverse = np.linalg.pinv(n * fit.hessian, hermitian=True)
    covariance = face.directions @ inverse @ face.directions.T
    errors = np.exp(np.minimum(theta, FAR)) * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    variance, basis = np.linalg.eigh(inverse)
    deviations = face.directions @ (basis * np.sqrt(np.maximum(variance, 0.0)))
    return MaximumLikelihood(theta, errors, deviations, -n * fit.value, fit.converged, iterations, face)


def _block_diagonal(one: Floats, two: Floats) -> Floats:
    out = np.zeros((one.shape[0] + two.shape[0], one.shape[1] + two.shape[1]))
    out[: one.shape[0], : one.shape[1]] = one
    out[one.shape[0] :, one.shape[1] :] = two
    return out
