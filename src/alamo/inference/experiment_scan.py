"""One SQL statement that counts the cells of an experiment, in any warehouse that holds its rows.

Nothing but the cells comes back, so memory does not grow with rows. The statement asks for counts, means and population
variances, which every engine computes by the same algebra and without losing digits of large amounts (DuckDB and Spark:
Welford 1962), so that engines agree to rounding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.ports import Warehouse
from alamo.inference.experiment_cells import ExperimentCells
from alamo.inference.experiment_found import asks_for_found
from alamo.inference.experiment_segments import has_few_values
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_sums import has_sums
from alamo.inference.experiment_table import is_called_money, no_rows, require_column
from alamo.numerics.cell_sums import CellSums
from alamo.numerics.encoding import numbers

Floats = npt.NDArray[np.float64]

_SAMPLE = 20_000
_MOST_KEYS = 5_000
"""Distinct values of a segment column among the first rows above which its cells would be as many as rows."""


def scan_experiment(
    warehouse: Warehouse, relation: str, spec: ExperimentSpec, *, costs: bool = True
) -> ExperimentCells | None:
    """Return the cells of the experiment in `relation`, or None where only its rows can answer `spec`.

    Rows are needed for features, units, clusters, times, logged probabilities, segments that are found, outcomes that
    are not plain numbers, and segment columns of (nearly) as many values as rows, or of numbers to be cut into
    quarters; and for guardrails and capped outcomes.

    Parameters
    ----------
    warehouse, relation
        Where the rows are.
    spec
        The question.
    costs
        Whether costs may be taken off: then outcomes that are not whole are looked for, as money.

    Raises
    ------
    UsageError
        If a column does not exist.
    InputError
        If there are no rows.
    """
    schema = warehouse.query(f"SELECT * FROM {relation} LIMIT 0").schema
    segments = _segments(spec)
    if not _answerable(spec, schema, segments):
        return None
    for name in (*spec.named_columns, *spec.outcomes):
        require_column(schema.empty_table(), name)
    columns = ", ".join(dict.fromkeys(map(_quoted, (*segments, *spec.outcomes))))
    sample = warehouse.query(f"SELECT {columns} FROM {relation} LIMIT {_SAMPLE}")
    if any(_is_too_fine(sample[name]) for name in segments):
        return None
    origins = tuple(_typical(sample[name]) for name in spec.outcomes)
    cells = _cells(warehouse.query(_statement(relation, spec, schema, (origins, costs))), spec, origins)
    if not len(cells.rows):
        raise no_rows()
    return None if column_to_quarter(cells) else cells


def column_to_quarter(cells: ExperimentCells) -> str | None:
    """Return a segment column of numbers that would be cut into quarters, for which rows are needed; None without."""
    names = cells.keys.column_names[1:]
    return next((name for name in names if not has_few_values(cells.keys[name])), None)


def needs_rows(spec: ExperimentSpec) -> bool:
    """Say whether only rows can answer `spec`, whatever the columns hold."""
    by_row = bool(spec.unit or spec.cluster or spec.time)
    return not has_sums(spec) or spec.features != "none" or spec.segments == "auto" or by_row


def _segments(spec: ExperimentSpec) -> tuple[str, ...]:
    return spec.segments if isinstance(spec.segments, tuple) else ()


def _answerable(spec: ExperimentSpec, schema: pa.Schema, segments: tuple[str, ...]) -> bool:
    if needs_rows(spec) or asks_for_found(spec.segments, schema.names):
        return False
    kinds = {field.name: field.type for field in schema}
    outcomes = all(name not in kinds or _is_plain(kinds[name]) for name in spec.outcomes)
    keys = all(name not in kinds or _is_key(kinds[name]) for name in (spec.action, *segments))
    ratios = any("/" in name and name not in kinds for name in spec.outcomes)
    return outcomes and keys and not ratios


def _is_plain(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _is_key(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return bool(text or (_is_plain(kind) and not pa.types.is_decimal(kind)))


def _is_too_fine(sample: pa.ChunkedArray) -> bool:
    return not has_few_values(sample) or int(pc.count_distinct(sample).as_py()) > _MOST_KEYS


def _typical(values: pa.ChunkedArray) -> float:
    """Return a number that most of `values` are near to, to be taken off before anything is added up."""
    known = numbers(values)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else 0.0


def _statement(relation: str, spec: ExperimentSpec, schema: pa.Schema, terms: tuple[tuple[float, ...], bool]) -> str:
    """Return the SELECT: one row per cell, keys as k_0 …, columns of the i-th outcome ending in _i.

    `terms` are the origins and whether costs may be taken off. Means are taken about the origins, so that the sum
    behind them stays small and is exact to its last digits.
    """
    keys, (origins, costs) = (spec.action, *_segments(spec)), terms
    inner = [f"{_quoted(name)} AS k_{i}" for i, name in enumerate(keys)]
    shown = [f"k_{i}" for i in range(len(keys))]
    groups = ", ".join(shown)
    shown.append("count(*) AS n_rows")
    for i, name in enumerate(spec.outcomes):
        kind, value = schema.field(name).type, f"CAST({_quoted(name)} AS DOUBLE)"
        floating = pa.types.is_floating(kind)
        inner.append((f"CASE WHEN isfinite({value}) THEN {value} END" if floating else value) + f" AS y_{i}")
        shown += [
            f"count(y_{i}) AS n_{i}",
            f"avg(y_{i} - ({origins[i]:.17e})) AS mean_{i}",
            f"var_pop(y_{i} - ({origins[i]:.17e})) AS variance_{i}",
            f"count_if(y_{i} <> 0) AS nonzero_{i}",
            f"min(y_{i}) AS least_{i}",
            f"max(y_{i}) AS most_{i}",
        ]
        if costs and not is_called_money(name) and (floating or pa.types.is_decimal(kind)):
            shown.append(f"bool_or(y_{i} <> trunc(y_{i})) AS part_{i}")
    return f"SELECT {', '.join(shown)} FROM (SELECT {', '.join(inner)} FROM {relation}) GROUP BY {groups}"


def _cells(counted: pa.Table, spec: ExperimentSpec, origins: tuple[float, ...]) -> ExperimentCells:
    outcomes, money = {}, {}
    for i, name in enumerate(spec.outcomes):
        n = _floats(counted, f"n_{i}", 0.0)
        outcomes[name] = CellSums(
            n=n,
            mean=np.where(n > 0.0, origins[i] + _floats(counted, f"mean_{i}", 0.0), 0.0),
            scatter=n * _floats(counted, f"variance_{i}", 0.0),
            nonzero=_floats(counted, f"nonzero_{i}", 0.0),
            least=_floats(counted, f"least_{i}", np.inf),
            most=_floats(counted, f"most_{i}", -np.inf),
        )
        part = f"part_{i}"
        parts = part in counted.column_names and bool(pc.any(counted[part]).as_py())
        money[name] = is_called_money(name) or parts
    names = [spec.action, *_segments(spec)]
    keys = counted.select(list(range(len(names)))).rename_columns(names)
    return ExperimentCells(keys, _floats(counted, "n_rows", 0.0), outcomes, money)


def _floats(counted: pa.Table, name: str, empty: float) -> Floats:
    return np.asarray(pc.fill_null(counted[name].cast(pa.float64()), empty), dtype=np.float64)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
