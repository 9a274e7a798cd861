"""Launches a plan and kills its own process with SIGKILL at a chosen point; run by the tests in a process of its own.

A point is ``reserve`` or ``settle`` (inside the transaction), ``write`` (draft written, not yet flushed), ``rename``
(file under its name, not yet settled) or ``never``; a number says at which time it is met.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from sqlalchemy import Engine, event

from alamo.project import Project
from alamo.store.schema import LEDGER


class Bomb:
    """Kills the process when it has been met `number` times."""

    def __init__(self, number: int) -> None:
        self.left = number

    def tick(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, number: int) -> None:
    bomb = Bomb(number)
    if point in ("reserve", "settle"):
        word = "INSERT" if point == "reserve" else "UPDATE"

        def executed(connection, cursor, statement, *rest):
            if statement.startswith(word) and LEDGER.name in statement:
                bomb.tick()

        event.listen(Engine, "after_cursor_execute", executed)
    elif point == "write":
        flush = os.fsync

        def fsync(descriptor):
            target = Path(f"/proc/self/fd/{descriptor}").readlink()
            if "audiences" in str(target) and not target.is_dir():
                bomb.tick()
            return flush(descriptor)

        os.fsync = fsync
    elif point == "rename":
        for name in ("replace", "rename"):
            _bomb_after(os, name, bomb)
            _bomb_after(Path, name, bomb)


def _bomb_after(owner, name, bomb):
    original = getattr(owner, name)

    def wrapped(*arguments, **options):
        result = original(*arguments, **options)
        if "audiences" in str(arguments[-1]):
            bomb.tick()
        return result

    setattr(owner, name, wrapped)


def launch(folder: Path, plan: str, point: str, number: int) -> None:
    """Launch `plan` and die when `point` is met for the time of this number."""
    with Project.open(folder) as project:
        if point != "never":
            arm(point, number)
        project.launch(plan, by="tests")
