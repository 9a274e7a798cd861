"""Sums of the loop's scores by action and cycle, segment or stage: all that passes from SQL to the maths of effects.

Rows stay in the warehouse. Every amount is added up as a whole number of small parts, so the sums, and whatever follows
from them, are the same bits in any order of rows, on any number of threads and on any engine; sums of disjoint
decisions add.

A decision in which the action or none had a chance below `LEAST_CHANCE` is counted and left out: it was as good as
decided, and what it hides has no bound. The chance is known before the draw, so leaving it out biases nothing.

Source: fixed-point sums that do not depend on their order are section 1 of Demmel & Nguyen (2015), "Parallel
reproducible summation", IEEE Transactions on Computers 64(7).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.inference.outcomes import column
from alamo.inference.scored_log import ScoredLog
from alamo.numerics.doubly_robust import BINS, GroupSums
from alamo.numerics.moments import sums_by
from alamo.numerics.ratio_check import TILT_FACTORS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

UNIT_SUMS = ("units", "squares", "crossed", "sizes")
"""What the statements over units return, in the order of `GroupSums`."""


@dataclass(frozen=True, slots=True)
class CycleSums:
    """What the decisions of each cycle add up to, in the order of cycles, shapes (n_cycles,) unless said otherwise.

    Attributes
    ----------
    cycle
        Its number; imported experiments are 0 and below.
    decided_at
        Moment of its last decision (UTC), one entry a cycle.
    n, n_action, n_control
        Decisions with a chance of the action and of none, and those that drew the action, or none.
    nonzero_action, nonzero_control
        Those of them with an order in the window.
    score, squares, gamma_none
        Sums of Γ(a) − Γ(none), of its square, and of Γ(none).
    residual, weight
        Over the decisions that drew either, Σ (Y − μ)²·(1/p(a) + 1/p(none))·w and Σ w with w = 1/(p(a) + p(none)).
    expected
        Sum of p(a).
    least_chance
        Smallest chance of an arm.
    tilt_action, tilt_control
        Σ log(1 + p·(e^λ − 1)) for each tilt λ of the ratio check, shape (n_cycles, n_tilts).
    """

    cycle: Integers
    decided_at: tuple[datetime, ...]
    n: Floats
    n_action: Floats
    n_control: Floats
    nonzero_action: Floats
    nonzero_control: Floats
    score: Floats
    squares: Floats
    gamma_none: Floats
    residual: Floats
    weight: Floats
    expected: Floats
    least_chance: Floats
    tilt_action: Floats
    tilt_control: Floats

    def __len__(self) -> int:
        return len(self.cycle)

    @property
    def scatter(self) -> Floats:
        """Sum of squares of the scores about the mean of their own cycle, shape (n_cycles,)."""
        return np.maximum(self.squares - self.score**2 / self.n, 0.0)


@dataclass(frozen=True, slots=True)
class BinnedSums:
    """What the decisions of each segment add up to, by bin of the outcome predicted without the action.

    Attributes
    ----------
    names
        Of the segments, in alphabetical order.
    n, n_action, n_control
        Decisions, and those that drew the action, or none, shape (n_names, n_bins).
    score, inverse
        Sums of Γ(a) − Γ(none) and of 1/p(a) + 1/p(none), likewise.
    residual, weight
        Over the decisions that drew either, Σ (Y − μ)²·w and Σ w with w = 1/(p(a) + p(none)), likewise.
    features
        Sums of the features, shape (n_names, d).
    """

    names: tuple[str, ...]
    n: Floats
    n_action: Floats
    n_control: Floats
    score: Floats
    inverse: Floats
    residual: Floats
    weight: Floats
    features: Floats


@dataclass(frozen=True, slots=True)
class ActionSums:
    """The sums of one action against none.

    Attributes
    ----------
    cycles, segments
        By cycle, and by segment at the decision.
    units
        Over units, whose decisions of all cycles are one group.
    n_left_out
        Decisions left out, because an arm had next to no chance in them.
    """

    cycles: CycleSums
    segments: BinnedSums
    units: GroupSums
    n_left_out: int


def effect_sums(log: ScoredLog) -> dict[str, ActionSums]:
    """Return action → its sums, for every action that ever had a chance beside none."""
    say = log.statements
    cycles, units, segments = (log.query(sql) for sql in (say.by_cycle(), say.by_unit(), say.by_segment(log.features)))
    return {
        name: ActionSums(
            cycles=_cycles(of_action(cycles, name)),
            segments=_binned(of_action(segments, name), log),
            units=_units(of_action(units, name), of_action(cycles, name)),
            n_left_out=sum(row["n"] for row in of_action(cycles, name).to_pylist() if not row["likely"]),
        )
        for name in dict.fromkeys(cycles["action_id"].to_pylist())
    }


def of_action(table: pa.Table, action_id: str) -> pa.Table:
    """Return the rows of one action."""
    return table.filter(pc.equal(table["action_id"], action_id))


def _cycles(rows: pa.Table) -> CycleSums:
    rows = rows.filter(rows["likely"])
    tilts = {
        f"tilt_{arm}": np.stack([column(rows, f"tilt_{arm}_{i}") for i in range(len(TILT_FACTORS))], axis=1)
        for arm in ("action", "control")
    }
    plain = {f.name: column(rows, f.name) for f in fields(CycleSums) if f.name not in ("cycle", "decided_at", *tilts)}
    cycle = np.asarray(rows["cycle"], dtype=np.int64)
    return CycleSums(cycle=cycle, decided_at=tuple(rows["decided_at"].to_pylist()), **plain, **tilts)


def _units(units: pa.Table, cycles: pa.Table) -> GroupSums:
    """Return the sums over units; none at all where every decision was left out."""
    if not units.num_rows:
        return GroupSums(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    likely = cycles.filter(cycles["likely"])
    groups, *squares = (float(column(units, name)[0]) for name in UNIT_SUMS)
    return GroupSums(groups, float(column(likely, "score").sum()), float(column(likely, "n").sum()), *squares)


def _binned(rows: pa.Table, log: ScoredLog) -> BinnedSums:
    names = sorted({log.segments[place] for place in rows["place"].to_pylist()})
    number = {name: i for i, name in enumerate(names)}
    place = np.array([number[log.segments[code]] for code in rows["place"].to_pylist()], dtype=np.int64)
    grids = {}
    for name in ("n", "n_action", "n_control", "score", "inverse", "residual", "weight"):
        grids[name] = np.zeros((len(names), BINS))
        grids[name][place, np.asarray(rows["bin"], dtype=np.int64)] = column(rows, name)
    features = np.zeros((len(names), len(log.features)))
    for i, name in enumerate(log.features):
        features[:, i] = sums_by(place, column(rows, name), len(names))
    return BinnedSums(tuple(names), **grids, features=features)
