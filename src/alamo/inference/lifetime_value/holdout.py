"""How well numbers of purchases were predicted: errors, order, and concentration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Holdout:
    """Predicted against actual numbers of purchases per customer.

    Attributes
    ----------
    mae, rmse
        Mean absolute and root mean squared error. Zero for everybody nearly wins on `mae`: never read it alone.
    correlation
        Pearson; None if either is constant.
    aggregate_error
        Predicted over actual total, minus 1; None without actual purchases.
    gini
        Gini coefficient of actual purchases in predicted order, divided by that in their own order (1 is a perfect
        order, 0 a random one); equal predictions share their purchases. None without spread in the actual numbers.
    top_decile_share
        Share of actual purchases made by the tenth of customers with the highest predictions.
    """

    mae: float
    rmse: float
    correlation: float | None
    aggregate_error: float | None
    gini: float | None
    top_decile_share: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return the measures as they stand in ``--json``."""
        return {name: getattr(self, name) for name in self.__slots__}


def compare(predicted: Floats, actual: Floats) -> Holdout:
    """Compare predicted with actual purchases, both of shape (n,), n ≥ 1."""
    error, total = predicted - actual, float(actual.sum())
    varied = predicted.std() > 0.0 and actual.std() > 0.0
    curve = _concentration(predicted, actual)
    own = _gini(_concentration(actual, actual))
    return Holdout(
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt((error**2).mean())),
        correlation=float(np.corrcoef(predicted, actual)[0, 1]) if varied else None,
        aggregate_error=float(predicted.sum()) / total - 1.0 if total > 0.0 else None,
        gini=_gini(curve) / own if own > 0.0 else None,
        top_decile_share=float(np.interp(0.1 * len(actual), np.arange(len(curve)), curve)) if total > 0.0 else None,
    )


def _concentration(predicted: Floats, actual: Floats) -> Floats:
    """Return the share of `actual` held by the first k customers in falling order of `predicted`, shape (n + 1,)."""
    _, group, size = np.unique(-predicted, return_inverse=True, return_counts=True)
    shared = (np.bincount(group, weights=actual) / size)[np.sort(group)]
    return np.concatenate([[0.0], np.cumsum(shared)]) / max(float(actual.sum()), 1e-300)


def _gini(curve: Floats) -> float:
    """Return twice the area between a concentration curve and the diagonal."""
    return float((curve[1:] + curve[:-1]).mean()) - 1.0 if curve[-1] > 0.0 else 0.0
