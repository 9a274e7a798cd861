"""How good probabilities are: AUC, log-loss, top-decile lift and calibration error, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from alamo.numerics.laws import average_ranks
from alamo.numerics.normal import z_value

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]

CURVE_BINS = 10
_LOG_ODDS_LIMIT = 30.0
_DRAWS = 400

NAMES = ("auc", "log_loss", "top_decile_lift", "ece")


@dataclass(frozen=True, slots=True)
class Figures:
    """The four figures of one set of scores.

    Attributes
    ----------
    auc
        Chance that a row with the target scores above one without; ties count half. None with one class only.
    log_loss
        Mean −ln of the probability given to what happened.
    top_decile_lift
        Share of yes in the best-scored tenth over the share in all. None without a yes.
    ece
        Expected calibration error: mean |predicted − seen| over ten equal-count bins.
    """

    auc: float | None
    log_loss: float
    top_decile_lift: float | None
    ece: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as they stand in ``--json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One bin of the calibration curve: mean predicted, share seen with its interval, rows."""

    predicted: float
    seen: float
    lower: float
    upper: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the point as it stands in ``--json``."""
        return asdict(self)


def figures(log_odds: Floats, target: Floats) -> Figures:
    """Return the figures of log-odds (n,) on a 0/1 target (n,)."""
    z = np.clip(log_odds, -_LOG_ODDS_LIMIT, _LOG_ODDS_LIMIT)
    return Figures(
        auc=auc(z, target),
        log_loss=float(np.mean(np.logaddexp(0.0, z) - target * z)),
        top_decile_lift=top_decile_lift(z, target),
        ece=float(np.abs(_gaps(z, target)[0]).mean()),
    )


def auc(score: Floats, target: Floats) -> float | None:
    """Return the area under the ROC curve, None with one class only."""
    yes = target > 0.5
    n_yes, n_no = int(yes.sum()), int((~yes).sum())
    if not n_yes or not n_no:
        return None
    ranks = average_ranks(score)
    return float((ranks[yes].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))


def top_decile_lift(score: Floats, target: Floats) -> float | None:
    """Return the lift of the best-scored tenth (at least one row); tied scores at its edge count by their mean."""
    base = float(target.mean())
    if base == 0.0:
        return None
    return float((_tenth_weights(score) @ target) / base)


def _tenth_weights(score: Floats) -> Floats:
    """Return weights of mean share that pick the best tenth, shape (n,), adding up to one."""
    size = max(1, round(0.1 * len(score)))
    edge = np.partition(score, len(score) - size)[len(score) - size]
    above, tied = score > edge, score == edge
    weights = above.astype(np.float64)
    weights[tied] = (size - above.sum()) / tied.sum()
    return weights / size


def intervals(log_odds: Floats, target: Floats, level: float, rng: np.random.Generator) -> dict[str, Interval | None]:
    """Return the interval of each figure.

    AUC by DeLong's variance on the logit scale, log-loss and lift by the normal approximation, the calibration error
    by drawing the ten gaps from their binomial errors.

    Source: DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3); ranks as in Sun & Xu (2014), IEEE SPL 21(11).
    """
    z = np.clip(log_odds, -_LOG_ODDS_LIMIT, _LOG_ODDS_LIMIT)
    reach = z_value(level)
    losses = np.logaddexp(0.0, z) - target * z
    half = reach * float(losses.std(ddof=1)) / np.sqrt(len(z)) if len(z) > 1 else 0.0
    mean = float(losses.mean())
    return {
        "auc": _auc_interval(z, target, reach),
        "log_loss": (max(mean - half, 0.0), mean + half),
        "top_decile_lift": _lift_interval(z, target, reach),
        "ece": _ece_interval(z, target, level, rng),
    }


def _auc_interval(score: Floats, target: Floats, reach: float) -> Interval | None:
    area = auc(score, target)
    yes = target > 0.5
    n_yes, n_no = int(yes.sum()), int((~yes).sum())
    if area is None or min(n_yes, n_no) < 2:
        return None
    ranks = average_ranks(score)
    of_yes = (ranks[yes] - average_ranks(score[yes])) / n_no
    of_no = 1.0 - (ranks[~yes] - average_ranks(score[~yes])) / n_yes
    variance = float(of_yes.var(ddof=1)) / n_yes + float(of_no.var(ddof=1)) / n_no
    inside = min(max(area, 0.5 / (n_yes * n_no)), 1.0 - 0.5 / (n_yes * n_no))
    middle, half = np.log(inside / (1.0 - inside)), reach * np.sqrt(variance) / (inside * (1.0 - inside))
    return float(expit(middle - half)), float(expit(middle + half))


def _lift_interval(score: Floats, target: Floats, reach: float) -> Interval | None:
    lift = top_decile_lift(score, target)
    if lift is None:
        return None
    base, n = float(target.mean()), len(target)
    influence = (_tenth_weights(score) * n * (target - lift * base) - lift * (target - base)) / base
    half = reach * float(influence.std()) / np.sqrt(n)
    return max(lift - half, 0.0), lift + half


def _ece_interval(z: Floats, target: Floats, level: float, rng: np.random.Generator) -> Interval:
    gaps, errors = _gaps(z, target)
    draws = np.abs(gaps + errors * rng.standard_normal((_DRAWS, len(gaps)))).mean(axis=1)
    low, high = np.quantile(draws, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return float(low), float(high)


def _bins(z: Floats) -> list[npt.NDArray[np.int64]]:
    parts = np.array_split(np.argsort(z, kind="stable"), CURVE_BINS)
    return [part for part in parts if len(part)]


def _gaps(z: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Return predicted − seen of each equal-count bin and its binomial standard error."""
    p = expit(z)
    parts = _bins(z)
    gaps = np.array([float((p[rows] - target[rows]).mean()) for rows in parts])
    errors = np.array([float(np.sqrt((p[rows] * (1.0 - p[rows])).sum()) / len(rows)) for rows in parts])
    return gaps, errors


def calibration_curve(log_odds: Floats, target: Floats, level: float) -> tuple[CurvePoint, ...]:
    """Return ten equal-count bins, lowest scores first, with Wilson's interval of the share seen."""
    p, reach = expit(log_odds), z_value(level)
    points = []
    for rows in _bins(log_odds):
        n, seen = len(rows), float(target[rows].mean())
        centre = (seen + reach**2 / (2 * n)) / (1 + reach**2 / n)
        half = reach / (1 + reach**2 / n) * np.sqrt(seen * (1 - seen) / n + reach**2 / (4 * n * n))
        low, high = max(float(centre - half), 0.0), min(float(centre + half), 1.0)
        points.append(CurvePoint(float(p[rows].mean()), seen, low, high, n))
    return tuple(points)


def flat(found: Mapping[str, Interval | None]) -> dict[str, float | None]:
    """Return intervals as ``auc_lower auc_upper …``."""
    out: dict[str, float | None] = {}
    for name in NAMES:
        ends = found[name]
        out[f"{name}_lower"], out[f"{name}_upper"] = ends if ends is not None else (None, None)
    return out
