"""Rows of a finished randomised experiment, and the observations they become.

Without logged propensities the file is read as completely randomised: the probability of an arm is its share of the
rows. The outcome counts as it stands: it is the whole outcome, no residual value is added to it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.domain.contracts import COUNT, NUMBER, TEXT, TEXTS, TIME
from alamo.domain.errors import InputError, UsageError
from alamo.domain.tables import OBSERVATIONS
from alamo.measurement.importing.desk import Desk
from alamo.measurement.importing.identity import customer_ids, row_ids
from alamo.measurement.importing.mapping import ResolvedMapping
from alamo.measurement.importing.numbers import with_points
from alamo.measurement.importing.rows import Fields, ImportContext, Inspection, Normalised, SourceRows, flags

EXPERIMENT = pa.schema(
    [
        pa.field("row", COUNT, nullable=False),
        pa.field("unit_id", TEXT, nullable=False),
        pa.field("arm", TEXT, nullable=False),
        pa.field("outcome_money", NUMBER, nullable=False),
        pa.field("cost_money", NUMBER, nullable=False),
        pa.field("propensity", NUMBER),
        pa.field("decided_at", TIME),
    ]
)
"""What stands before the feature columns in a normalised row of an experiment."""

CONTROL_WORDS = ("none", "control", "no action", "no e-mail", "no email", "no mail", "holdout", "no contact")
STATE = "experiment"
_EVEN = 1e-6


def experiment_rows(rows: SourceRows, desk: Desk) -> Normalised:
    """Return the rows of one batch; its features follow as they are."""
    fields, inspection = Fields(rows.data, desk.mapping), Inspection(rows.numbers, rows.bad)
    numbers = pa.array(rows.numbers)
    named = desk.mapping.has("unit")
    arm = fields.text("action")
    inspection.reject(flags(pc.is_null(arm)), "action", "there is no arm")
    features = {
        name: with_points(values) if desk.decimal == "," else values
        for name, values in fields.unmapped().items()
        if desk.mapping.is_feature(name)
    }
    columns = {
        "row": numbers,
        "unit_id": customer_ids(fields, "unit", inspection) if named else row_ids(desk.context.source, rows.numbers),
        "arm": arm,
        "outcome_money": pa.array(_outcome(fields, desk, inspection)),
        "cost_money": pa.array(_cost(fields, desk, inspection)),
        "propensity": _propensity(fields, desk, inspection),
        "decided_at": desk.time(fields, "occurred_at", inspection)
        if desk.mapping.has("occurred_at")
        else pa.nulls(fields.n, TIME),
        **{_feature_name(name): values for name, values in features.items()},
    }
    schema = pa.schema([*EXPERIMENT, *(pa.field(_feature_name(name), v.type) for name, v in features.items())])
    return inspection.finish("experiment", columns, schema)


def _feature_name(name: str) -> str:
    taken = {*EXPERIMENT.names, *OBSERVATIONS.schema.names}
    return f"feature_{name}" if name in taken else name


def _outcome(fields: Fields, desk: Desk, inspection: Inspection) -> npt.NDArray[np.float64]:
    outcome = desk.number(fields, "outcome", inspection)
    money = np.full(fields.n, np.nan) if outcome is None else outcome
    inspection.reject(np.isnan(money), "outcome", "there is no outcome")
    return money


def _cost(fields: Fields, desk: Desk, inspection: Inspection) -> npt.NDArray[np.float64]:
    cost = desk.number(fields, "cost", inspection)
    money = np.zeros(fields.n) if cost is None else np.nan_to_num(cost, nan=0.0)
    inspection.reject(money < 0, "cost", "negative cost", fields.text("cost"))
    return money


def _propensity(fields: Fields, desk: Desk, inspection: Inspection) -> pa.Array:
    p = desk.number(fields, "propensity", inspection)
    if p is None:
        return pa.nulls(fields.n, NUMBER)
    inspection.reject(np.isnan(p), "propensity", "there is no propensity: without it a row is not an observation")
    outside = (np.nan_to_num(p, nan=1.0) <= 0) | (np.nan_to_num(p, nan=1.0) > 1)
    inspection.reject(outside, "propensity", "propensity must lie in (0, 1]", fields.text("propensity"))
    return pa.array(p, from_pandas=True)


def experiment_observations(
    rows: pa.Table, mapping: ResolvedMapping, context: ImportContext, *, cycle: int = 1
) -> pa.Table:
    """Return a whole experiment as observations (OBSERVATIONS contract, then its features).

    Parameters
    ----------
    rows
        All normalised rows (`EXPERIMENT` and features).
    cycle
        The cycle they count as.

    Raises
    ------
    InputError
        If there is one arm only, or the propensities do not give the probability of every arm.
    UsageError
        If it is unclear which arm is the control.
    """
    arms = sorted(pc.unique(rows["arm"]).to_pylist())
    if len(arms) < 2:
        raise InputError(
            f"the experiment has one arm only ({', '.join(arms)}), so there is nothing to compare it with",
            hint="Add the rows of the control group, then: alamo import experiment FILE --preview",
            code="import.one_arm",
            details={"arms": arms},
        )
    control = _control_arm(arms, mapping)
    arm = np.asarray(pc.index_in(rows["arm"], value_set=pa.array(arms)).to_numpy())
    p = _probabilities(arm, rows["propensity"], len(arms))
    n, now = rows.num_rows, pa.scalar(context.received_at, TIME)
    actions = [NO_ACTION if name == control else name for name in arms]
    decided = pc.coalesce(rows["decided_at"], now)
    whole = {
        "decision_id": row_ids(context.source, rows["row"].to_numpy()),
        "unit_id": rows["unit_id"],
        "customer_id": rows["unit_id"],
        "cycle": pa.repeat(pa.scalar(cycle, COUNT), n),
        "decided_at": decided,
        "action_id": pa.array(actions).take(pa.array(arm)),
        "eligible": _lists(pa.array(actions * n), len(arms), n),
        "p": _lists(pa.array(p.ravel()), len(arms), n),
        "p_action": pa.array(p[np.arange(n), arm]),
        "universal_control": pa.repeat(False, n),
        "window_end": decided,
        "matured_at": pa.repeat(now, n),
        "margin_money": rows["outcome_money"],
        "cost_money": rows["cost_money"],
        "orders_window": pa.array((rows["outcome_money"].to_numpy() > 0).astype(np.int64)),
        "permission_lost": pa.repeat(False, n),
        "state": pa.repeat(STATE, n),
        "state_end": pa.repeat(STATE, n),
        "x_end": pa.repeat(pa.scalar(0, COUNT), n),
        "channels_lost": pa.repeat(pa.scalar([], TEXTS), n),
        "complained_window": pa.nulls(n, pa.bool_()),
        "returned_window": pa.nulls(n, pa.bool_()),
        **dict.fromkeys(("t_x_end_days", "t_end_days", "repeat_money_end"), pa.repeat(0.0, n)),
    }
    columns = [whole[name] for name in OBSERVATIONS.schema.names]
    features = {name: typed(rows[name]) for name in rows.column_names if name not in EXPERIMENT.names}
    names = [*OBSERVATIONS.schema.names, *features]
    return OBSERVATIONS.check(pa.table(dict(zip(names, [*columns, *features.values()], strict=True))))


def _control_arm(arms: list[str], mapping: ResolvedMapping) -> str:
    named = mapping.options.control
    found = [arm for arm in arms if arm == named or (named is None and arm.casefold() in CONTROL_WORDS)]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"which arm is the control? The arms are: {', '.join(arms)}",
        hint=f'Say it in the mapping file: control = "{arms[0]}"\n'
        "then: alamo import experiment FILE --mapping mappings/experiment.toml",
        code="import.no_control",
        details={"arms": arms, "control": named},
    )


def _probabilities(arm: npt.NDArray[np.int64], logged: pa.ChunkedArray, k: int) -> npt.NDArray[np.float64]:
    """Return the probability of every arm in every row, shape (n, k)."""
    n = len(arm)
    if logged.null_count == n:
        shares = np.bincount(arm, minlength=k) / n
        return np.tile(shares, (n, 1))
    p = logged.to_numpy().astype(np.float64)
    low, high = (np.array([fold(p[arm == j]) for j in range(k)]) for fold in (np.min, np.max))
    if np.max(high - low) < _EVEN and abs(low.sum() - 1.0) < _EVEN:
        return np.tile(low / low.sum(), (n, 1))
    if k == 2:
        first = np.where(arm == 0, p, 1.0 - p)
        return np.column_stack([first, 1.0 - first])
    raise InputError(
        "the propensity varies within an arm; with more than two arms the probabilities of the others are missing",
        hint="Import the arms two at a time (one action and the control), or analyse the file directly with: "
        "alamo analyze experiment FILE --propensity COL",
        code="import.unclear_propensity",
    )


def _lists(values: pa.Array, k: int, n: int) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(np.arange(0, k * n + 1, k), pa.int32()), values)


def typed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a text column as integers or numbers where every value is one; other columns as they are."""
    if pa.types.is_null(values.type):
        return values.cast(TEXT)
    if not pa.types.is_string(values.type):
        return values
    for kind in (pa.int64(), pa.float64()):
        try:
            return values.cast(kind)
        except pa.ArrowInvalid:
            continue
    return values
