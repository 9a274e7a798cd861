"""The pooled effects of an experiment file as one family of tests, adjusted for their number on request."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from alamo.inference.experiment_result import AdjustedTest, EffectRow, Multiplicity
from alamo.numerics.few_clusters import ClusterError
from alamo.numerics.multiplicity import benjamini_hochberg
from alamo.numerics.normal import two_sided_p


def adjusted_tests(rows: Iterable[EffectRow], rate: float) -> Multiplicity:
    """Return Benjamini–Hochberg over the pooled fixed-n effects, all actions and outcomes together.

    Segments stay out: they are shrunk, which keeps a campaign that did nothing from showing one. Guardrails stay out:
    a harm is not to be explained away by the number of other questions.
    """
    pooled = [row for row in rows if row.segment is None]
    p_values = np.array([_p_value(row) for row in pooled])
    adjusted = benjamini_hochberg(p_values)
    return Multiplicity(
        rate,
        tuple(
            AdjustedTest(row.action, row.outcome, float(p), float(q), bool(q <= rate))
            for row, p, q in zip(pooled, p_values, adjusted, strict=True)
        ),
    )


def _p_value(row: EffectRow) -> float:
    if row.freedom is None:
        return float(two_sided_p(row.mean / row.se))
    return ClusterError(row.se, row.freedom).p_value(row.mean)
