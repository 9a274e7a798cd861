"""Where to start a fit: scale-free values, or those of a systematic sample where there are many cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.cells import Cells
from alamo.numerics.newton import minimise

Floats = npt.NDArray[np.float64]
Likelihood = Callable[[Floats, Cells], tuple[float, Floats, Floats]]
"""Maps log parameters and cells to the negative mean log-likelihood, its gradient and Hessian."""

_COARSE_ABOVE, _COARSE_CELLS = 40_000, 4_000
_NOT_FAR = 12.0  # log parameters of a sample beyond this are no place to start from


def mean_age(cells: Cells) -> float:
    """Return the mean age T over customers, in the unit of the cells."""
    return float(cells.ages @ cells.age_customers) / cells.n_customers


def starting_values(likelihood: Likelihood, cells: Cells, plain: Callable[[Cells], Floats]) -> Floats:
    """Return log parameters to start from, shape (k,).

    Parameters
    ----------
    likelihood
        What will be minimised.
    plain
        Scale-free values from cells.
    """
    if len(cells.x) > _COARSE_ABOVE:
        sample = cells.thinned(len(cells.x) // _COARSE_CELLS)
        rough = minimise(lambda theta: likelihood(theta, sample), plain(sample))
        if np.abs(rough.parameters).max() < _NOT_FAR:
            return rough.parameters
    return plain(cells)
