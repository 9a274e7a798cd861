"""What has been measured, row by row: kept as JSON, laid out as a table; a row measured again replaces the old one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.versions import code_version, versions

RESULTS = Path(__file__).parents[1] / "results" / "evidence_effects.md"
DRAWS = RESULTS.with_name("evidence_effects_draws.json")
"""Figures of each draw of rows 6 and 7, which take hours: a run measures the draws that are missing."""
VERDICTS = {True: "reached", False: "falls short", None: "not all measured"}

HEAD = """\
# Effects: figures to reach

Made by `python -m benchmarks.evidence_effects`: each row on fresh seeds, Alamo by the functions its users call, the
prototype and named rivals on the same draws in the same run. A range is the lowest and highest cell of the table below.
"""


@dataclass(frozen=True)
class Evidence:
    """One row of the table of figures to reach.

    Attributes
    ----------
    number, what, to_reach
        The row's number (a letter after it: what was left open there), what is measured, and the target.
    measured, prototype, rival
        Figures, in words; empty where there is none.
    reached
        Whether the target is met; None where a part of it was not measured and nothing falls short.
    seeds, replications
        First seed, and how many draws of each cell.
    lines
        Markdown: the cells behind the figure and what there is to say about them.
    cpu_seconds
        Of the run, rivals in other interpreters left out.
    versions
        Of the packages and rivals.
    """

    number: str
    what: str
    to_reach: str
    measured: str
    prototype: str
    rival: str
    reached: bool | None
    seeds: int
    replications: str
    lines: list[str]
    cpu_seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)


def keep(evidence: Evidence, file: Path = RESULTS) -> None:
    """Add one row to what is kept, and write the table anew."""
    store = file.with_suffix(".json")
    kept: dict[str, Any] = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    measured = asdict(evidence) | {"versions": versions() | dict(evidence.versions), "code": code_version()}
    kept[evidence.number] = measured
    rows = {number: kept[number] for number in sorted(kept, key=_place)}
    store.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    file.write_text("\n".join(table(list(rows.values()))) + "\n", encoding="utf-8")


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lay out all rows: the summary first, then the cells of each."""
    lines = [HEAD, "| # | what | to reach | Alamo | prototype | rival | verdict |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row["what"], row["to_reach"], row["measured"], row["prototype"] or "–", row["rival"] or "–")
        lines.append(f"| {row['number']} | {' | '.join(cells)} | {VERDICTS[row['reached']]} |")
    for row in rows:
        made = ", ".join(f"{name} {number}" for name, number in row["versions"].items())
        lines += ["", f"## {row['number']} {row['what'][0].upper()}{row['what'][1:]}", ""]
        lines += [*row["lines"], ""]
        lines.append(
            f"Seeds from {row['seeds']}, {row['replications']}; {row['cpu_seconds']:.0f} CPU-s; "
            f"code {row['code']}; {made}."
        )
    return lines


def _place(number: str) -> tuple[int, str]:
    """Return where a row stands: by number, then by letter."""
    digits = number.rstrip("abc")
    return int(digits), number[len(digits) :]
