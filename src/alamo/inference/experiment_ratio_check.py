"""Were the arms of an experiment file drawn as designed, and if not, since when?

With a column of times the check looks after every time, as somebody who watched the experiment would have, and one that
has failed has failed: the e-values stay below 1/α at all looks together with probability 1 − α. Without one the rows
have no order that means anything (files are sorted by arm), and only all rows together are looked at.

Assumes that the time of a row is that of its draw, or does not depend on the arm.

Source: Lindon & Malek (2022), "Anytime-valid inference for multinomial count data", NeurIPS.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from alamo.inference.experiment_design import Propensities, design_shares
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_table import ExperimentRows
from alamo.numerics.moments import sums_by
from alamo.numerics.ratio_check import (
    TILT_FACTORS,
    inverse_weight_p_value,
    looked_at,
    mixture_log_e,
    multinomial_log_e,
    tilted_from_sums,
)

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class FirstMismatch:
    """When a ratio check first failed: the time (a day, or the number in the column), and the draws seen by then."""

    time: str
    draws: int


@dataclass(frozen=True, slots=True)
class DrawCheck:
    """The check of the arms' sizes.

    Attributes
    ----------
    p_value
        Of "the arms were drawn as designed"; with times the smallest so far. None where the file gives the shares.
    first
        When it first failed; None while it holds, and where rows have no times.
    """

    p_value: float | None
    first: FirstMismatch | None = None

    @property
    def since(self) -> str:
        """The same in words, after a comma; empty where it is not known."""
        return "" if self.first is None else f", first seen on {self.first.time} after {self.first.draws:,} draws"


def check_draws(rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec) -> DrawCheck:
    """Compare the arms' sizes with the design.

    Constant shares: the Dirichlet–multinomial e-value. Logged probabilities: one tilted e-value per arm, Bonferroni;
    with more than two arms and only the probability of the arm drawn, a fixed-n test of Σ 1/p. Every draw counts once:
    of a cluster, which was drawn as a whole, the first row.
    """
    draw = _independent_draws(rows)
    arm, n_arms = rows.arm[draw], len(rows.arms)
    looks = _looks(None if rows.time is None else rows.time[draw], len(draw))
    if spec.shares:
        return _judged(_multinomial(arm, looks, design_shares(rows.arms, spec)), 1, looks, rows)
    if chance.estimated:
        return DrawCheck(None)
    if chance.every is None:
        inverse = 1.0 / chance.drawn[draw]
        sums = sums_by(arm, inverse, n_arms), sums_by(arm, inverse**2, n_arms)
        return DrawCheck(inverse_weight_p_value(*sums, len(draw)))
    every = chance.every[draw]
    if not isinstance(spec.propensity, str):
        return _judged(_multinomial(arm, looks, every[0]), 1, looks, rows)
    log_e = np.stack([_tilted(arm == place, every[:, place], looks) for place in range(n_arms)])
    return _judged(log_e.max(axis=0), n_arms, looks, rows)


@dataclass(frozen=True, slots=True)
class _Looks:
    """The moments at which draws are looked at: the number of each draw's, shape (m,), and their times, shape (k,)."""

    place: Integers
    times: Floats | None

    @property
    def count(self) -> int:
        return 1 if self.times is None else len(self.times)

    def so_far(self, values: Floats) -> Floats:
        """Return the running sums of `values` (m,) at every look, shape (k,)."""
        return np.cumsum(sums_by(self.place, values, self.count))


def _looks(time: Floats | None, draws: int) -> _Looks:
    if time is None or not np.isfinite(time).any():
        return _Looks(np.zeros(draws, dtype=np.int64), None)
    times, place = np.unique(time, return_inverse=True)  # a missing time is looked at last
    return _Looks(place.astype(np.int64).reshape(-1), times)


def _multinomial(arm: Integers, looks: _Looks, shares: Floats) -> Floats:
    counts = np.stack([looks.so_far((arm == place).astype(np.float64)) for place in range(len(shares))], axis=1)
    return multinomial_log_e(counts, shares)


def _tilted(drawn: npt.NDArray[np.bool_], p: Floats, looks: _Looks) -> Floats:
    expected = np.stack([looks.so_far(np.log1p(p * factor)) for factor in TILT_FACTORS], axis=1)
    return mixture_log_e(tilted_from_sums(looks.so_far(drawn.astype(np.float64))[:, None], expected))


def _judged(log_e: Floats, tests: int, looks: _Looks, rows: ExperimentRows) -> DrawCheck:
    """Return the check of running log e-values, shape (k,), the largest of as many `tests` (Bonferroni)."""
    smallest, place = looked_at(log_e, tests)
    if looks.times is None or place is None:
        return DrawCheck(smallest)
    draws, time = int((looks.place <= place).sum()), float(looks.times[place])
    if not np.isfinite(time):
        return DrawCheck(smallest)
    return DrawCheck(smallest, FirstMismatch(_written(time, dated=rows.dated), draws))


def _written(time: float, *, dated: bool) -> str:
    return (_EPOCH + timedelta(days=int(np.floor(time)))).isoformat() if dated else f"{time:g}"


def _independent_draws(rows: ExperimentRows) -> Integers:
    """Return the rows whose arm was drawn by itself: all of them, or the first of each cluster, shape (m,)."""
    if rows.cluster is None:
        return np.arange(len(rows))
    first: Integers = np.unique(rows.cluster, return_index=True)[1]
    return first
