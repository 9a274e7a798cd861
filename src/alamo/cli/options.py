"""Options that many commands share, and opening the project a command works on."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from alamo.cli.files import PAGE_ENDINGS, FileToWrite
from alamo.config import load_mapping
from alamo.domain.settings import ENGINES
from alamo.domain.time import utc
from alamo.project import Project

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")(command)


def by_option(command: Command) -> Command:
    """Add ``--by``: who takes responsibility."""
    return click.option(
        "--by",
        default="",
        envvar=["ALAMO_USER", "USER"],
        metavar="NAME",
        help="Who does it (default: ALAMO_USER of the environment, else the user of this machine).",
    )(command)


def responsible(by: str) -> str:
    """Return who does it: the name given, else the account the command runs under."""
    if by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise click.UsageError("nobody takes responsibility: add --by NAME") from None


def anyway_option(command: Command) -> Command:
    """Add ``--anyway``: a reason to go on with a plan that has become stale."""
    return click.option(
        "--anyway",
        default="",
        metavar="REASON",
        help="Go on although data, limits, actions or settings have changed since the plan was made; the reason is "
        "written into the log.",
    )(command)


def engine_option(command: Command) -> Command:
    """Add ``--engine``."""
    return click.option(
        "--engine",
        type=click.Choice(ENGINES),
        help="What carries scores and the rule: this process, or Spark (default: [engine] name in alamo.toml).",
    )(command)


def reason_option(command: Command) -> Command:
    """Add ``--reason``."""
    return click.option("--reason", default="", metavar="WORDS", help="Why; written into the log.")(command)


def html_option(command: Command) -> Command:
    """Add ``--html``."""
    return click.option(
        "--html",
        "html_file",
        type=FileToWrite(PAGE_ENDINGS),
        metavar="FILE",
        help="Also write one self-contained page with pictures (.html).",
    )(command)


def moment(words: str) -> datetime:
    """Read a date, or a date and time, as an aware UTC moment; without a time zone it is UTC."""
    try:
        read = datetime.fromisoformat(words)
    except ValueError:
        raise click.BadParameter(f"{words!r} is no date; write it as 2011-07-22 or 2011-07-22T08:00") from None
    return utc(read)


def day(words: str) -> date:
    """Read a date as a whole day, a date and time as an aware UTC moment."""
    try:
        return date.fromisoformat(words)
    except ValueError:
        return moment(words)


def whole_day(words: str) -> date:
    """Read a date."""
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise click.BadParameter(f"{words!r} is no date; write it as 2011-07-22") from None


def names(words: str) -> tuple[str, ...]:
    """Read names separated by commas."""
    found = tuple(part.strip() for part in words.split(",") if part.strip())
    if not found:
        raise click.BadParameter("names nothing; write them as one,two")
    return found


def amount(words: str) -> tuple[str, float]:
    """Read ``NAME=NUMBER``."""
    name, _, figure = words.rpartition("=")
    try:
        number = float(figure)
    except ValueError:
        raise click.BadParameter(f"{figure!r} in {words!r} is no number") from None
    if not name:
        raise click.BadParameter(f"{words!r} lacks a name; write it as NAME=NUMBER")
    return name, number


def whole_amount(words: str) -> tuple[str, int]:
    """Read ``NAME=WHOLE NUMBER``."""
    name, number = amount(words)
    if not number.is_integer():  # of NaN and infinity, too
        raise click.BadParameter(f"{words.rpartition('=')[2]!r} in {words!r} is no whole number")
    return name, int(number)


def name_pair(words: str) -> tuple[str, str]:
    """Read ``NAME=OTHER``."""
    name, _, other = words.partition("=")
    if not name or not other:
        raise click.BadParameter(f"{words!r} does not pair two names; write it as NAME=OTHER")
    return name, other


def labelled(words: str) -> tuple[str, str]:
    """Read ``NAME=WORDS``; a name may hold an equals sign."""
    name, _, rest = words.rpartition("=")
    if not name or not rest:
        raise click.BadParameter(f"{words!r} lacks a name or what stands for it; write it as NAME=WORDS")
    return name, rest


def layout(words: str) -> Mapping[str, Any]:
    """Read a mapping file that describes how a file is laid out."""
    return load_mapping(Path(words))


@contextmanager
def opened(folder: str) -> Iterator[Project]:
    """Yield the project in `folder` and close it afterwards."""
    project = Project.open(Path(folder))
    try:
        yield project
    finally:
        project.close()
