"""A process of its own for work that ends in a kill: forked from one that has loaded the program, it starts at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from alamo.cli.main import main

_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.integration.loaded_program"])


def exit_code_of(work: Callable[..., object], *arguments: Any) -> int:
    """Run a function of a module in a process of its own and return its exit code, a signal as a negative number."""
    process = _PROCESSES.Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def type_in(folder: Path, words: list[str], seconds: float | None = None) -> None:
    """Type ``alamo`` in `folder`, say nothing, and die as by ``kill -9`` after so many seconds of the processor's time.

    The signal is that of a profiling timer: it counts the work of this process alone, however busy the machine is, and
    ends a process that has set nothing up for it where it stands.
    """
    os.chdir(folder)
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 # for the rest of this process
    if seconds is not None:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    main(words)


def killed_ever_later(folder: Path, words: list[str], whole: Callable[[], bool] = lambda: True) -> int:
    """Type ``alamo`` in `folder`, killed after a fiftieth of a second, then two fifths later each time, until it ends.

    After each kill `whole` says whether what stands there is.

    Returns
    -------
    int
        How many were killed; the last one was not, and found all that they had left behind.
    """
    seconds, killed = 0.02, 0
    while (code := exit_code_of(type_in, folder, words, seconds)) == -signal.SIGPROF:
        seconds, killed = seconds * 1.4, killed + 1
        assert whole()
    assert code == 0
    return killed
