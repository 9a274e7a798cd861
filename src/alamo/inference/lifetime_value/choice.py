"""Which purchase model: the one that predicted the last part of the calibration best, which it had not seen.

Compared are numbers of purchases per customer, by the Poisson deviance of their means: a scoring rule whose best answer
is the expected number, whatever its law. The plainest model keeps its place unless another is better by two standard
errors of the paired difference over customers: what is not told apart should not change from month to month.
Many customers are judged by a systematic sample of them.

Source: Gneiting (2011), "Making and evaluating point forecasts", Journal of the American Statistical Association
106(494), section 2 (consistent scoring of a mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.inference.lifetime_value.cells import compress
from alamo.inference.lifetime_value.purchase_fit import MODELS, can_be_fitted, fit_purchases, summarise_weeks
from alamo.inference.lifetime_value.summary import PurchaseDays, purchases_between, summarise

Floats = npt.NDArray[np.float64]

_HELD_BACK_SHARE = 1 / 3
_LEAST_PURCHASES, _LEAST_REPEATERS = 50, 50
_STANDARD_ERRORS = 2.0
_MOST_CUSTOMERS = 20_000
_MOST_HISTORIES = 100_000  # of BG/BB: its likelihood sums over every week in which a customer may have left
_WEEKLY_SHARE = 0.9  # of the times between purchases in whole weeks: at random it would be a seventh
_LEFT_OUT = "left out: purchases keep no weekly rhythm, and the weeks are many; ask for it with --model bg-bb"
_SMALLEST, _SAME = 1e-9, 1e-6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model on the time held back.

    Attributes
    ----------
    loss
        Mean Poisson deviance per customer; None if the model could not be fitted.
    difference, se
        To the plainest model, and its standard error over customers.
    reason
        Why it was chosen or not.
    """

    model: str
    loss: float | None
    difference: float | None
    se: float | None
    reason: str
    chosen: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as it stands in ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


def choose_model(
    purchases: PurchaseDays,
    until_day: int,
    horizon_days: float,
    *,
    unit_days: int = 7,
    models: Sequence[str] | None = None,
) -> tuple[str, tuple[Candidate, ...]]:
    """Return the model to use and how each candidate did; the first of `models` where too little was held back.

    Parameters
    ----------
    until_day
        Last day of the calibration; nothing after it is looked at.
    horizon_days
        How far ahead will be predicted: that much is held back, at most a third of the calibration.
    models
        To choose among. Default: all, but BG/BB, which is slow, only where purchases come in a rhythm of whole weeks
        or its histories are few.
    """
    first_day = int(purchases.day.min())
    held_back = int(min(horizon_days, _HELD_BACK_SHARE * (until_day - first_day + 1)))
    inner = until_day - held_back
    sample = sampled(purchases, inner)
    names = MODELS if models is None else tuple(models)
    tried = [name for name in names if models is not None or name != "bg-bb" or _suits_weeks(sample, inner)]
    summary = summarise(sample, inner)
    actual = purchases_between(sample, summary, inner, until_day)
    if actual.sum() < _LEAST_PURCHASES or (summary.x > 0).sum() < _LEAST_REPEATERS:
        reason = f"nothing to choose by: the last {held_back} days hold {actual.sum():.0f} purchases of known customers"
        return names[0], (Candidate(names[0], None, None, None, reason, chosen=True),)
    losses: dict[str, Floats] = {}
    for name in tried:
        if can_be_fitted(name, sample, inner):
            fit = fit_purchases(name, sample, inner, unit_days=unit_days)
            if fit.fit.converged:
                losses[name] = _deviance(fit.expected_purchases(held_back), actual)
    if names[0] not in losses:
        reason = "the likelihood has no maximum that was found"
        return names[0], (Candidate(names[0], None, None, None, reason, chosen=True),)
    return _judge(names, losses, held_back, frozenset(names) - frozenset(tried))


def sampled(purchases: PurchaseDays, until_day: int) -> PurchaseDays:
    """Return the purchases of every so-manieth of the customers seen by `until_day`, all of them if they are few."""
    seen = np.unique(purchases.customer[purchases.day <= until_day])
    step = -(-len(seen) // _MOST_CUSTOMERS)
    if step <= 1:
        return purchases
    kept = np.zeros(len(purchases.customers), dtype=np.bool_)
    kept[seen[step // 2 :: step]] = True
    return purchases.selected(kept[purchases.customer])


def _suits_weeks(purchases: PurchaseDays, until_day: int) -> bool:
    """Say whether purchases come in whole weeks, or BG/BB costs little because distinct histories are few."""
    seen = purchases.selected(purchases.day <= until_day)
    gaps = np.diff(seen.day)[np.diff(seen.customer) == 0]
    if len(gaps) and (gaps % 7 == 0).mean() >= _WEEKLY_SHARE:
        return True
    weeks = summarise_weeks(purchases, until_day)
    cells = compress(weeks.x, weeks.t_x_days, weeks.t_days)
    return float((cells.t - cells.t_x + 1.0).sum()) <= _MOST_HISTORIES


def _deviance(mean: Floats, actual: Floats) -> Floats:
    """Return the Poisson deviance of each customer, shape (n,)."""
    expected = np.maximum(mean, _SMALLEST)
    logs = np.where(actual > 0.0, np.log(np.maximum(actual, 1.0) / expected), 0.0)
    return np.asarray(2.0 * (actual * logs - (actual - expected)))


def _judge(
    models: Sequence[str], losses: dict[str, Floats], held_back: int, left_out: frozenset[str]
) -> tuple[str, tuple[Candidate, ...]]:
    plain = models[0]
    gaps = {name: loss - losses[plain] for name, loss in losses.items()}
    errors = {name: float(gap.std(ddof=1) / np.sqrt(len(gap))) for name, gap in gaps.items()}
    same = _SAME * float(losses[plain].mean())  # BG/CNBD-k with k = 1 is BG/NBD but for rounding
    better = [name for name in gaps if name != plain and gaps[name].mean() < -_STANDARD_ERRORS * errors[name] - same]
    chosen = min(better, key=lambda name: gaps[name].mean(), default=plain)
    rows = []
    for name in models:
        if name not in losses:
            why = _LEFT_OUT if name in left_out else "could not be fitted to what came before"
            rows.append(Candidate(name, None, None, None, why))
            continue
        if name == chosen:
            told = "the plainest; none is better by two standard errors" if chosen == plain else "the best"
        elif name in better:
            told = "better than the plainest, but not the best"
        else:
            told = "beaten" if name == plain else "not better than the plainest by two standard errors"
        reason = f"{told}, on the last {held_back} days"
        mean, gap = float(losses[name].mean()), float(gaps[name].mean())
        rows.append(Candidate(name, mean, gap, errors[name], reason, chosen=name == chosen))
    return chosen, tuple(rows)
