"""What `analyze_micro_segments` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.micro_segments.definition import MicroSegments
from alamo.inference.micro_segments.expected import Expected
from alamo.inference.micro_segments.forecast import OriginScore, SegmentForecast
from alamo.inference.micro_segments.moves import Migration, move_words
from alamo.numerics.partition_choice import SizeChoice

Integers = npt.NDArray[np.int64]

MOST_FLOWS = 20
"""Moves from one segment to another that are listed; the matrix has all of them."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SegmentsResult(Result):
    """Micro-segments, what they are expected to do, and how their number was chosen.

    Attributes
    ----------
    definition
        The segments; goes into a file as ``to_dict()``.
    today
        Profiles of the last day.
    places
        Place of each row's segment, shape (n,).
    expected
        What customers of each segment are expected to do.
    choice
        How the number was chosen; None in a refit, or where it is not told.
    learnt, judged
        Months that taught and judged, by the day they begin.
    changes
        What a refit changed; None for a first definition.
    moves
        Who moved between two days.
    forecast, scores
        Sizes and money of the months ahead, and how such forecasts did in the past; None and none without a past.
    currency
        Of the money.
    refusals
        What is absent, and why.
    out, definition_file, moves_file, matrix_file
        Where customers, definition, movers and migration matrix were written.
    """

    schema: ClassVar[str] = "alamo.segments/1"
    columns: ClassVar[tuple[str, ...]] = (
        "number", "segment", "customers", "share", "bought", "purchase_days", "money", "rows",
        "customers_ahead", "customers_lower", "customers_upper",
    )  # fmt: skip

    definition: MicroSegments
    today: pa.Table
    places: Integers
    expected: Expected
    moves: Migration
    choice: SizeChoice | None = None
    learnt: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    forecast: SegmentForecast | None = None
    scores: tuple[OriginScore, ...] = ()
    changes: Mapping[str, Any] | None = None
    currency: str = "EUR"
    refusals: tuple[Refusal, ...] = field(default=())
    out: str | None = None
    definition_file: str | None = None
    moves_file: str | None = None
    matrix_file: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per segment, the largest first.

        ``bought`` is the probability to buy, ``purchase_days`` and ``money`` the number of purchase days and the net
        money expected per customer, all within the months ahead; ``rows`` the past customers behind them;
        ``customers_ahead`` the size expected after those months, with its interval.
        """
        sizes = np.bincount(self.places, minlength=len(self.definition.numbers))
        names = self.definition.names
        return [
            {
                "number": self.definition.numbers[k],
                "segment": names[k],
                "customers": int(sizes[k]),
                "share": float(sizes[k] / max(len(self.places), 1)),
                "bought": float(self.expected.bought[k]),
                "purchase_days": float(self.expected.purchase_days[k]),
                "money": float(self.expected.money[k]),
                "rows": int(self.expected.rows[k]),
                **self._ahead(k),
            }
            for k in np.argsort(-sizes, kind="stable").tolist()
        ]

    def beside(self) -> dict[str, Any]:
        """Return version and parent, months, how the number was chosen, what changed, and refusals."""
        return {
            "refusals": self.refusals,
            "segments": len(self.definition.numbers),
            "customers": len(self.places),
            "smallest": int(np.bincount(self.places, minlength=len(self.definition.numbers)).min()),
            "as_of": self.definition.as_of_day,
            "version": self.definition.version,
            "parent": self.definition.parent,
            "days_ahead": self.definition.months * self.definition.month_days,
            "currency": self.currency,
            "choice": None if self.choice is None else _choice(self.choice),
            "learnt": self.learnt,
            "judged": self.judged,
            "changes": self.changes,
            "migration": self._migration(),
            "forecast": None if self.forecast is None else self._money_ahead(self.forecast),
            "forecast_test": self._tested(),
            "out": self.out,
            "definition_file": self.definition_file,
            "moves_file": self.moves_file,
            "matrix_file": self.matrix_file,
        }

    def _ahead(self, k: int) -> dict[str, float | None]:
        found = self.forecast
        ends = (None,) * 3 if found is None else (found.size[-1, k], found.size_lower[-1, k], found.size_upper[-1, k])
        names = ("customers_ahead", "customers_lower", "customers_upper")
        return {name: None if end is None else float(end) for name, end in zip(names, ends, strict=True)}

    def _migration(self) -> dict[str, Any]:
        named = self._named()
        flows = [
            {**flow, "from_segment": named[flow["from_number"]], "to_segment": named[flow["to_number"]]}
            for flow in self.moves.flows()[:MOST_FLOWS]
        ]
        return {
            "from": self.moves.from_day,
            "to": self.moves.to_day,
            "moved_share": self.moves.moved_share,
            "joined": int(self.moves.joined.sum()),
            "flows": flows,
            "reasons": self.moves.reasons(),
        }

    def _money_ahead(self, found: SegmentForecast) -> dict[str, Any]:
        months = [
            {"month": m + 1, "money": found.money[m], "lower": found.money_lower[m], "upper": found.money_upper[m]}
            for m in range(len(found.money))
        ]
        return {
            "level": found.level,
            "size_scale": found.size_scale,
            "money_scale": found.money_scale,
            "months": [{key: float(value) for key, value in row.items()} for row in months],
        }

    def _tested(self) -> dict[str, Any] | None:
        if not self.scores:
            return None
        wide = [score for score in self.scores if score.widened]
        return {
            "origins": [asdict(score) for score in self.scores],
            "error": float(np.mean([score.error for score in self.scores])),
            "error_no_change": float(np.mean([score.error_no_change for score in self.scores])),
            "covered": float(np.mean([score.covered for score in wide])) if wide else None,
        }

    def _named(self) -> dict[int, str]:
        return dict(zip(self.definition.numbers, self.definition.names, strict=True))

    def moves_table(self) -> pa.Table:
        """Return one row per customer who changed segment between the two days, and what moved him.

        Columns ``customer``, ``from_number``, ``from_segment``, ``to_number``, ``to_segment``, ``why``.
        """
        movers, named = self.moves.movers, self._named()
        ends = {
            f"{end}_{what}": movers[f"{end}_number"]
            if what == "number"
            else pa.array([named[number] for number in movers[f"{end}_number"].to_pylist()], pa.string())
            for end in ("from", "to")
            for what in ("number", "segment")
        }
        rows = zip(*(movers[name].to_pylist() for name in ("feature", "before", "after")), strict=True)
        why = pa.array([move_words(*row) for row in rows], pa.string())
        return pa.table({"customer": movers["customer"], **ends, "why": why})

    def migration_table(self) -> pa.Table:
        """Return the migration matrix: a row per segment of the first day, a column per segment of the second.

        The last row, ``new``, holds customers that were not there yet.
        """
        names = [str(number) for number in self.moves.numbers]
        matrix = np.vstack([self.moves.counts, self.moves.joined]).astype(np.int64)
        columns = {name: matrix[:, j] for j, name in enumerate(names)}
        return pa.table({"from_number": pa.array([*names, "new"]), **columns})

    def noting(self, notes: Sequence[Refusal]) -> SegmentsResult:
        """Return the result with `notes` before its refusals."""
        return replace(self, refusals=(*notes, *self.refusals))

    def customers_table(self) -> pa.Table:
        """Return one row per customer: ``customer``, ``number`` and ``segment``, and what is expected of it."""
        take = pa.array(self.places)
        columns = {
            "number": pa.array(self.definition.numbers, pa.int64()),
            "segment": pa.array(self.definition.names, pa.string()),
            "bought": pa.array(self.expected.bought),
            "purchase_days": pa.array(self.expected.purchase_days),
            "money": pa.array(self.expected.money),
        }
        return pa.table(
            {"customer": self.today["customer_id"], **{name: column.take(take) for name, column in columns.items()}}
        )


def _choice(choice: SizeChoice) -> dict[str, Any]:
    """Return how well the segments predict what was held back; shares are of what one group leaves unexplained."""
    return {
        "explained": choice.improvement / choice.one_group,
        "explained_se": choice.se / choice.one_group,
        "found": choice.found,
        "best_cuts": choice.best_cuts,
        "cuts": choice.cuts,
        "strength": choice.strength,
        "one_group": choice.one_group,
        "losses": choice.losses.tolist(),
    }
