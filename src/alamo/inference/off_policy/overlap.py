"""Overlap: whether a log says anything about a policy. Weights, their effective number, and what is refused.

The effective sample size is Kish's (Σw)²/Σw²: as many rows of the new policy itself would say about as much. The mean
weight is 1 wherever the logged probabilities belong to the rows and the log could do what the policy does.

Source: Kish (1965), §11.7; Owen (2013), "Monte Carlo theory, methods and examples", §9.3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from alamo.domain.reasons import Refusal
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy
from alamo.numerics.doubly_robust import mean_by_group
from alamo.numerics.moments import codes, sums_by

Floats = npt.NDArray[np.float64]

LEAST_EFFECTIVE = 1000.0
"""Effective rows below which no estimator is chosen."""
LEAST_UNITS = 30.0
"""Effective units below which the spread between units, and so every interval, is not known well enough."""
MOST_UNSEEN = 1e-3
"""Probability of actions the log never drew above which a policy's value cannot be known from the log."""

_MISMATCH = 1e-3
_NOTICED = 0.01


@dataclass(frozen=True, slots=True)
class PositionOverlap:
    """Weights at one place of a slate: rows, effective rows, mean weight and its standard error."""

    position: str
    n: int
    ess: float
    mean_weight: float
    mean_weight_se: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well a log covers a policy.

    Attributes
    ----------
    n, units
        Rows, and independent units among them.
    ess, effective_units
        Effective rows (Σw)²/Σw², and the same with weights summed by unit.
    largest_weight, largest_share
        The largest weight, and its share of all.
    mean_weight, mean_weight_se
        1 in expectation.
    p_unseen
        Mean probability the policy gives to actions that the log never drew.
    positions
        One entry per place of a slate; empty without places.
    """

    n: int
    units: int
    ess: float
    effective_units: float
    largest_weight: float
    largest_share: float
    mean_weight: float
    mean_weight_se: float
    p_unseen: float
    positions: tuple[PositionOverlap, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the overlap as it stands in ``--json``."""
        return asdict(self) | {"positions": [asdict(part) for part in self.positions]}


def weights(log: LoggedDecisions, policy: TargetPolicy) -> Floats:
    """Return w = π(A | x) / e(A | x), shape (n,)."""
    return policy.p_drawn / log.p_drawn


def effective_size(weight: Floats) -> float:
    """Return (Σw)²/Σw²; 0 where all weights are 0."""
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares > 0.0 else 0.0


def overlap_of(log: LoggedDecisions, policy: TargetPolicy) -> Overlap:
    """Return how well `log` covers `policy`."""
    weight = weights(log, policy)
    unit, n_units = codes(log.groups)
    mean = mean_by_group(weight, log.unit)
    by_unit = sums_by(unit, weight, n_units)
    return Overlap(
        n=len(log),
        units=n_units,
        ess=effective_size(weight),
        effective_units=effective_size(by_unit),
        largest_weight=float(weight.max()),
        largest_share=float(weight.max() / weight.sum()),
        mean_weight=mean.mean,
        mean_weight_se=mean.se,
        p_unseen=policy.p_unseen,
        positions=tuple(_at_position(log, weight, place) for place in range(len(log.positions)))
        if len(log.positions) > 1
        else (),
    )


def refusals_of(overlap: Overlap, share: float = 1.0) -> tuple[Refusal, ...]:
    """Return why no estimator may be chosen; empty where the log covers the policy well enough.

    Parameters
    ----------
    share
        Part of the log that `overlap` describes: a cure speaks of the whole log.
    """
    found = []
    what = "value of the policy"
    if overlap.ess < LEAST_EFFECTIVE:
        cure = f"log about {_rows_needed(overlap, share):,} rows, or more exploration where the policy would act"
        reason = (
            f"{overlap.n:,} rows are worth {overlap.ess:,.0f} of its own (effective sample size; at least "
            f"{LEAST_EFFECTIVE:,.0f} are needed), the largest weight is {overlap.largest_weight:,.0f}"
        )
        found.append(Refusal(what, reason, cure))
    if overlap.effective_units < LEAST_UNITS:
        reason = f"only {overlap.effective_units:,.0f} effective units, {LEAST_UNITS:,.0f} are needed for an interval"
        found.append(Refusal(what, reason, "log more units"))
    if overlap.p_unseen > MOST_UNSEEN:
        reason = f"it gives {overlap.p_unseen:.1%} to actions that the log never drew"
        found.append(Refusal(what, reason, "let the running policy draw them, if only rarely"))
    odd = _odd_weights(overlap)
    if odd:
        reason = f"the weights average {odd}, they should average 1"
        cure = "check that propensity and target belong to the same action, row and place, and that no eligible action "
        found.append(Refusal(what, reason, cure + "had probability 0"))
    return tuple(found)


def _at_position(log: LoggedDecisions, weight: Floats, place: int) -> PositionOverlap:
    rows = log.position == place
    mean = mean_by_group(weight[rows], None if log.unit is None else log.unit[rows])
    return PositionOverlap(log.positions[place], int(rows.sum()), effective_size(weight[rows]), mean.mean, mean.se)


def _odd_weights(overlap: Overlap) -> str:
    """Return the mean weights that chance does not explain, in words; two-sided, shared between the places.

    A standard error says nothing of heavy rows that happened not to come. Weights up to W of which none came leave the
    mean of n rows δ short with probability exp(−n·δ/W) at most, so |mean − 1| up to W·log(1/α)/n is chance, with W the
    largest weight seen. A place with a handful of rows is thus never odd, one that never draws what the policy does is.
    """
    checked = [("", overlap.mean_weight, overlap.mean_weight_se, overlap.n)]
    checked += [
        (f" at place {part.position}", part.mean_weight, part.mean_weight_se, part.n) for part in overlap.positions
    ]
    alpha = 0.5 * _MISMATCH / len(checked)
    limit, unseen = float(-ndtri(alpha)), -float(np.log(alpha)) * overlap.largest_weight
    odd = [
        f"{mean:.3g}{where}"
        for where, mean, se, n in checked
        if abs(mean - 1.0) > max(_NOTICED, limit * np.nan_to_num(se), unseen / n)
    ]
    return " and ".join(odd)


def _rows_needed(overlap: Overlap, share: float) -> int:
    """Return about how many rows of such a log would do, to two digits."""
    rows = overlap.n / share * LEAST_EFFECTIVE / max(overlap.ess, 1.0)
    step = 10.0 ** max(np.floor(np.log10(rows)) - 1.0, 0.0)
    return int(np.ceil(rows / step) * step)
