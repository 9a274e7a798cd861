"""Writing a page to disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from alamo.cli.html.page import page
from alamo.domain.errors import UsageError


def write_page(path: Path, kind: str, data: Mapping[str, Any]) -> None:
    """Write the page of a report or plan to `path` and say so on stderr.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    try:
        path.write_text(page(kind, data), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            hint="Name a file in a folder that exists: --html report.html",
            code="output.unwritable",
            details={"file": str(path)},
        ) from None
    click.echo(f"Page written: {path}", err=True)
