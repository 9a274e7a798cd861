"""Tables that fit the page: nothing is lost, no number is broken, and what does not fit goes on below."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.unit.cli.test_views import EXPECTED, View, shown

from alamo.cli.fitting import Cells, FittingTable, blocks

NAMES = Cells("action", ("spring-mail", "none"), right=False)
REASONS = Cells("why", ("a long sentence that says why it is so and not otherwise, at length", "–"), right=False)


def money(heading: str) -> Cells:
    """Return a column of intervals, 21 wide."""
    return Cells(heading, ("+12,345.67 … 23,456.78", "–"), right=True)


def printed(columns: tuple[Cells, ...], width: int) -> list[str]:
    """Return the lines of a table."""
    out = StringIO()
    Console(file=out, width=width, highlight=False).print(FittingTable(columns))
    return out.getvalue().splitlines()


def test_what_fits_is_one_line_a_row() -> None:
    assert printed((NAMES, money("interval")), 80)[1:] == [
        "spring-mail  +12,345.67 … 23,456.78",
        "none                              –",
    ]


def test_a_heading_folds_before_anything_else_does() -> None:
    lines = printed((NAMES, Cells("share of all customers", ("1.0 %", "2.0 %"), right=True)), 25)
    assert [line.split() for line in lines] == [
        ["share", "of", "all"],
        ["action", "customers"],
        ["spring-mail", "1.0", "%"],
        ["none", "2.0", "%"],
    ]


def test_prose_folds_to_what_is_left() -> None:
    lines = printed((NAMES, REASONS, money("interval")), 80)
    assert len(lines) == 4
    assert "a long sentence that says why it is so" in " ".join(lines)


def test_a_table_too_wide_goes_on_below_and_names_its_rows_again() -> None:
    lines = printed((NAMES, *(money(f"money {index}") for index in range(5))), 80)
    assert [line.split("  ")[0].strip() for line in lines] == [*["action", "spring-mail", "none", ""] * 3][:-1]
    assert sum(line.count("+12,345.67 … 23,456.78") for line in lines) == 5


def test_a_number_that_names_the_rows_is_repeated_but_not_the_one_beside_it() -> None:
    cycle, decided = Cells("cycle", ("1", "2"), right=True), Cells("decided", ("2010-12-10", "–"), right=False)
    cut = list(blocks([cycle, decided, money("a"), money("b"), money("c")], 60))
    assert [block[0] for block in cut] == [cycle, cycle]
    assert sum(one is decided for block in cut for one in block) == 1


def test_a_long_name_leaves_room_for_the_numbers() -> None:
    wide = Cells("segment", ("x" * 70, "y"), right=False)
    found = list(blocks((wide, NAMES, money("a"), money("b")), 60))
    assert found[0] == [wide]
    assert sum(one is NAMES for block in found for one in block) == 1


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30), st.booleans()), min_size=1, max_size=12),
    st.integers(64, 140),
)
def test_every_column_stands_once_in_order_and_no_block_is_too_wide(
    sizes: list[tuple[int, int, bool]], width: int
) -> None:
    columns = [Cells("h" * head, ("c" * cell,), right) for head, cell, right in sizes]
    cut = list(blocks(columns, width))
    keys = [id(one) for one in cut[0]]
    repeated = [one for one in columns[:2] if len(cut) > 1 and all(id(one) in map(id, block) for block in cut)]
    told = [id(one) for block in cut for one in block if id(one) not in map(id, repeated)]
    assert not repeated or repeated[0] is columns[0]
    assert [id(one) for one in repeated] + told == [id(one) for one in columns]
    assert keys[0] == id(columns[0])
    assert max(sum(one.folded for one in block) + 2 * (len(block) - 1) for block in cut) <= width


@pytest.mark.parametrize(
    ("view", "data"), [(view, data) for view, data, _ in EXPECTED], ids=lambda part: getattr(part, "__name__", "of")
)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_page_says_every_number_of_a_wide_one(view: View, data: dict[str, object], width: int) -> None:
    narrow = shown(view, data, width)
    assert max(len(line) for line in narrow.splitlines()) <= width
    wide = {word for word in shown(view, data, 400).split() if any(letter.isdigit() for letter in word)}
    broken = {word for word in wide if len(word) <= width and word not in narrow.split()}
    assert not broken
