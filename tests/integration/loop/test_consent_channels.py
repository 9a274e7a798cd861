"""The doctor tells of consent that no action can use, because the channel goes by another name."""

from __future__ import annotations

from pathlib import Path

from alamo.project import Project


def findings_after(folder: Path, channel: str) -> list[str]:
    """Return what the doctor says once one customer's consent for `channel` is in, and one event without a channel."""
    file, events = folder / "consent.csv", folder / "events.csv"
    events.write_text("customer,event,date\nc2,consent_granted,2024-03-04\n", encoding="utf-8")
    file.write_text(f"customer,channel,status,date\nc1,{channel},yes,2024-03-04\n", encoding="utf-8")
    Project.init(folder / "shop")
    with Project.open(folder / "shop") as project:
        project.import_file("consent", [str(file)])
        project.import_file("events", [str(events)])
        return [finding["what"] for finding in project.doctor().to_dict()["findings"] if "consent" in finding["what"]]


def test_a_channel_of_no_action_is_named_beside_those_of_the_actions(tmp_path: Path) -> None:
    assert findings_after(tmp_path, "E-Mail") == [
        "no consent is on record for channel 'email': nobody may be contacted there",
        "consent is recorded for 'E-Mail', a channel of no action; actions use 'email'",
    ]


def test_consent_for_the_channel_of_an_action_or_for_all_is_fine(tmp_path: Path) -> None:
    for channel in ("email", "*"):
        (tmp_path / channel.replace("*", "all")).mkdir()
        assert not findings_after(tmp_path / channel.replace("*", "all"), channel)
