"""Views show every number they are given, call absence absent, and end with the next command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType
from tests.unit.cli import samples, samples_analyses

from alamo.cli.views import (
    analysis,
    contracts,
    decision,
    experiment,
    imports,
    loop,
    off_policy,
    plan,
    plan_review,
    policies,
    reports,
    simulation,
    standing,
    uplift,
)

View = Callable[[Mapping[str, Any]], Iterable[RenderableType]]


def shown(view: View, data: Mapping[str, Any], width: int = 200) -> str:
    """Return what a person reads."""
    out = StringIO()
    console = Console(file=out, width=width, highlight=False)
    for part in view(data):
        console.print(part)
    return out.getvalue()


EXPECTED = [
    (
        experiment.experiment,
        samples_analyses.EXPERIMENT,
        ["mens-mail", "+0.07660", "helps", "nothing found", "p = 0.42", "–"],
    ),
    (
        uplift.uplift,
        samples_analyses.UPLIFT,
        [
            "boosting",
            "61.0 %",
            "scores.parquet",
            "+0.1200",
            "-0.03000 … +0.2700",
            "qini 2.1",
            "92 %",
            "0.980 ± 0.11",
            "loyal",
            "+0.2000",
            "(rising)",
            "seen there",
            "model.json",
            "parts.csv",
            "–",
        ],
    ),
    (
        off_policy.policy,
        samples_analyses.OFF_POLICY,
        [
            "0.04530",
            "go by this",
            "better than what runs",
            "worth 2,467",
            "exceeds 9.5",
            "718",
            "–",
            "before the draw: age, loyal",
        ],
    ),
    (
        policies.policy_choice,
        samples_analyses.POLICY_CHOICE,
        ["by loyalty", "+0.01210", "'by loyalty', chosen by both halves", "0.04620", "needs about 12 more days"],
    ),
    (
        policies.policy_choice,
        {**samples_analyses.POLICY_CHOICE, "policy": None},
        ["Choosing like this (the halves disagree) brings +0.01210 (+0.008100 … +0.01610)"],
    ),
    (policies.policy_choice, {**samples_analyses.POLICY_CHOICE, "gain": None}, ["Nothing could be chosen"]),
    (
        policies.policy_tree,
        samples_analyses.POLICY_TREE,
        ["loyal is 1", "51.0 %", "against none", "–", "Against mail for everybody", "10,012", "tree.json", "rows.csv"],
    ),
    (analysis.lifetime_value, samples_analyses.LIFETIME_VALUE, ["bg-nbd", "0.242600", "-9,582.4292", "correlation"]),
    (
        contracts.contracts,
        samples_analyses.CONTRACTS,
        [
            "85.0 % … 89.0 %",
            "491 go on",
            "plan=basic",
            "1,234 (1,190 … 1,279), worth 24,690.00",
            "1,250 were made: -1.2 %",
            "2019-01-01",
            "customers.csv",
            "needs about 12 more days",
        ],
    ),
    (
        analysis.allocation,
        samples_analyses.ALLOCATION,
        [
            "budget",
            "budget     at most   5,000  4,999.5",
            "post room  at least    100      100",
            "letter        100  12,000.00  4,999.5",
            "0.0003 %",
            "post room  minimum",
            "the minimum of post room by 12; the plan",
        ],
    ),
    (reports.effects, samples.EFFECTS, ["all together", "+0.61", "helps", "loyal", "needs about 12 more days"]),
    (
        reports.effects,
        samples.CALIBRATED,
        ["182 days", "+0.61 (0.40 … 0.80)", "-0.73 (-1.12 … -0.34)", "-0.12", "about 42 more days", "charged 5.20"],
    ),
    (reports.segments, samples.SEGMENTS, ["loyal", "1,200", "27.4 %"]),
    (reports.value, samples.VALUE, ["loyal", "365 days", "not yet calibrated"]),
    (reports.policy, samples.POLICY, ["voucher-mail", "budget", "0123456789ab"]),
    (
        reports.health,
        samples.HEALTH,
        [
            "voucher-mail",
            "-6.21 … 3.16",
            "< 0.0001",
            "fails",
            "85.0 %",
            "-0.70",
            "the model's",
            "replace",
            "no difference",
            "<returns>",
            "1 of 2 features have not moved",
            "effect drift of voucher-mail: from the second cycle on",
            "at most 5 % of the cycles",
            "Fit the model anew now: 1 finished cycle is not in the model yet",
            "alamo run",
        ],
    ),
    (reports.contacts, samples.CONTACTS, ["Contacts of plan c9", "→ consented 3,732 →", "any action"]),
    (
        reports.contacts,
        {**samples.CONTACTS, "pressure": [{"maximum": 2, "days": 7, "channel": "email", "customers": [340, 20, 60]}]},
        ["Contacts so far", "2 in 7 days by email", "none 340, 1 20, 2 60"],
    ),
    (
        reports.contacts,
        {**samples.CONTACTS, "pressure": [{"maximum": 6, "days": 28, "customers": [9, 8, 7, 6, 5, 4, 3]}]},
        ["none 9, 1 8, 2 7, 3 6, …, 6 3"],
    ),
    (
        reports.contacts,
        {**samples.CONTACTS, "fatigue": samples.FATIGUE, "refusals": []},
        ["a contact takes 0.31 (0.15 … 0.47) from the contacts of the 3 cycles after it", "By action", "3,900"],
    ),
    (
        reports.contacts,
        {**samples.CONTACTS, "fatigue": {**samples.FATIGUE, "found": False}, "refusals": [samples.REFUSAL]},
        ["not told from zero: nothing is charged", "Not answered"],
    ),
    (
        plan.plan,
        {**samples.PLAN, "summary": {"fatigue": [{"action": "voucher-mail", "charged_money": 0.31}]}},
        ["what it takes from the next ones: voucher-mail 0.31"],
    ),
    (reports.loop, samples.LOOP, ["+812.40", "700.00 … 924.80", "–"]),
    (
        plan.plan,
        samples.PLAN,
        [
            "expected gain +640.00",
            "voucher-mail",
            "no consent on record",
            "alamo plan approve c9",
            "customers 4,383 → eligible 4,383 → consented 3,732 → contacted 1,500",
        ],
    ),
    (
        plan.plan,
        {**samples.PLAN, "summary": {**samples.PLAN["summary"], "limits": [samples.SHARED_LIMIT]}},
        ["Exploration is expected to use 120 of budget.", "Kept for the counter: 9 of budget."],
    ),
    (plan.plans, {"rows": [samples.PLAN]}, ["c9", "proposed", "2011-07-22"]),
    (
        plan_review.diff,
        samples.DIFF,
        [
            "price of budget",
            "0.1200",
            "c8",
            "1,234 customers move, 3,149 keep",
            "zero not excluded",
            "3 of them have no",
        ],
    ),
    (
        plan_review.advice,
        samples.ADVICE,
        ["+10,000", "−50", "10,000 more would bring 3,100.00 GBP", "up to 24,000 more", "voucher-mail", "3,900"],
    ),
    (plan.moved, {"plan_id": "c9", "state": "approved"}, ["approved", "alamo plan launch c9"]),
    (
        plan.load,
        {
            "plan": "c9",
            "at": "2011-07-22T20:00:00+00:00",
            "waiting": {"post": 1_234},
            "rows": [{"hour": "2011-07-23T07:00:00+00:00", "channel": "email", "messages": 12_345}],
            "channels": [
                {
                    "channel": "email",
                    "messages": 20_000,
                    "first_hour": "2011-07-23T07:00:00+00:00",
                    "last_hour": "2011-07-23T09:00:00+00:00",
                    "peak": 12_345,
                    "peak_hour": "2011-07-23T07:00:00+00:00",
                }
            ],
        },
        ["launched 2011-07-22 20:00 (UTC)", "12,345", "2011-07-23 09:00", "1,234 messages of post"],
    ),
    (plan.log, {"rows": [{"plan_id": "c9", "act": "approved", "by": "ann", "reason": "why not"}]}, ["ann", "why not"]),
    (
        plan.standing,
        {
            "rows": [
                {
                    "id": "standing-1",
                    "by": "ann",
                    "until": "2011-12-31T00:00:00+00:00",
                    "most_money": 500.0,
                    "most_contacts": 12_345,
                    "channels": ["email"],
                    "actions": ["voucher-mail"],
                    "revoked_by": "bob",
                }
            ]
        },
        ["standing-1", "2011-12-31", "12,345", "email, voucher-mail", "bob"],
    ),
    (plan.stopped, samples.LAUNCH, ["Plan c9 is stopped", "12,345"]),
    (
        plan.rolled_back,
        {"plan": "c9", "in_force": "c10", "policy_of": "c8"},
        ["c9 is rolled back", "c10", "policy of c8"],
    ),
    (plan.rolled_back, {"plan": "c9", "in_force": None, "policy_of": None}, ["No plan was launched before"]),
    (plan.launch, samples.LAUNCH, ["50,000 decisions", "sent", "12,345"]),
    (
        plan.launch,
        {**samples.LAUNCH, "quiet_hours": {**samples.QUIET, "sent_later": 4321}},
        [
            "4,321 messages wait",
            "7 without a time zone and 2 with one that is unknown are taken to be in Europe/Berlin",
        ],
    ),
    (
        plan.plan,
        {**samples.PLAN, "summary": {"quiet_hours": {**samples.QUIET, "from": "21:00", "until": "08:00"}}},
        ["quiet from 21:00 until 08:00 where the customer is"],
    ),
    (
        plan.plan,
        {**samples.PLAN, "summary": {"caps_by_value": samples.CAPS_BY_VALUE}},
        [
            "310 customers are kept for a later contact",
            "displaces 42.00 later",
            "1 in 28 days by email",
            "it cannot keep out any",
        ],
    ),
    (
        decision.decision,
        {**samples.DECISION, "send_after": "2026-01-07T08:00:00+00:00"},
        ["Not before 2026-01-07 08:00 UTC"],
    ),
    (loop.step, samples.STEP, ["measured, cycle 3", "observations matured: 4,383", "1.2 s"]),
    (loop.turns, {"turns": [samples.TURN, samples.TURN]}, ["Turns", "Cycle 9", "alamo plan approve c9"]),
    (decision.decision, samples.DECISION, ["voucher-mail", "best net value", "70.0 %", "alamo explain d-1"]),
    (decision.explanation, samples.EXPLANATION, ["0.412345", "contact cap", "budget", "block 3"]),
    (simulation.simulation, samples.SIMULATION, ["+1,000.00", "81.0 %", "sale-mail", "no customer was written to"]),
    (standing.status, samples.STATUS, ["4,383 customers", "yes", "no ", "next cycle starts them", "alamo run"]),
    (standing.doctor, samples.DOCTOR, ["the state file is locked", "alamo status"]),
    (standing.created, samples.CREATED, ["demo", "alamo.toml", "alamo run"]),
    (
        imports.imported,
        samples.IMPORTED,
        ["417,534 rows would be taken in", "InvoiceDate", "Not used: Comment", "2010-01-01 07:45", "2, 3, 4, 5, 6, …"],
    ),
]


@pytest.mark.parametrize(("view", "data", "wanted"), EXPECTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_view_shows(view: View, data: Mapping[str, Any], wanted: list[str]) -> None:
    text = shown(view, data)
    assert not [words for words in wanted if words not in text], text


def test_a_refusal_names_its_cure() -> None:
    data = {**samples_analyses.EXPERIMENT, "rows": [], "refusals": [samples_analyses.REFUSAL]}
    assert "→ needs about 12 more days" in shown(experiment.experiment, data)


def test_arms_that_do_not_fit_the_design_are_called_out() -> None:
    data = {**samples_analyses.EXPERIMENT, "ratio_check": {"p_value": 1e-9, "counts": {"a": 10, "none": 90}}}
    assert "trust no effect" in shown(experiment.experiment, data)
    data["ratio_check"]["first_seen"] = {"time": "2024-03-05", "draws": 12_000}
    assert "first seen on 2024-03-05 after 12,000 draws" in shown(experiment.experiment, data)


def test_nothing_wrong_is_said_in_words() -> None:
    assert "Nothing is wrong: 7 checks passed." in shown(standing.doctor, {"findings": [], "checks": 7})


def test_a_file_known_already_adds_nothing() -> None:
    data = {"files": [{"file": "orders.csv", "unchanged": True}]}
    assert "known already, nothing added" in shown(imports.imported, data)


def test_a_step_without_news_says_so() -> None:
    assert "nothing new, left as it was" in shown(loop.step, {**samples.STEP, "changed": False})


def test_a_market_of_hostile_names_does_not_break_the_layout() -> None:
    row = {**samples.SEGMENTS["rows"][0], "segment": "[bold]loyal[/nope]"}
    assert "[bold]loyal[/nope]" in shown(reports.segments, {**samples.SEGMENTS, "rows": [row]})


def test_guardrails_say_their_verdict_and_adjusted_tests_overrule_the_plain_ones() -> None:
    first = samples_analyses.EXPERIMENT["rows"][0]
    test = {
        "action": first["action"],
        "outcome": first["outcome"],
        "p_value": 0.03,
        "adjusted_p_value": 0.12,
        "found": False,
    }
    guardrail = {
        **first,
        "outcome": "left",
        "worse": "up",
        "margin": 0.01,
        "verdict": "cannot say",
        "anytime_verdict": None,
    }
    data = {**samples_analyses.EXPERIMENT, "rows": [first], "guardrails": [guardrail]}
    data["multiplicity"] = {"rate": 0.05, "method": "Benjamini–Hochberg", "tests": [test]}
    text = shown(experiment.experiment, data)
    assert "helps" in shown(experiment.experiment, data | {"multiplicity": None})
    assert "helps" not in text
    assert "0.12" in text
    assert "Guardrails" in text
    assert "cannot say" in text
    assert "at most 5 % are false" in text


def test_what_can_be_found_counts_days_where_it_can_and_tails_are_told() -> None:
    first = samples_analyses.EXPERIMENT["rows"][0]
    names = {"action": first["action"], "outcome": first["outcome"]}
    power = {**names, "detectable": 0.011, "anytime_detectable": None, "target": 0.005, "target_measured": False}
    needed = {"units_needed": 9000, "days_needed": 12, "anytime_units_needed": None, "anytime_days_needed": None}
    largest = {**names, "arm": "none", "share": 0.3, "mean_without": 0.02, "lower_without": -0.1, "upper_without": 0.2}
    ends = {"lower_uncapped": -0.4, "upper_uncapped": 0.8}
    capped = {**names, "upper_cap": 99.0, "units_capped": 3, "share_removed": 0.27, "mean_uncapped": 0.5, **ends}
    data = samples_analyses.EXPERIMENT | {"power": [power | needed], "largest_units": [largest], "winsorised": [capped]}
    text = shown(experiment.experiment, data)
    assert "12 more days" in text
    assert "(asked for)" in text
    assert "holds 30.0 % of the total; without it mens-mail has +0.02000" in text
    assert "capped at 99.00: 3 units, 27.0 % of its total" in text
    far = power | needed | {"anytime_detectable": 0.02, "days_needed": None}
    text = shown(experiment.experiment, data | {"power": [far]})
    assert "9,000 more units" in text
    assert "out of reach" in text


def test_control_against_itself_says_whether_to_trust_the_intervals() -> None:
    row = {"outcome": "visit", "answered": 100, "false": 5, "expected": 5.0, "p_value": 0.56}
    row |= {"anytime_answered": 0, "anytime_false": 0, "anytime_p_value": None}
    bad, unknown = row | {"outcome": "spend", "p_value": 1e-5}, row | {"outcome": "rare", "p_value": None}
    aa = {"splits": 100, "share": 0.5, "ratio_alarms": 1, "rows": [row, bad, unknown]}
    text = shown(experiment.experiment, samples_analyses.EXPERIMENT | {"aa": aa})
    assert "Control against itself, 100 times" in text
    assert "as it should be" in text
    assert "do not trust" in text
    assert "no interval to judge" in text


def test_effects_over_time_are_a_table_and_a_sentence() -> None:
    period = {**samples_analyses.EXPERIMENT["rows"][0], "period": "2024-03-04"}
    trend = {"action": "mens-mail", "outcome": "visit", "per": "week", "slope": -0.01, "lower": -0.02, "upper": -0.001}
    data = samples_analyses.EXPERIMENT | {
        "over_time": [period],
        "trends": [trend | {"says": "wears off", "p_value": 0.03}],
    }
    text = shown(experiment.experiment, data)
    assert "2024-03-04" in text
    assert "mens-mail on visit: wears off, -0.01000 [-0.02000 … -0.001000] per week" in text


def test_models_compared_say_once_why_one_is_kept_and_rounding_is_nothing() -> None:
    rows = [
        {"model": "bg-nbd", "loss": 1.2, "difference": 0.0, "se": 0.0, "reason": "the plainest", "chosen": True},
        {"model": "bg-bb", "loss": 1.2, "difference": -1e-17, "se": 2e-17, "reason": "not better", "chosen": False},
    ]
    data = {"model": "bg-nbd", "rows": [], "choice": rows}
    text = shown(analysis.lifetime_value, data)
    assert "Kept: bg-nbd, the plainest" in text
    assert "e-17" not in text
    data["choice"] = [*rows, rows[1] | {"model": "pareto-nbd", "reason": "did not converge"}]
    assert "did not converge" in shown(analysis.lifetime_value, data)


def test_why_nothing_was_compared_or_a_model_was_not_fitted_is_said() -> None:
    nothing = {"loss": None, "difference": None, "se": None}
    kept = {"model": "bg-nbd", "reason": "nothing to choose by", "chosen": True} | nothing
    data = {"model": "bg-nbd", "rows": [], "choice": [kept]}
    assert "nothing to choose by" in shown(analysis.lifetime_value, data)
    data["choice"] = [kept, {"model": "bg-bb", "reason": "could not be fitted", "chosen": False} | nothing]
    assert "could not be fitted" in shown(analysis.lifetime_value, data)
