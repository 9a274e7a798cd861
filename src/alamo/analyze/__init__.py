"""Analyses of any table, without a project: the functions behind ``alamo analyze`` and ``import alamo``.

Keywords are the options of the command, with underscores; a spec object may stand beside or instead of them.
Not here: anything that needs a project (`alamo.Project`), and any logic.
"""

from __future__ import annotations

from alamo.analyze.contracts import fit_contracts
from alamo.analyze.policies import choose_policy, evaluate_policy, grow_policy
from alamo.analyze.segments import find_segments
from alamo.analyze.tables import (
    allocate,
    estimate_effects,
    fit_lifetime_value,
    fit_next_product,
    fit_scores,
    fit_uplift,
    readiness_table,
)

__all__ = [
    "allocate",
    "choose_policy",
    "estimate_effects",
    "evaluate_policy",
    "find_segments",
    "fit_contracts",
    "fit_lifetime_value",
    "fit_next_product",
    "fit_scores",
    "fit_uplift",
    "grow_policy",
    "readiness_table",
]
