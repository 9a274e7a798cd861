"""Effects of an experiment from its cells; the answer, refusals included, that its rows would give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_cells import ExperimentCells
from alamo.inference.experiment_design import blocking_refusal, constant_chances, design_shares
from alamo.inference.experiment_features import screening_refusals
from alamo.inference.experiment_findings import Findings
from alamo.inference.experiment_outcome import arm_costs, constant_refusal, missing_refusal, uneven_refusal
from alamo.inference.experiment_power import Pace
from alamo.inference.experiment_ratio_check import DrawCheck
from alamo.inference.experiment_result import ExperimentResult
from alamo.inference.experiment_segments import Segmentation, segments_by_columns
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_sums import OutcomeSums, compare_sums
from alamo.inference.experiment_sums_largest import largest_in_sums
from alamo.inference.experiment_table import arms_of, no_arm
from alamo.inference.score_sums import ArmGrid
from alamo.numerics.cell_screening import CellDesign, difference_p_value, screen_cells
from alamo.numerics.cell_sums import CellSums
from alamo.numerics.moments import sums_by
from alamo.numerics.ratio_check import MISMATCH, multinomial_log_e, p_value

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Design:
    spec: ExperimentSpec
    cells: ExperimentCells
    arms: tuple[str, ...]
    arm: Integers
    segmentation: Segmentation | None = None

    def chances(self, counts: Floats) -> Floats:
        """Return the chance of each arm, as given or as the shares of `counts`, shape (k,)."""
        if self.spec.propensity is None:
            shares: Floats = counts / max(float(counts.sum()), 1.0)
            return shares
        return constant_chances(len(self.arms), float(self.spec.propensity))

    def by_arm(self, values: Floats) -> Floats:
        """Return the sum of `values` (n_cells,) over each arm, shape (k,)."""
        return sums_by(self.arm, values, len(self.arms))


def effects_of_cells(cells: ExperimentCells, spec: ExperimentSpec) -> ExperimentResult:
    """Estimate the effect of every action against control.

    Parameters
    ----------
    cells
        What `alamo.inference.experiment_scan` counted, in one go or merged.
    spec
        The question they were counted for; control, costs, shares, propensity and level may be asked anew.

    Raises
    ------
    UsageError
        If control, costs, shares or propensity do not fit the arms.

    Notes
    -----
    *Assumes* rows that are units, drawn one by one with the same chance of each arm. *Not supported*: what only rows
    can answer, see `scan_experiment`.
    """
    labels = pc.fill_null(cells.arm, "")
    arms = arms_of(labels, spec)
    arm_costs(spec, arms, money=True)  # an arm that is none is said before the work, not after
    arm = np.asarray(pc.fill_null(pc.index_in(labels, value_set=pa.array(arms, pa.string())), -1), dtype=np.int64)
    design = _Design(spec, cells.where(arm >= 0), arms, arm[arm >= 0])
    units = design.by_arm(design.cells.rows)
    found = Findings(_without_arm(cells, arm, spec), Pace(int(units.sum()), None))
    counts = {name: int(n) for name, n in zip(arms, units, strict=True)}
    ratio = _ratio_p_value(design, units) if units.sum() else None
    blocked = blocking_refusal(counts, spec.action, ratio)
    if blocked is not None:
        found.refusals.append(blocked)
    else:
        design = _with_segments(design, found)
        for name in spec.outcomes:
            _analyze(design, name, found)
    return found.result(spec, counts, DrawCheck(ratio))


def _without_arm(cells: ExperimentCells, arm: Integers, spec: ExperimentSpec) -> list[Refusal]:
    missing = int(cells.rows[arm < 0].sum())
    return [Refusal(f"{missing:,} of {int(cells.rows.sum()):,} rows", *no_arm(spec))] if missing else []


def _ratio_p_value(design: _Design, units: Floats) -> float | None:
    """Return the p-value of "the arms were drawn as designed"; None where the file itself gives the shares."""
    if design.spec.shares:
        return p_value(float(multinomial_log_e(units, design_shares(design.arms, design.spec))))
    if design.spec.propensity is None:
        return None
    return p_value(float(multinomial_log_e(units, design.chances(units))))


def _with_segments(design: _Design, found: Findings) -> _Design:
    spec, cells = design.spec, design.cells
    if not isinstance(spec.segments, tuple):
        return design
    drawn = CellDesign(
        arm=design.arm,
        rows=cells.rows,
        shares=design.chances(design.by_arm(cells.rows)),
        known=spec.propensity is not None,
    )
    screening = screen_cells({name: cells.keys[name] for name in spec.segments}, drawn, cells.outcomes)
    found.refusals += screening_refusals("segment column", screening)
    if not screening.kept:
        return design
    segmentation = segments_by_columns(cells.keys, screening.kept, cells.rows)
    return _Design(spec, cells, design.arms, design.arm, segmentation)


def _analyze(design: _Design, name: str, found: Findings) -> None:
    sums = design.cells.outcomes[name]
    known, missing = design.by_arm(sums.n), design.by_arm(design.cells.rows - sums.n)
    if missing.any():
        found.refusals.append(missing_refusal(name, int(missing.sum()), int((known + missing).sum())))
        shares = (known + missing) / (known + missing).sum()
        if difference_p_value(np.array([known, missing]), shares, known=False) <= MISMATCH:
            found.refusals.append(uneven_refusal(name))
            return
    least, most = float(sums.least.min()), float(sums.most.max())
    if not known.any() or least == most:
        found.refusals.append(constant_refusal(name, least if known.any() else None))
        return
    grid = ArmGrid(
        _by_segment(design, sums),
        design.chances(known),
        arm_costs(design.spec, design.arms, money=design.cells.money[name]),
    )
    segments = () if design.segmentation is None else design.segmentation.names
    data = OutcomeSums(name, design.arms, grid, segments)
    answer = compare_sums(data, design.spec.level, design.spec.planned)
    if answer.variance_removed is not None:
        found.variance_removed[name] = answer.variance_removed
    found.largest += largest_in_sums(data, answer, design.spec.level)
    for part in answer.answers:
        found.add(part, design.spec)


def _by_segment(design: _Design, sums: CellSums) -> CellSums:
    if design.segmentation is None:
        return sums.grouped(design.arm, len(design.arms))
    k = len(design.segmentation.names)
    return sums.grouped(design.arm * k + design.segmentation.code, len(design.arms) * k)
