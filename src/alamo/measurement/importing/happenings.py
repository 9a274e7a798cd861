"""Events of any kind, consent, suppression and deliveries: who, what, when, in which channel."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.event import EventKind
from alamo.domain.tables import EVENTS
from alamo.measurement.importing.desk import Desk
from alamo.measurement.importing.identity import customer_ids
from alamo.measurement.importing.numbers import money_minor, too_large
from alamo.measurement.importing.rows import Fields, Inspection, Normalised, SourceRows, flags
from alamo.measurement.importing.words import CONSENT_WORDS, DELIVERY_WORDS, SUPPRESSION_WORDS, translate

_COPIED = ("order_id", "product_id", "category", "country", "channel", "action_id", "decision_id")
_KNOWN = tuple(kind.value for kind in EventKind)


def events(rows: SourceRows, desk: Desk) -> Normalised:
    """Return the events of one batch; columns no field takes go into the properties."""
    fields, inspection = Fields(rows.data, desk.mapping), Inspection(rows.numbers, rows.bad)
    columns = _who_when(fields, rows, desk, inspection)
    columns["kind"] = _kind(fields, inspection)
    columns["properties"] = _properties(fields, desk, inspection)
    quantity = desk.number(fields, "quantity", inspection)
    if quantity is not None:
        columns["quantity"] = pa.array(quantity, from_pandas=True)
    if desk.mapping.has("amount"):
        desk.known_currency(fields, inspection)
        columns["amount_minor"] = _amount(fields, columns["kind"], desk, inspection)
    return inspection.finish(EVENTS.table, columns, EVENTS.schema)


def consents(rows: SourceRows, desk: Desk) -> Normalised:
    """Return granted and withdrawn consent of one batch as events."""
    return _worded(rows, desk, CONSENT_WORDS)


def suppressions(rows: SourceRows, desk: Desk) -> Normalised:
    """Return suppressed and released channels of one batch as events; without a state every row suppresses."""
    return _worded(rows, desk, SUPPRESSION_WORDS)


def deliveries(rows: SourceRows, desk: Desk) -> Normalised:
    """Return what became of messages in one batch as events."""
    return _worded(rows, desk, DELIVERY_WORDS)


def _worded(rows: SourceRows, desk: Desk, words: Mapping[str, str]) -> Normalised:
    fields, inspection = Fields(rows.data, desk.mapping), Inspection(rows.numbers, rows.bad)
    columns = _who_when(fields, rows, desk, inspection)
    if desk.mapping.has("state"):
        columns["kind"] = translate(fields.text("state"), words, "state", inspection)
    else:
        columns["kind"] = pa.repeat(EventKind.SUPPRESSED.value, fields.n)
    inspection.reject(flags(pc.is_null(fields.text("channel"))), "channel", "there is no channel (* means all)")
    return inspection.finish(EVENTS.table, columns, EVENTS.schema)


def _who_when(fields: Fields, rows: SourceRows, desk: Desk, inspection: Inspection) -> dict[str, pa.Array]:
    return {
        "event_id": desk.ids(fields, "event_id", rows.numbers, inspection),
        "customer_id": customer_ids(fields, "customer_id", inspection),
        "occurred_at": desk.time(fields, "occurred_at", inspection),
        **desk.stamps(fields.n),
        **{name: fields.text(name) for name in _COPIED if desk.mapping.has(name)},
    }


def _kind(fields: Fields, inspection: Inspection) -> pa.Array:
    """Return the kinds; those the product knows are recognised whatever their case, others stay as they are."""
    given = fields.text("kind")
    inspection.reject(flags(pc.is_null(given)), "kind", "is empty")
    plain = pc.replace_substring(pc.replace_substring(pc.utf8_lower(given), " ", "_"), "-", "_")
    return pc.if_else(pc.is_in(plain, value_set=pa.array(_KNOWN)), plain, given)


def _amount(fields: Fields, kinds: pa.Array, desk: Desk, inspection: Inspection) -> pa.Array:
    money = desk.number(fields, "amount", inspection)
    values = np.full(fields.n, np.nan) if money is None else money
    returned = flags(pc.equal(kinds, EventKind.RETURN_LINE.value))
    bought = flags(pc.equal(kinds, EventKind.ORDER_LINE.value))
    inspection.reject(too_large(values), "amount", "is too large", fields.text("amount"))
    inspection.reject((returned | bought) & np.isnan(values), "amount", "there is no amount")
    inspection.reject(bought & (np.nan_to_num(values) < 0), "amount", "negative amount", fields.text("amount"))
    minor = money_minor(values, desk.exponent)
    return pa.array(np.where(returned, -np.abs(minor), minor), mask=np.isnan(values))


def _properties(fields: Fields, desk: Desk, inspection: Inspection) -> pa.Array:
    if desk.mapping.has("properties"):
        given = fields.text("properties")
        broken = np.array([not _is_object(value) for value in given.to_pylist()], dtype=bool)
        inspection.reject(broken, "properties", "is not a JSON object", given)
        return given
    return as_json(fields.unmapped(), fields.n)


def _is_object(value: str | None) -> bool:
    if value is None:
        return True
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False


def as_json(columns: Mapping[str, pa.Array], n: int) -> pa.Array:
    """Return each row of `columns` as a JSON object without its nulls; null where nothing is left."""
    if not columns:
        return pa.nulls(n, pa.string())
    names, values = list(columns), [column.to_pylist() for column in columns.values()]
    objects = ({k: v for k, v in zip(names, row, strict=True) if v is not None} for row in zip(*values, strict=True))
    return pa.array([json.dumps(o, default=str, ensure_ascii=False) if o else None for o in objects], pa.string())
