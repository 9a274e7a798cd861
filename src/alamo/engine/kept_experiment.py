"""Counts the files of an experiment, once each: their sums are kept, and a new day costs that day's rows.

A file is known by its content: replayed, renamed or copied it adds nothing. A file whose content has changed makes
everything be counted anew, since a day cannot be taken out of the sums without losing digits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from alamo.domain.errors import InputError, UsageError
from alamo.domain.ports import RowSource, SumsBook
from alamo.domain.reasons import Refusal
from alamo.inference import ExperimentCells, ExperimentSpec, column_to_quarter, needs_rows, scan_experiment

_RELATION = "rows"
_FILES = b"alamo.kept_files"
_PLANNED = 10
"""Always-valid intervals are tightest at this many times the rows of the first look, unless they are planned."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Sums of all files counted so far.

    Attributes
    ----------
    cells
        The sums.
    files
        File → its stamp and digest, when it was counted.
    planned
        Rows at which always-valid intervals are tightest (``--planned``); fixed at the first look.
    refusals
        Files that were left out of this run, with the reason.
    """

    cells: ExperimentCells
    files: dict[str, tuple[str, str]]
    planned: int
    refusals: tuple[Refusal, ...] = ()

    def to_arrow(self) -> pa.Table:
        """Return the cells as a table, with the files in its metadata."""
        table = self.cells.to_arrow()
        files = json.dumps({"files": self.files, "planned": self.planned})
        return table.replace_schema_metadata({**table.schema.metadata, _FILES: files})

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Kept:
        """Return what `to_arrow` wrote.

        Raises
        ------
        InputError
            If the table is another one.
        """
        try:
            beside: dict[str, Any] = json.loads(table.schema.metadata[_FILES])
            files = {name: (stamp, digest) for name, (stamp, digest) in beside["files"].items()}
            return cls(ExperimentCells.from_arrow(table), files, int(beside["planned"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                "the file named by --sums holds no kept sums",
                hint="Name a file that does not exist yet, or one that --sums wrote: --sums FILE",
                code="input.no_kept_sums",
            ) from None


def count_files(
    files: RowSource, names: Sequence[str], spec: ExperimentSpec, *, later: bool = False
) -> ExperimentCells | None:
    """Return the cells of these files, or None where only rows can answer `spec`; see `scan_experiment`.

    `later`: they are to answer `spec` with other costs, too.
    """
    with files.rows(names) as warehouse:
        return scan_experiment(warehouse, _RELATION, spec, costs=later or bool(spec.costs))


def count_kept(files: RowSource | None, book: SumsBook, spec: ExperimentSpec) -> Kept:
    """Return the sums of the files counted before and of those that are new, and keep them.

    Raises
    ------
    UsageError
        If sums cannot answer `spec`, there are no Parquet files, or the kept sums answer another question or are
        planned for other units.
    InputError
        If a file has changed while another that was counted with it is gone.
    """
    if files is None:
        raise _no_sums("--sums counts Parquet files, and this is none", "Give a Parquet file or a folder of them.")
    if needs_rows(spec):
        raise _only_rows()
    table = book.read()
    before = None if table is None else Kept.from_arrow(table)
    if before is not None:
        _check_question(before, spec)
    stamps = files.stamps()
    known = {} if before is None else before.files
    planned = spec.planned if before is None else before.planned
    fresh = {name: files.digest(name) for name, stamp in stamps.items() if known.get(name, ("", ""))[0] != stamp}
    changed = [name for name, digest in fresh.items() if name in known and known[name][1] != digest]
    if changed:
        _check_all_there(changed[0], known, stamps)
        before, known, fresh = None, {}, {name: files.digest(name) for name in stamps}
    counted = {digest: name for name, (_, digest) in known.items()}
    new, refusals = _new_files({name: fresh[name] for name in fresh if name not in known}, counted)
    ledger = known | {name: (stamps[name], fresh[name]) for name in fresh if name in new or name in known}
    if not new and before is not None:
        kept = Kept(before.cells, ledger, before.planned, refusals)
        if ledger != known:
            book.write(kept.to_arrow())
        return kept
    cells = _counted(files, new, spec)
    merged = cells if before is None else ExperimentCells.merged([before.cells, cells])
    _check_few_values(merged)
    kept = Kept(merged, ledger, planned or _PLANNED * int(cells.rows.sum()), refusals)
    book.write(kept.to_arrow())
    return kept


def _new_files(fresh: dict[str, str], counted: dict[str, str]) -> tuple[list[str], tuple[Refusal, ...]]:
    """Return the files of `fresh` (name → digest) whose content was not `counted` (digest → name) under any name."""
    new, refusals = [], []
    for name, digest in fresh.items():
        first = counted.setdefault(digest, name)
        if first != name:
            reason = f"its content is that of {first}, which is counted"
            refusals.append(Refusal(f"the rows of {name}", reason, f"remove one of them: rm {name}"))
        else:
            new.append(name)
    return new, tuple(refusals)


def _counted(files: RowSource, names: Sequence[str], spec: ExperimentSpec) -> ExperimentCells:
    cells = count_files(files, names, spec, later=True)
    if cells is None:
        raise _only_rows()
    return cells


def _check_question(before: Kept, spec: ExperimentSpec) -> None:
    cells = before.cells
    segments = spec.segments if isinstance(spec.segments, tuple) else ()
    asked, kept = ((spec.action, *segments), spec.outcomes), (tuple(cells.keys.column_names), tuple(cells.outcomes))
    if asked != kept:
        raise UsageError(
            f"the kept sums are of outcomes {', '.join(kept[1])} by {', '.join(kept[0])}, "
            f"not of {', '.join(asked[1])} by {', '.join(asked[0])}",
            hint="Ask the same question, or name another file for this one: --sums FILE",
            code="usage.kept_question",
        )
    if spec.planned not in (None, before.planned):
        raise UsageError(
            f"the always-valid intervals of these sums are tightest at {before.planned:,} units, fixed at the first "
            f"look, not at {spec.planned:,}",
            hint=f"Ask on with --planned {before.planned}, or without it",
            code="usage.kept_planned",
            details={"kept": before.planned, "given": spec.planned},
        )


def _check_few_values(cells: ExperimentCells) -> None:
    column = column_to_quarter(cells)
    if column is not None:
        raise _no_sums(
            f"segment column {column!r} now has so many numbers that they would be cut into quarters, which needs rows",
            f"Write it as text, or leave it out of --segments and begin another --sums FILE without {column!r}.",
        )


def _check_all_there(changed: str, known: dict[str, tuple[str, str]], stamps: Any) -> None:
    gone = sorted(set(known) - set(stamps))
    if gone:
        raise InputError(
            f"{changed} has changed since it was counted, and {gone[0]}, which was counted with it, is gone",
            hint="Bring it back, or count what is there anew into another file: --sums FILE",
            code="input.kept_changed",
            details={"changed": changed, "gone": gone},
        )


def _only_rows() -> UsageError:
    return _no_sums(
        "sums cannot answer this question, only rows can",
        "Leave out what needs rows: --features none, no --unit, --cluster, --time, --guardrail, "
        "--winsorise, --aa, --propensity COL or ratios, few segments.",
    )


def _no_sums(complaint: str, hint: str) -> UsageError:
    return UsageError(complaint, hint=f"{hint} Or ask without keeping: leave out --sums", code="usage.keep")
