"""The answer of `alamo analyze experiment` after every row, by running sums, and its proof: the analysis itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.evidence.draws import Stream

import alamo
from alamo.numerics.confidence_sequence import LEAST_NONZERO, half_width

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ALPHA, FIRST_LOOK = 0.05, 50


@dataclass(frozen=True)
class Looks:
    """What an onlooker sees after each row (or account), shapes (n_looks,).

    Attributes
    ----------
    mean, se
        Effect and standard error.
    variance
        Of one contribution, sample or floor, whichever is larger.
    shown
        Whether there is an always-valid interval.
    n
        Independent contributions so far.
    rows
        Rows so far.
    """

    mean: Floats
    se: Floats
    variance: Floats
    shown: Bools
    n: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]


def units(n_opt: int | None, most: int) -> Floats:
    """Return the half width for variance 1 after 1 … `most` contributions; `n_opt` None: moved along with n."""
    return np.array([half_width(n, 1.0, alpha=ALPHA, n_opt=float(n_opt or n)) for n in range(1, most + 1)])


def at_random(stream: Stream, rng: np.random.Generator, planned: int | None) -> None:
    """Prove three looks of a stream: two anywhere, and the last."""
    n = len(follow(stream).n)
    for look in (*rng.integers(FIRST_LOOK, n, 2).tolist(), n - 1):
        prove(stream, look, planned)


def follow(stream: Stream) -> Looks:
    """Return what is seen after every row, or after every whole account."""
    ends = _ends(stream)
    rows = ends + 1
    with np.errstate(divide="ignore", invalid="ignore"):  # before both arms have shown themselves
        arms = [_Arm(stream, drawn, ends) for drawn in (stream.drawn, ~stream.drawn)]
        mean = arms[0].mean - arms[1].mean
        by_row = sum(arm.scatter(-2, own=True) for arm in arms) / rows
        floor = sum(arm.scatter(-1, own=False) for arm in arms) / rows
        n = np.arange(1, len(ends) + 1)
        whole = np.zeros(len(ends))
        if stream.account is None:
            scatter = by_row * rows
        else:
            scatter = sum(arm.account_scatter(own=True) for arm in arms) * (n / rows) ** 2
            whole = sum(arm.account_scatter(own=False) for arm in arms) / n * (n / rows) ** 2
        sample = np.maximum(scatter / (n - 1), 0.0)
        design_effect = np.maximum(sample / n / (by_row / rows), 1.0)
        variance = np.maximum(np.maximum(sample, n * floor / rows * design_effect), whole)
        enough = np.minimum(arms[0].nonzero, arms[1].nonzero) >= LEAST_NONZERO
    shown = enough & np.isfinite(variance) & (rows >= FIRST_LOOK)
    return Looks(mean, np.sqrt(sample / n), variance, shown, n, rows)


def missed(looks: Looks, unit: Floats, truth: float) -> bool:
    """Say whether the always-valid interval lay beside the truth at any look."""
    outside = np.abs(looks.mean - truth) > unit[: len(looks.n)] * np.sqrt(looks.variance)
    return bool((outside & looks.shown).any())


def published(stream: Stream, unit: Floats) -> bool:
    """Say the same of the sequence as published: inverse-weighted scores, their sample variance, from the first look.

    `unit` is the half width for variance 1 after each row.
    """
    mean, variance = _inverse_weighted(stream)
    outside = np.abs(mean - stream.truth) > unit[: len(mean)] * np.sqrt(variance)
    return bool(outside[FIRST_LOOK - 1 :].any())


def peeked(stream: Stream) -> bool:
    """Say the same of the fixed-n interval of those scores."""
    mean, variance = _inverse_weighted(stream)
    outside = np.abs(mean - stream.truth) > 1.959964 * np.sqrt(variance / np.arange(1, len(mean) + 1))
    return bool(outside[FIRST_LOOK - 1 :].any())


def _inverse_weighted(stream: Stream) -> tuple[Floats, Floats]:
    score = np.where(stream.drawn, stream.outcome / stream.p, -stream.outcome / (1.0 - stream.p))
    n = np.arange(1, len(score) + 1)
    mean = np.cumsum(score) / n
    return mean, np.maximum(np.cumsum(score**2) / n - mean**2, 0.0)


def prove(stream: Stream, look: int, planned: int | None) -> None:
    """Assert that `alamo.estimate_effects` on the rows up to `look` gives what `follow` gives there."""
    looks = follow(stream)
    rows = int(looks.rows[look])
    seen = {
        "arm": np.where(stream.drawn, "mail", "none")[:rows],
        "p": np.where(stream.drawn, stream.p, 1.0 - stream.p)[:rows],
        "y": stream.outcome[:rows],
    }
    cluster = None
    if stream.account is not None:
        seen["account"], cluster = stream.account[:rows], "account"
    names = {"action": "arm", "control": "none", "outcome": "y", "propensity": "p", "cluster": cluster}
    answer = alamo.estimate_effects(pa.table(seen), features="none", planned=planned, **names)
    n_opt = float(planned or looks.n[look])
    half = half_width(int(looks.n[look]), float(looks.variance[look]), alpha=ALPHA, n_opt=n_opt)
    if not answer.rows:  # an arm has shown nothing but zeros
        assert not looks.shown[look]
        return
    row = answer.rows[0]
    assert (row.anytime_lower is not None) == bool(looks.shown[look])
    inflated = (row.se / looks.se[look]) ** 2
    slack = 1e-6 if stream.account is None else 1e-3
    assert 1.0 - slack <= inflated <= _least_of_arms(stream, rows) + slack
    expected, found = [looks.mean[look]], [row.mean]
    if row.anytime_lower is not None:
        expected, found = [*expected, half], [*found, (row.anytime_upper - row.anytime_lower) / 2.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def _ends(stream: Stream) -> npt.NDArray[np.int64]:
    """Return the row at which each look happens."""
    if stream.account is None:
        return np.arange(len(stream.outcome))
    return np.append(np.flatnonzero(np.diff(stream.account)), len(stream.account) - 1)


class _Arm:
    """Running sums of one arm over Y, Y² and 1, each weighted by powers of its logged probabilities."""

    def __init__(self, stream: Stream, drawn: Bools, ends: npt.NDArray[np.int64]) -> None:
        self.y, self.drawn, self.ends = stream.outcome, drawn, ends
        self.p = np.where(stream.drawn, stream.p, 1.0 - stream.p)
        self.account = stream.account
        weight = drawn / self.p
        self.mean = self._sum(weight * self.y) / self._sum(weight)
        shown = drawn & (self.y != 0.0)
        self.nonzero = self._sum(shown) if self.account is None else np.cumsum(np.bincount(self.account, shown) > 0)

    def _sum(self, values: Floats) -> Floats:
        return np.cumsum(values)[self.ends]

    def scatter(self, power: int, *, own: bool) -> Floats:
        """Return Σ (Y − mean)²·p^power over the arm; unless `own` also by 1/(1 − p)."""
        weight = self.drawn * self.p**power * (1.0 if own else 1.0 / (1.0 - self.p))
        y, mean = self.y, self.mean
        return self._sum(weight * y * y) - 2.0 * mean * self._sum(weight * y) + mean**2 * self._sum(weight)

    def account_scatter(self, *, own: bool) -> Floats:
        """Return Σ over accounts of (Σ (Y − mean))²·p⁻²; unless `own` with 1/(p·(1 − p)) for p⁻²."""
        assert self.account is not None
        first = np.unique(self.account, return_index=True)[1]
        p, drawn = self.p[first], self.drawn[first]
        weight = drawn / (p * p if own else p * (1.0 - p))
        total, size = np.bincount(self.account, self.y), np.bincount(self.account)
        sums = [np.cumsum(weight * part) for part in (total * total, total * size, size * size)]
        return sums[0] - 2.0 * self.mean * sums[1] + self.mean**2 * sums[2]


def _least_of_arms(stream: Stream, rows: int) -> float:
    """Return n/(n − 1) of the arm with the fewest accounts, 1 where there are none.

    The variance of each arm's accounts is its own, so that of few is as much more than that of all together.
    """
    if stream.account is None:
        return 1.0
    account, drawn = stream.account[:rows], stream.drawn[:rows]
    n = min(len(np.unique(account[drawn])), len(np.unique(account[~drawn])))
    return n / (n - 1.0)
