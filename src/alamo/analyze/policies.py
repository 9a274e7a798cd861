"""Policies before they run, from a log of decisions: one valued, the best of several, one that a person can read."""

from __future__ import annotations

from typing import Any, Unpack

from alamo.analyze.layout import Layout, read_layout
from alamo.config.policy_keywords import (
    POLICY,
    POLICY_CHOICE,
    POLICY_TREE,
    PolicyChoiceKeywords,
    PolicyKeywords,
    PolicyTreeKeywords,
)
from alamo.engine import analyze as engine
from alamo.inference.off_policy import (
    PolicyChoiceResult,
    PolicyChoiceSpec,
    PolicyResult,
    PolicySpec,
    PolicyTreeResult,
    PolicyTreeSpec,
)


def evaluate_policy(
    table: Any, spec: PolicySpec | None = None, *, mapping: Layout = None, **keywords: Unpack[PolicyKeywords]
) -> PolicyResult:
    """Return what a policy would earn before it runs, from the log of the running one; or why it cannot be said.

    Parameters
    ----------
    table, mapping
        As in `estimate_effects`; one row per decision (and place of a slate).
    spec
        A `PolicySpec`, instead of keywords or to be changed by them.
    action, propensity, outcome
        Columns of the action drawn, its logged probability in (0, 1], and a numeric or 0/1 outcome. Required.
    target
        Column with the new policy's probability of the action drawn; this or `target_prefix` is required.
    target_prefix
        Prefix of one column per action with the new policy's probability of it, such as ``"P_"``.
    features
        ``"auto"`` (default), ``"none"`` or columns: context known before the draw.
    position
        Column of the place in a slate.
    unit
        Column of the unit, whose rows may depend on each other (default: each row is one).
    level, planned
        Of the intervals (default 0.95); units at the planned end, the same at every look at a growing log, where the
        always-valid ones are tightest (default: those of the table, right for one look).

    Raises
    ------
    UsageError
        For a keyword or column that does not exist or is no number, naming the near ones.
    InputError
        If a value is missing or out of range, naming column and row.
    NotIdentifiedError
        If the log drew one action only, or never what the policy does.

    Examples
    --------
    >>> import alamo, pyarrow as pa
    >>> log = pa.table({"a": ["x", "y"] * 1000, "p": [0.5] * 2000, "y": [1, 0, 0, 0] * 500, "to_x": [1.0, 0.0] * 1000})
    >>> found = alamo.evaluate_policy(log, action="a", propensity="p", outcome="y", target="to_x", features="none")
    >>> round(found.rows[1].value, 3)  # snips
    0.5
    """
    return engine.analyze_policy(table, POLICY.spec(spec, keywords), read_layout(mapping))


def choose_policy(
    table: Any,
    spec: PolicyChoiceSpec | None = None,
    *,
    mapping: Layout = None,
    **keywords: Unpack[PolicyChoiceKeywords],
) -> PolicyChoiceResult:
    """Return the best of several policies, valued on units that had no part in the choice.

    Parameters
    ----------
    table, mapping
        As in `alamo.estimate_effects`; one row per decision (and place of a slate).
    spec
        A `PolicyChoiceSpec`, instead of keywords or to be changed by them.
    action, propensity, outcome, features, position, unit, level
        As in `alamo.evaluate_policy`.
    candidate
        ``{name: prefix}``: each policy has one column per action with its probability, named prefix and action.
    always
        Actions; each is a further candidate that takes it always.

    Raises
    ------
    UsageError
        With fewer than two candidates, or for a keyword, column or action that does not exist, naming the near ones.
    InputError
        If a value is missing or out of range, naming column and row.
    NotIdentifiedError
        If the log drew one action only, or never what a policy does.
    InsufficientDataError
        If the outcome never varies or there are too few units to halve.

    Examples
    --------
    >>> import alamo.analyze, pyarrow as pa
    >>> log = pa.table({"a": ["x", "y"] * 2000, "p": [0.5] * 4000, "y": [1, 0, 1, 0, 0, 0] * 666 + [1, 0, 0, 0]})
    >>> keywords = {"action": "a", "propensity": "p", "outcome": "y", "features": "none"}
    >>> alamo.analyze.choose_policy(log, always=["x", "y"], **keywords).policy
    'always x'
    """
    return engine.analyze_policy_choice(table, POLICY_CHOICE.spec(spec, keywords), read_layout(mapping))


def grow_policy(
    table: Any, spec: PolicyTreeSpec | None = None, *, mapping: Layout = None, **keywords: Unpack[PolicyTreeKeywords]
) -> PolicyTreeResult:
    """Return a policy that a person can read, grown on one part of a log's units and valued on the other.

    Parameters
    ----------
    table, mapping
        As in `alamo.estimate_effects`; one row per decision.
    spec
        A `PolicyTreeSpec`, instead of keywords or to be changed by them.
    action, propensity, outcome, features, unit, level
        As in `alamo.evaluate_policy`; the tree may cut any column of `features`.
    control
        The action that every leaf is compared with (default: the one drawn most often).
    cost
        ``{action: money}`` that taking it once costs, in the unit of the outcome.
    depth
        Most cuts on the way to a leaf (default 2: exact; beyond, step by step).
    least_leaf
        Least rows of a leaf (default 500), of those it is grown on.
    seed
        Of the split into units that grow and units that judge (default 1).

    Raises
    ------
    UsageError
        For a keyword, column, action or number that cannot be used, naming the near ones.
    InputError
        If a value is missing or out of range, naming column and row.
    NotIdentifiedError
        If the log covers fewer than two actions.
    InsufficientDataError
        If there are too few rows to grow on one part and judge on the other.

    See Also
    --------
    PolicyTreeResult.model : chooses for a new table; goes into a file as ``to_dict()``.
    """
    return engine.analyze_policy_tree(table, POLICY_TREE.spec(spec, keywords), read_layout(mapping))
