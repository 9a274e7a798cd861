"""Analyses of experiments, purchases, customers, orders and scores in any table, without a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import pyarrow as pa

from alamo.analyze.layout import Layout, read_layout
from alamo.config.effect_keywords import EXPERIMENT, EffectKeywords
from alamo.config.keywords import (
    ALLOCATION,
    LIFETIME_VALUE,
    NEXT_PRODUCT,
    SCORES,
    UPLIFT,
    AllocationKeywords,
    LifetimeValueKeywords,
    NextProductKeywords,
    ScoreKeywords,
    UpliftKeywords,
)
from alamo.connectors.sources import parquet_files
from alamo.engine import analyze as engine
from alamo.inference import ExperimentResult, ExperimentSpec
from alamo.inference.lifetime_value import LifetimeValueResult, LifetimeValueSpec
from alamo.prediction import NextProductResult, NextProductSpec, ScoreSpec, ScoresResult, UpliftResult, UpliftSpec
from alamo.steering import AllocationResult, AllocationSpec
from alamo.store import RowFolder, SumsFile, memory_stores


def estimate_effects(
    table: Any,
    spec: ExperimentSpec | None = None,
    *,
    mapping: Layout = None,
    sums: str | Path | None = None,
    **keywords: Unpack[EffectKeywords],
) -> ExperimentResult:
    """Return what each action of a randomised experiment really changed, with intervals; or why it cannot be said.

    Parameters
    ----------
    table
        A path (CSV, Parquet, a folder of Parquet files), or a table of pyarrow, polars, pandas ≥ 3 or DuckDB: one row
        per unit or decision.
    spec
        An `ExperimentSpec`, instead of keywords or to be changed by them.
    mapping
        Mapping file (or its content) that describes an unusual text file.
    sums
        File that keeps the sums of Parquet files, so that the next call counts new files only.
    action, control
        Column of the arm, and its value for no action. Required, as is `outcome`.
    outcome
        Numeric or 0/1 column, a ratio of two written ``"spend/orders"``, or a list of them.
    unit, cluster, time
        Column of the unit, whose rows are summed (default: each row is one), of the group that was randomised as a
        whole, and the one that orders the rows.
    propensity
        Probability of each action, or the column with that of the arm drawn (default: the arms' shares).
    cost
        ``{action: money}`` per unit, taken off money outcomes.
    shares
        ``{arm: share}`` of the design, to check the arms against.
    features, segments
        ``"auto"``, ``"none"`` or columns (default: features ``"auto"``, segments ``"none"``); segments also
        ``"found"``: from differences in effect on half of the units, and estimated on the others.
    level, planned
        Of the intervals (default 0.95); units at the planned end, the same at every look, where the always-valid one is
        tightest (default: those of the table, right for one look at a finished experiment).
    fdr
        False discovery rate for Benjamini–Hochberg over all pooled effects (default: nothing is adjusted).
    guardrail, detect, winsorise
        ``{column: "up:0.002"}``: which way it gets worse, and the harm accepted (``"up:10%"`` of control's mean);
        ``{outcome: "10%"}``, effects worth finding; the quantile to cap outcomes at (default: not).
    aa
        How often control is split at random and compared with itself (default 0).
    over_time
        ``"day"``, ``"week"`` or ``"month"``: effects by period of `time`, and their trend (default: not).

    Raises
    ------
    UsageError
        For a keyword, column or value that does not exist, naming the near ones.
    InputError
        If the table cannot be read or has no rows.

    Examples
    --------
    >>> import alamo, pyarrow as pa
    >>> mail = pa.table({"arm": ["none", "mail"] * 200, "visits": [1, 3, 0, 2] * 100})
    >>> effects = alamo.estimate_effects(mail, action="arm", control="none", outcome="visits", features="none")
    >>> effects.rows[0].mean
    2.0
    """
    question, layout = EXPERIMENT.spec(spec, keywords), read_layout(mapping)
    paths = parquet_files(table) if layout is None else ()
    files = RowFolder(paths, Path(table) if Path(table).is_dir() else Path(table).parent) if paths else None
    return engine.analyze_experiment(table, question, layout, files, None if sums is None else SumsFile(sums))


def fit_uplift(
    table: Any, spec: UpliftSpec | None = None, *, mapping: Layout = None, **keywords: Unpack[UpliftKeywords]
) -> UpliftResult:
    """Return which action adds most for whom, and what acting on it earns on rows the models never saw.

    Parameters
    ----------
    table, mapping
        As in `estimate_effects`.
    spec
        An `UpliftSpec`, instead of keywords or to be changed by them.
    action, control, outcome, unit, time, propensity, cluster, cost, shares, features, segments, level
        As in `estimate_effects`; `outcome` is one column, `cost` is taken off the effect.
    holdout
        Share of the units, or of the clusters where `cluster` is named, kept to judge (default 0.5).
    seed
        Of the split (default 1).
    learners
        Candidates beside zero, one effect and segments: ``"ridge"``, ``"tree"``, ``"forest"``, ``"boosting"``,
        ``"network"``, or the entry point of an installed one (default ``["ridge", "boosting"]``).
    explain
        For how many rows to say what each column adds to the effect (default 0).
    what_if
        Columns along which to show the effect (default: none).

    Raises
    ------
    UsageError
        For a keyword, column, learner or value that does not exist, naming the near ones.
    InputError
        If the table cannot be read, or no row has both an arm and an outcome.

    See Also
    --------
    UpliftResult.scores_table : the score of every row for every action.
    UpliftResult.predict : the scores of a new table; `UpliftResult.model` goes into a file as ``to_dict()``.
    """
    return engine.analyze_uplift(table, UPLIFT.spec(spec, keywords), read_layout(mapping))


def fit_lifetime_value(
    table: Any,
    spec: LifetimeValueSpec | None = None,
    *,
    mapping: Layout = None,
    **keywords: Unpack[LifetimeValueKeywords],
) -> LifetimeValueResult:
    """Return how often customers will buy again and what they are worth, judged on purchases the model never saw.

    Parameters
    ----------
    table, mapping
        As in `estimate_effects`; one row per purchase.
    spec
        A `LifetimeValueSpec`, instead of keywords or to be changed by them.
    customer, time
        Columns of who bought, and when. Required.
    amount
        Column of the money spent; without it purchases are counted but not valued.
    time_format
        As for `strptime`, such as ``"%Y%m%d"``; default: dates, timestamps and ISO 8601 text.
    unit
        ``"week"`` (default) or ``"day"``: of time in the parameters and of `horizon`.
    calibrate_until
        Last day the model may see (a date, or text such as ``"2010-09-30"``); what follows judges it.
    horizon
        How far ahead to predict, in units (default: to the end of the table, or a year).
    model
        ``"auto"`` (chosen on time held back), ``"bg-nbd"``, ``"mbg-nbd"``, ``"pareto-nbd"``, ``"bg-cnbd-k"`` or
        ``"bg-bb"``.
    stages
        k of ``"bg-cnbd-k"``, with that model only (default: the most likely).
    recalibrate
        ``"auto"`` corrects the level where past forecasts missed alike, or ``"none"`` (default).
    level
        Of the intervals of numbers of purchases (default 0.9).
    cohorts
        ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``: show a cohort table by calendar periods (default: none).
    margin, discount_rate
        Share of money that is margin (default 1), and continuous discount rate per year (default 0), of `value`.

    Raises
    ------
    UsageError
        For a keyword, column or value that does not exist or cannot be used.
    InputError
        If a row cannot be read, naming it.

    See Also
    --------
    LifetimeValueResult.customers_table : the forecast of every customer.
    """
    return engine.analyze_lifetime_value(table, LIFETIME_VALUE.spec(spec, keywords), read_layout(mapping))


def fit_scores(
    table: Any, spec: ScoreSpec | None = None, *, mapping: Layout = None, **keywords: Unpack[ScoreKeywords]
) -> ScoresResult:
    """Return who will (leave, buy, answer), as a calibrated probability, and how good that is on rows never seen.

    Parameters
    ----------
    table, mapping
        As in `estimate_effects`; one row per customer or lead, with what was known before the outcome.
    spec
        A `ScoreSpec`, instead of keywords or to be changed by them.
    target
        Column of two values. Required. A row without one is scored but not learnt from.
    positive
        The value that counts as yes (default: the obvious one, else the rarer).
    id
        Column that names the row; rows of one id are never parted between folds.
    time
        Column that orders the rows: forward folds are then judged beside random ones, and drift is looked for.
    drop, keep
        Columns to leave out; columns to learn from although they look as if they were known only afterwards.
    folds, seed
        Number of folds (default 5), and of the random ones (default 0).
    purpose
        ``"churn"`` or ``"readiness"``, for the words only.
    level
        Of the intervals (default 0.95).

    Raises
    ------
    UsageError
        For a keyword or column that does not exist, or a target that does not hold two values.
    InputError
        If the table cannot be read or has no rows.

    See Also
    --------
    ScoresResult.scores_table : the score of every row, and what each column adds to it.
    """
    return engine.analyze_scores(table, SCORES.spec(spec, keywords), read_layout(mapping))


def fit_next_product(
    table: Any,
    spec: NextProductSpec | None = None,
    *,
    mapping: Layout = None,
    **keywords: Unpack[NextProductKeywords],
) -> NextProductResult:
    """Return what each customer buys next, judged on the last days of the table beside "buy again".

    Parameters
    ----------
    table, mapping
        As in `estimate_effects`; one row per order line.
    spec
        A `NextProductSpec`, instead of keywords or to be changed by them.
    customer, time, product
        Columns of who bought what when. Required.
    within
        Days to look ahead (default 28).
    top
        Products listed per customer (default 5).
    seed
        Of the draw of customers to learn from (default 0).

    Raises
    ------
    UsageError
        For a keyword or column that does not exist or cannot be used.
    InputError
        If no line has a customer, a time and a product.
    """
    return engine.analyze_next_product(table, NEXT_PRODUCT.spec(spec, keywords), read_layout(mapping))


def readiness_table(
    table: Any,
    buys: str,
    spec: NextProductSpec | None = None,
    *,
    mapping: Layout = None,
    **keywords: Unpack[NextProductKeywords],
) -> pa.Table:
    """Return who bought `buys` within the time after each of several days, for `fit_scores`.

    Target ``bought``, id ``customer``, time ``as_of_day``; rows of the time after the table's end have no target.

    Parameters
    ----------
    buys
        A value of the product column.
    table, spec, mapping, customer, time, product, within
        As in `fit_next_product`.

    Raises
    ------
    UsageError
        If nobody, or hardly anybody, bought `buys`.
    """
    return engine.readiness_table(table, NEXT_PRODUCT.spec(spec, keywords), buys, read_layout(mapping))


def allocate(
    table: Any, spec: AllocationSpec | None = None, *, mapping: Layout = None, **keywords: Unpack[AllocationKeywords]
) -> AllocationResult:
    """Return who gets which action under shared limits, with a certificate of how good the plan is.

    Limits that cannot be met together are an answer: `feasible` is False and `infeasible_limits` names them.

    Parameters
    ----------
    table, mapping
        As in `estimate_effects`; one row per customer and action.
    spec
        An `AllocationSpec`, instead of keywords or to be changed by them.
    customer, action, value
        Columns of the customer, the action, and its value net of variable cost. Required, as is `limits`.
    limits
        Path of a ``limits.toml``, what `alamo.config.load_limits` returns, or a list of `Limit`.
    use
        Further columns that limits may use.
    temperature
        Draw from a softmax at this temperature (money) instead of a deterministic plan.
    gap
        Relative gap the certificate should reach (default 0.001).
    advice
        Whether to say what more of each limit is worth, and what a new action would have to bring (default False).

    Raises
    ------
    UsageError
        For a keyword, column or value that does not exist, naming the near ones.
    ConfigError
        If a limit cannot be used with this table, naming the file.
    InputError
        If a value is missing, or a customer has an action twice.

    See Also
    --------
    AllocationResult.assignments_table : who gets what.
    """
    return engine.analyze_allocation(
        table, ALLOCATION.spec(spec, keywords), memory_stores().history, read_layout(mapping)
    )
