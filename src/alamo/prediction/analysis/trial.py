"""Read an experiment file into arrays: arms, probabilities, outcome, units, and the columns that may be features."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.domain.reasons import Refusal
from alamo.numerics.encoding import numbers
from alamo.numerics.hashing import Keys, unit_keys
from alamo.numerics.moments import codes
from alamo.numerics.screening import Design, screen_columns
from alamo.prediction.analysis.spec import UpliftSpec
from alamo.prediction.named_columns import require_columns

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trial:
    """Rows with a known arm and outcome.

    Attributes
    ----------
    table
        Those rows of the file.
    row
        Their number in the file, 0-based, shape (n,).
    arms
        Control first, then the actions in alphabetical order.
    arm
        Index of the arm drawn, shape (n,).
    p_drawn
        Probability of the arm drawn, shape (n,).
    shares
        Mean probability of each arm, shape (k,).
    outcome
        Shape (n,).
    unit, group, keys
        Code of the unit; code and hash key of the group that variances, folds and the hold-out go by, which is the
        cluster, or the unit where there is none, shape (n,).
    refusals
        Rows left out, in words.
    """

    table: pa.Table
    row: Integers
    arms: tuple[str, ...]
    arm: Integers
    p_drawn: Floats
    shares: Floats
    outcome: Floats
    unit: Integers
    group: Integers
    keys: Keys
    refusals: tuple[Refusal, ...]

    def __len__(self) -> int:
        return len(self.arm)


def read_trial(table: pa.Table, spec: UpliftSpec) -> Trial:
    """Read `table` as `spec` says.

    Raises
    ------
    UsageError
        For a column or value that does not exist, or a probability out of range.
    InputError
        If no row has both an arm and an outcome.
    """
    chosen = [choice for choice in (spec.features, spec.segments) if isinstance(choice, tuple)]
    require_columns(table, (*spec.reserved_columns, *(name for part in chosen for name in part)))
    usable = pc.and_(pc.is_valid(table.column(spec.action)), pa.array(np.isfinite(_outcome(table, spec.outcome))))
    rows = np.flatnonzero(np.asarray(usable))
    if not len(rows):
        raise InputError(
            f"no row has both {spec.action!r} and a number in {spec.outcome!r}",
            hint="Look at the file's columns with: alamo import experiment FILE --preview",
            code="uplift.no_rows",
        )
    kept = table.take(pa.array(rows))
    arms, arm = _arms(kept, spec)
    p_drawn, shares = _probabilities(kept, spec, arms, arm)
    known = pa.array([str(row) for row in rows]) if not spec.unit else _named(kept.column(spec.unit), rows)
    unit = codes(np.asarray(known, dtype=object).astype(str))[0] if spec.unit else np.arange(len(rows))
    grouped, group = known, unit
    if spec.cluster:
        alone = pc.binary_join_element_wise("(unit ", known, ")", "")
        grouped = pc.coalesce(kept.column(spec.cluster).cast(pa.string()), alone)
        group = codes(np.asarray(grouped, dtype=object).astype(str))[0]
    lost = table.num_rows - len(rows)
    return Trial(
        table=kept,
        row=rows,
        arms=arms,
        arm=arm,
        p_drawn=p_drawn,
        shares=shares,
        outcome=_outcome(kept, spec.outcome),
        unit=unit,
        group=group,
        keys=unit_keys(grouped.to_pylist()),
        refusals=(_lost_rows(lost, spec),) if lost else (),
    )


def _named(column: pa.ChunkedArray, rows: Integers) -> pa.ChunkedArray:
    """Return ids as text; a row that names none stands for itself."""
    alone = pa.chunked_array([pa.array([f"(row {row})" for row in rows], pa.string())])
    return pc.coalesce(column.cast(pa.string()), alone)


def choose_features(trial: Trial, spec: UpliftSpec) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """Return the feature columns, and a refusal for each column that ``auto`` leaves out."""
    if isinstance(spec.features, tuple):
        return spec.features, ()
    if spec.features == "none":
        return (), ()
    candidates = {
        name: trial.table.column(name) for name in trial.table.column_names if name not in spec.reserved_columns
    }
    sizes = np.bincount(trial.group)
    inflation = float((sizes.astype(np.float64) ** 2).sum() / max(sizes.sum(), 1))
    varying = any(np.ptp(trial.p_drawn[trial.arm == a]) > 1e-9 for a in np.unique(trial.arm))
    shares = np.broadcast_to(trial.shares, (len(trial), len(trial.arms)))
    design = Design(trial.arm, shares if spec.shares or spec.propensity is not None else None, inflation)
    # probabilities that differ between rows make arms differ by design: then only copies and identifiers are looked for
    found = screen_columns(candidates, design, {spec.outcome: trial.outcome}, alpha=0.0 if varying else 0.01)
    refusals = tuple(
        Refusal(
            f"column {name!r} as a feature", f"it {reason}", "use columns known before the arm was drawn: --features"
        )
        for name, reason in found.dropped.items()
    )
    return found.kept, refusals


def _outcome(table: pa.Table, name: str) -> Floats:
    try:
        return numbers(table.column(name))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(
            f"outcome {name!r} does not hold numbers: {error}",
            hint="Name a numeric or 0/1 column with --outcome.",
            code="analyze.outcome_not_numeric",
            details={"column": name},
        ) from None


def _arms(table: pa.Table, spec: UpliftSpec) -> tuple[tuple[str, ...], Integers]:
    values = table.column(spec.action).cast(pa.string())
    found = sorted(pc.unique(values).to_pylist())
    if spec.control not in found:
        raise UsageError(
            f"column {spec.action!r} never holds the control value {spec.control!r}",
            hint=f"It holds: {', '.join(found[:10])}. Name the one for no action with --control.",
            code="analyze.unknown_control",
            details={
                "given": spec.control,
                "near": difflib.get_close_matches(spec.control, found, n=3),
                "values": found[:50],
            },
        )
    arms = (spec.control, *(arm for arm in found if arm != spec.control))
    for name in (*spec.costs, *spec.shares):
        if name not in arms:
            raise UsageError(
                f"there is no arm {name!r} in column {spec.action!r}",
                hint=f"The arms are: {', '.join(arms)}.",
                code="analyze.unknown_arm",
                details={"arm": name},
            )
    return arms, np.asarray(pc.index_in(values, value_set=pa.array(arms)), dtype=np.int64)


def _probabilities(table: pa.Table, spec: UpliftSpec, arms: tuple[str, ...], arm: Integers) -> tuple[Floats, Floats]:
    """Return the probability of the arm drawn, and the mean probability of each arm."""
    observed = np.bincount(arm, minlength=len(arms)) / len(arm)
    if isinstance(spec.propensity, str):
        p_drawn = numbers(table.column(spec.propensity))
        bad = np.flatnonzero(~((p_drawn > 0.0) & (p_drawn <= 1.0)))
        if len(bad):
            raise UsageError(
                f"column {spec.propensity!r} is not a probability above 0 in row {bad[0] + 1}",
                hint="Rows without a logged probability cannot be used: leave them out of the file.",
                code="analyze.bad_propensity",
                details={"rows": bad[:5].tolist()},
            )
        return p_drawn, observed
    shares = observed
    if spec.propensity is not None:
        actions = len(arms) - 1
        shares = np.array([1.0 - actions * spec.propensity, *([spec.propensity] * actions)])
    elif spec.shares:
        shares = np.array([spec.shares.get(name, 0.0) for name in arms])
        shares = shares / max(float(shares.sum()), 1e-300)
    if not ((shares > 0.0) & (shares <= 1.0)).all():
        raise UsageError(
            f"the arms' probabilities {dict(zip(arms, shares.round(6).tolist(), strict=True))} are not all above 0",
            hint="Every arm needs a probability above 0, and they add up to 1: check --propensity or --shares.",
            code="analyze.bad_propensity",
        )
    return shares[arm], shares


def _lost_rows(lost: int, spec: UpliftSpec) -> Refusal:
    return Refusal(
        f"{lost} rows",
        f"without a value in {spec.action!r} or a number in {spec.outcome!r}",
        "complete the file, or leave them out",
    )
