"""Whole simulations of small markets: what is said of them is sane whoever decides and whatever there is to earn."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from alamo.project import simulate

MARKET = """
name = "small"
customers = 600
cycles = 2
[exploration]
opening_share = 0.5
[[action]]
id = "mail"
channel = "email"
cost = 0.1
effect = { mean = EFFECT, on = "conversion" }
"""
SECOND = """
[[action]]
id = "letter"
channel = "post"
cost = 0.5
effect = { mean = 0.02, on = "conversion" }
[[limit]]
name = "budget"
use = "cost"
maximum = 20
"""


def market(folder: Path, *, effect: float = 0.05, more: str = "") -> Path:
    file = folder / "small.toml"
    file.write_text(MARKET.replace("EFFECT", str(effect)) + more)
    return file


@pytest.mark.parametrize("more", ["", SECOND], ids=["one action, no limit", "two actions, a budget"])
def test_what_the_oracle_earns_in_the_first_cycle_does_not_depend_on_who_decides(tmp_path, more):
    file = market(tmp_path, more=more)
    oracles = {}
    for policy in ("nothing", "oracle", "uniform", "engine"):
        row = simulate(file, folder=tmp_path, cycles=1, policy=policy).records()[0]
        oracles[policy] = row["profit_true"] + row["regret"]
    assert oracles["nothing"] > 0
    assert {round(earned, 6) for earned in oracles.values()} == {round(oracles["nothing"], 6)}


def test_nobody_is_contacted_under_the_policy_nothing_and_all_is_regret(tmp_path):
    found = simulate(market(tmp_path), folder=tmp_path, policy="nothing").to_dict()
    assert [(row["profit_true"], row["oracle_share"]) for row in found["rows"]] == [(0.0, 0.0)] * 2
    assert min(row["regret"] for row in found["rows"]) > 0
    assert found["refusals"] == []
    (mail,) = found["actions"]
    assert (mail["estimate"], mail["lower"], mail["se"], mail["share"]) == (None, None, None, 0.0)


def test_where_nothing_can_be_earned_the_share_of_the_oracle_is_refused_and_the_regret_given(tmp_path):
    found = simulate(market(tmp_path, effect=0.0), folder=tmp_path, policy="uniform").to_dict()
    assert [row["oracle_share"] for row in found["rows"]] == [None, None]
    assert min(row["regret"] for row in found["rows"]) > 0
    assert [refusal["what"] for refusal in found["refusals"]] == ["share of the oracle in every cycle"]


@pytest.mark.parametrize("policy", ["blast", "best-offer-per-segment"])
def test_rivals_that_learn_open_as_the_engine_does_and_keep_the_limits_afterwards(tmp_path, policy):
    rows = simulate(market(tmp_path, more=SECOND), folder=tmp_path, policy=policy).records()
    engine = simulate(market(tmp_path, more=SECOND), folder=tmp_path, cycles=1).records()
    assert rows[0]["profit_true"] == engine[0]["profit_true"]
    assert [row["limits_broken"] for row in rows] == [0, 0]


def test_the_opening_ends_with_its_cycles_although_nothing_has_been_found(tmp_path):
    """A mail that costs 1.40 and does nothing: after one look little is left to learn that would pay."""
    file = market(tmp_path, effect=0.0, more="[outcome]\nresidual_horizon_days = 0\n")
    file.write_text(file.read_text().replace("cost = 0.1", "cost = 1.4"))
    ever = simulate(file, folder=tmp_path, cycles=3).cycles
    file.write_text(file.read_text().replace("opening_share = 0.5", "opening_share = 0.5\nopening_cycles = 1"))
    once = simulate(file, folder=tmp_path, cycles=3).cycles
    assert ever[0] == once[0]
    assert ever[0].spend_floor > 10 * ever[0].spend_least
    assert all(row.spend_floor > 0.9 * ever[0].spend_floor for row in ever[1:])
    assert all(0.9 * row.spend_least <= row.spend_floor < 0.3 * ever[0].spend_floor for row in once[1:])


def test_a_pause_stands_in_the_result(tmp_path):
    harmful = (resources.files("alamo.simulation") / "scenarios" / "harmful.toml").read_text(encoding="utf-8")
    file = tmp_path / "fewer.toml"
    file.write_text(harmful.replace("customers = 20000", "customers = 2500"))
    (pause,) = simulate(file, folder=tmp_path, cycles=3).to_dict()["paused"]
    assert (pause["action"], pause["by"]) == ("pushy-text", "guardrail")
    assert pause["reason"].startswith("unsubscribes: ")
