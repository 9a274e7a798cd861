"""Sizes of groups some time ahead, from how people moved between them over spans of that length.

Moves are counted over the whole span at once, so the chain need not hold from month to month. The forecast stands
half-way between *people go on moving as they did lately* and *nothing changes*: equal weights are hard to beat where
few spans were seen, and what was seen last is seldom what comes. What is not certain is drawn: which spans were seen
(with replacement), the chances behind their counts (Dirichlet), who of a group moves (multinomial), how many newcomers
come (Poisson), and where between the two the truth lies (uniform).

Source: Anderson & Goodman (1957), "Statistical inference about Markov chains", Annals of Mathematical Statistics 28,
§2 (estimates); Bates & Granger (1969), "The combination of forecasts", Operational Research Quarterly 20 (combination);
Gelman et al. (2013), "Bayesian Data Analysis", §3.4 (Dirichlet posterior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

PRIOR = 5.0
"""Moves out of its family that the prior of a group is worth."""
ALIKE = 20.0
"""Moves that all spans together are worth beside those of the span that is drawn."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What happened over past spans of one length, the newest last.

    Attributes
    ----------
    counts
        How many were in one group and came to another, shape (spans, k, k).
    joined
        How many came anew, by the group they came to, shape (spans, k).
    family
        Groups whose moves resemble each other, as a code per group, shape (k,).
    """

    counts: Floats
    joined: Floats
    family: Integers


def draw_sizes(start: Floats, moves: Moves, weight: Floats, rng: np.random.Generator) -> Floats:
    """Return possible sizes after one more span, shape (draws, k).

    Parameters
    ----------
    start
        Sizes today, shape (k,).
    moves
        Of past spans. Newcomers come as in the newest one: how many there are changes faster than where people go.
    weight
        Of each draw: 1 moves people as they moved, 0 leaves everybody where he is, shape (draws,).

    Assumes
    -------
    Where people go depends on where they are, not on how they came there; no season that the spans do not show.

    Raises
    ------
    ValueError
        Without a past span.
    """
    n_spans, k = moves.joined.shape
    if not n_spans:
        raise ValueError("no forecast without a past span")
    sizes, now = np.zeros((len(weight), k)), start.astype(np.int64)
    for d, share in enumerate(weight):
        seen = rng.integers(0, n_spans, n_spans)  # the spans that might have been seen
        chance = transition_chances(moves.counts[seen].sum(axis=0), moves.family)
        law = rng.standard_gamma(ALIKE * chance + moves.counts[rng.integers(0, n_spans)])
        law /= law.sum(axis=1, keepdims=True)
        mixed = share * law
        mixed[np.arange(k), np.arange(k)] += 1.0 - share
        came = rng.poisson(rng.standard_gamma(moves.joined[-1]) * share)
        sizes[d] = rng.multinomial(now, mixed / mixed.sum(axis=1, keepdims=True)).sum(axis=0) + came
    return sizes


def expected_sizes(start: Floats, moves: Moves, weight: float = 0.5) -> Floats:
    """Return the sizes that are expected, shape (k,); see `draw_sizes`."""
    chance = transition_chances(moves.counts.sum(axis=0), moves.family)
    found: Floats = weight * (start @ chance + moves.joined[-1]) + (1.0 - weight) * start
    return found


def transition_chances(counts: Floats, family: Integers) -> Floats:
    """Return the chance to come from each group to each other within a span, shape (k, k); rows add up to one.

    Each row is the mean of a Dirichlet posterior whose prior, worth `PRIOR` moves, is what its family did; a group that
    nobody was in yet, nor in its family, keeps who comes.
    """
    pooled = np.zeros_like(counts)
    for code in np.unique(family):
        rows = family == code
        total = counts[rows].sum(axis=0)
        if total.sum():
            pooled[rows] = total / total.sum()
        else:
            pooled[rows] = np.eye(len(counts))[rows]
    found: Floats = (counts + PRIOR * pooled) / (counts.sum(axis=1, keepdims=True) + PRIOR)
    return found
