"""The command `alamo`, loaded once: a process of its own for each call, as the installed one has, without its start.

A start loads modules for seconds, most calls then run for less. Here one process loads them and forks for each call. A
call has the words, folder, environment and streams of who typed it, runs `alamo.cli.main.main`, and hands back its exit
code. Run as ``warm_alamo.py SOCKET``; it says ``ready`` and ends when its standard input is closed.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as call:
    call.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(call, [said[:1]], [0, 1, 2])
    call.sendall(said[1:])
    call.shutdown(socket.SHUT_WR)
    code = call.recv(1)
sys.exit(code[0] if code else "the command was killed")
"""


@cache
def command_folder() -> Path:
    """Start the process that is loaded, and return the folder that holds its command `alamo`, for the PATH."""
    kept = tempfile.TemporaryDirectory(prefix="alamo-")  # not below a test's folder: an address has 100 bytes
    atexit.register(kept.cleanup)
    folder = Path(kept.name)
    address = str(folder / "socket")
    server = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    atexit.register(server.communicate)  # closes its standard input and waits for its end
    assert server.stdout.readline() == b"ready\n", "the command could not be loaded"
    program = folder / "alamo"
    program.write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
    program.chmod(0o755)
    return folder


def serve(address: str) -> None:
    """Load every command, then answer calls until standard input is closed."""
    from alamo.cli.main import COMMANDS, main  # noqa: PLC0415 # by this process only

    for entry in COMMANDS.values():
        importlib.import_module(entry.module)
    running: set[int] = set()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, b"ready\n")
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            call, _ = listener.accept()
            process = os.fork()
            if process == 0:
                listener.close()
                answer(call, main)
            call.close()
            running = {one for one in running | {process} if os.waitpid(one, os.WNOHANG)[0] == 0}


def answer(call: socket.socket, main: Callable[[], None]) -> None:
    """Run one call in this process and end it."""
    said, streams, _, _ = socket.recv_fds(call, 1 << 16, 3)
    while piece := call.recv(1 << 16):
        said += piece
    words, folder, environment = json.loads(said)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["alamo", *words]
    code = 0
    try:
        main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    sys.stdout.flush()
    call.send(bytes([code]))
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
