"""Column screening without words: which columns of a file may describe a unit *before* its arm was drawn.

A feature must not name the unit (an identifier), must not repeat the outcome, and must not differ between the arms by
more than chance would allow, because then it happened after the draw. Pure functions on Arrow columns and arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr

from alamo.numerics.encoding import is_text, numbers
from alamo.numerics.laws import chi_square_tail

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Column: TypeAlias = "pa.ChunkedArray | pa.Array"

IDENTIFIER = "looks like an identifier"
"""Why a column that names units is no feature."""

_MOST_BINS = 10
_COPY = 0.9
_LEAST_PER_CELL = 5.0
_LEAST_EFFECTIVE = 20.0
_ROUNDING = 1e-18


@dataclass(frozen=True, slots=True)
class Screening:
    """Which columns may serve as features.

    Attributes
    ----------
    kept
        Names in the order given.
    dropped
        Name → reason, in words for people.
    """

    kept: tuple[str, ...]
    dropped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Design:
    """How the arms were drawn.

    Attributes
    ----------
    arm
        Index of the arm drawn, shape (n,).
    propensity
        Probability of every arm, shape (n, k); `None` when the arms' shares have to be estimated.
    inflation
        Least 1: the design effect when whole clusters or units share an arm (Σ n_c² / Σ n_c is a safe bound).
    """

    arm: Codes
    propensity: Floats | None = None
    inflation: float = 1.0


def screen_columns(
    columns: Mapping[str, Column], design: Design, outcomes: Mapping[str, Floats], *, alpha: float = 0.01
) -> Screening:
    """Sort `columns` into features and others.

    Parameters
    ----------
    columns
        Candidate columns by name, each of length n.
    design
        Arms and their probabilities.
    outcomes
        Outcome values (n,) by name; a column that repeats one of them is dropped.
    alpha
        Chance of dropping any innocent column, shared between the columns (Bonferroni).
    """
    dropped: dict[str, str] = {}
    for name, column in columns.items():
        reason = _reason(name, column, design, outcomes, alpha / max(len(columns), 1))
        if reason:
            dropped[name] = reason
    return Screening(kept=tuple(name for name in columns if name not in dropped), dropped=dropped)


def _reason(name: str, column: Column, design: Design, outcomes: Mapping[str, Floats], alpha: float) -> str:
    if not _usable(column):
        return "cannot be used as a feature (dates, nested values or nothing in it)"
    if is_constant(column):
        return "is the same in every row"
    if is_identifier(name, column):
        return IDENTIFIER
    for outcome, values in outcomes.items():
        if is_near_copy(column, values):
            return f"is a near copy of the outcome {outcome!r}"
    p_value = arm_difference_p_value(column, design)
    if p_value < alpha:
        return (
            f"differs between the arms beyond chance (p = {p_value:.1e}): it was known only after the draw (a leak), "
            "or the arms were not drawn at random"
        )
    return ""


def _usable(column: Column) -> bool:
    kind = column.type
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return (plain or pa.types.is_decimal(kind) or is_text(kind)) and column.null_count < len(column)


def is_constant(column: Column) -> bool:
    """Say whether fewer than two distinct values occur, missing counted as one."""
    return int(pc.count_distinct(column, mode="all").as_py()) < 2


def is_identifier(name: str, column: Column) -> bool:
    """Say whether a column names the row or the unit rather than describing it.

    Text with more than half its values distinct; whole numbers that are (nearly) all distinct; and anything called
    ``id`` or ``…_id`` with more than 50 distinct values. Real numbers never are.
    """
    rows = len(column) - column.null_count
    if rows < 20 or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return False
    distinct = int(pc.count_distinct(column).as_py())
    word = name.lower().replace("-", "_").replace(" ", "_")
    if distinct > 50 and (word in {"id", "uuid", "guid"} or word.endswith(("_id", "_uuid", "_guid", "_key"))):
        return True
    return distinct > (0.5 if is_text(column.type) else 0.999) * rows


def is_near_copy(column: Column, outcome: Floats) -> bool:
    """Say whether a column repeats an outcome, its sign, or whether it is zero (correlation of at least .9)."""
    if is_text(column.type):
        codes, _ = _bins(column, 50)
        return _explained(codes, outcome) >= _COPY**2
    values = numbers(column)
    seen = np.isfinite(values) & np.isfinite(outcome)
    x, y = values[seen], outcome[seen]
    pairs = ((x, y), (x != 0.0, y != 0.0), (x > 0.0, y > 0.0))
    return any(abs(_correlation(np.asarray(a, float), np.asarray(b, float))) >= _COPY for a, b in pairs)


def arm_difference_p_value(column: Column, design: Design) -> float:
    """Return the p-value of "the arms do not differ in this column", by a chi-square test on at most ten bins.

    With D_b the counts of the arms in bin b less their expectations and V_b their multinomial covariance, the statistic
    is Σ_b D_bᵀ V_b⁻¹ D_b; with constant known shares it is Pearson's. Estimated shares cost one bin's degrees of
    freedom.
    """
    codes, n_bins = _bins(column, _MOST_BINS)
    n_arms = int(design.arm.max(initial=0)) + 1 if design.propensity is None else design.propensity.shape[1]
    known = design.propensity is not None
    drawn = np.bincount(codes * n_arms + design.arm, minlength=n_bins * n_arms).reshape(n_bins, n_arms)
    statistic, bins = 0.0, 0
    for b, (expected, squares) in enumerate(_expected(design, codes, drawn)):
        arms = np.flatnonzero(expected >= _LEAST_PER_CELL)
        if len(arms) < n_arms:  # too thin for the chi-square approximation
            continue
        gap = (drawn[b] - expected)[: n_arms - 1]
        covariance = (np.diag(expected) - squares)[: n_arms - 1, : n_arms - 1]
        statistic += float(gap @ np.linalg.pinv(covariance, hermitian=True) @ gap)
        bins += 1
    freedom = (bins if known else bins - 1) * (n_arms - 1)
    return chi_square_tail(statistic / design.inflation, freedom) if freedom > 0 else 1.0


def _expected(design: Design, codes: Codes, drawn: Codes) -> Iterator[tuple[Floats, Floats]]:
    """Yield Σ p (k,) and Σ p pᵀ (k, k) of each bin's rows; `drawn` are the counts by bin and arm."""
    if design.propensity is None:
        shares = drawn.sum(axis=0) / max(int(drawn.sum()), 1)
        for n in drawn.sum(axis=1).tolist():
            yield n * shares, n * np.outer(shares, shares)
        return
    for b in range(len(drawn)):
        p = design.propensity[codes == b]
        yield p.sum(axis=0), p.T @ p


def weighted_shift_p_value(column: Column, weight: Floats, groups: Codes | None = None) -> float:
    """Return the p-value of "weighting the rows does not move this column", from at most ten bins (Bonferroni).

    With w̄ the mean weight, p_b a bin's share and q_b its weighted share, the difference q_b − p_b is the mean of
    (w/w̄)(1_b − q_b) − (1_b − p_b). Where few large weights decide, the sample variance of that is too small whenever a
    bin happens to lack them, so its variance is at least what it would be if the weights were dealt out anew,
    p_b(1 − p_b)·mean (w/w̄ − 1)² (a permutation test's). Bins worth fewer than 20 weighted rows are left out.

    Parameters
    ----------
    weight
        Importance weights ≥ 0, not all 0, shape (n,).
    groups
        Code of the independent group of each row, shape (n,); None: each row.
    """
    place, n_bins = _bins(column, _MOST_BINS)
    inside = np.equal.outer(place, np.arange(n_bins)).astype(np.float64)
    relative = weight / weight.mean()
    share, weighted = inside.mean(axis=0), relative @ inside / len(weight)
    influence = relative[:, None] * (inside - weighted) - (inside - share)
    sampled = (influence**2).sum(axis=0)
    dealt = share * (1.0 - share) * float(((relative - 1.0) ** 2).sum())
    if groups is not None:
        totals = np.zeros((int(groups.max()) + 1, n_bins))
        np.add.at(totals, groups, influence)
        grouped = (totals**2).sum(axis=0)
        dealt *= np.maximum(np.divide(grouped, sampled, out=np.ones(n_bins), where=sampled > 0.0), 1.0)
        sampled = grouped
    variance, squares = np.maximum(sampled, dealt), (relative**2) @ inside
    worth = np.divide((relative @ inside) ** 2, squares, out=np.zeros(n_bins), where=squares > 0.0)
    used = np.flatnonzero((worth >= _LEAST_EFFECTIVE) & (variance > _ROUNDING * len(weight)))
    if not len(used):
        return 1.0
    z = len(weight) * np.abs(weighted - share)[used] / np.sqrt(variance[used])
    return min(1.0, 2.0 * len(used) * float(ndtr(-z.max())))


def _bins(column: Column, most: int) -> tuple[Codes, int]:
    """Return a bin per row: quantile bins or frequent levels, rare levels together, missing values apart."""
    if is_text(column.type):
        flat = (
            pa.chunked_array([column.cast(pa.string())]) if isinstance(column, pa.Array) else column.cast(pa.string())
        )
        encoded = pc.dictionary_encode(flat.combine_chunks())
        raw = np.asarray(pc.fill_null(encoded.indices, len(encoded.dictionary)), dtype=np.int64)
    else:
        values = numbers(column)
        edges = np.unique(np.nanquantile(values, np.linspace(0.0, 1.0, most)[1:-1]))
        # both sides of every edge: a flag or a zero-inflated number keeps its levels apart
        raw = np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
        raw = np.where(np.isnan(values), 2 * len(edges) + 1, raw).astype(np.int64)
    counts = np.bincount(raw)
    frequent = np.argsort(-counts, kind="stable")[: most - 1]
    place = np.full(len(counts), min(most - 1, len(frequent)), dtype=np.int64)
    place[frequent] = np.arange(len(frequent))
    return place[raw], int(place.max(initial=0)) + 1


def _explained(codes: Codes, outcome: Floats) -> float:
    """Return the share of the outcome's variance between groups (adjusted for their number)."""
    seen = np.isfinite(outcome)
    codes, y = codes[seen], outcome[seen]
    n, total = len(y), float(y.var()) if len(y) else 0.0
    if total <= 0.0:
        return 0.0
    counts = np.bincount(codes)
    means = np.bincount(codes, y) / np.maximum(counts, 1)
    groups = int((counts > 0).sum())
    return 1.0 - float(((y - means[codes]) ** 2).sum()) / max(n - groups, 1) / total


def _correlation(x: Floats, y: Floats) -> float:
    if len(x) < 3:
        return 0.0
    dx, dy = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((dx @ dx) * (dy @ dy)))
    return float(dx @ dy) / scale if scale > 0.0 else 0.0
