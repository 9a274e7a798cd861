"""When to fit the model anew, and why: what the newest judged cycles say, in one sentence and one command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alamo.domain.health_table import ALARMS
from alamo.engine.context import Context

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether to fit the model anew.

    Attributes
    ----------
    retrain
        Whether to do it now.
    failing
        Checks that fail in the newest cycle they were made for.
    why
        Reasons, one sentence each.
    command
        What to type next.
    """

    retrain: bool
    failing: int
    why: tuple[str, ...]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Return the advice as it stands in ``--json``."""
        return {"retrain": self.retrain, "failing": self.failing, "why": list(self.why), "command": self.command}


def advise(context: Context, rows: Rows) -> Advice:
    """Say when to retrain and why.

    The model is fitted anew with every turn on all decisions that have matured, so what a failed check found is in the
    next fit already; what fails again after that is not cured by fitting.

    Parameters
    ----------
    rows
        HEALTH, any order.
    """
    waiting = _not_learnt(context)
    failing = newest_failures(rows)
    again = [row for row in failing if _failed_before(row, rows)]
    why = []
    if waiting:
        why.append(f"{_cycles(waiting)} not in the model yet")
    if failing:
        named = ", ".join(f"{row['aspect']} of {row['subject']} (cycle {row['cycle']})" for row in failing)
        why.append(f"{named} {'fails' if len(failing) == 1 else 'fail'}")
    if failing and not waiting:
        why.append("but all that has matured is in the model already: see whether the next cycle mends it")
    for row in failing:
        if row["verdict"] == "replace":
            why.append(f"in cycle {row['cycle']} {row['subject']!r} would have chosen or valued better than the model")
    for row in again:
        why.append(
            f"{row['aspect']} of {row['subject']} failed in the cycle before too, so fitting anew does not mend it"
        )
    if not why:
        why.append("no check fails and every finished cycle is in the model: it is fitted anew with the next turn")
    return Advice(bool(waiting), len(failing), tuple(why), "alamo run" if waiting else "alamo report health")


def newest_failures(rows: Rows) -> list[Mapping[str, Any]]:
    """Return the checks that fail in the newest cycle they were made for."""
    newest: dict[str, int] = {}
    for row in rows:
        if row["verdict"] != "refused":
            newest[row["aspect"]] = max(newest.get(row["aspect"], 0), row["cycle"])
    return [row for row in rows if row["verdict"] in ALARMS and row["cycle"] == newest[row["aspect"]]]


def _failed_before(row: Mapping[str, Any], rows: Rows) -> bool:
    return any(
        (other["aspect"], other["subject"], other["cycle"]) == (row["aspect"], row["subject"], row["cycle"] - 1)
        and other["verdict"] in ALARMS
        for other in rows
    )


def _not_learnt(context: Context) -> int:
    """Return how many finished cycles matured after the newest scores were made."""
    found = context.history.query(
        """
        SELECT count(DISTINCT cycle) AS n FROM observations
        WHERE cycle >= 1 AND matured_at <= $now AND matured_at > (SELECT max(as_of) FROM scores)
        """,
        {"now": context.clock.now()},
    )
    return int(found["n"][0].as_py() or 0)


def _cycles(n: int) -> str:
    return "1 finished cycle is" if n == 1 else f"{n} finished cycles are"
