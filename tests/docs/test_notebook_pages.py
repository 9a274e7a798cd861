"""Tutorials written like notebooks print what they show: the words exactly, the numbers up to rounding."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.notebooks import TUTORIALS, Cell, cells_of, filled, pages, printed_by

_NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_RELATIVE = 0.01


def complaint(shown: str, printed: str) -> str | None:
    """Return what differs; numbers may by 1 % or one unit of the last place shown, as other processors round."""
    if _DATE.findall(shown) != _DATE.findall(printed):
        return f"shown:\n{shown}\nprinted:\n{printed}"
    if " ".join(_NUMBER.sub("#", shown).split()) != " ".join(_NUMBER.sub("#", printed).split()):
        return f"shown:\n{shown}\nprinted:\n{printed}"
    for one, other in zip(_NUMBER.findall(shown), _NUMBER.findall(printed), strict=True):
        value, now = (float(text.replace(",", "")) for text in (one, other))
        unit = 10.0 ** -len(one.partition(".")[2])
        if abs(value - now) > max(_RELATIVE * abs(value), unit) * (1 + 1e-9):
            return f"{one} is shown, {other} is printed"
    return None


def test_a_difference_is_seen() -> None:
    assert complaint("gain +1.25 of 1,200\n", "gain +1.26 of 1,210\n") is None
    assert complaint("gain +1.25\n", "gain +1.28\n") == "+1.25 is shown, +1.28 is printed"
    assert complaint("gain +1.25\n", "loss +1.25\n") is not None
    assert complaint("no 1", "no 1 and 2") is not None
    assert complaint("until 2010-11-01", "until 2010-10-02") is not None


def test_blocks_share_their_names_and_each_has_its_own_output(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\na = 1\nprint(a)\n```\n\n```text\n7\n```\n\nwords\n\n```python\nb = a\n```\n", encoding="utf-8"
    )
    assert cells_of(page) == [Cell("a = 1\nprint(a)\n", "7\n"), Cell("b = a\n", None)]
    assert printed_by(cells_of(page)) == ["1\n", ""]
    assert filled(page) == page.read_text(encoding="utf-8").replace("7", "1")


def test_a_block_that_fails_is_named() -> None:
    with pytest.raises(RuntimeError, match="block 2"):
        printed_by([Cell("a = 1\n", None), Cell("b\n", None)])


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_prints_what_it_shows(page: Path) -> None:
    cells = cells_of(page)
    printed = printed_by(cells)
    assert len(printed) == len(cells)
    found = [complaint(cell.shown or "", text) for cell, text in zip(cells, printed, strict=True)]
    assert found == [None] * len(cells)
    assert max(len(line) for text in printed for line in text.splitlines()) <= 140


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_says_what_it_rests_on(page: Path) -> None:
    headings = re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {"What it assumes", "What it does not support", "Sources"} <= set(headings)


@pytest.mark.parametrize(
    "name",
    [
        "analyse-an-experiment",
        "analyse-large-files",
        "estimate-lifetime-value",
        "evaluate-a-policy",
        "find-segments",
        "find-whom-an-action-moves",
        "follow-contracts",
        "score-churn-and-readiness",
        "watch-model-health",
    ],
)
def test_an_estimators_page_cites_says_what_it_assumes_and_what_it_does_not_support(name: str) -> None:
    text = (TUTORIALS.parent / f"how-to/{name}.md").read_text(encoding="utf-8")
    assert re.search(r"assumes", text, re.IGNORECASE)
    assert re.search(r"not support|cannot say", text, re.IGNORECASE)
    assert re.search(r"(19|20)\d\d\)?,? .*(§|eq\.|alg\.|[Tt]heorem|ch\.|Science|JASA)", text)
