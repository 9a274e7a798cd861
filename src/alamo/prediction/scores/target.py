"""The target column as zeros, ones and unknowns; which of its two values counts as yes."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.numerics.encoding import is_text
from alamo.prediction.scores.spec import ScoreSpec

Floats = npt.NDArray[np.float64]

LEAST_PER_CLASS = 20
_YES = {"1", "yes", "y", "true", "t", "si", "oui", "ja", "churn", "churned", "won", "converted", "bought", "positive"}


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be predicted.

    Attributes
    ----------
    values
        1 yes, 0 no, NaN unknown, shape (n,).
    positive
        The value that counts as yes; None where there is none.
    refusal
        Why nothing can be learnt from it; None where it can.
    """

    values: Floats
    positive: str | None
    refusal: Refusal | None


def read_target(table: pa.Table, spec: ScoreSpec) -> Target:
    """Read the target column.

    Raises
    ------
    UsageError
        If it holds more than two values and none was named as the positive one, or if that one does not occur.
    """
    words = _words(table.column(spec.target), spec.target)
    found = sorted(value for value in pc.unique(words).to_pylist() if value is not None)
    positive = _positive(words, found, spec)
    equal = pc.equal(words, pa.scalar(positive, pa.string()))
    values = np.asarray(pc.fill_null(equal.cast(pa.float64()), float("nan")), dtype=np.float64)
    if positive is None:
        values = np.full(table.num_rows, np.nan)
    return Target(values, positive, _refusal(values, found, spec))


def _words(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_nested(column.type):
        raise UsageError(
            f"target {name!r} holds {column.type}, not two values",
            hint="Name a column of yes and no: --target COL",
            code="scores.target_values",
            details={"column": name},
        )
    if is_text(column.type) or pa.types.is_dictionary(column.type):
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if pa.types.is_boolean(column.type):
        return column.cast(pa.string())
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        whole = pc.all(pc.equal(column, pc.round(column))).as_py()
        column = column.cast(pa.int64()) if whole and len(column) > column.null_count else column
    return column.cast(pa.string())


def _positive(words: pa.ChunkedArray, found: list[str], spec: ScoreSpec) -> str | None:
    if spec.positive is not None:
        return _named(found, spec)
    if len(found) > 2:
        shown = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(
            f"target {spec.target!r} holds {len(found):,} different values ({shown}), not two",
            hint=f"Say which one counts as yes: --positive {found[0]}",
            code="scores.target_values",
            details={"column": spec.target, "values": found[:50]},
        )
    sure = [value for value in found if value.lower() in _YES]
    if len(sure) == 1 or len(found) < 2:
        return (
            sure[0] if sure else None if not found else ("" if found[0].lower() in {"0", "no", "false"} else found[0])
        )
    counts = {value: pc.sum(pc.equal(words, value)).as_py() for value in found}
    return min(found, key=lambda value: (counts[value], value))


def _named(found: list[str], spec: ScoreSpec) -> str:
    given = str(spec.positive)
    if given in found:
        return given
    same = [value for value in found if value.lower() == given.strip().lower() or _number(value) == _number(given)]
    if len(same) == 1:
        return same[0]
    near = difflib.get_close_matches(given, found, n=3, cutoff=0.4)
    raise UsageError(
        f"target {spec.target!r} never holds {given!r}",
        hint=f"It holds: {', '.join(found[:10])}. Name one of them: --positive {(near or found or ['1'])[0]}",
        code="scores.unknown_positive",
        details={"given": given, "near": near, "values": found[:50]},
    )


def _number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


def _refusal(values: Floats, found: list[str], spec: ScoreSpec) -> Refusal | None:
    yes, no = int((values == 1.0).sum()), int((values == 0.0).sum())
    what = f"{spec.purpose} score"
    if not found:
        return Refusal(what, f"target {spec.target!r} is empty", "name a column with known outcomes: --target")
    if len(found) == 1:
        return Refusal(
            what,
            f"target {spec.target!r} is {found[0]!r} in all {yes + no:,} rows",
            "give a file in which both outcomes occur",
        )
    if min(yes, no) < LEAST_PER_CLASS:
        return Refusal(
            what,
            f"{yes:,} rows say yes and {no:,} say no; at least {LEAST_PER_CLASS} of each are needed to learn and judge",
            f"needs about {LEAST_PER_CLASS - min(yes, no)} more rows of the rarer outcome",
        )
    return None
