"""CSV and TSV, plain or gzip: every column as text, in batches of bounded size."""

from __future__ import annotations

import csv
import io
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from alamo.connectors.sources.decoding import TextBytes
from alamo.connectors.sources.stream import FIRST_DATA_ROW, BadRow, OnProgress, Rows
from alamo.domain.errors import InputError

BLOCK_BYTES = 1 << 22
"""Text in one batch; also the longest possible row."""

_HEADER_BYTES = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
NULLS = ("", "NULL", "null", "NaN", "nan")
"""What an absent value is written as."""


@dataclass(frozen=True, slots=True)
class DelimitedFile:
    """A delimited text file: where it is and how it is written."""

    path: Path
    name: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    total_bytes: int
    block_bytes: int = BLOCK_BYTES

    def batches(self, on_progress: OnProgress | None) -> Iterator[Rows]:
        """Yield the rows.

        Raises
        ------
        InputError
            A row longer than a batch, usually an unclosed quotation mark.
        """
        bad: deque[BadRow] = deque()
        numbering = _Numbering(bad)
        try:
            reader = pa.csv.open_csv(
                TextBytes(self.path, self.name, self.encoding, _progress(on_progress, self.total_bytes)),
                read_options=pa.csv.ReadOptions(use_threads=False, block_size=self.block_bytes),
                parse_options=self._parse_options(bad),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(self.header, pa.string()),
                    null_values=list(NULLS),
                    strings_can_be_null=True,
                    check_utf8=False,
                ),
            )
            for batch in reader:
                yield numbering.number(batch)
        except pa.ArrowInvalid as error:
            raise self._unreadable(str(error), numbering.next_row) from None
        if bad:
            yield Rows(pa.RecordBatch.from_pylist([], schema=reader.schema), np.zeros(0, dtype=np.int64), tuple(bad))

    def _parse_options(self, bad: deque[BadRow]) -> pa.csv.ParseOptions:
        def put_aside(row: pa.csv.InvalidRow) -> str:
            fields = "field" if row.actual_columns == 1 else "fields"
            bad.append(BadRow(row.number, f"has {row.actual_columns} {fields}, the header has {row.expected_columns}"))
            return "skip"

        return pa.csv.ParseOptions(
            delimiter=self.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,  # they count as rows, so that row numbers stay those of the file
            invalid_row_handler=put_aside,
        )

    def _unreadable(self, complaint: str, row: int) -> InputError:
        too_long = "straddl" in complaint or "block size" in complaint
        reason = f"a row is longer than {self.block_bytes >> 20} MB" if too_long else complaint
        return InputError(
            f"{self.name}, at or after row {row}: {reason}",
            hint='Look for a quotation mark (") that is never closed there, mend the file, and import it again.',
            code="input.unreadable_row",
            details={"file": self.name, "row": row},
        )


def wrong_width(row: pa.csv.InvalidRow) -> str:
    """Say how many fields a row has and how many it should have."""
    fields = "field" if row.actual_columns == 1 else "fields"
    return f"has {row.actual_columns} {fields}, the header has {row.expected_columns}"


class _Numbering:
    """Gives rows their numbers in the file although the bad ones among them are gone."""

    def __init__(self, bad: deque[BadRow]) -> None:
        self.next_row = FIRST_DATA_ROW
        self._bad = bad

    def number(self, batch: pa.RecordBatch) -> Rows:
        """Return the batch with row numbers, without empty lines, and with the bad rows before its end."""
        gaps = np.array([row.number for row in self._bad], dtype=np.int64)
        numbers = _numbers_without(gaps, self.next_row, batch.num_rows)
        self.next_row = int(numbers[-1]) + 1 if len(numbers) else self.next_row
        met = []
        while self._bad and self._bad[0].number <= self.next_row:
            row = self._bad.popleft()
            self.next_row = max(self.next_row, row.number + 1)
            met.append(row)
        keep = _not_empty(batch)
        if keep is not None:
            batch, numbers = batch.filter(keep), numbers[np.asarray(keep)]
        return Rows(batch, numbers, tuple(met))


def _numbers_without(gaps: npt.NDArray[np.int64], start: int, n: int) -> npt.NDArray[np.int64]:
    """Return the first `n` numbers from `start` on that are not among the increasing `gaps`, shape (n,)."""
    numbers = np.arange(start, start + n + len(gaps), dtype=np.int64)
    return numbers[~np.isin(numbers, gaps)][:n]


def _not_empty(batch: pa.RecordBatch) -> pa.BooleanArray | None:
    """Return which rows have any value, or None when all of them do."""
    empty = None
    for column in batch.columns:
        if not column.null_count:
            return None
        nulls = pc.is_null(column)
        empty = nulls if empty is None else pc.and_(empty, nulls)
    return pc.invert(empty) if empty is not None and pc.any(empty).as_py() else None


def _progress(on_progress: OnProgress | None, total: int) -> Callable[[int], None] | None:
    return None if on_progress is None else lambda position: on_progress(position, total)


def read_header(path: Path, name: str, encoding: str, delimiter: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter (found in the header unless given) and the column names of a delimited file.

    Raises
    ------
    InputError
        If the file is empty or names a column twice.
    """
    with TextBytes(path, name, encoding) as handle:
        text = handle.read(_HEADER_BYTES).decode(errors="ignore")  # the cut may fall inside a character
    if not text.strip():
        raise InputError(
            f"{name} is empty",
            hint="Check how the file was exported; it needs a header row and at least one row below it.",
            code="input.empty",
            details={"file": name},
        )
    headers = {mark: _first_record(text, mark) for mark in ((delimiter,) if delimiter else _DELIMITERS)}
    mark = max(headers, key=lambda m: len(headers[m]))  # ties go to the first, the comma
    doubled = [column for column, times in Counter(headers[mark]).items() if times > 1]
    if doubled:
        raise InputError(
            f"{name}, row 1: the header names column {doubled[0]!r} more than once",
            hint="Rename one of them in the file and import it again.",
            code="input.doubled_column",
            details={"file": name, "columns": doubled},
        )
    return mark, tuple(headers[mark])


def _first_record(text: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
