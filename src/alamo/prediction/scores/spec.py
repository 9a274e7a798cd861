"""What a score is to be learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alamo.domain.errors import UsageError

Purpose = Literal["churn", "readiness"]

_FOLDS = (2, 50)


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """What to predict, and from which columns.

    Attributes
    ----------
    target
        Column of two values; a row without one is scored but not learnt from.
    positive
        The value that counts as yes. Default: of 0/1, yes/no, true/false the obvious one, else the rarer value.
    id
        Column that names the row; it is written beside the scores and not learnt from.
    time
        Column that orders the rows; it is not learnt from. With it, forward folds are reported beside random ones.
    drop
        Columns to leave out.
    keep
        Columns to learn from although they look as if they were known only afterwards.
    folds
        Number of folds, random and forward.
    seed
        Of the random folds.
    purpose
        ``churn`` or ``readiness``: what words for people call the score.
    level
        Of the intervals.
    """

    target: str
    positive: str | None = None
    id: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    folds: int = 5
    seed: int = 0
    purpose: Purpose = "readiness"
    level: float = 0.95

    def __post_init__(self) -> None:
        low, high = _FOLDS
        if not low <= self.folds <= high:
            raise UsageError(
                f"{self.folds} folds cannot be made",
                hint=f"Use {low} to {high}: --folds 5",
                code="scores.bad_folds",
                details={"folds": self.folds},
            )
        if not 0.5 <= self.level < 1.0:
            raise UsageError(
                f"the level {self.level:g} is not in [0.5, 1)",
                hint="Use for example level=0.95",
                code="scores.bad_level",
            )
        both = sorted(set(self.drop) & set(self.keep))
        if both:
            raise UsageError(
                f"column {both[0]!r} is to be both dropped and kept",
                hint="Name it after --drop or after --keep, not both.",
                code="scores.drop_and_keep",
                details={"columns": both},
            )

    @property
    def reserved(self) -> tuple[str, ...]:
        """Columns that are never learnt from."""
        return tuple(name for name in (self.target, self.id, self.time, *self.drop) if name)
