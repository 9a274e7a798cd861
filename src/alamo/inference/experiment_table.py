"""Reading an experiment file: columns become arrays, rows of one unit are brought together, odd rows are named."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import InputError, UsageError
from alamo.domain.reasons import Refusal
from alamo.inference.experiment_spec import ExperimentSpec, measured_columns, ratios_among
from alamo.inference.experiment_time import times_of
from alamo.numerics.encoding import column_kind, numbers
from alamo.numerics.moments import codes, sums_by

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SHOWN = 5
_MONEY_WORDS = ("money", "spend", "revenue", "margin", "profit", "amount", "value", "sales", "turnover", "income")


@dataclass(frozen=True, slots=True)
class ExperimentRows:
    """An experiment as arrays; one row per unit, or per decision where the arm of a unit changes; shapes (n,).

    Attributes
    ----------
    table
        The rows with all their columns (of a unit's rows the first).
    arms
        Names of the arms, control first.
    arm
        Index of the arm drawn.
    outcomes
        Column name → values, NaN where missing; of ratio outcomes their numerator and denominator.
    p_logged
        Logged probability of the arm drawn; NaN where the file has none.
    unit, cluster
        Codes of unit and cluster; `cluster` None without one.
    ratios
        Ratio outcome → names of its numerator and denominator.
    time, dated
        When a unit came, NaN where missing, and whether that is in days since 1970; None without a time column.
    """

    table: pa.Table
    arms: tuple[str, ...]
    arm: Integers
    outcomes: dict[str, Floats]
    p_logged: Floats
    unit: Integers
    cluster: Integers | None
    ratios: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    time: Floats | None = None
    dated: bool = False

    def __len__(self) -> int:
        return len(self.arm)

    def where(self, keep: Bools) -> ExperimentRows:
        """Return the rows that `keep` marks."""
        return replace(
            self,
            table=self.table.filter(pa.array(keep)),
            arm=self.arm[keep],
            outcomes={name: values[keep] for name, values in self.outcomes.items()},
            p_logged=self.p_logged[keep],
            unit=codes(self.unit[keep])[0],
            cluster=None if self.cluster is None else codes(self.cluster[keep])[0],
            time=None if self.time is None else self.time[keep],
        )

    @property
    def groups(self) -> Integers | None:
        """Code of the independent group of each row; None where every row is one."""
        if self.cluster is not None:
            return self.cluster
        return self.unit if self.unit.max(initial=-1) + 1 < len(self.unit) else None

    def unit_share(self, outcome: str) -> Floats:
        """Share of its unit that each row stands for; ones where rows are units, and for ratios: they do not add up."""
        if outcome in self.ratios:
            return np.ones(len(self))
        return 1.0 / np.bincount(self.unit)[self.unit]

    def known(self, outcome: str) -> Bools:
        """Return where the outcome, or both parts of a ratio, are known."""
        parts = self.ratios.get(outcome, (outcome,))
        return np.logical_and.reduce([np.isfinite(self.outcomes[part]) for part in parts])

    def nonzero(self, outcome: str) -> Bools:
        """Return where something happened: a non-zero outcome, or both parts of a ratio non-zero."""
        parts = self.ratios.get(outcome, (outcome,))
        return np.logical_and.reduce([self.outcomes[part] != 0.0 for part in parts])


def read_experiment(table: pa.Table, spec: ExperimentSpec) -> tuple[ExperimentRows, tuple[Refusal, ...]]:
    """Return the rows of an experiment file, and which rows had to be left out.

    Raises
    ------
    UsageError
        If a column does not exist, an outcome is not a number, or no row has the control value.
    InputError
        If the file has no rows.
    """
    if not table.num_rows:
        raise no_rows()
    ratios = ratios_among(spec.measured, table.column_names)
    measured = measured_columns(spec.measured, ratios)
    for name in (*spec.named_columns, *measured):
        require_column(table, name)
    time, dated = times_of(table, spec.time)
    labels = pc.fill_null(table.column(spec.action).cast(pa.string()), "").combine_chunks()
    arms = arms_of(labels, spec)
    arm = np.asarray(pc.index_in(labels, value_set=pa.array(arms)).fill_null(-1), dtype=np.int64)
    rows = ExperimentRows(
        table=table,
        arms=arms,
        arm=arm,
        outcomes={name: _outcome(table, name) for name in measured},
        p_logged=_logged(table, spec),
        unit=_codes(table, spec.unit, np.arange(table.num_rows)),
        cluster=None if spec.cluster is None else _codes(table, spec.cluster, np.arange(table.num_rows)),
        ratios=ratios,
        time=time,
        dated=dated,
    )
    rows, refusals = _without_unusable(rows, spec)
    return _one_row_per_unit(_in_time(rows)), refusals


def no_rows() -> InputError:
    """Return the complaint about a file without rows."""
    return InputError(
        "the file has no rows",
        hint="Give a file with one row per unit: alamo analyze experiment FILE",
        code="input.empty",
    )


def require_column(table: pa.Table, name: str) -> None:
    """Raise `UsageError` with the nearest names if `table` lacks the column."""
    if name in table.column_names:
        return
    near = difflib.get_close_matches(name, table.column_names, n=3)
    raise UsageError(
        f"the file has no column {name!r}",
        hint=f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Columns: {', '.join(table.column_names)}",
        code="usage.unknown_column",
        details={"column": name, "near": near, "columns": table.column_names},
    )


def is_money(table: pa.Table, name: str) -> bool:
    """Say whether an outcome is money: called so, or a decimal number that is more than a 0/1 flag."""
    if is_called_money(name):
        return True
    kind = table.column(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return False
    values = numbers(table.column(name))
    return bool((values[np.isfinite(values)] % 1.0 != 0.0).any())


def is_called_money(name: str) -> bool:
    """Say whether the name of an outcome says that it is money."""
    return any(word in name.lower() for word in _MONEY_WORDS)


def arms_of(labels: pa.Array | pa.ChunkedArray, spec: ExperimentSpec) -> tuple[str, ...]:
    """Return the arms found, control first.

    Raises
    ------
    UsageError
        If there are arms but none is control.
    """
    found = sorted(set(pc.unique(labels).to_pylist()) - {""})
    if spec.control not in found and len(found) > 1:
        near = difflib.get_close_matches(spec.control, found, n=3)
        raise UsageError(
            f"no row of column {spec.action!r} has the control value {spec.control!r}",
            hint=f"Its values: {', '.join(map(repr, near or found[:8]))}. Name the one for no action: --control VALUE",
            code="usage.unknown_control",
            details={"given": spec.control, "near": near, "values": found[:50]},
        )
    return (spec.control, *(value for value in found if value != spec.control))


def _outcome(table: pa.Table, name: str) -> Floats:
    try:
        kind = column_kind(table.column(name).type)
    except TypeError:
        kind = "text"
    if kind == "text":
        raise UsageError(
            f"outcome {name!r} is {table.column(name).type}, not a number",
            hint="Name a numeric or 0/1 column with: --outcome COL",
            code="usage.outcome_not_numeric",
            details={"column": name},
        )
    return numbers(table.column(name))


def _logged(table: pa.Table, spec: ExperimentSpec) -> Floats:
    if not isinstance(spec.propensity, str):
        return np.full(table.num_rows, np.nan)
    if column_kind(table.column(spec.propensity).type) != "number":
        raise UsageError(
            f"propensity column {spec.propensity!r} is not a number",
            hint="Name the column with the logged probability of the arm drawn: --propensity COL",
            code="usage.propensity_not_numeric",
            details={"column": spec.propensity},
        )
    return numbers(table.column(spec.propensity))


def _codes(table: pa.Table, name: str | None, otherwise: Integers) -> Integers:
    if name is None:
        return otherwise
    encoded = pc.dictionary_encode(table.column(name).cast(pa.string()).combine_chunks())
    missing = len(encoded.dictionary) + np.arange(table.num_rows)  # a row without a name is a unit of its own
    indices = np.asarray(pc.fill_null(encoded.indices, -1), dtype=np.int64)
    return codes(np.where(indices < 0, missing, indices))[0]


def _without_unusable(rows: ExperimentRows, spec: ExperimentSpec) -> tuple[ExperimentRows, tuple[Refusal, ...]]:
    """Leave out rows without an arm, without a usable probability, or whose arm was certain."""
    p, checked = rows.p_logged, isinstance(spec.propensity, str)
    missing = checked & ~((p > 0.0) & (p <= 1.0))
    reasons = (
        (rows.arm < 0, *no_arm(spec)),
        (
            missing,
            f"{spec.propensity!r} is missing or not in (0, 1]: without a propensity a row is not an observation",
            "log the probability of the arm drawn with every decision",
        ),
        (
            checked & (p == 1.0),
            f"{spec.propensity!r} is 1: no other arm had a chance, so these rows cannot be compared",
            "keep a share of control in every decision",
        ),
    )
    refusals, keep = [], np.ones(len(rows), dtype=bool)
    for bad, reason, cure in reasons:
        if (bad & keep).any():
            refusals.append(_left_out(bad & keep, reason, cure))
        keep &= ~bad
    return (rows if keep.all() else rows.where(keep)), tuple(refusals)


def no_arm(spec: ExperimentSpec) -> tuple[str, str]:
    """Return why rows without an arm are left out, and the cure."""
    return f"no value in {spec.action!r}", "fill in the arm of these rows"


def _left_out(mask: Bools, reason: str, cure: str) -> Refusal:
    places = np.flatnonzero(mask)
    shown = ", ".join(str(place + 1) for place in places[:_SHOWN]) + (" …" if len(places) > _SHOWN else "")
    return Refusal(f"{len(places):,} of {len(mask):,} rows (row {shown})", reason, cure)


def _in_time(rows: ExperimentRows) -> ExperimentRows:
    """Bring the rows into the order of time, so that a unit's first row is its earliest."""
    if rows.time is None or len(np.unique(rows.unit)) == len(rows):
        return rows
    order = np.argsort(rows.time, kind="stable").astype(np.int64)
    return _take(rows, order, {name: values[order] for name, values in rows.outcomes.items()})


def _one_row_per_unit(rows: ExperimentRows) -> ExperimentRows:
    """Add up the rows of each unit where arm and probability are the same in all of them; else leave them apart."""
    n_units = int(rows.unit.max(initial=-1)) + 1
    if n_units == len(rows):
        return rows
    first = np.unique(rows.unit, return_index=True)[1]
    same_arm = (rows.arm == rows.arm[first][rows.unit]).all()
    p_first = rows.p_logged[first][rows.unit]
    if not same_arm or not np.array_equal(rows.p_logged, p_first, equal_nan=True):
        return rows
    return _take(rows, first, {name: sums_by(rows.unit, values, n_units) for name, values in rows.outcomes.items()})


def _take(rows: ExperimentRows, places: Integers, outcomes: dict[str, Floats]) -> ExperimentRows:
    return replace(
        rows,
        table=rows.table.take(pa.array(places)),
        arm=rows.arm[places],
        outcomes=outcomes,
        p_logged=rows.p_logged[places],
        unit=rows.unit[places],
        cluster=None if rows.cluster is None else rows.cluster[places],
        time=None if rows.time is None else rows.time[places],
    )
