"""The funnel of a plan: one line over all actions, and a table with a column for each stage where somebody fell out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, interval_column, note, table

Rows = Sequence[Mapping[str, Any]]

ANY = "any action"
_ALWAYS = ("customers", "eligible", "consented", "contacted")


def funnel(found: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    """Who is left after each stage; nothing for a plan of a version that kept no funnel."""
    if not found or not found.get("overall"):
        return
    yield note(line(found))
    lines = table_rows(found)
    columns = [column("action", "action"), *(_count(stage) for stage in stages_shown(found))]
    yield table("Customers left after each stage", columns, lines)


def quiet_hours(found: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    """What waits for the end of quiet hours, and whose zone is taken to be the project's; nothing without them."""
    if not found:
        return
    zones, words = found["zones"], []
    if found.get("from"):
        words.append(
            f"quiet from {found['from']} until {found['until']} where the customer is: messages wait for the end"
        )
    if found.get("sent_later") is not None:
        words.append(f"{formats.count(found['sent_later'])} messages wait for the end of the customer's quiet hours")
    taken = [f"{formats.count(zones['missing'])} without a time zone"] if zones["missing"] else []
    taken += [f"{formats.count(zones['unknown'])} with one that is unknown"] if zones["unknown"] else []
    if taken:
        words.append(f"{' and '.join(taken)} are taken to be in {found['time_zone']}")
    yield note(" · ".join(words), "dim")


def caps_by_value(found: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    """What contacts displace where caps are filled by value, cap by cap; nothing where they are not."""
    if not found or not found.get("caps"):
        return
    yield note(
        f"Caps by value: {formats.count(found['kept_for_later'])} customers are kept for a later contact worth more; "
        f"what is drawn displaces {formats.money(found['displaced_money'])} later"
    )
    columns = [
        Column("cap", cap_name, right=False),
        column("a contact displaces", "charge_money", formats.money),
        column("cycles known", "cycles_known", formats.count),
        column("not charged because", "not_charged"),
    ]
    yield table("Caps filled by value", columns, found["caps"])


def fatigue_charged(rows: Rows | None) -> Iterator[RenderableType]:
    """What a contact is charged for what it takes away from the next ones; nothing where nothing is."""
    told = [f"{row['action']} {formats.money(row['charged_money'])}" for row in rows or ()]
    if told:
        yield note(f"Fatigue: off the value of each contact for what it takes from the next ones: {', '.join(told)}")


def fatigue_known(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What contacts take away from the next ones, with its interval; nothing where it is not measured."""
    found = data.get("fatigue")
    if not found:
        return
    loss = found["loss"]
    said = "it is taken off their values" if found["found"] else "not told from zero: nothing is charged"
    yield note(
        f"Fatigue: a contact takes {formats.money(loss['mean'])} "
        f"({formats.interval(loss['lower'], loss['upper'], formats.money)}) from the contacts of the "
        f"{formats.count(found['lags'])} cycles after it; {said}"
    )
    columns = [
        column("action", "action"),
        column("takes", "mean", formats.money),
        interval_column("interval", "lower", "upper", formats.money),
        column("customers", "n", formats.count),
    ]
    rows = [{"action": name, **one} for name, one in found["by_action"].items()]
    if rows:
        yield table("By action, drawn towards each other", columns, rows)


def pressure(found: Rows | None) -> Iterator[RenderableType]:
    """How many contacts customers have had in the window of each cap; nothing where there are no caps."""
    rows = [
        {**cap, "contacts": _contacts_had(cap["customers"]), "reached": cap["customers"][-1]} for cap in found or ()
    ]
    if rows:
        columns = [
            Column("cap", cap_name, right=False),
            column("customers by contacts they have had", "contacts"),
            column("cap reached", "reached", formats.count),
        ]
        yield table("Contacts so far", columns, rows)


def _contacts_had(customers: Sequence[int]) -> str:
    """Write ``none 340, 1 20, 2 60``: at most the first four numbers of contacts, and the last."""
    told = [f"{n or 'none'} {formats.count(count)}" for n, count in enumerate(customers)]
    return ", ".join(told if len(told) <= 5 else [*told[:4], "…", told[-1]])


def cap_name(cap: Mapping[str, Any]) -> str:
    """Write a cap in words: ``2 in 28 days by email``."""
    words = [f"{cap['maximum']} in {cap['days']} days"]
    words += [f"by {cap['channel']}"] if cap.get("channel") else []
    of = [*(cap.get("actions") or ()), *(cap.get("levels") or ())]
    return " ".join(words + ([f"of {', '.join(of)}"] if of else []))


def line(found: Mapping[str, Any]) -> str:
    """Write the stages over all actions: ``customers 50,000 → eligible 41,000 → … → contacted 12,000``."""
    rows = {row["stage"]: row["customers"] for row in found["overall"]}
    shown = [row["stage"] for row in found["overall"] if row["excluded"] or row["stage"] in _ALWAYS]
    return " → ".join(f"{stage} {formats.count(rows[stage])}" for stage in shown)


def stages_shown(found: Mapping[str, Any]) -> list[str]:
    """Return the stages at which anybody fell out of anything, and those always shown, in order."""
    fell: set[str] = set(_ALWAYS)
    for rows in _parts(found).values():
        fell |= {row["stage"] for row in rows if row["excluded"]}
    return [row["stage"] for row in found["overall"] if row["stage"] in fell]


def table_rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row per action with the customers left at each stage; all actions together first."""
    return [
        {"action": name, **{row["stage"]: row["customers"] for row in rows}} for name, rows in _parts(found).items()
    ]


def of_rows(rows: Rows) -> dict[str, Any]:
    """Return the funnel that the rows of the report on contacts list."""
    by_action: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_action.setdefault(row["action"], []).append(row)
    overall = by_action.pop(None, [])
    return {"overall": overall, "actions": [{"action": a, "stages": found} for a, found in by_action.items()]}


def _parts(found: Mapping[str, Any]) -> dict[str, Rows]:
    return {ANY: found["overall"], **{entry["action"]: entry["stages"] for entry in found["actions"]}}


def _count(stage: str) -> Column:
    return column(stage, stage, formats.count)
