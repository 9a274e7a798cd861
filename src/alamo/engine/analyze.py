"""Analyses of any file, without a project: read the table, call one room, return its result.

Columns of ids and labels are read from text files as text, so that ``007`` stays ``007``; Parquet and Arrow tables
bring their own types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from alamo.connectors.sources import TextColumns, read_table
from alamo.domain.ports import RowSource, SumsBook, Warehouse
from alamo.engine.kept_experiment import count_files, count_kept
from alamo.inference import ExperimentResult, ExperimentSpec, effects_of_cells
from alamo.inference import analyze_experiment as infer_experiment
from alamo.inference.lifetime_value import ContractResult, ContractSpec, LifetimeValueResult, LifetimeValueSpec
from alamo.inference.lifetime_value import analyze_contracts as infer_contracts
from alamo.inference.lifetime_value import analyze_lifetime_value as infer_lifetime_value
from alamo.inference.off_policy import (
    PolicyChoiceResult,
    PolicyChoiceSpec,
    PolicyResult,
    PolicySpec,
    PolicyTreeResult,
    PolicyTreeSpec,
)
from alamo.inference.off_policy import analyze_policy as infer_policy
from alamo.inference.off_policy import analyze_policy_choice as infer_policy_choice
from alamo.inference.off_policy import analyze_policy_tree as infer_policy_tree
from alamo.prediction import (
    NextProductResult,
    NextProductSpec,
    ScoreSpec,
    ScoresResult,
    UpliftResult,
    UpliftSpec,
)
from alamo.prediction import analyze_next_product as predict_next_product
from alamo.prediction import analyze_scores as predict_scores
from alamo.prediction import analyze_uplift as predict_uplift
from alamo.prediction import readiness_table as prepare_readiness
from alamo.prediction.learners import boosted_outcome, file_outcome
from alamo.steering import AllocationResult, AllocationSpec
from alamo.steering import analyze_allocation as steer_allocation

Layout = Mapping[str, Any]
"""How to read a file that is neither CSV nor Parquet, as in a mapping file: ``format`` and ``columns``."""

Trial = TypeVar("Trial", ExperimentSpec, UpliftSpec)


def analyze_experiment(
    source: Any,
    spec: ExperimentSpec,
    layout: Layout | None = None,
    files: RowSource | None = None,
    book: SumsBook | None = None,
) -> ExperimentResult:
    """Return the effects of each action against control; see `alamo.inference.analyze_experiment`.

    Parameters
    ----------
    source, spec, layout
        The table and the question.
    files
        The rows of `source` as files: what sums of cells can answer is counted there, without reading a row.
    book
        Keeps the sums of the files, so that the next run counts new ones only.
    """
    if book is not None:
        kept = count_kept(files, book, spec)
        planned = replace(in_words_of(kept.cells.keys, spec), planned=kept.planned)
        answer = effects_of_cells(kept.cells, planned)
        return replace(answer, refusals=(*answer.refusals, *kept.refusals))
    cells = None if files is None else count_files(files, tuple(files.stamps()), spec)
    if cells is not None:
        return effects_of_cells(cells, in_words_of(cells.keys, spec))
    table = _read_trial(source, spec, layout)
    return infer_experiment(table, in_words_of(table, spec), file_outcome())


def analyze_uplift(source: Any, spec: UpliftSpec, layout: Layout | None = None) -> UpliftResult:
    """Return the uplift per customer and the value of acting on it; see `alamo.prediction.analyze_uplift`."""
    table = _read_trial(source, spec, layout)
    return predict_uplift(table, in_words_of(table, spec))


def analyze_policy(source: Any, spec: PolicySpec, layout: Layout | None = None) -> PolicyResult:
    """Return what a policy would earn, from the log of another one; see `alamo.inference.off_policy`."""
    return infer_policy(_read_log(source, spec, layout), spec, boosted_outcome())


def analyze_policy_choice(source: Any, spec: PolicyChoiceSpec, layout: Layout | None = None) -> PolicyChoiceResult:
    """Return the best of several policies and what choosing it is worth; see `alamo.inference.off_policy`."""
    return infer_policy_choice(_read_log(source, spec, layout), spec, boosted_outcome())


def analyze_policy_tree(source: Any, spec: PolicyTreeSpec, layout: Layout | None = None) -> PolicyTreeResult:
    """Return a policy in words, grown on a log; see `alamo.inference.off_policy`."""
    return infer_policy_tree(_read_log(source, spec, layout), spec, boosted_outcome())


def _read_log(source: Any, spec: PolicySpec | PolicyChoiceSpec | PolicyTreeSpec, layout: Layout | None) -> pa.Table:
    labels = [name for name in (spec.action, spec.position, spec.unit) if name]
    return read_table(source, layout=layout, text=TextColumns(labels))


def analyze_lifetime_value(source: Any, spec: LifetimeValueSpec, layout: Layout | None = None) -> LifetimeValueResult:
    """Return a fitted lifetime-value model and its hold-out; see `alamo.inference.analyze_lifetime_value`."""
    written = (spec.time,) if spec.time_format is not None else ()  # 01122010 is a date only with its zero
    text = TextColumns(labels=(spec.customer, *written))
    return infer_lifetime_value(read_table(source, layout=layout, text=text), spec)


def analyze_contracts(
    source: Any, spec: ContractSpec, layout: Layout | None = None, *, now: datetime
) -> ContractResult:
    """Return retention of customers with a contract and forecasts; see `alamo.inference.lifetime_value`.

    Parameters
    ----------
    now
        The present (UTC): dates after it are plans.
    """
    written = [name for name in (spec.start, spec.end) if name and spec.time_format is not None]
    text = TextColumns(labels=(*((spec.customer,) if spec.customer else ()), *written))
    return infer_contracts(read_table(source, layout=layout, text=text), spec, now.date())


def analyze_scores(source: Any, spec: ScoreSpec, layout: Layout | None = None) -> ScoresResult:
    """Return a calibrated score of any table of two outcomes; see `alamo.prediction.analyze_scores`."""
    text = TextColumns(labels=(spec.id,) if spec.id else ())
    return predict_scores(read_table(source, layout=layout, text=text), spec)


def analyze_next_product(source: Any, spec: NextProductSpec, layout: Layout | None = None) -> NextProductResult:
    """Return what each customer buys next; see `alamo.prediction.analyze_next_product`."""
    return predict_next_product(_read_orders(source, spec, layout), spec)


def readiness_table(source: Any, spec: NextProductSpec, buys: str, layout: Layout | None = None) -> pa.Table:
    """Return who bought `buys` after each of several days; see `alamo.prediction.readiness_table`."""
    return prepare_readiness(_read_orders(source, spec, layout), spec, buys)


def _read_orders(source: Any, spec: NextProductSpec, layout: Layout | None) -> pa.Table:
    return read_table(source, layout=layout, text=TextColumns(labels=(spec.customer, spec.product)))


def analyze_allocation(
    source: Any, spec: AllocationSpec, warehouse: Warehouse, layout: Layout | None = None
) -> AllocationResult:
    """Return who gets which action under limits; `warehouse` evaluates the limits' predicates."""
    text = TextColumns(labels=(spec.customer, spec.action))
    return steer_allocation(read_table(source, layout=layout, text=text), spec, warehouse)


def in_words_of(table: pa.Table, spec: Trial) -> Trial:
    """Return `spec` with the arms written as `table` writes them.

    ``0`` names the arm ``0.0`` or ``00``, ``false`` the arm ``False``, where only one arm can be meant; a name that
    fits no arm stays as it is, for the room to refuse.
    """
    if spec.action not in table.column_names:
        return spec
    arms = [arm for arm in pc.unique(table[spec.action].cast(pa.string())).to_pylist() if arm is not None]
    return replace(
        spec,
        control=_same_arm(spec.control, arms),
        costs={_same_arm(name, arms): money for name, money in spec.costs.items()},
        shares={_same_arm(name, arms): share for name, share in spec.shares.items()},
    )


def _read_trial(source: Any, spec: ExperimentSpec | UpliftSpec, layout: Layout | None) -> pa.Table:
    labels = [name for name in (spec.action, spec.unit, spec.cluster) if name]
    codes = spec.segments if isinstance(spec.segments, tuple) else ()
    return read_table(source, layout=layout, text=TextColumns(labels, codes))


def _same_arm(typed: str, arms: Sequence[str]) -> str:
    if typed in arms:
        return typed
    meant = [arm for arm in arms if _plain(arm) == _plain(typed)]
    return meant[0] if len(meant) == 1 else typed


def _plain(label: str) -> str | float:
    """Return a label without its spelling: flags in lower case, numbers by their value."""
    word = label.strip()
    try:
        return float(word)
    except ValueError:
        return word.lower() if word.lower() in {"true", "false"} else word
