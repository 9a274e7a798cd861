"""A proposed cycle: decisions under contract, a summary that adds up, and refusals by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from tests.unit.steering.worlds import NOW, actions, profiles, scores

from alamo.domain.action import ContactPolicy, Limit
from alamo.domain.errors import ConfigError, InfeasibleError
from alamo.domain.settings import ControlSettings, ExplorationSettings, RealtimeSettings, Settings
from alamo.domain.tables import DECISIONS
from alamo.engine.propose import Proposal, SteerRequest, propose
from alamo.store import MemoryHistory

N = 4000
CUSTOMERS = profiles(
    N,
    region=["north" if i % 2 else "south" for i in range(N)],
    consent=[["*"] if i % 5 else [] for i in range(N)],
)
SCORES = scores(CUSTOMERS, 1)
LIMITS = (
    Limit("budget", use="cost", maximum=200.0),
    Limit("letters north", actions=("letter",), where="region = 'north'", maximum=30),
    Limit("some big", actions=("mail-big",), minimum=40),
)
REQUEST = SteerRequest(
    actions(),
    LIMITS,
    ContactPolicy(),
    Settings("test", control=ControlSettings(0.1, 0.05), exploration=ExplorationSettings(0.2, 0.05, 0.02)),
    1,
    NOW,
    True,
)


def proposed(**changes: object) -> Proposal:
    return propose(MemoryHistory(), CUSTOMERS, SCORES, replace(REQUEST, **changes))


@pytest.fixture(scope="module")
def proposal() -> Proposal:
    return proposed()


def test_every_customer_gets_one_decision_under_contract(proposal):
    decisions = DECISIONS.check(proposal.decisions)
    assert sorted(decisions["customer_id"].to_pylist()) == sorted(CUSTOMERS["customer_id"].to_pylist())
    for row in decisions.slice(0, 500).to_pylist():
        assert row["eligible"][-1] == "none"
        assert row["eligible"][:-1] == [a for a in proposal.policy.action_ids if a in row["eligible"]]
        assert row["p_action"] == row["p"][row["eligible"].index(row["action_id"])]
        assert abs(sum(row["p"]) - 1) <= 1e-12
    assert set(decisions["plan_id"].to_pylist()) == {proposal.plan_id}
    assert set(decisions["policy_version"].to_pylist()) == {proposal.policy.version}


def test_nobody_without_consent_and_nobody_in_the_universal_control_is_contacted(proposal):
    refused = {f"c{i}" for i in range(0, N, 5)}
    rows = proposal.decisions.to_pylist()
    for row in rows:
        if row["customer_id"] in refused or row["universal_control"]:
            assert (row["action_id"], row["eligible"], row["p"]) == ("none", ["none"], [1.0])
    held = [row for row in rows if row["universal_control"]]
    assert len(held) == proposal.summary["universal_control"] > 0
    assert {row["reason"] for row in held} == {"held out by the universal control"}


def test_a_service_message_reaches_the_universal_control_which_stays_one():
    """Of everybody held out only the notice is open, and they are still counted as the universal control."""
    notice, big, letter = actions()
    offers = (replace(notice, message_class="transactional", passes=("control",)), big, letter)
    found = proposed(actions=offers, limits=())
    rows = found.decisions.to_pylist()
    held = [row for row in rows if row["universal_control"]]
    assert {name for row in held for name in row["eligible"]} == {"mail-small", "none"}
    assert any(row["action_id"] == "mail-small" for row in held)
    assert len(held) == found.summary["universal_control"] == proposed(limits=()).summary["universal_control"]
    control = [row for row in rows if row["action_id"] == "none" and not row["universal_control"]]
    assert len(control) == found.summary["control"]
    assert found.policy.actions["mail-small"]["passes"] == ["control"]
    assert "passes" not in found.policy.actions["mail-big"]


def test_the_summary_adds_up_with_the_decisions(proposal):
    summary, rows = proposal.summary, proposal.decisions.to_pylist()
    acted = [row for row in rows if row["action_id"] != "none"]
    assert summary["contacted"] == len(acted)
    assert summary["customers"] == N == len(acted) + summary["control"] + summary["universal_control"]
    assert summary["cost_money"] == pytest.approx(sum(row["cost_money"] for row in rows))
    assert summary["gain"]["mean"] == pytest.approx(sum(row["value_mean_money"] for row in rows))
    assert summary["gain"]["lower"] < summary["gain"]["mean"] < summary["gain"]["upper"]
    for line in summary["actions"]:
        assert line["customers"] == sum(row["action_id"] == line["action"] for row in rows)
    assert [step["step"] for step in summary["eligibility"]["steps"]][:3] == ["customers", "eligible", "consented"]
    assert summary["excluded"]["no consent on record for the channel"] > 0


def test_every_pair_and_every_customer_falls_out_at_exactly_one_stage_of_the_funnel(proposal):
    funnel, drawn = proposal.summary["funnel"], proposal.decisions["action_id"].to_pylist()
    parts = {None: funnel["overall"]} | {entry["action"]: entry["stages"] for entry in funnel["actions"]}
    assert list(parts) == [None, *proposal.policy.action_ids]
    for action, stages in parts.items():
        assert stages[0]["customers"] == N
        assert all(was["customers"] - at["excluded"] == at["customers"] >= 0 for was, at in pairwise(stages))
        assert N - sum(at["excluded"] for at in stages) == stages[-1]["customers"]
        contacted = sum(name != "none" for name in drawn) if action is None else drawn.count(action)
        assert (stages[-1]["stage"], stages[-1]["customers"]) == ("contacted", contacted)
    overall = {at["stage"]: at for at in funnel["overall"]}
    assert overall["consent on record"]["excluded"] == N // 5
    assert overall["not in the universal control"]["excluded"] > 0


def test_pairs_without_a_score_and_too_dear_for_a_limit_are_stages_of_their_own():
    few = SCORES.slice(0, SCORES.num_rows - 3)  # the last customer has no score
    summary = propose(
        MemoryHistory(), CUSTOMERS, few, replace(REQUEST, limits=(Limit("cheap", use="cost", maximum=0.5),))
    ).summary
    stages = {entry["action"]: {at["stage"]: at for at in entry["stages"]} for entry in summary["funnel"]["actions"]}
    assert stages["letter"]["scored"]["excluded"] == 1
    assert stages["letter"]["affordable"]["excluded"] == stages["letter"]["scored"]["customers"] > 0
    assert stages["letter"]["contacted"]["customers"] == 0
    assert summary["unscored"] == sum(at["scored"]["excluded"] for at in stages.values())
    assert summary["unaffordable"] == sum(at["affordable"]["excluded"] for at in stages.values())


def test_limits_are_kept_in_the_draw_and_minima_have_negative_prices(proposal):
    lines = {line["limit"]: line for line in proposal.summary["limits"]}
    assert lines["budget"]["used"] <= 200.0
    assert lines["letters north"]["used"] <= 30
    assert lines["some big"]["used"] >= 40
    assert lines["budget"]["price"] > 0 >= lines["some big"]["price"]


def test_a_limit_says_what_exploration_is_expected_to_use_and_what_is_kept_for_the_counter():
    wide = (Limit("budget", use="cost", maximum=1e6), replace(LIMITS[1], maximum=3_001), LIMITS[2])  # none runs out
    settings = replace(REQUEST.settings, realtime=RealtimeSettings(reserve_share=0.25))
    found = proposed(limits=wide, settings=settings)
    lines = {line["limit"]: line for line in found.summary["limits"]}
    assert [line["kept"] for line in lines.values()] == [250_000.0, 750.0, 0.0]
    floor, weights = found.policy.rule.floor_share, dict(zip(found.policy.action_ids, _floor_of(found), strict=True))
    explored = 0.0
    for row in found.decisions.to_pylist():
        mass = sum(weights.get(action, 1.0) for action in row["eligible"])  # 1 for none
        explored += sum(floor * weights[action] / mass for action in row["eligible"] if action == "mail-big")
    assert 0.0 < lines["some big"]["explored"] <= lines["some big"]["expected_used"]
    assert lines["some big"]["explored"] == pytest.approx(explored)


def _floor_of(found):
    return found.policy.rule.floor_of(len(found.policy.action_ids))


def test_the_same_request_gives_the_same_plan_and_another_limit_another_one(proposal):
    again = proposed()
    assert again.plan_id == proposal.plan_id
    assert again.decisions.equals(proposal.decisions)
    other = proposed(limits=(Limit("budget", use="cost", maximum=100.0),))
    assert other.plan_id != proposal.plan_id
    assert proposed(attempt=2).plan_id == f"{proposal.plan_id}-2"


def test_the_order_of_rows_does_not_change_a_decision(proposal):
    shuffled = propose(
        MemoryHistory(), CUSTOMERS.take(list(range(N))[::-1]), SCORES.take(list(range(SCORES.num_rows))[::-1]), REQUEST
    )
    assert shuffled.decisions.equals(proposal.decisions)


def unsure_scores() -> pa.Table:
    """Scores from before anything is known: minus the cost, with a wide error that all customers share."""
    wide = SCORES
    for name in ("value_sd_money", "shared_sd_money"):
        wide = wide.set_column(wide.column_names.index(name), name, pa.array([50.0] * wide.num_rows))
    costs = {action.id: -action.cost_money for action in actions()}
    values = pa.array([costs[action] for action in wide["action_id"].to_pylist()])
    return wide.set_column(wide.column_names.index("value_mean_money"), "value_mean_money", values)


def test_before_an_effect_is_found_the_declared_share_explores_uniformly():
    opened = propose(MemoryHistory(), CUSTOMERS, unsure_scores(), replace(REQUEST, found=False, limits=()))
    assert opened.policy.rule.floor_share == 0.2
    assert opened.policy.rule.control_share == 0.8
    row = next(row for row in opened.decisions.to_pylist() if len(row["eligible"]) == 4)
    assert row["p"] == pytest.approx([0.05, 0.05, 0.05, 0.85])
    assert opened.summary["exploration"]["phase"] == "opening"


def test_an_opening_that_has_lasted_long_enough_ends_with_a_floor_as_wide_as_there_is_to_learn():
    ended = replace(REQUEST, found=False, limits=(), opened=True)
    unsure = propose(MemoryHistory(), CUSTOMERS, unsure_scores(), ended)
    assert unsure.summary["exploration"]["phase"] == "running"
    bounded = propose(MemoryHistory(), CUSTOMERS, unsure_scores(), replace(ended, found=True))
    assert unsure.policy.rule.floor_share > 2 * bounded.policy.rule.floor_share


def test_scores_that_can_be_trusted_end_the_opening_although_no_interval_excludes_zero():
    assert proposed(found=False).summary["exploration"]["phase"] == "running"


def test_what_customers_share_of_the_error_adds_up_and_the_rest_averages_out(proposal):
    """With a shared sd of .1 and an own one of √(.2² − .1²), by hand; actions are independent of each other."""
    counts = [row["customers"] for row in proposal.summary["actions"][:-1]]
    expected = sum((0.1 * n) ** 2 + (0.2**2 - 0.1**2) * n for n in counts) ** 0.5
    gain = proposal.summary["gain"]
    assert gain["upper"] - gain["mean"] == pytest.approx(1.959964 * expected, rel=1e-6)
    assert gain["mean"] - gain["lower"] == pytest.approx(1.959964 * expected, rel=1e-6)


def test_a_previous_policy_starts_the_search_and_changes_next_to_nothing(proposal):
    warm = proposed(previous=proposal.policy)
    assert warm.policy.blocks[0].prices == pytest.approx(proposal.policy.blocks[0].prices, rel=0.05, abs=1e-3)


def test_limits_that_cannot_be_met_are_refused_by_name():
    with pytest.raises(InfeasibleError, match="'all of them'") as caught:
        proposed(limits=(Limit("all of them", minimum=N),))
    (clash,) = caught.value.details["infeasible_limits"]
    assert clash["limit"] == "all of them"
    assert clash["relax_by"] >= N / 5
    with pytest.raises(InfeasibleError, match=r"'few'.*'many'|'many'.*'few'"):
        proposed(limits=(Limit("many", actions=("letter",), minimum=900), Limit("few", maximum=500)))


def test_a_limit_on_an_unknown_use_is_refused():
    with pytest.raises(ConfigError, match="limit 'points' uses 'points'"):
        proposed(limits=(Limit("points", use="points", maximum=1),))


def test_without_anybody_eligible_everybody_gets_nothing():
    late = tuple(replace(action, valid_from=NOW + timedelta(days=1)) for action in actions())
    empty = proposed(actions=late, limits=(Limit("budget", use="cost", maximum=1.0),))
    assert set(empty.decisions["action_id"].to_pylist()) == {"none"}
    assert empty.summary["contacted"] == 0


def test_without_customers_the_plan_is_empty():
    nobody = propose(MemoryHistory(), CUSTOMERS.slice(0, 0), SCORES.slice(0, 0), replace(REQUEST, limits=()))
    assert nobody.decisions.num_rows == 0
