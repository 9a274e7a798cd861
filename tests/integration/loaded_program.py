"""Loads every command of the program, before a process is forked."""

from __future__ import annotations

import importlib

from alamo.cli.main import COMMANDS

for _entry in COMMANDS.values():
    importlib.import_module(_entry.module)
