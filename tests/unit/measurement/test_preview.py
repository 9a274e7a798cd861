"""The preview: reasons with counts and row numbers, and the first rows without what no field filled."""

from __future__ import annotations

import gzip

import pytest

from alamo.measurement import preview, resolve_mapping

GOOD, FREE, LATE, SHORT = "2010-01-01,c,1,x", "2010-01-01,c,free,x", "2099-01-01,c,1,x", "2010-01-01,c"
LINES = ["date,customer,price,comment", *[GOOD] * 8, FREE, "", *[FREE] * 6, LATE, SHORT, GOOD]


def shown(bench, data: bytes, kind: str = "orders"):
    with bench.stream(data) as stream:
        return preview(stream, resolve_mapping(kind, stream.header), bench.context)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_row_numbers_are_those_of_the_file_however_it_is_packed(bench, pack, delimiter, end):
    text = end.join(LINES).replace(",", delimiter) + end
    complaints = shown(bench, pack(text.encode())).tally.complaints()
    rows = dict(enumerate(LINES, start=1))
    assert [(c["reason"], c["rows"], c["first_rows"], c["value"]) for c in complaints] == [
        ("price is not a number", 7, [10, 12, 13, 14, 15], "free"),
        ("occurred_at lies in the future (now: 2026-01-01)", 1, [18], "2099-01-01"),
        ("has 2 fields, the header has 4", 1, [19], None),
    ]
    assert {rows[row] for row in complaints[0]["first_rows"]} == {FREE}
    assert (rows[18], rows[19]) == (LATE, SHORT)


def test_the_sample_holds_what_mapped_fields_became(bench):
    found = shown(bench, "\n".join(LINES).encode())
    assert set(found.sample()[0]) == {"row", "customer_id", "kind", "occurred_at", "amount_minor"}
    experiment = shown(bench, b"arm,spend,country,quantity\nnone,1,UK,2\nmail,2,DE,3\n", "experiment")
    assert set(experiment.sample()[0]) == {"row", "unit_id", "arm", "outcome_money", "cost_money"}


def test_reasons_of_many_batches_are_added_up(bench):
    data = "date,customer,price\n" + "2010-01-01,c,1\n" * 400_000 + "2010-01-01,c,free\n" * 400_000
    (complaint,) = shown(bench, data.encode()).tally.complaints()
    assert complaint["rows"] == 400_000
    assert complaint["first_rows"] == [400_002 + i for i in range(5)]
