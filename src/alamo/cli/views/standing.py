"""Where things stand: a new project, the status, the doctor's findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alamo.cli import formats
from alamo.cli.output import heading, next_step, note


def created(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """A new project folder."""
    yield note(f"Project {data['project']} in {data['folder']}", "bold")
    for name in data.get("files", []):
        yield note(f"  {name}", "dim")
    yield from next_step(data.get("next"))


def status(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Where the loop stands, and what the data can and cannot support yet."""
    facts, cycle = data["data"], data["cycle"]
    yield note(f"{data['project']}, {formats.moment(data['today'])}", "bold")
    yield note(
        f"{formats.count(facts.get('events'))} events of {formats.count(facts.get('customers'))} customers, "
        f"{formats.moment(facts.get('first'))} to {formats.moment(facts.get('last'))} · "
        f"imports: {formats.count(facts.get('imports'))}, rows in quarantine: {formats.count(facts.get('quarantined'))}"
    )
    yield note(_cycle_line(cycle))
    yield heading("What the data support")
    for line in data["support"]:
        mark, style = ("yes", "green") if line["supported"] else ("no ", "yellow")
        yield Text.assemble("  ", (mark, style), f"  {line['what']}: {line['reason']}")
    yield from next_step(data.get("next"))


def doctor(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What is wrong here and the command that mends it."""
    findings = data["findings"]
    if not findings:
        yield note(f"Nothing is wrong: {formats.count(data.get('checks'))} checks passed.", "green")
        return
    for finding in findings:
        yield Text.assemble((f"{finding['severity']}: ", "bold red"), finding["what"])
        yield from next_step(finding.get("cure"))


def _cycle_line(cycle: Mapping[str, Any]) -> str:
    if cycle.get("number") is None:
        return str(cycle.get("reason", ""))
    plan = cycle.get("plan")
    waiting = f" · plan {plan['id']} is {plan['state']}" if plan else ""
    matured = len(cycle.get("matured", []))
    return (
        f"cycle {cycle['number']} from {formats.moment(cycle.get('start'))}, "
        f"the next on {formats.moment(cycle.get('next_start'))} · {matured} matured{waiting}"
    )
