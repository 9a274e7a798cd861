"""Every command in the table exists, has help with an example, and knows --json."""

from __future__ import annotations

import click
import pytest

from alamo.cli.lazy import Entry, LazyGroup
from alamo.cli.main import COMMANDS, alamo


def every_command(group: click.Group, path: str) -> list[tuple[str, click.Command]]:
    """Return the full name and the command of everything that can be typed."""
    context = click.Context(group, info_name=path)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{path} {name}"
        found.append((f"{path} {name}", command))
        if isinstance(command, click.Group):
            found += every_command(command, f"{path} {name}")
    return found


COMMANDS_FOUND = every_command(alamo, "alamo")
LEAVES = [(path, command) for path, command in COMMANDS_FOUND if not isinstance(command, click.Group)]


def test_the_commands_are_those_of_the_public_interface() -> None:
    assert {
        "alamo init", "alamo import", "alamo measure", "alamo infer", "alamo predict", "alamo steer", "alamo run",
        "alamo plan show", "alamo plan diff", "alamo plan advice", "alamo plan approve",
        "alamo plan launch", "alamo plan cancel",
        "alamo decide", "alamo explain", "alamo report", "alamo simulate", "alamo status", "alamo doctor",
        "alamo analyze experiment", "alamo analyze uplift", "alamo analyze lifetime-value", "alamo analyze allocation",
    } <= {path for path, _ in LEAVES}  # fmt: skip


@pytest.mark.parametrize(("path", "command"), COMMANDS_FOUND, ids=[path for path, _ in COMMANDS_FOUND])
def test_a_command_has_help_and_an_example_of_itself(path: str, command: click.Command) -> None:
    assert command.help
    assert (command.epilog or "").startswith(f"Example: {path}")


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_a_command_knows_json(path: str, command: click.Command) -> None:
    assert "--json" in {option for parameter in command.params for option in parameter.opts}, path


_EXPERIMENT = "action control outcome unit time propensity cluster cost shares features segments level mapping"
OPTIONS = {
    "alamo init": "example",
    "alamo import": "mapping preview complete-until",
    "alamo run": "until approve-as",
    "alamo plan show": "html",
    "alamo decide": "context",
    "alamo report": "html from to",
    "alamo simulate": "cycles seed policy",
    "alamo analyze experiment": _EXPERIMENT,
    "alamo analyze uplift": f"{_EXPERIMENT} holdout seed learners explain explain-out what-if model-out out",
    "alamo analyze lifetime-value": "customer time amount time-format unit calibrate-until horizon model mapping out",
    "alamo analyze segments": "until currency time-zone least month-days months previous out html from to moves-out",
    "alamo analyze allocation": "customer action value use limits temperature gap out",
}


@pytest.mark.parametrize("path", OPTIONS)
def test_a_command_has_the_options_of_the_public_interface(path: str) -> None:
    found = {option.removeprefix("--") for parameter in dict(LEAVES)[path].params for option in parameter.opts}
    assert set(OPTIONS[path].split()) <= found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_of_commands_is_short(name: str) -> None:
    assert 10 < len(COMMANDS[name].summary) < 80
    assert COMMANDS[name].summary.endswith(".")


def test_an_unknown_command_is_none_and_a_wrong_entry_too() -> None:
    group = LazyGroup(name="g", entries={"x": Entry("alamo.cli.formats", "ABSENT", "No command.")})
    context = click.Context(group)
    assert group.get_command(context, "y") is None
    assert group.get_command(context, "x") is None
