"""Corrections: values that follow the calibrated effect of an action instead of the effect on its short outcome.

A correction says by how much the longer outcome differs from the short one on average over the decisions about an
action. It is added to every customer's value of the action, and its error to the part of the uncertainty that all
customers share. *Assumes* that what the short outcome misses is alike for all customers of an action.

A correction is noisy, and one that chance made would have everybody, or nobody, contacted: it is kept only as far as
chance does not explain it.

Source: Efron & Morris (1973), "Stein's estimation rule and its competitors", JASA 68, §2: with a correction drawn from
N(0, τ²) and τ² estimated from it alone, the posterior mean is 1 − se²/correction² of it, its positive part. Twice that,
as in `alamo.prediction.level`, because the largest of several corrections is the one that changes decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.tables import SCORES
from alamo.numerics.hashing import content_hash


@dataclass(frozen=True, slots=True)
class Correction:
    """What an action's values are corrected by (money per decision), and its standard error."""

    money: float
    se: float

    @property
    def kept(self) -> Correction:
        """The posterior of the correction under a normal prior around 0: nothing within 1.4 standard errors of 0."""
        if self.money == 0.0:
            return Correction(0.0, 0.0)
        share = max(0.0, 1.0 - 2.0 * (self.se / self.money) ** 2)
        return Correction(share * self.money, float(np.sqrt(share)) * self.se)


def corrected(scores: pa.Table, corrections: Mapping[str, Correction]) -> pa.Table:
    """Return SCORES with the corrections added; actions without one stay as they are.

    Parameters
    ----------
    scores
        SCORES of one day.
    corrections
        Action → correction.
    """
    if not corrections or not scores.num_rows:
        return scores
    names = scores["action_id"].to_pylist()
    money = np.array([corrections[name].money if name in corrections else 0.0 for name in names])
    se = np.array([corrections[name].se if name in corrections else 0.0 for name in names])
    version = content_hash(
        {
            "scores": pc.unique(scores["model_version"]).to_pylist(),
            "corrections": {name: [one.money, one.se] for name, one in sorted(corrections.items())},
        }
    )
    changed = {
        "value_mean_money": scores["value_mean_money"].to_numpy() + money,
        "value_sd_money": np.hypot(scores["value_sd_money"].to_numpy(), se),
        "shared_sd_money": np.hypot(scores["shared_sd_money"].to_numpy(), se),
        "model_version": pa.repeat(version, scores.num_rows),
    }
    return SCORES.check(pa.table({name: changed.get(name, scores[name]) for name in scores.column_names}))
