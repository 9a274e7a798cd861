"""The view of an import and of its preview: fits a page of 100 columns whatever the file holds."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from alamo.cli.views import imports

FIELDS = ("customer_id", "occurred_at", "order_id", "product_id", "category", "country", "action_id", "decision_id")


def shown(data: dict[str, Any]) -> list[str]:
    """Return the lines a person reads on a page of 100 columns."""
    out = StringIO()
    console = Console(file=out, width=100, highlight=False)
    for part in imports.imported(data):
        console.print(part)
    return out.getvalue().splitlines()


def preview(**more: Any) -> dict[str, Any]:
    one = {"file": "orders.csv", "rows": 5, "quarantined": 0} | more
    return {"preview": True, "files": [one], "next": "alamo import orders orders.csv"}


def test_a_wide_file_of_long_values_fits_and_names_what_has_no_room() -> None:
    row = {"row": 2} | dict.fromkeys(FIELDS, "x" * 60) | {"occurred_at": "2010-01-01T07:45:00+00:00"}
    row |= {"kind": "order_line", "amount_money": 1234.5}
    mapping = [{"column": f"{name} of the shop", "field": name, "how": "heading"} for name in FIELDS]
    mapping += [{"column": f"extra {i}", "field": "", "how": "not used"} for i in range(30)]
    reason = {"reason": "price " + "has a thousands separator " * 5, "rows": 9, "first_rows": [2, 3], "value": "y" * 80}
    lines = shown(preview(sample=[row] * 9, mapping=mapping, complaints=[reason]))
    assert max(len(line) for line in lines) <= 100
    heading = next(line for line in lines if line.startswith("row "))
    assert heading.split() == ["row", "customer_id", "occurred_at", "order_id", "kind", "amount_money"]
    assert sum("2010-01-01 07:45" in line and "1,234.50" in line for line in lines) == 5
    text = " ".join(lines)
    assert "Read as well: product_id, category, country, action_id, decision_id" in text
    assert "Not used: extra 0, extra 1," in text
    assert "2, 3, …" in text


def test_more_reasons_than_a_page_holds_are_counted() -> None:
    reasons = [{"reason": f"has {i} fields", "rows": 1, "first_rows": [i], "value": None} for i in range(1, 14)]
    lines = shown(preview(complaints=reasons))
    assert "… and 3 more reasons" in lines
    assert any("has 10 fields" in line for line in lines)


def test_what_else_an_import_did_is_said() -> None:
    done = {
        "file": "x.csv",
        "unchanged": True,
        "merged": ["orders:./x.csv"],
        "complete_until": "2026-02-02T00:00:00+00:00",
    }
    text = "\n".join(shown({"files": [done]}))
    assert "x.csv: known already, nothing added" in text
    assert "its rows count once now: orders:./x.csv" in text
    assert "Every order before 2026-02-02 (UTC) counts as known." in text


def test_rows_that_gave_way_to_another_file_of_the_same_content_are_spoken_of() -> None:
    done = {"file": "y.csv", "source": "orders:x.csv", "unchanged": True, "emptied": ["orders:y.csv"]}
    assert "orders:x.csv holds these rows; what this file held before was taken out." in shown({"files": [done]})
