"""An A/A check of an experiment file: control against itself, split at random again and again.

Whatever is found between halves of control is false. Given the file the splits are independent draws, so the number of
false findings is binomial, and too many of them say that the intervals cannot be trusted on these data (tails that are
too heavy, outcomes that are too rare). *Not seen*: what a new draw mends, such as a unit or a cluster that was not
named, or arms that were not drawn at random.

Halves of a control of few clusters are smaller than the arms that were compared, and would be blamed for that. So few
clusters are drawn with replacement, as many as the arms have: both arms then come from one distribution all the same.

Source: Kohavi, Tang & Xu (2020), "Trustworthy online controlled experiments", ch. 19; with replacement: Efron &
Tibshirani (1993), "An introduction to the bootstrap", §16.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_result import ExperimentResult, PlaceboRow, PlaceboSplits
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.numerics.hashing import uniforms, unit_keys
from alamo.numerics.laws import binomial_tail
from alamo.numerics.moments import codes
from alamo.numerics.ratio_check import MISMATCH

Analysis = Callable[[pa.Table, ExperimentSpec], ExperimentResult]
Bools = npt.NDArray[np.bool_]

_PLACEBO = "placebo"
_FEW, _LEAST = 100, 6
"""Clusters of control below which they are drawn with replacement, and below which control cannot show its spread."""
_MOST = 10
"""Clusters of the placebo over those of control, at most: more add rows and no error."""


def placebo_splits(
    table: pa.Table, spec: ExperimentSpec, counts: dict[str, int], analysis: Analysis
) -> tuple[PlaceboSplits | None, tuple[Refusal, ...]]:
    """Return how often `analysis` finds something where control is compared with itself, or why it cannot be.

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
    groups = _groups(control, spec)
    n_groups = len(set(groups))
    if n_groups < _LEAST:
        reason = f"control has {n_groups} clusters, which do not show how much clusters differ"
        return None, (Refusal("control against itself", reason, f"needs {_LEAST} clusters of control"),)
    few = n_groups < _FEW and spec.cluster is not None
    if few:
        more = min(max(round(n_groups * share / (1.0 - share)), 2), _MOST * n_groups)
        share = more / (n_groups + more)
        asked = replace(asked, shares={spec.control: 1.0 - share, name: share})
        tables = (_redrawn(control, (spec, name), (groups, more), f"a/a {split}") for split in range(spec.aa))
    else:
        keys = unit_keys(groups)
        draws = (uniforms(keys, f"a/a {split}") < share for split in range(spec.aa))
        tables = (_with_arm(control, spec, name, drawn) for drawn in draws if 0 < drawn.sum() < len(drawn))
    found = [analysis(one, asked) for one in tables]
    rows = tuple(_row(outcome, found, spec.level) for outcome in spec.measured)
    checked = [result.ratio_p_value for result in found if result.ratio_p_value is not None]
    alarms = sum(p <= MISMATCH for p in checked)
    return PlaceboSplits(spec.aa, share, alarms, rows, redrawn=n_groups if few else None), ()


def _with_arm(table: pa.Table, spec: ExperimentSpec, name: str, drawn: Bools) -> pa.Table:
    """Return `table` with `name` as the arm of the rows `drawn`, control as that of the others."""
    place = table.column_names.index(spec.action)
    return table.set_column(place, spec.action, pa.array(np.where(drawn, name, spec.control)))


def _redrawn(
    control: pa.Table, terms: tuple[ExperimentSpec, str], clusters: tuple[list[str], int], salt: str
) -> pa.Table:
    """Return clusters of control drawn with replacement: as many as there are for control, and more for the placebo."""
    (spec, name), (groups, more) = terms, clusters
    group, n_groups = codes(np.asarray(groups, dtype=np.str_))
    slots = n_groups + more
    pick = (uniforms(unit_keys([f"slot {slot}" for slot in range(slots)]), salt) * n_groups).astype(np.int64)
    order, size = np.argsort(group, kind="stable"), np.bincount(group, minlength=n_groups)
    start = np.cumsum(size) - size
    slot = np.repeat(np.arange(slots), size[pick])
    within = np.arange(len(slot)) - np.repeat(np.cumsum(size[pick]) - size[pick], size[pick])
    table = control.take(pa.array(order[start[pick][slot] + within]))
    label = pa.array(slot).cast(pa.string())
    for column in (spec.cluster, spec.unit):
        if column is not None and column != spec.action:
            own = table.column(column).cast(pa.string())
            named = label if column == spec.cluster else pc.binary_join_element_wise(label, own, " ")
            table = table.set_column(table.column_names.index(column), column, named)
    return _with_arm(table, spec, name, slot >= n_groups)


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
    return binomial_tail(false, n, chance) if n else None
