"""Quiet hours from plan to launch and over the counter: nothing is dropped, it waits for the customer's morning."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

DAY, NIGHT = datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 6, 23, tzinfo=UTC)
CONTACT = '[contact]\nquiet_hours = { from = "21:00", until = "08:00" }\n'


def test_what_is_launched_or_decided_at_night_waits_for_the_customers_morning(real, folder):
    """A third of the customers are in Tokyo, where it is morning at 23:00 UTC; of the others no zone is on record."""
    (folder / "limits.toml").write_text(CONTACT)
    with real(DAY) as project:
        known = project.context.history.query("SELECT DISTINCT customer_id FROM events ORDER BY customer_id")
        ids = known["customer_id"].to_pylist()
        zones = {one: ("Asia/Tokyo", "", "")[i % 3] for i, one in enumerate(ids)}
        (folder / "zones.csv").write_text(
            "customer_id,time_zone\n" + "".join(f"{one},{zone}\n" for one, zone in zones.items() if zone)
        )
        project.import_file("customers", [folder / "zones.csv"])
    with real(NIGHT) as project:
        plan = project.run().turns[0].plan
        told = plan.summary["quiet_hours"]
        assert (told["from"], told["until"], told["time_zone"]) == ("21:00", "08:00", "UTC")
        drawn = project.context.history.query(
            "SELECT customer_id FROM proposals WHERE plan_id = $plan AND action_id <> 'none'", {"plan": plan.plan_id}
        )["customer_id"].to_pylist()
        asleep = [one for one in drawn if not zones[one]]
        assert told["zones"] == {"own": len(drawn) - len(asleep), "missing": len(asleep), "unknown": 0}
        project.approve(plan.plan_id, by="ann")
        launch = project.launch(plan.plan_id, by="bob").to_dict()
        assert launch["quiet_hours"]["sent_later"] == len(asleep) > 0
        assert launch["deliveries"] == {"sent": len(drawn)}
        rows = [row for file in (folder / "audiences").rglob("*.csv") for row in csv.DictReader(file.open())]
        assert {(not zones[row["customer_id"]], row["send_at"][:16]) for row in rows} == {
            (False, "2026-01-06T23:00"),
            (True, "2026-01-07T08:00"),
        }
        answers = {
            one: project.decide(one, {}).to_dict()["send_after"] for one in (asleep[0], drawn[0], drawn[1], drawn[2])
        }
        assert answers[asleep[0]].startswith("2026-01-07T08:00")
        awake = [one for one in answers if zones[one]]
        assert all(answers[one] is None for one in awake)
