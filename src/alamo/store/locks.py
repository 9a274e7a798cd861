"""Locks between processes: a file that the operating system unlocks when its holder dies, whatever it dies of."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep  # how long somebody waits; no decision depends on it
from typing import IO

from alamo.domain.errors import StateError

_PAUSE_SECONDS = 0.05


@contextmanager
def file_lock(path: Path, name: str, wait_seconds: float) -> Iterator[None]:
    """Hold the lock of the file `path` for a block.

    Raises
    ------
    StateError
        If somebody else still holds it after `wait_seconds`.
    """
    with path.open("a+b") as file:
        until = perf_counter() + wait_seconds
        while not _taken(file):
            if perf_counter() >= until:
                raise held(name)
            sleep(_PAUSE_SECONDS)
        yield  # closing the file lets go


@contextmanager
def thread_lock(lock: threading.Lock, name: str, wait_seconds: float) -> Iterator[None]:
    """Hold a lock inside one process for a block; raises like `file_lock`."""
    if not lock.acquire(timeout=max(wait_seconds, 0.0)):
        raise held(name)
    try:
        yield
    finally:
        lock.release()


def held(name: str) -> StateError:
    """Return the error for a lock that somebody else holds."""
    return StateError(
        f"a {name} is under way in another process",
        hint="Wait until it has ended; where it stands says: alamo status. To break it off: alamo plan stop",
        code="store.locked",
        details={"lock": name},
    )


def _taken(file: IO[bytes]) -> bool:
    try:
        posix = importlib.import_module("fcntl")
    except ImportError:
        return _taken_on_windows(file)
    try:
        posix.flock(file.fileno(), posix.LOCK_EX | posix.LOCK_NB)
    except OSError:
        return False
    return True


def _taken_on_windows(file: IO[bytes]) -> bool:
    windows = importlib.import_module("msvcrt")
    try:
        windows.locking(file.fileno(), windows.LK_NBLCK, 1)
    except OSError:
        return False
    return True
