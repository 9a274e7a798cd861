"""Profiles as of a moment equal those of a file that was cut at that moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from alamo.connectors.sources import open_rows
from alamo.domain.settings import MarginSettings
from alamo.domain.tables import EVENTS, PROFILES
from alamo.measurement import ImportContext, build_profiles, import_rows, normalise, resolve_mapping
from alamo.store import MemoryHistory

START = datetime(2010, 1, 1, tzinfo=UTC)
KINDS = (
    "order_line",
    "return_line",
    "visit",
    "sent",
    "clicked",
    "bounced",
    "unsuppressed",
    "consent_granted",
    "consent_withdrawn",
)

happening = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(KINDS),
    st.integers(0, 400 * 24),
    st.integers(0, 5000),
    st.sampled_from(["email", "post", None]),
    st.sampled_from(["x", "y", None]),
)


def events(happenings) -> pa.Table:
    rows = []
    for number, (customer, kind, hour, amount, channel, category) in enumerate(happenings):
        moment = START + timedelta(hours=hour)
        row = dict.fromkeys(EVENTS.schema.names)
        row |= {"event_id": str(number), "source": "s", "customer_id": customer, "kind": kind}
        row |= {"occurred_at": moment, "received_at": moment, "channel": channel, "category": category}
        if kind.endswith("_line"):
            row |= {"order_id": f"o{hour % 7}", "amount_minor": amount if kind == "order_line" else -amount}
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=EVENTS.schema)


def profiles_of(table: pa.Table, as_of: datetime) -> pa.Table:
    history = MemoryHistory()
    history.append("events", table, batch="all")
    return PROFILES.check(build_profiles(history, as_of, margin=MarginSettings(products={"p": 0.4}), currency="GBP"))


@given(st.lists(happening, max_size=40), st.integers(0, 400 * 24))
@settings(max_examples=25, deadline=None)
def test_later_events_change_nothing_and_row_order_does_not_matter(happenings, hour):
    as_of = START + timedelta(hours=hour)
    table = events(happenings)
    cut = table.filter(pc.less(table["occurred_at"], pa.scalar(as_of)))
    expected = profiles_of(cut, as_of)
    assert profiles_of(table, as_of).equals(expected)
    backwards = table.take(pa.array(range(table.num_rows))[::-1]) if table.num_rows else table
    assert profiles_of(backwards, as_of).equals(expected)


def test_the_shop_as_of_september_equals_the_shop_cut_in_september(test_data, tmp_path):
    whole = pq.read_table(test_data / "online_retail_2009_2010" / "online_retail_2009_2010.parquet")
    cut = whole.filter(pc.less(whole["InvoiceDate"], "2010-09-01"))
    pq.write_table(whole, tmp_path / "whole.parquet")
    pq.write_table(cut, tmp_path / "cut.parquet")
    as_of = datetime(2010, 9, 1, tzinfo=UTC)
    found = []
    for name in ("whole", "cut"):
        history = MemoryHistory()
        stream = open_rows(tmp_path / f"{name}.parquet")
        context = ImportContext("orders:shop", "GBP", "UTC", datetime(2011, 1, 1, tzinfo=UTC))
        mapping = resolve_mapping("orders", stream.header)
        rows = import_rows(normalise("orders", stream, mapping, context), name, "orders", lambda _: None)
        history.replace("events", rows.reader, where={"source": "orders:shop"}, batch="b")
        found.append(build_profiles(history, as_of, margin=MarginSettings(), currency="GBP"))
    assert found[0].num_rows > 3000
    assert found[0].equals(found[1])
