"""Retention by age and by cohort, as counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.inference.lifetime_value.cohorts import first_day, period_of
from alamo.inference.lifetime_value.contract_calendar import Renewals
from alamo.inference.lifetime_value.contract_forecast import RetentionModel
from alamo.inference.lifetime_value.contract_result import RetentionRow
from alamo.inference.lifetime_value.contracts import ShiftedBetaGeometric
from alamo.numerics.laws import chi_square_tail
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_LEAST_EXPECTED = 5.0


def counts_by_age(known: Renewals) -> tuple[Codes, Codes]:
    """Return how many customers were up for each renewal, and how many refused it, shape (k,) each."""
    most = int(known.up_for.max(initial=0))
    at_risk = np.bincount(known.up_for, minlength=most + 1)[::-1].cumsum()[::-1][1:]
    left = np.bincount(known.up_for[known.left], minlength=most + 1)[1:]
    return at_risk, left


def retention_rows(
    known: Renewals, covariates: Floats, model: RetentionModel | None, level: float
) -> tuple[RetentionRow, ...]:
    """Return retention at every renewal, counted and by `model` for the same customers.

    Source: Kaplan & Meier (1958), Journal of the American Statistical Association 53(282) (survival); Wilson (1927),
    ibid. 22(158) (interval of a share).
    """
    at_risk, left = counts_by_age(known)
    modelled = np.full(len(at_risk), np.nan) if model is None else _modelled(known, covariates, model, len(at_risk))
    survival, survival_model = np.cumprod(1.0 - left / at_risk), np.cumprod(modelled)
    share = 1.0 - left / at_risk
    lower, upper = wilson(share, at_risk.astype(np.float64), level)
    return tuple(
        RetentionRow(
            renewal=j + 1,
            at_risk=int(at_risk[j]),
            left=int(left[j]),
            retention=float(share[j]),
            lower=float(lower[j]),
            upper=float(upper[j]),
            retention_model=None if model is None else float(modelled[j]),
            survival=float(survival[j]),
            survival_model=None if model is None else float(survival_model[j]),
        )
        for j in range(len(at_risk))
    )


def wilson(share: Floats, n: Floats, level: float) -> tuple[Floats, Floats]:
    """Return the ends of Wilson's interval of a share of `n`, shape (k,) each."""
    z2 = z_value(level) ** 2
    centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n)
    half = np.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n**2))) / (1.0 + z2 / n)
    return centre - half, centre + half


def fit_p_value(known: Renewals, model: ShiftedBetaGeometric) -> float | None:
    """Return the chance of ages as far from the model as these (Pearson, two parameters fitted); None with few ages."""
    at_risk, left = counts_by_age(known)
    p_left = 1.0 - model.retention(np.arange(len(at_risk)))
    expected = at_risk * p_left
    used = (expected >= _LEAST_EXPECTED) & (at_risk - expected >= _LEAST_EXPECTED)
    if used.sum() < 3:
        return None
    spread = (expected * (1.0 - p_left))[used]
    return chi_square_tail((((left - expected)[used]) ** 2 / spread).sum(), int(used.sum()) - 2)


def retention_by_cohort(start: Codes, known: Renewals, until: int, period: str) -> pa.Table:
    """Return one row per cohort and renewal that every customer of the cohort was up for or refused before.

    Columns ``cohort`` (first day of the calendar period in which contracts began), ``renewal``, ``customers`` (size of
    the cohort), ``active`` (renewed this often) and ``retention`` (active over customers).
    """
    begun = start <= until
    index, cohort = np.unique(period_of(start[begun], period), return_inverse=True)
    up_for, left = known.up_for[begun], known.left[begun]
    size = np.bincount(cohort)
    complete = np.full(len(index), np.iinfo(np.int64).max)
    np.minimum.at(complete, cohort[~left], up_for[~left])  # whoever has not refused is known up to here
    most = np.zeros(len(index), dtype=np.int64)
    np.maximum.at(most, cohort, up_for)
    spans = np.minimum(complete, most)
    rows = []
    for c, (first, span) in enumerate(zip(first_day(index, period), spans, strict=True)):
        renewed = (up_for - left)[cohort == c]
        active = np.bincount(np.minimum(renewed, span), minlength=int(span) + 1)[::-1].cumsum()[::-1]
        rows += [(int(first), j, int(size[c]), int(active[j])) for j in range(int(span) + 1)]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return pa.table(
        {
            "cohort": pa.array(np.asarray(columns[0], dtype=np.int32), pa.date32()),
            "renewal": pa.array(columns[1], pa.int64()),
            "customers": pa.array(columns[2], pa.int64()),
            "active": pa.array(columns[3], pa.int64()),
            "retention": pa.array(np.asarray(columns[3], dtype=float) / np.asarray(columns[2], dtype=float)),
        }
    )


def _modelled(known: Renewals, covariates: Floats, model: RetentionModel, n_ages: int) -> Floats:
    if isinstance(model.model, ShiftedBetaGeometric):
        return model.model.retention(np.arange(n_ages))
    out = np.empty(n_ages)
    for age in range(n_ages):
        asked = covariates[known.up_for > age]
        out[age] = 1.0 - float(model.model.p_leaves(np.full(len(asked), age), asked).mean())
    return out
