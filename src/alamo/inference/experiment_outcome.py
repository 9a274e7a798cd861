"""One outcome of an experiment file: the rows that have it, net of cost or linearised as a ratio, and its scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.domain.ports import OutcomeLearner
from alamo.domain.reasons import Refusal
from alamo.inference.experiment_design import Propensities
from alamo.inference.experiment_scores import ArmScores, score_arms
from alamo.inference.experiment_segments import Segmentation
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_sums import OutcomeSums
from alamo.inference.experiment_table import ExperimentRows, is_money
from alamo.inference.score_sums import ArmGrid
from alamo.numerics.cell_sums import CellSums
from alamo.numerics.ratio_check import MISMATCH
from alamo.numerics.ratio_metric import linearised_ratio
from alamo.numerics.screening import Design, arm_difference_p_value

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_RATIO_METHODS = {"difference in means": "difference in ratios", "doubly robust": "doubly robust ratio"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """An experiment ready for its outcomes: rows, probabilities, features (n, d) and segments.

    `by_sums`: no features, units are rows and all had the same chances, so that sums of cells are enough.
    """

    spec: ExperimentSpec
    rows: ExperimentRows
    chance: Propensities
    design: Floats
    covariates: Floats
    segmentation: Segmentation | None
    by_sums: bool


def outcome_sums(data: Prepared, name: str) -> OutcomeSums:
    """Return the sums of an outcome by arm and segment, with the cost of each arm where it is money.

    Raises
    ------
    UsageError
        If a cost is given for an arm that the file does not have.
    """
    rows, segmentation, every = data.rows, data.segmentation, data.chance.every
    if every is None:
        raise ValueError("sums need the chance of every arm")
    names = () if segmentation is None else segmentation.names
    k = max(len(names), 1)
    cell = rows.arm * k + (0 if segmentation is None else segmentation.code)
    grid = ArmGrid(CellSums.of(rows.outcomes[name], cell, len(rows.arms) * k), every[0], _costs(data, name))
    return OutcomeSums(name, rows.arms, grid, names)


def scored_outcome(data: Prepared, name: str, learner: OutcomeLearner) -> ArmScores:
    """Return the scores of every arm on an outcome, net of cost where it is money.

    Raises
    ------
    UsageError
        If a cost is given for an arm that the file does not have.
    """
    net = data.rows.outcomes[name] - _costs(data, name)[data.rows.arm]
    scored = score_arms(data.rows, data.chance, net, data.design, learner, data.rows.unit_share(name))
    if name not in data.rows.ratios:
        return scored
    return replace(scored, method=_RATIO_METHODS[scored.method])


def _costs(data: Prepared, name: str) -> Floats:
    """Return the cost of each arm, zeros unless the outcome is money per unit, shape (k,)."""
    money = name in data.spec.outcomes and name not in data.rows.ratios and is_money(data.rows.table, name)
    return arm_costs(data.spec, data.rows.arms, money=money)


def arm_costs(spec: ExperimentSpec, arms: tuple[str, ...], *, money: bool) -> Floats:
    """Return the cost of each arm, zeros unless the outcome is `money`, shape (k,).

    Raises
    ------
    UsageError
        If a cost is given for an arm that the file does not have.
    """
    for arm in spec.costs:
        if arm not in arms:
            raise UsageError(
                f"--cost names {arm!r}, the file has the arms {', '.join(arms)}",
                hint="Write it as the file does: --cost ACTION=MONEY",
                code="usage.cost",
                details={"arm": arm, "arms": list(arms)},
            )
    return np.array([spec.costs.get(arm, 0.0) if money else 0.0 for arm in arms])


def with_outcome(data: Prepared, name: str) -> tuple[Prepared | None, list[Refusal]]:
    """Return the rows that have the outcome; none if it never varies or is missing more often in some arms."""
    known = data.rows.known(name)
    refusals = []
    if not known.all():
        refusals.append(missing_refusal(name, int((~known).sum()), len(known)))
        if arm_difference_p_value(pa.array(known), Design(data.rows.arm)) <= MISMATCH:
            return None, [*refusals, uneven_refusal(name)]
    part = _linearised(data if known.all() else _subset(data, known), name)
    seen = part.rows.outcomes[name]
    if not len(seen) or seen.min() == seen.max():
        return None, [*refusals, constant_refusal(name, float(seen[0]) if len(seen) else None)]
    return part, refusals


def missing_refusal(name: str, missing: int, units: int) -> Refusal:
    """Return why units without an outcome are left out."""
    what = f"{missing:,} of {units:,} units on {name!r}"
    return Refusal(what, "no outcome (not matured, or lost)", "run again when their windows have closed")


def uneven_refusal(name: str) -> Refusal:
    """Return why an outcome that some arms lack more often than others has no effect."""
    reason = "the outcome is missing more often in some arms than in others, so what is left cannot be compared"
    return Refusal(f"effects on {name!r}", reason, "find the missing outcomes, or count them as 0")


def constant_refusal(name: str, seen: float | None) -> Refusal:
    """Return why an outcome that is `seen` in every row, or nowhere, has no effect."""
    same = "nothing" if seen is None else f"{seen:g} in every row"
    return Refusal(f"effects on {name!r}", f"the outcome is {same}", "name another outcome: --outcome COL")


def _linearised(data: Prepared, name: str) -> Prepared:
    """Return the rows with a ratio outcome as one number per row; other outcomes as they are."""
    rows = data.rows
    if name not in rows.ratios:
        return data
    over, under = (rows.outcomes[part] for part in rows.ratios[name])
    values = linearised_ratio(over, under, rows.arm, data.chance.drawn, len(rows.arms))
    return replace(data, rows=replace(rows, outcomes=rows.outcomes | {name: values}))


def _subset(data: Prepared, keep: Bools) -> Prepared:
    rows = data.rows.where(keep)
    segmentation = data.segmentation
    return Prepared(
        spec=data.spec,
        rows=rows,
        chance=data.chance.where(keep, rows.arm, len(rows.arms)),
        design=data.design[keep],
        covariates=data.covariates[keep],
        segmentation=None if segmentation is None else Segmentation(segmentation.code[keep], segmentation.names),
        by_sums=data.by_sums,
    )
