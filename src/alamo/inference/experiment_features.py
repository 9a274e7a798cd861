"""Which columns of an experiment file may describe a unit before its arm was drawn; the others are refused, aloud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_design import Propensities
from alamo.inference.experiment_spec import Choice, ExperimentSpec
from alamo.inference.experiment_table import ExperimentRows
from alamo.numerics.ratio_check import MISMATCH
from alamo.numerics.screening import IDENTIFIER, Design, Screening, arm_difference_p_value, screen_columns

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """Columns that may be used, and why others may not."""

    names: tuple[str, ...]
    refusals: tuple[Refusal, ...] = ()


def choose_features(rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec) -> ChosenColumns:
    """Return the features of the outcome model: screened columns, whether chosen by ``auto`` or by name.

    A column that came after the draw would bias every effect, so a name is no excuse.
    """
    if spec.features == "none":
        return ChosenColumns(())
    return _screened("feature", spec.features, rows, chance, spec)


def choose_segment_columns(rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec) -> ChosenColumns:
    """Return the columns segments are made of, screened likewise."""
    if spec.segments == "none":
        return ChosenColumns(())
    return _screened("segment column", spec.segments, rows, chance, spec)


def _screened(
    role: str, choice: Choice, rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec
) -> ChosenColumns:
    names = _candidates(rows, spec) if isinstance(choice, str) else choice
    if not names:
        return ChosenColumns(())
    if chance.every is None:
        refusal = Refusal(
            f"{role}s {', '.join(names[:5])}",
            "the log holds only the probability of the arm drawn, so a column that changed after the draw cannot be "
            "told from one that steered it",
            "log the probability of every arm",
        )
        return ChosenColumns((), (refusal,))
    design = Design(
        arm=rows.arm,
        propensity=None if chance.estimated else chance.every,
        inflation=design_inflation(rows.groups),
    )
    screening = screen_columns({name: rows.table.column(name) for name in names}, design, rows.outcomes)
    refusals = screening_refusals(role, screening)
    if spec.unit is None and spec.cluster is None:
        refusals += _recurring(rows, screening)
    return ChosenColumns(screening.kept, refusals)


def _recurring(rows: ExperimentRows, screening: Screening) -> tuple[Refusal, ...]:
    """Say of identifiers that come back in several rows, while rows are taken as units."""
    found = []
    for name, reason in screening.dropped.items():
        distinct = int(pc.count_distinct(rows.table.column(name)).as_py())
        known = len(rows) - rows.table.column(name).null_count
        if reason == IDENTIFIER and distinct < known:
            found.append(
                Refusal(
                    f"rows as units of their own ({name!r} names {distinct:,} in {known:,} rows)",
                    "rows of one unit are not independent, so the intervals are too narrow",
                    f"add them up by unit: --unit {name}",
                )
            )
    return tuple(found)


def shares_refusals(rows: ExperimentRows, chance: Propensities, spec: ExperimentSpec) -> tuple[Refusal, ...]:
    """Say that the arms' shares change over `time`, where the file itself has to give the probabilities."""
    if rows.time is None or not chance.estimated:
        return ()
    p_value = arm_difference_p_value(pa.array(rows.time), Design(rows.arm, inflation=design_inflation(rows.groups)))
    if p_value > MISMATCH:
        return ()
    reason = (
        f"the arms' shares change over {spec.time!r} beyond chance (p = {p_value:.1e}), "
        "so pooled effects mix those of the actions with those of the season"
    )
    cure = "log the probability of the arm drawn: --propensity COL; or look at each period: --over-time week"
    return (Refusal("one chance of each arm for all rows", reason, cure),)


def screening_refusals(role: str, screening: Screening) -> tuple[Refusal, ...]:
    """Return why columns were left out, each by its `role`."""
    return tuple(
        Refusal(f"{role} {name!r}", f"left out: it {reason}", "use columns known before the arm was drawn: --features")
        for name, reason in screening.dropped.items()
    )


def design_inflation(groups: Integers | None) -> float:
    """Return Σ n_g² / Σ n_g, a safe bound on how much groups that share an arm inflate a chi-square statistic."""
    if groups is None:
        return 1.0
    sizes = np.bincount(groups).astype(np.float64)
    return float((sizes**2).sum() / sizes.sum())


def _candidates(rows: ExperimentRows, spec: ExperimentSpec) -> tuple[str, ...]:
    roles = {spec.action, spec.unit, spec.time, spec.cluster, spec.propensity, *rows.outcomes}
    return tuple(name for name in rows.table.column_names if name not in roles)
