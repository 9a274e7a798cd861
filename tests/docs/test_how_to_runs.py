"""The how-to pages about actions, audience files and notebooks run as they are written, from a fresh folder."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

import pytest
from tests.docs.pages import HOW_TO, printed_by

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def script_of(page: str) -> str:
    """Return what the page types, here-documents included, and its Python, as one shell script."""
    lines = ["set -euo pipefail"]
    for language, blocks in groupby(_BLOCK.findall(page), key=lambda found: found[0]):
        typed = "".join(block for _, block in blocks)
        lines += [f"\"{sys.executable}\" - <<'PYTHON'", typed + "PYTHON"] if language == "python" else console(typed)
    return "\n".join(lines)


def console(block: str) -> list[str]:
    """Return the lines that are typed, without what is printed."""
    lines, inside = [], False
    for line in block.splitlines():
        if inside or line.startswith("$ "):
            lines.append(line if inside else line.removeprefix("$ "))
            inside = line != "END" if inside else line.endswith(("<<END", "<<'END'"))
    return lines


def test_the_script_holds_commands_documents_and_python() -> None:
    page = "```console\n$ cat > f <<'END'\na = 1\nEND\nout\n```\n```python\none()\n```\n"
    page += "```python\ntwo()\n```\n```\nnot run\n```\n"
    script = script_of(page).splitlines()
    assert script[:4] == ["set -euo pipefail", "cat > f <<'END'", "a = 1", "END"]
    assert script[4:] == [f"\"{sys.executable}\" - <<'PYTHON'", "one()", "two()", "PYTHON"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("write-actions-and-limits.md", ["no consent is on record for channel 'post'", "value 8.00"]),
        (
            "set-the-contact-policy.md",
            [
                "consent on record 320 → consented 320 → under the channel's cap 260",
                "renewal-notice        400       400                320        320",
                "none 340, 1 0, 2 60",
            ],
        ),
        (
            "approve-and-launch.md",
            [
                "most in an hour",
                "Stale: limit 'budget': maximum 650 → 400",
                "refused",
                "Takes two people: it costs",
                "alone",
                "the smaller budget counts from next month on",
                "standing-1",
                "waits for a person",
                "is rolled back; what was sent stays as it is",
                "too many complaints",
            ],
        ),
        ("decide-over-the-counter.md", ["Plan plan-3-", "ann: ", '"limit": "vouchers"']),
        ("read-audience-files.md", ["welcome-back email We have missed you", "report.csv: 1 row taken in"]),
        (
            "evaluate-a-policy.md",
            ["go by this", "'p' is 0 in row 5", "chosen by both", "loyal is 1  voucher", "'who': 'loyal is 0'"],
        ),
        (
            "follow-contracts.md",
            ["shifted-beta-geometric", "were predicted", "plan=", "2019-01-01", "('alpha', 0.668), ('beta', 3.806)"],
        ),
        ("score-churn-and-readiness.md", ["call_seconds (left out)", "Forward in time"]),
        (
            "find-whom-an-action-moves.md",
            ["Kept, because", "part:new", "0 voucher", "if new were this", "new matters most"],
        ),
        ("compare-policies-in-a-simulated-market.md", ["Scenario my-market, seed 1", "blast", "only-mail earned"]),
        (
            "judge-by-longer-outcomes.md",
            ["Against the outcome of 56 days", "early-voucher calibrated", "Lost for one channel only", "email "],
        ),
        ("estimate-lifetime-value.md", ["Kept: bg-nbd", "All customers in the next", "pareto-nbd on", "Bought again"]),
        ("find-segments.md", ["segments of", "as well within", "keep their number", "Moved by"]),
        ("write-a-learner.md", ["passed"]),
        (
            "analyse-an-experiment.md",
            [
                "spend/orders",
                "harms",
                "Benjamini–Hochberg",
                "no harm beyond",
                "more days",
                "is capped at",
                "as it should be",
                "no trend found",
            ],
        ),
        (
            "see-where-actions-work-and-whether-they-wear-off.md",
            [
                "Does it wear off?",
                "by lifecycle stage at the decision",
                "per cycle, p =",
                "effects by stage, 9 by cycle",
            ],
        ),
        (
            "pause-actions-that-do-harm.md",
            [
                "Harm per decision",
                "the voucher code in it has expired",
                '"reason": "new code"',
                "early-voucher returns 0.0 -0.0",
            ],
        ),
        (
            "watch-model-health.md",
            [
                "Calibration, level",
                "returns_30d",
                "Fitting anew now would change nothing",
                "feature drift of returns_30d (cycle 3)",
            ],
        ),
        (
            "analyse-large-files.md",
            ["region 7", "difference in means 80000", "95000 units; the rows of 2026-03-06.parquet"],
        ),
        (
            "allocate-more-than-memory-holds.md",
            ["Who gets what", "letters in the north  at least", "feasible True", "kept per customer: 6 bytes"],
        ),
        ("weigh-a-plan.md", ["Who moves", "bound of budget", "more.toml", "What more room is worth", "like"]),
        ("use-in-a-notebook.md", ["did you mean 'outcome'", "alamo.experiment/1"]),
    ],
)
def test_a_page_runs_from_start_to_end(tmp_path: Path, name: str, said: list[str]) -> None:
    printed = printed_by(script_of((HOW_TO / name).read_text(encoding="utf-8")), tmp_path)
    assert not [words for words in said if words not in printed], printed
    assert not re.search(r"^error: ", printed, re.MULTILINE)
