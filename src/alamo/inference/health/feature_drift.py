"""Feature drift: are the customers that are scored now like those the model learned from?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.inference.health.checks import Check
from alamo.numerics.moments import codes
from alamo.numerics.stability import ReferenceBins, effective_rows, stability

FEATURE_DRIFT = "feature drift"
MODERATE, LARGE = 0.10, 0.25
"""The usual rule of thumb (Siddiqi, 2006, "Credit Risk Scorecards", ch. 9): what chance does not explain is worth
watching above the first and acting on above the second."""
LEAST_CUSTOMERS = 100
AGEING = frozenset({"tenure_days", "t_days", "t_x_days", "orders", "purchase_days", "x", "money", "categories"})
"""Features that grow with every day a customer stays."""
OWN_DOING = frozenset({"contacts_7d", "contacts_14d", "contacts_28d", "answered_last", "bought_on_discount"})
"""Features that the programme's own contacts move. Like those that age, they are worth watching at most: they are to
move, and the next fit has seen it."""

Integers = npt.NDArray[np.int64]


def feature_drift(training: pa.Table, now: pa.Table, features: Sequence[str], level: float) -> list[Check]:
    """Return how far each feature has moved from the decisions a model learned from to the customers scored by it.

    Parameters
    ----------
    training
        ``customer_id`` and the features as of each decision the model learned from; customers recur.
    now
        ``customer_id`` and the features of the customers scored, each once.
    features
        Names; a column that either table lacks, or that holds nothing in both, is left out.
    level
        Of the value that chance alone exceeds.

    Assumes
    -------
    A recurring customer is one independent row. The same customers in both tables only make alarms rarer.

    Not supported
    -------------
    Says nothing of effects: customers may have changed without an action working differently on them.
    """
    shared = [name for name in features if name in training.column_names and name in now.column_names]
    customers = min(int(pc.count_distinct(table["customer_id"]).as_py()) for table in (training, now))
    if customers < LEAST_CUSTOMERS:
        reason = f"{customers} customers on one side, {LEAST_CUSTOMERS} are needed on both; wait for the next cycle"
        return [Check(FEATURE_DRIFT, "*", customers, reason)]
    n_then, n_now = (effective_rows(_customers(table)) for table in (training, now))
    checks = []
    for name in shared:
        then, today = training[name], now[name]
        if then.null_count == len(then) and today.null_count == len(today):
            continue
        found = stability(ReferenceBins.of(then), today, n_reference=n_then, n=n_now)
        checks.append(
            Check(
                FEATURE_DRIFT,
                name,
                customers,
                _told(then, today),
                expected=_middle(then),
                found=_middle(today),
                value=found.psi,
                threshold=found.threshold(level),
                p_value=found.p_value,
                matters=_matters(name, found.psi),
            )
        )
    return checks


def _matters(name: str, psi: float) -> str:
    if psi > LARGE and name not in AGEING | OWN_DOING:
        return "fails"
    return "watch" if psi > MODERATE else "holds"


def _customers(table: pa.Table) -> Integers:
    return codes(np.asarray(table["customer_id"].to_numpy(zero_copy_only=False)))[0]


def _middle(column: pa.ChunkedArray) -> float | None:
    """Return the mean of the known numbers, or the share of a flag; None for texts."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        return None
    mean = pc.mean(column.cast(pa.float64())).as_py()
    return None if mean is None else float(mean)


def _told(then: pa.ChunkedArray, now: pa.ChunkedArray) -> str:
    first, second = _middle(then), _middle(now)
    missing = [column.null_count / max(len(column), 1) for column in (then, now)]
    absent = f", missing in {missing[0]:.0%}, now {missing[1]:.0%}" if max(missing) > 0.0 else ""
    if first is None or second is None:
        return f"most often {_mode(then)} where it was learnt, {_mode(now)} now{absent}"
    return f"on average {first:.4g} where it was learnt, {second:.4g} now{absent}"


def _mode(column: pa.ChunkedArray) -> str:
    found = pc.mode(pc.dictionary_encode(column.drop_null()).combine_chunks().indices, 1) if len(column) else None
    if found is None or not len(found):
        return "nothing"
    levels = pc.dictionary_encode(column.drop_null()).combine_chunks().dictionary
    return str(levels[found[0]["mode"].as_py()].as_py())
