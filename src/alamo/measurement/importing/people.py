"""Customers: master data of persons, one row each."""

from __future__ import annotations

import zoneinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.tables import CUSTOMERS
from alamo.measurement.importing.desk import Desk
from alamo.measurement.importing.happenings import as_json
from alamo.measurement.importing.identity import customer_ids
from alamo.measurement.importing.rows import Fields, Inspection, Normalised, SourceRows, flags

_COPIED = ("account_id", "phone", "country", "region")


def customers(rows: SourceRows, desk: Desk) -> Normalised:
    """Return the persons of one batch; columns no field takes go into the attributes."""
    fields, inspection = Fields(rows.data, desk.mapping), Inspection(rows.numbers, rows.bad)
    ids = customer_ids(fields, "customer_id", inspection)
    inspection.reject(desk.seen.repeated(ids), "customer_id", "duplicate id: an earlier row of the file has it", ids)
    columns = {
        "customer_id": ids,
        **desk.stamps(fields.n),
        **{name: fields.text(name) for name in _COPIED if desk.mapping.has(name)},
        "email": _emails(fields, inspection),
        "time_zone": _time_zones(fields, inspection),
        "created_at": _created(fields, desk, inspection),
        "attributes": as_json(fields.unmapped(), fields.n),
    }
    return inspection.finish(CUSTOMERS.table, columns, CUSTOMERS.schema)


def _emails(fields: Fields, inspection: Inspection) -> pa.Array:
    given = fields.text("email")
    shaped = flags(pc.match_substring_regex(given, r"^[^@\s]+@[^@\s]+$"))
    inspection.reject(flags(pc.is_valid(given)) & ~shaped, "email", "is not an e-mail address", given)
    return given


def _time_zones(fields: Fields, inspection: Inspection) -> pa.Array:
    given = fields.text("time_zone")
    if given.null_count == len(given):
        return given
    known = pa.array(sorted(zoneinfo.available_timezones()))
    strange = flags(pc.is_valid(given)) & ~flags(pc.is_in(given, value_set=known))
    inspection.reject(strange, "time_zone", "is not an IANA time zone such as Europe/London", given)
    return given


def _created(fields: Fields, desk: Desk, inspection: Inspection) -> pa.Array:
    values = fields.raw("created_at")
    if values is None:
        return pa.nulls(fields.n, pa.timestamp("us", tz="UTC"))
    moments = desk.times.read(values)
    shown = fields.text("created_at")
    unread = flags(pc.is_null(moments)) & flags(pc.is_valid(shown))
    inspection.reject(np.asarray(unread), "created_at", f"does not read as {desk.times.describe()}", shown)
    desk.plausible(moments, fields, "created_at", inspection)
    return moments
