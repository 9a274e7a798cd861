"""Options that several analyses share."""

from __future__ import annotations

from typing import Literal

import click

from alamo.cli.files import MODEL_ENDINGS, TABLE_ENDINGS, FileToWrite
from alamo.cli.options import layout, names

Choice = Literal["auto", "none"] | tuple[str, ...]


def chosen(words: str) -> Choice:
    """Read ``auto``, ``none`` or column names."""
    return words if words in ("auto", "none") else names(words)  # type: ignore[return-value]  # mypy does not narrow


def number_or_column(words: str) -> float | str:
    """Read a number, or the name of a column."""
    try:
        return float(words)
    except ValueError:
        return words


file_argument = click.argument("file", is_eager=True)
"""The file that is read; known before the files to write are, so that none of them replaces it."""
table_file, model_file = FileToWrite(TABLE_ENDINGS), FileToWrite(MODEL_ENDINGS)
out_option = click.option(
    "--out",
    type=table_file,
    metavar="FILE",
    help="Write one row per customer or row (.parquet or .csv).",
)
mapping_option = click.option(
    "--mapping",
    type=layout,
    metavar="FILE",
    help="Mapping file that describes a fixed-width or unusual file.",
)
