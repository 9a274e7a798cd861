"""An A/A check of an experiment file: control against itself, split at random again and again.

Whatever is found between halves of control is false. Given the file the splits are independent draws, so the number of
false findings is binomial, and too many of them say that the intervals cannot be trusted on these data (tails that are
too heavy, outcomes that are too rare). *Not seen*: what a new draw mends, such as a unit or a cluster that was not
named, or arms that were not drawn at random.

Source: Kohavi, Tang & Xu (2020), "Trustworthy online controlled experiments", ch. 19.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binom

from alamo.inference.experiment_result import ExperimentResult, PlaceboRow, PlaceboSplits
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.numerics.hashing import uniforms, unit_keys
from alamo.numerics.ratio_check import MISMATCH

Analysis = Callable[[pa.Table, ExperimentSpec], ExperimentResult]
Bools = npt.NDArray[np.bool_]

_PLACEBO = "placebo"


def placebo_splits(table: pa.Table, spec: ExperimentSpec, counts: dict[str, int], analysis: Analysis) -> PlaceboSplits:
    """Return how often `analysis` finds something where control is split `spec.aa` times.

    Parameters
    ----------
    counts
        Units of each arm, control first; the placebo gets the share that an action has beside control, unless the
        design's shares are given.
    analysis
        What is checked: the whole analysis, features included.
    """
    control = table.filter(pc.equal(pc.fill_null(table.column(spec.action).cast(pa.string()), ""), spec.control))
    share = _share(spec, counts)
    name = _PLACEBO if spec.control != _PLACEBO else f"{_PLACEBO} 2"
    asked = replace(
        spec,
        propensity=None,
        costs={},
        shares={spec.control: 1.0 - share, name: share},
        segments="none",
        fdr=None,
        detect={},
        aa=0,
        over_time=None,
        planned=None,
    )
    keys = unit_keys(_groups(control, spec))
    place = control.column_names.index(spec.action)
    found = []
    for split in range(spec.aa):
        drawn = uniforms(keys, f"a/a {split}") < share
        if drawn.all() or not drawn.any():  # a few clusters fall on one side: nothing to compare, no answer
            continue
        arm = pa.array(np.where(drawn, name, spec.control))
        found.append(analysis(control.set_column(place, spec.action, arm), asked))
    rows = tuple(_row(outcome, found, spec.level) for outcome in spec.measured)
    checked = [result.ratio_p_value for result in found if result.ratio_p_value is not None]
    return PlaceboSplits(spec.aa, share, sum(p <= MISMATCH for p in checked), rows)


def _share(spec: ExperimentSpec, counts: dict[str, int]) -> float:
    weights = dict(spec.shares) or {name: float(count) for name, count in counts.items()}
    actions = [weight for name, weight in weights.items() if name != spec.control and weight > 0.0]
    mean = float(np.mean(actions))
    return mean / (mean + weights[spec.control])


def _groups(table: pa.Table, spec: ExperimentSpec) -> list[str]:
    """Return what is drawn as a whole, a text per row; a row without a name is a group of its own."""
    column = spec.cluster or spec.unit
    if column is None:
        return [str(row) for row in range(table.num_rows)]
    names = table.column(column).cast(pa.string()).to_pylist()
    return [f"row {row}" if name is None else f"unit {name}" for row, name in enumerate(names)]


def _row(outcome: str, found: list[ExperimentResult], level: float) -> PlaceboRow:
    shown = [row for result in found for row in result.rows if row.outcome == outcome]
    shown_guardrails = [row for result in found for row in result.guardrails if row.outcome == outcome]
    fixed = [(row.lower, row.upper) for row in shown] + [(row.lower, row.upper) for row in shown_guardrails]
    bounds = [(row.anytime_lower, row.anytime_upper) for row in shown]
    bounds += [(row.anytime_lower, row.anytime_upper) for row in shown_guardrails]
    anytime = [(lower, upper) for lower, upper in bounds if lower is not None and upper is not None]
    false, false_anytime = _outside(fixed), _outside(anytime)
    return PlaceboRow(
        outcome=outcome,
        answered=len(fixed),
        false=false,
        expected=(1.0 - level) * len(fixed),
        p_value=_at_least(false, len(fixed), 1.0 - level),
        anytime_answered=len(anytime),
        anytime_false=false_anytime,
        anytime_p_value=_at_least(false_anytime, len(anytime), 1.0 - level),
    )


def _outside(intervals: list[tuple[float, float]]) -> int:
    return sum(lower > 0.0 or upper < 0.0 for lower, upper in intervals)


def _at_least(false: int, n: int, chance: float) -> float | None:
    """Return the chance of at least as many false findings were each as unlikely as it should be; None without any."""
    return float(binom.sf(false - 1, n, chance)) if n else None
