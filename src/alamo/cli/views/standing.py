"""Where things stand: a new project, an import, the status, the doctor's findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from alamo.cli import formats
from alamo.cli.output import column, heading, next_step, note, table


def created(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """A new project folder."""
    yield note(f"Project {data['project']} in {data['folder']}", "bold")
    for name in data.get("files", []):
        yield note(f"  {name}", "dim")
    yield from next_step(data.get("next"))


def imported(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Files taken in, or the preview of what would be."""
    for one in data["files"]:
        yield note(_import_line(one, preview=bool(data.get("preview"))), "bold")
        if one.get("mapping"):
            columns = [column("column of the file", "column"), column("read as", "field"), column("because", "how")]
            yield table("Mapping", columns, one["mapping"])
        if one.get("sample"):
            keys = list(one["sample"][0])
            yield table("First rows as understood", [column(key, key) for key in keys], one["sample"])
        if one.get("quarantine"):
            columns = [
                column("row", "row", formats.count),
                column("field", "field"),
                column("value", "value"),
                column("reason", "reason"),
            ]
            yield table("Quarantine (first rows)", columns, one["quarantine"])
        if one.get("quarantine_file"):
            yield note(f"All quarantined rows: {one['quarantine_file']}", "yellow")
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


def _import_line(one: Mapping[str, Any], *, preview: bool) -> str:
    if one.get("unchanged"):
        return f"{one['file']}: known already, nothing added"
    verb = "would be taken in" if preview else "taken in"
    return (
        f"{one['file']}: {formats.count(one.get('rows'))} rows {verb}, "
        f"{formats.count(one.get('quarantined'))} in quarantine"
    )


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
