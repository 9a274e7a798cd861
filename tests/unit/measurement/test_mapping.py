"""Which column is which field."""

from __future__ import annotations

import pytest

from alamo.domain.errors import ConfigError, UsageError
from alamo.measurement import KINDS, resolve_mapping

ONLINE_RETAIL = (
    "Invoice",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "Price",
    "Customer ID",
    "Country",
)


def test_the_headers_of_online_retail_are_understood():
    found = resolve_mapping("orders", ONLINE_RETAIL)
    assert found.columns == {
        "order_id": "Invoice",
        "product_id": "StockCode",
        "quantity": "Quantity",
        "occurred_at": "InvoiceDate",
        "price": "Price",
        "customer_id": "Customer ID",
        "country": "Country",
    }
    assert found.unmapped == ("Description",)


@pytest.mark.parametrize(
    "header",
    [
        ("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"),
        ("order_id", "sku", "qty", "order-date", "unit price", "client_id"),
        ("ORDER ID", "Product", "Units", "Date", "PRICE", "user_id"),
    ],
)
def test_case_blanks_punctuation_and_synonyms_do_not_matter(header):
    fields = ("order_id", "product_id", "quantity", "occurred_at", "price", "customer_id")
    assert resolve_mapping("orders", header).columns == dict(zip(fields, header, strict=True))


def test_the_name_of_a_field_itself_wins_over_a_synonym():
    found = resolve_mapping("orders", ("date", "occurred_at", "customer", "customer_id", "price"))
    assert found.columns["occurred_at"] == "occurred_at"
    assert found.columns["customer_id"] == "customer_id"


def test_a_mapping_file_wins_over_the_header_and_can_leave_a_field_out():
    mapping = {"fields": {"customer_id": "buyer", "country": ""}, "constants": {"currency": "GBP"}, "decimal": ","}
    found = resolve_mapping("orders", ("customer", "buyer", "date", "price", "country"), mapping)
    assert found.columns["customer_id"] == "buyer"
    assert "country" not in found.columns
    assert found.constants == {"currency": "GBP"}
    assert found.options.decimal == ","


def test_a_wrong_column_lists_near_names():
    with pytest.raises(ConfigError, match="no column of the file 'Custmer ID'") as caught:
        resolve_mapping("orders", ONLINE_RETAIL, {"fields": {"customer_id": "Custmer ID"}})
    assert "Customer ID" in caught.value.hint


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({"fields": {"custmer_id": "a"}}, "no field of orders 'custmer_id'"),
        ({"time_fromat": "%Y"}, "no option of a mapping 'time_fromat'"),
        ({"decimal": ";"}, "decimal = ';' is not possible"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone = 'Europe/Atlantis' is not possible"),
    ],
)
def test_a_mapping_file_that_says_something_unknown_is_refused(mapping, complaint):
    with pytest.raises(ConfigError, match=complaint):
        resolve_mapping("orders", ("customer", "date", "price"), mapping)


def test_a_missing_field_prints_the_header_and_an_example_mapping():
    with pytest.raises(UsageError, match="customer_id") as caught:
        resolve_mapping("orders", ("who", "when", "price"))
    assert "its header is: who, when, price" in caught.value.message
    assert 'customer_id = "COLUMN"   # the person: which column?\n' in caught.value.hint
    assert 'price = "price"' in caught.value.hint
    assert caught.value.hint.endswith("--preview")


def test_an_example_mapping_guesses_by_resemblance_only():
    header = ("Nr", "Customr", "Kauf-Datum (UTC)", "Gesamtbetrag brutto")
    with pytest.raises(UsageError, match=r"price .* or amount") as caught:
        resolve_mapping("orders", header)
    lines = caught.value.hint.splitlines()
    assert lines[2:5] == [
        'customer_id = "Customr"',
        'occurred_at = "Kauf-Datum (UTC)"',
        'amount = "Gesamtbetrag brutto"',
    ]


def test_the_number_of_a_customer_wins_over_the_name():
    for header in (("Customer", "Customer Number", "Date", "Amount"), ("Kunde", "Kundennummer", "Datum", "Betrag")):
        assert resolve_mapping("orders", header).columns["customer_id"] == header[1]


def test_german_headings_are_known():
    header = ("Bestellnummer", "Kundennummer", "Kaufdatum", "Menge", "Stückpreis", "Land")
    found = resolve_mapping("orders", header).columns
    assert found["customer_id"] == "Kundennummer"
    assert found["price"] == "Stückpreis"
    assert set(found) == {"order_id", "customer_id", "occurred_at", "quantity", "price", "country"}


def test_an_unknown_kind_lists_the_kinds():
    with pytest.raises(UsageError) as caught:
        resolve_mapping("invoices", ("a",))
    assert all(kind in caught.value.hint for kind in KINDS)
