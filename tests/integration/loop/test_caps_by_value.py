"""Caps filled by value in the loop: learned from the second cycle on, kept with the policy, the same everywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from alamo.domain.tables import SCORES
from alamo.engine.batch import Stamp
from alamo.engine.explain import candidates_of, explain
from alamo.engine.propose import SteerRequest, propose
from alamo.engine.realtime import terms_of
from alamo.engine.replay import replay
from alamo.steering.candidates import gather
from alamo.steering.eligibility import Gatekeeper

WEEKLY = """
[contact]
caps = [{ channel = "email", maximum = 1, days = 28 }, { maximum = 4, days = 28 }]
fill_caps = "by value"
"""


def worth_something(project, day: str) -> None:
    """Give the mail a value that comes and goes, so that there is something to wait for."""
    history = project.context.history
    found = history.query("SELECT * FROM scores WHERE as_of_day = $day ORDER BY customer_id, action_id", {"day": day})
    drawn = np.random.default_rng(int(day[-2:])).exponential(1.0, found.num_rows)
    mail = np.array([action == "mail" for action in found["action_id"].to_pylist()])
    place = found.column_names.index("value_mean_money")
    changed = found.set_column(place, SCORES.schema.field("value_mean_money"), pa.array(np.where(mail, drawn, -1.0)))
    history.replace("scores", changed, where={"as_of_day": day}, batch=f"given-{day}")


def test_a_contact_is_charged_what_it_keeps_out_and_every_carrier_charges_the_same(real, folder, start):
    toml = (folder / "alamo.toml").read_text().replace("days = 28", "days = 7")
    (folder / "alamo.toml").write_text(toml)
    (folder / "limits.toml").write_text(WEEKLY)
    begin = start + timedelta(hours=10)
    with real(begin) as project:
        first = project.run().turns[0].plan
        assert first.summary["caps_by_value"]["displaced_money"] == 0.0
        assert "first" in first.summary["caps_by_value"]["caps"][0]["not_charged"]
        project.approve(first.plan_id, by="ann")
        project.launch(first.plan_id, by="bob")
        worth_something(project, start.date().isoformat())
    later = begin + timedelta(days=7)
    with real(later) as project:
        project.measure()
        project.infer()
        project.predict()
        worth_something(project, later.date().isoformat())
        project.steer()
        plan, context = project.plan(None), project.context
        policy = context.shelf.get(plan.policy_version)
        told = plan.summary["caps_by_value"]
        assert [cap["charge_money"] is None for cap in told["caps"]] == [False, True]
        assert told["displaced_money"] > 0
        assert told["kept_for_later"] > 0
        assert [one.channel for one in policy.displacement] == ["email"]
        project.approve(plan.plan_id, by="ann")
        project.launch(plan.plan_id, by="bob")
        logged = context.history.query("SELECT * FROM decisions WHERE plan_id = $plan", {"plan": plan.plan_id})
        decided_at = logged["decided_at"][0].as_py()
        terms = terms_of(policy, Gatekeeper(context.actions, context.contact, decided_at))
        day = {"day": policy.scores_as_of[:10]}
        profiles = context.history.query("SELECT * FROM profiles WHERE as_of_day = $day", day)
        scores = context.history.query("SELECT * FROM scores WHERE as_of_day = $day", day)
        whole = gather(context.history, profiles, scores, terms)
        stamp = Stamp(plan.plan_id, plan.policy_version, 2, decided_at, plan.valid_until)
        assert replay(policy, whole.cells, whole.tables, logged, stamp).identical
        for i in range(0, logged.num_rows, 40):
            one = candidates_of(context, policy, logged["customer_id"][i].as_py(), decided_at).cells
            cells = whole.cells.span(i, i + 1)
            assert one.value_money.tolist() == cells.value_money.tolist()
        sent = context.history.query("SELECT count(*) AS n FROM events WHERE kind = 'sent' AND channel = 'email'")
        by_mail = project.report("contacts").to_dict()["pressure"][0]
        assert (by_mail["channel"], by_mail["maximum"], sum(by_mail["customers"])) == ("email", 1, profiles.num_rows)
        assert by_mail["customers"][1] == sent["n"][0].as_py() > 0
        acted = next(row for row in logged.to_pylist() if row["action_id"] == "mail")
        option = next(o for o in explain(context, acted["decision_id"]).options if o["action_id"] == "mail")
        assert option["later_money"] > 0
        parts = ("cost_money", "limits_money", "later_money", "net_money")
        assert abs(option["gross_money"] - sum(option[part] for part in parts)) < 1e-9
        assert option["value_mean_money"] == acted["value_mean_money"]
        request = SteerRequest(
            context.actions, context.limits, context.contact, context.settings, 2, decided_at, found=True
        )
        free = propose(context.history, profiles, scores, request).summary["contacted"]
        charged = propose(context.history, profiles, scores, replace(request, displacement=policy.displacement))
        assert charged.summary["contacted"] < free
