"""Order lines: money to the cent, returns, and one reason for every row put aside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.domain.errors import InputError
from alamo.domain.tables import EVENTS
from alamo.measurement import ImportContext, import_rows, normalise, resolve_mapping

HEADER = "invoice,sku,quantity,date,price,customer,country\n"
GOOD = "1,A,1,2010-01-01,1,c,UK\n"


def test_a_line_becomes_an_event_with_its_row_number(bench):
    rows, quarantined = bench.imported("orders", HEADER + "1,A,3,2010-01-01 07:45:00,1.25,13085,UK\n")
    assert quarantined == []
    (row,) = rows
    assert row["row"] == 2
    assert row["event_id"].endswith("-2")
    assert (row["customer_id"], row["kind"], row["order_id"], row["product_id"]) == ("13085", "order_line", "1", "A")
    assert (row["quantity"], row["amount_minor"], row["country"]) == (3.0, 375, "UK")
    assert row["occurred_at"] == datetime(2010, 1, 1, 7, 45, tzinfo=UTC)
    assert row["received_at"] == bench.context.received_at


def test_equal_lines_of_an_invoice_are_both_kept(bench):
    rows, _ = bench.imported("orders", HEADER + "1,A,1,2010-01-01,1,c,UK\n" * 2)
    assert len({row["event_id"] for row in rows}) == 2


@pytest.mark.parametrize(
    ("quantity", "price", "minor"),
    [
        ("3", "0.1", 30),
        ("1", "0.125", 12),  # half to even
        ("1", "0.375", 38),
        ("3", "0.3333", 100),
        ("0.75", "1.99", 149),
        ("10000", "0.00125", 1250),  # more than four places
        ("1", "123456789.01", 12345678901),
        ("0", "5", 0),
    ],
)
def test_amounts_are_exact_and_round_half_to_even(bench, quantity, price, minor):
    (row,), _ = bench.imported("orders", HEADER + f"1,A,{quantity},2010-01-01,{price},c,UK\n")
    assert row["amount_minor"] == minor


def test_currencies_without_minor_unit_count_whole(bench):
    context = ImportContext("orders:jp", "JPY", "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    (row,), _ = bench.imported("orders", HEADER + "1,A,3,2010-01-01,100.5,c,JP\n", context=context)
    assert row["amount_minor"] == 302


def test_a_negative_quantity_a_flag_or_a_prefix_makes_a_return(bench):
    data = "invoice,quantity,date,price,customer,returned\n1,-2,2010-01-01,5,c,\n2,2,2010-01-01,5,c,yes\n"
    rows, _ = bench.imported("orders", data + "C3,2,2010-01-01,5,c,no\n4,2,2010-01-01,5,c,\n", {"return_prefix": "C"})
    assert [(row["kind"], row["amount_minor"]) for row in rows] == [
        ("return_line", -1000),
        ("return_line", -1000),
        ("return_line", -1000),
        ("order_line", 1000),
    ]


def test_an_amount_of_the_line_wins_over_quantity_times_price(bench):
    (row,), _ = bench.imported("orders", "date,customer,quantity,price,amount\n2010-01-01,c,2,5,8.5\n")
    assert row["amount_minor"] == 850


def test_the_margin_of_a_line_is_kept_and_given_back_on_a_return(bench):
    data = "date,customer,quantity,price,margin\n2010-01-01,c,2,5,1.5\n2010-01-01,c,-2,5,1.5\n2010-01-01,c,1,5,\n"
    rows, _ = bench.imported("orders", data)
    assert [row["margin_minor"] for row in rows] == [150, -150, None]


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("1,A,1,02/01/2010,1,c,UK", "occurred_at", "does not read as an ISO time"),
        ("1,A,1,2010-02-30,1,c,UK", "occurred_at", "does not read as an ISO time"),
        ("1,A,1,0001-01-01,1,c,UK", "occurred_at", "lies before 1970"),
        ("1,A,1,1969-12-31 23:59:59,1,c,UK", "occurred_at", "lies before 1970"),
        ("1,A,1,2026-01-02 00:00:01,1,c,UK", "occurred_at", "lies in the future (now: 2026-01-01)"),
        ("1,A,1,9999-12-31,1,c,UK", "occurred_at", "lies in the future"),
        ("1,A,1,,1,c,UK", "occurred_at", "there is no time"),
        ("1,A,1,2010-01-01,1 234,c,UK", "price", "thousands separator"),
        ('1,A,1,2010-01-01,"1,234",c,UK', "price", "has a comma"),
        ('1,A,1.5,2010-01-01,"1,5",c,UK', "price", 'set decimal = ","'),
        ("1,A,1,2010-01-01,free,c,UK", "price", "is not a number"),
        ("1,A,1,2010-01-01,inf,c,UK", "price", "is not a number"),
        ("1,A,1,2010-01-01,,c,UK", "price", "there is no price"),
        ("1,A,1,2010-01-01,-1,c,UK", "price", "negative price"),
        ("1,A,1,2010-01-01,1e11,c,UK", "price", "is too large"),
        ("1,A,,2010-01-01,1,c,UK", "quantity", "there is no quantity"),
        ("1,A,1,2010-01-01,1,,UK", "customer_id", "there is no customer id"),
        ("1,A,1,2010-01-01,1", None, "has 5 fields, the header has 7"),
    ],
)
def test_a_bad_row_is_put_aside_with_row_field_and_reason(bench, line, field, reason):
    good = "1,A,1,2010-01-01,1,c,UK\n"
    rows, (bad,) = bench.imported("orders", HEADER + good + line + "\n" + good)
    assert [row["row"] for row in rows] == [2, 4]
    assert (bad["row"], bad["field"]) == (3, field)
    assert reason in bad["reason"]


def test_another_currency_is_unknown_and_the_projects_own_may_be_in_any_case(bench):
    data = "date,customer,price,currency\n2010-01-01,c,1,gbp\n2010-01-01,c,1,EUR\n2010-01-01,c,1,\n"
    rows, (bad,) = bench.imported("orders", data)
    assert [row["row"] for row in rows] == [2, 4]
    assert bad["reason"] == "unknown currency: the project counts in GBP"
    assert bad["value"] == "EUR"


def test_a_doubled_line_id_is_put_aside_across_batches(bench):
    lines = "".join(f"{i},2010-01-01,c,1\n" for i in range(300_000)) + "17,2010-01-01,c,1\n"
    _, (bad,) = bench.imported("orders", "line_id,date,customer,price\n" + lines)
    assert (bad["row"], bad["value"]) == (300_002, "17")
    assert bad["reason"].startswith("duplicate id")


def test_a_negative_amount_needs_to_be_called_a_return(bench):
    data = "date,customer,amount,is_return\n2010-01-01,c,-5,no\n2010-01-01,c,-5,yes\n"
    (row,), (bad,) = bench.imported("orders", data)
    assert (row["kind"], row["amount_minor"]) == ("return_line", -500)
    assert "negative amount" in bad["reason"]


@pytest.mark.parametrize("value", ["1,234.50", "-1,234.50", "1,234,567.5"])
def test_a_thousands_separator_left_of_the_decimal_mark_is_read(bench, value):
    rows, bad = bench.imported("orders", f'date,customer,amount\n2010-01-01,c,"{value}"\n2010-01-01,c,1.5\n')
    assert not bad
    assert rows[0]["amount_minor"] == round(float(value.replace(",", "")) * 100)


@pytest.mark.parametrize("value", ["49,90", "1.249,00", "-1.249,0", "1.249,000", "0,2500"])
def test_a_file_that_writes_decimal_commas_is_read_so_without_a_mapping(bench, value):
    rows, bad = bench.imported("orders", f"date;customer;amount\n2010-01-01;c;{value}\n2010-01-01;c;1,234\n")
    assert not bad
    assert rows[0]["amount_minor"] == round(float(value.replace(".", "").replace(",", ".")) * 100)
    assert rows[1]["amount_minor"] == 123  # 1.234, half a cent down to even


@pytest.mark.parametrize("other", ["1.5", "1,234.5", "1.2345"])
def test_one_decimal_point_among_the_rows_makes_a_comma_doubtful(bench, other):
    data = f'date;customer;amount\n2010-01-01;c;"1,5"\n2010-01-01;c;{other}\n'
    rows, (bad,) = bench.imported("orders", data)
    assert (len(rows), bad["row"]) == (1, 2)
    assert 'set decimal = ","' in bad["reason"]


def test_a_number_that_could_mean_two_is_not_guessed(bench):
    data = "date;customer;amount\n2010-01-01;c;1.249\n2010-01-01;c;899\n2010-01-01;c;0.125\n"
    rows, (bad,) = bench.imported("orders", data)
    assert [row["amount_minor"] for row in rows] == [89900, 12]
    assert (bad["value"], "1234 or 1.234" in bad["reason"]) == ("1.249", True)
    for told in (bench.imported("orders", data, {"decimal": "."}), bench.imported("orders", data + "2010-01-01;c;1.5")):
        assert (told[0][0]["amount_minor"], told[1]) == (125, [])
    dinars = ImportContext("orders:test", "KWD", "UTC", datetime(2026, 1, 1, tzinfo=UTC))
    assert bench.imported("orders", data, context=dinars)[0][0]["amount_minor"] == 1249


def test_a_constant_of_the_mapping_has_a_decimal_point_whatever_the_file_has(bench):
    data = "date;customer;amount\n2010-01-01;c;1,5\n"
    for quantity in ("0.5", "0,5"):
        (row,), bad = bench.imported("orders", data, {"constants": {"quantity": quantity}})
        assert (row["quantity"], row["amount_minor"], bad) == (0.5, 150, [])


@pytest.mark.parametrize("word", ["ja", "WAHR"])
def test_a_german_column_of_returns_is_known(bench, word):
    data = f"Datum;Kundennummer;Betrag;Retoure\n2010-01-01;c;1,5;{word}\n2010-01-01;c;1,5;nein\n"
    rows, bad = bench.imported("orders", data)
    assert not bad
    assert [row["amount_minor"] for row in rows] == [-150, 150]


def test_what_the_mapping_says_of_decimals_is_not_found_out(bench):
    data = "date;customer;amount\n2010-01-01;c;1,5\n2010-01-01;c;1\n"
    _, (bad,) = bench.imported("orders", data, {"decimal": "."})
    assert bad["value"] == "1,5"


def test_a_negative_amount_is_a_return_where_nothing_else_says_what_is_one(bench):
    rows, bad = bench.imported("orders", "date,customer,amount\n2010-01-01,c,20\n2010-01-02,c,-20\n")
    assert not bad
    assert [(row["kind"], row["amount_minor"]) for row in rows] == [("order_line", 2000), ("return_line", -2000)]
    _, (bad,) = bench.imported("orders", "date,customer,quantity,amount\n2010-01-01,c,1,-20\n2010-01-01,c,1,5\n")
    assert "not a return" in bad["reason"]


def test_a_decimal_comma_is_read_where_the_mapping_says_so(bench):
    data = "date;customer;price\n2010-01-01;c;1,5\n2010-01-01;c;1.234,50\n2010-01-01;c;1.5\n2010-01-01;c;12\n"
    rows, bad = bench.imported("orders", data, {"decimal": ","})
    assert [row["amount_minor"] for row in rows] == [150, 123450, 1200]
    assert [(row["row"], "separator" in row["reason"]) for row in bad] == [(4, False)]


def test_parquet_with_typed_columns_gives_the_same_events(bench, tmp_path):
    data = HEADER + "1,A,3,2010-01-01 07:45:00,1.25,13085,UK\n2,B,-1,2010-01-02 09:00:00,2.5,13086,UK\n"
    typed = pa.table(
        {
            "invoice": ["1", "2"],
            "sku": pa.array(["A", "B"]).dictionary_encode(),
            "quantity": [3, -1],
            "date": pa.array([datetime(2010, 1, 1, 7, 45), datetime(2010, 1, 2, 9)], pa.timestamp("ns")),  # noqa: DTZ001 # naive on purpose
            "price": [1.25, 2.5],
            "customer": [13085.0, 13086.0],
            "country": ["UK", "UK"],
        }
    )
    pq.write_table(typed, tmp_path / "t.parquet")
    assert bench.imported("orders", (tmp_path / "t.parquet").read_bytes()) == bench.imported("orders", data)


def test_the_rows_stream_into_a_history_under_the_contract(bench):
    stream = bench.stream(HEADER + "1,A,1,2010-01-01,1,c,UK\n1,A,1,2010-01-01,x,c,UK\n1,A,2,2010-01-01,1,c,UK\n")
    mapping = resolve_mapping("orders", stream.header)
    aside: list[pa.RecordBatch] = []
    rows = import_rows(normalise("orders", stream, mapping, bench.context), "f.csv", "orders", aside.append)
    history = bench.history()
    assert history.replace(rows.table, rows.reader, where={"source": "orders:test"}, batch="b")
    assert (rows.tally.accepted, rows.tally.quarantined) == (2, 1)
    assert aside[0].to_pylist()[0]["row"] == 3
    stored = EVENTS.check(history.query("SELECT * FROM events"))
    assert stored["amount_minor"].to_pylist() == [100, 200]


def test_a_file_without_one_good_row_is_refused_with_the_top_reasons(bench):
    with pytest.raises(InputError, match="not one row can be imported as orders: 2 × price is not a number") as caught:
        bench.imported("orders", HEADER + "1,A,1,2010-01-01,x,c,UK\n" * 2)
    assert caught.value.exit_code == 2
    assert caught.value.hint.endswith("alamo import orders FILE --mapping mappings/orders.toml --preview")
    with pytest.raises(InputError, match="it has no rows"):
        bench.imported("orders", HEADER)


def test_a_file_that_breaks_in_the_middle_stores_nothing_and_says_why(bench):
    """A file is read ahead: what is broken is met by the store, or before the store is given its first row."""
    stream = bench.stream(HEADER.encode() + GOOD.encode() * 300_000 + b"1,A,1,2010-01-01,1,\xff,UK\n")
    mapping, history = resolve_mapping("orders", stream.header), bench.history()
    with pytest.raises(Exception, match=r"row 300002: byte .* is not valid utf-8"):  # noqa: PT012 # either of the two
        rows = import_rows(normalise("orders", stream, mapping, bench.context), "f.csv", "orders", lambda _: None)
        history.replace(rows.table, rows.reader, where={"source": "orders:test"}, batch="b")
    assert history.query("SELECT count(*) AS n FROM events")["n"][0].as_py() == 0


def test_what_stops_the_reading_within_a_store_is_kept_for_the_caller(bench):
    whole, broken = bench.stream(HEADER + GOOD * 3), InputError("row 5 is broken", hint="mend it", code="input.broken")

    def breaks(on_progress):
        yield from whole.batches_of(on_progress)
        if on_progress is not None:  # not when it is looked ahead
            raise broken

    stream = replace(whole, batches_of=breaks, on_progress=lambda *_: None)
    mapping, history = resolve_mapping("orders", stream.header), bench.history()
    rows = import_rows(normalise("orders", stream, mapping, bench.context), "f.csv", "orders", lambda _: None)
    assert rows.failure is None
    with pytest.raises(Exception, match="row 5 is broken"):
        history.replace(rows.table, rows.reader, where={"source": "orders:test"}, batch="b")
    assert rows.failure is broken
    assert history.query("SELECT count(*) AS n FROM events")["n"][0].as_py() == 0
