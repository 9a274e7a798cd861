"""Launches, stops or rolls back a plan in batches of 100, and kills its own process at the write of a chosen number.

A write is a statement that changes the operational half, or a commit to the historical half before or after it was
made; number 0 never kills.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from sqlalchemy import Engine, event

from alamo.engine import delivering
from alamo.project import Project
from alamo.store import DeltaHistory

BATCH_ROWS = 100


class Bomb:
    """Kills the process when it has been met `number` times."""

    def __init__(self, number: int) -> None:
        self.left = number

    def tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(bomb: Bomb) -> None:
    def executed(connection, cursor, statement, *rest):
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            bomb.tick()

    event.listen(Engine, "after_cursor_execute", executed)
    original = DeltaHistory.replace

    def replace(*given, **named):
        bomb.tick()
        result = original(*given, **named)
        bomb.tick()
        return result

    DeltaHistory.replace = replace


def act(folder: Path, plan: str, verb: str, number: int) -> None:
    """Do what `verb` says with `plan` and die at the write of this number."""
    delivering.BATCH_ROWS = BATCH_ROWS
    with Project.open(folder) as project:
        arm(Bomb(number))
        getattr(project, verb)(plan, by=f"{verb}er")
