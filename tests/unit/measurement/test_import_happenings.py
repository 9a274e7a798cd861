"""Events, consent, suppression, deliveries and customers."""

from __future__ import annotations

import json

import pytest


def test_events_keep_their_kind_and_pack_the_other_columns(bench):
    data = "userId,event,timestamp,page,n\na,Visit,2010-01-01T00:00:00Z,/x,1\na,Basket Left,2010-01-01T00:00:00Z,,\n"
    rows, _ = bench.imported("events", data)
    assert [row["kind"] for row in rows] == ["visit", "Basket Left"]
    assert json.loads(rows[0]["properties"]) == {"page": "/x", "n": "1"}
    assert rows[1]["properties"] is None


def test_event_ids_of_the_file_are_kept_and_doubled_ones_put_aside(bench):
    data = "messageId,user,event,time\nm1,a,visit,2010-01-01\nm1,a,visit,2010-01-01\n,a,visit,2010-01-01\n"
    rows, (bad,) = bench.imported("events", data)
    assert rows[0]["event_id"].endswith(":m1")
    assert (bad["row"], bad["field"], bad["value"]) == (3, "event_id", "m1")
    assert rows[1]["event_id"].endswith("-4")


def test_properties_must_be_a_json_object(bench):
    data = 'user,event,time,properties\na,visit,2010-01-01,"{""x"": 1}"\na,visit,2010-01-01,[1]\na,visit,2010-01-01,{\n'
    rows, bad = bench.imported("events", data)
    assert rows[0]["properties"] == '{"x": 1}'
    assert [row["row"] for row in bad] == [3, 4]


def test_events_may_carry_money(bench):
    data = (
        "user,event,time,amount,currency\na,order_line,2010-01-01,2.5,GBP\na,return_line,2010-01-01,2.5,GBP\n"
        "a,order_line,2010-01-01,-1,GBP\na,order_line,2010-01-01,,GBP\na,visit,2010-01-01,,GBP\na,visit,2010-01-01,1,USD\n"
    )
    rows, bad = bench.imported("events", data)
    assert [row["amount_minor"] for row in rows] == [250, -250, None]
    assert [row["row"] for row in bad] == [4, 5, 7]


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("granted", "consent_granted"),
        ("YES", "consent_granted"),
        ("1", "consent_granted"),
        ("true", "consent_granted"),
        ("withdrawn", "consent_withdrawn"),
        ("no", "consent_withdrawn"),
        ("unsubscribed", "consent_withdrawn"),
    ],
)
def test_words_of_consent(bench, word, kind):
    (row,), _ = bench.imported("consent", f"customer,channel,state,time\na,email,{word},2010-01-01\n")
    assert (row["kind"], row["channel"]) == (kind, "email")


def test_consent_needs_a_known_word_and_a_channel(bench):
    data = "customer,channel,state,time\na,email,yes,2010-01-01\na,email,maybe,2010-01-01\na,,yes,2010-01-01\n"
    rows, bad = bench.imported("consent", data + "a,email,,2010-01-01\n")
    assert len(rows) == 1
    assert [(row["row"], row["field"]) for row in bad] == [(3, "state"), (4, "channel"), (5, "state")]


def test_a_channel_may_be_a_constant_of_the_mapping(bench):
    (row,), _ = bench.imported(
        "consent", "customer,status,date\na,yes,2010-01-01\n", {"constants": {"channel": "email"}}
    )
    assert row["channel"] == "email"


def test_a_suppression_without_a_state_suppresses(bench):
    (row,), _ = bench.imported("suppression", "customer,channel,date\na,*,2010-01-01\n")
    assert (row["kind"], row["channel"]) == ("suppressed", "*")
    rows, _ = bench.imported("suppression", "customer,channel,date,reason\na,email,2010-01-01,Hard Bounce\n")
    assert rows[0]["kind"] == "bounced"


def test_deliveries_become_message_events_that_know_their_decision(bench):
    header = "customer,channel,event,date,decision_id,campaign\n"
    data = header + "a,email,Sent,2010-01-01,d1,mail\na,email,open,2010-01-02,d1,mail\n"
    rows, _ = bench.imported("deliveries", data)
    assert [(row["kind"], row["decision_id"], row["action_id"]) for row in rows] == [
        ("sent", "d1", "mail"),
        ("opened", "d1", "mail"),
    ]


def test_customers_are_checked_and_keep_their_other_columns(bench):
    data = (
        "customer id,email,since,tz,vip\na,a@x.y,2010-01-01,Europe/Berlin,1\na,b@x.y,2010-01-01,,\n"
        "b,nope,2010-01-01,,\nc,,2010-01-01,Mars,\nd,,soon,,\n,e@x.y,2010-01-01,,\n"
    )
    (row,), bad = bench.imported("customers", data)
    assert (row["customer_id"], row["time_zone"], row["email"]) == ("a", "Europe/Berlin", "a@x.y")
    assert json.loads(row["attributes"]) == {"vip": "1"}
    assert [(b["row"], b["field"]) for b in bad] == [
        (3, "customer_id"),
        (4, "email"),
        (5, "time_zone"),
        (6, "created_at"),
        (7, "customer_id"),
    ]


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        ("events", "user,event,time", "a,visit,{}"),
        ("consent", "customer,channel,state,time", "a,email,yes,{}"),
        ("suppression", "customer,channel,date", "a,email,{}"),
        ("deliveries", "customer,channel,event,date", "a,email,sent,{}"),
        ("customers", "customer,since", "b{0},{0}"),
        ("experiment", "unit,arm,spend,date", "a,none,1,{}"),
    ],
)
def test_dates_of_the_future_and_before_1970_are_put_aside_in_every_kind(bench, kind, header, row):
    days = ("2010-01-01", "2026-02-01", "1950-01-01")
    rows, bad = bench.imported(kind, "\n".join([header, *(row.format(day) for day in days)]) + "\n")
    assert [row["row"] for row in rows] == [2]
    assert [(b["row"], b["value"], b["reason"].partition(" (")[0]) for b in bad] == [
        (3, "2026-02-01", "lies in the future"),
        (4, "1950-01-01", "lies before 1970"),
    ]
