"""The load of a plan before its launch is what the launch hands over, hour by hour."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alamo.domain.errors import UsageError

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
NIGHT = datetime(2026, 1, 5, 21, 20, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "", "nowhere")


@pytest.fixture
def planned(real, folder):
    limits = (folder / "limits.toml").read_text() + 'quiet_hours = { from = "21:00", until = "08:30" }\n'
    (folder / "limits.toml").write_text(limits)
    people = "".join(f"k{i:03d},{ZONES[i % len(ZONES)]}\n" for i in range(400))
    (folder / "customers.csv").write_text("customer_id,time_zone\n" + people)
    with real(START) as project:
        project.import_file("customers", ["customers.csv"])
        return project.run().turns[0].plan


def by_hour(load) -> Counter:
    return Counter({(hour, channel): n for hour, channel, n in load.hours})


def test_the_load_before_is_what_the_files_of_the_launch_say(real, folder, planned):
    with real(NIGHT) as project:
        load = project.plan_load(planned.plan_id)
        assert load.at == NIGHT
        project.approve(planned.plan_id, by="ann")
        project.launch(planned.plan_id, by="bob")
        assert project.plan_load(planned.plan_id).hours == load.hours
    found: Counter = Counter()
    for file in (folder / "audiences").rglob("*.csv"):
        channel = "email" if "mail" in file.name else "post"
        with file.open(newline="") as handle:
            for row in csv.DictReader(handle):
                moment = datetime.fromisoformat(row["send_at"])
                found[(moment.replace(minute=0, second=0, microsecond=0), channel)] += 1
    assert by_hour(load) == found
    assert len({hour for hour, _ in found}) >= 3
    assert sum(found.values()) == planned.summary["contacted"]


def test_a_slow_sender_sends_no_more_than_it_can_and_never_in_quiet_hours(real, planned):
    with real(NIGHT) as project:
        free = project.plan_load(planned.plan_id)
        slow = project.plan_load(planned.plan_id, per_hour={"email": 4})
    mails = {hour: n for hour, channel, n in slow.hours if channel == "email"}
    assert max(mails.values()) == 4
    assert sum(mails.values()) == sum(n for _, channel, n in free.hours if channel == "email")
    assert by_hour(slow) - by_hour(free) != Counter()
    assert [row for row in slow.hours if row[1] == "post"] == [row for row in free.hours if row[1] == "post"]
    # an hour in which everybody sleeps brings nothing: the zones are those above, UTC for the rest
    names = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
    for hour in mails:
        ends = [hour + timedelta(minutes=59), hour]
        local = [moment.astimezone(ZoneInfo(name)).time() for moment in ends for name in names]
        assert any((8, 30) <= (time.hour, time.minute) < (21, 0) for time in local)


def test_without_quiet_hours_everything_goes_out_in_the_hour_of_the_launch(real):
    with real(START) as project:
        plan = project.run().turns[0].plan
        load = project.plan_load(at=NIGHT)
        assert {hour for hour, _, _ in load.hours} == {NIGHT.replace(minute=0)}
        (email,) = (row for row in load.to_dict()["channels"] if row["channel"] == "email")
        drawn = sum(row["customers"] for row in plan.summary["actions"] if row["channel"] == "email")
        assert (email["messages"], email["peak"]) == (drawn, drawn)
        never = project.plan_load(at=NIGHT, per_hour={"email": 1}).to_dict()
        assert never["waiting"] == {}
        assert len([row for row in never["rows"] if row["channel"] == "email"]) == drawn


def test_a_channel_that_is_none_of_the_plan_s_or_never_sends_is_refused(real, planned):
    with real(START) as project:
        for wrong in ({"sms": 10}, {"email": 0}):
            with pytest.raises(UsageError, match=r"sms|email") as caught:
                project.plan_load(planned.plan_id, per_hour=wrong)
            assert "--per-hour" in caught.value.hint


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_a_moment_at_which_nobody_launches_the_plan_is_refused(real, planned, at):
    with real(NIGHT) as project, pytest.raises(UsageError, match="nobody launches it") as caught:
        project.plan_load(planned.plan_id, at=at)
    assert caught.value.code == "plan.load_moment"
