"""Keywords of the library's functions become specs, and complain as clearly as the command line."""

from __future__ import annotations

from datetime import date, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest

import alamo
from alamo.cli.analyze import analyze
from alamo.config import load_limits
from alamo.config.contract_keywords import CONTRACTS, ContractKeywords
from alamo.config.effect_keywords import EXPERIMENT, EffectKeywords
from alamo.config.keyword_values import choice, names
from alamo.config.keywords import (
    ALLOCATION,
    LIFETIME_VALUE,
    NEXT_PRODUCT,
    SCORES,
    UPLIFT,
    AllocationKeywords,
    Keywords,
    LifetimeValueKeywords,
    NextProductKeywords,
    ScoreKeywords,
    UpliftKeywords,
)
from alamo.config.policy_keywords import (
    POLICY,
    POLICY_CHOICE,
    POLICY_TREE,
    PolicyChoiceKeywords,
    PolicyKeywords,
    PolicyTreeKeywords,
)
from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError, UsageError
from alamo.inference import ExperimentSpec, Guardrail

TRIAL = {"action": "arm", "control": "none", "outcome": "spend"}
EVERY = [
    (EXPERIMENT, EffectKeywords, "experiment"),
    (UPLIFT, UpliftKeywords, "uplift"),
    (LIFETIME_VALUE, LifetimeValueKeywords, "lifetime-value"),
    (CONTRACTS, ContractKeywords, "contracts"),
    (POLICY, PolicyKeywords, "policy"),
    (POLICY_CHOICE, PolicyChoiceKeywords, "policy-choice"),
    (POLICY_TREE, PolicyTreeKeywords, "policy-tree"),
    (NEXT_PRODUCT, NextProductKeywords, "next-product"),
    (SCORES, ScoreKeywords, "readiness"),
    (ALLOCATION, AllocationKeywords, "allocation"),
]


@pytest.mark.parametrize(("keywords", "typed", "command"), EVERY, ids=lambda value: getattr(value, "function", ""))
def test_keywords_are_the_options_of_the_command(keywords: Keywords[Any], typed: type, command: str) -> None:
    options = {
        parameter.opts[0].removeprefix("--").replace("-", "_")
        for parameter in analyze.commands[command].params
        if isinstance(parameter, click.Option)
    } - {
        "json",
        "out",
        "mapping",
        "html",
        "sums",
        "ready",
        "model_out",
        "explain_out",
    }  # of the command alone: where answers go …
    assert set(keywords.read) - {"purpose"} == options  # the purpose is the name of the command
    assert set(get_type_hints(typed)) - {"purpose"} == options
    documented = attrgetter(keywords.function)(alamo).__doc__
    assert not [word for word in options if word not in documented]


def test_plain_values_become_what_the_spec_holds() -> None:
    words = {
        **TRIAL,
        "control": 0,
        "outcome": ["visit", "spend"],
        "cost": {1: 0.5},
        "segments": "age",
        "features": None,
    }
    spec = EXPERIMENT.spec(None, words)
    assert (spec.control, spec.outcomes, spec.costs) == ("0", ("visit", "spend"), {"1": 0.5})
    assert (spec.segments, spec.features) == (("age",), "none")
    assert UPLIFT.spec(None, TRIAL).segments == "none"
    purchases = {"customer": "id", "time": "day"}
    for day in (date(2010, 9, 30), datetime(2010, 9, 30, 12), "2010-09-30"):  # noqa: DTZ001 # a naive one is allowed
        assert LIFETIME_VALUE.spec(None, {**purchases, "calibrate_until": day}).calibrate_until == date(2010, 9, 30)


def test_limits_come_from_a_file_a_file_read_or_a_list(tmp_path: Path) -> None:
    path = tmp_path / "lim.toml"
    path.write_text('[[limit]]\nname = "post"\nmaximum = 3')
    values = {"customer": "id", "action": "a", "value": "v"}
    expected = (Limit("post", maximum=3.0),)
    for limits in (path, str(path), load_limits(path), list(expected)):
        assert ALLOCATION.spec(None, {**values, "limits": limits}).limits == expected
    assert ALLOCATION.spec(None, {**values, "limits": path}).limits_file == str(path)
    with pytest.raises(ConfigError, match="no such file"):
        ALLOCATION.spec(None, {**values, "limits": tmp_path / "absent.toml"})


def test_a_file_of_limits_says_which_actions_a_customer_may_get_together(tmp_path: Path) -> None:
    path = tmp_path / "lim.toml"
    path.write_text('[contact]\nmax_actions = 3\nexclusive = [["a", "b"], { actions = ["b", "c", "d"], days = 7 }]\n')
    for limits in (path, load_limits(path)):
        spec = ALLOCATION.spec(None, {"customer": "id", "action": "a", "value": "v", "limits": limits})
        assert spec.max_actions == 3
        assert spec.exclusive == (("a", "b"), ("b", "c", "d"))


def test_keywords_change_a_spec_that_is_given() -> None:
    given = ExperimentSpec("arm", "none", ("spend",), level=0.9)
    assert EXPERIMENT.spec(given, {}) == given
    changed = EXPERIMENT.spec(given, {"outcome": "visit"})
    assert (changed.outcomes, changed.level) == (("visit",), 0.9)


def test_a_wrong_keyword_names_the_near_ones() -> None:
    with pytest.raises(UsageError, match=r"no keyword 'outcomes'.*did you mean 'outcome'") as caught:
        EXPERIMENT.spec(None, {**TRIAL, "outcomes": "spend"})
    assert caught.value.code == "usage.unknown_keyword"
    assert "help(alamo.estimate_effects)" in caught.value.hint


def test_what_is_missing_is_named_as_it_is_typed() -> None:
    with pytest.raises(UsageError, match=r"estimate_effects\(\) needs control, outcome$"):
        EXPERIMENT.spec(None, {"action": "arm"})
    with pytest.raises(UsageError, match=r"allocate\(\) needs customer, action, value, limits$"):
        ALLOCATION.spec(None, {})


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        (EXPERIMENT, {"level": "high"}),
        (EXPERIMENT, {"level": True}),
        (EXPERIMENT, {"cost": 3}),
        (EXPERIMENT, {"cost": {"mail": "dear"}}),
        (UPLIFT, {"outcome": ["visit", "spend"]}),
        (LIFETIME_VALUE, {"calibrate_until": "September"}),
        (ALLOCATION, {"limits": 5}),
        (ALLOCATION, {"limits": ["post"]}),
    ],
)
def test_a_value_that_cannot_be_read_names_its_keyword(keywords: Keywords[Any], words: dict[str, Any]) -> None:
    (word,) = words
    with pytest.raises(UsageError, match=rf"{keywords.function}\(\): {word}=.* cannot be used"):
        keywords.spec(None, words)


@pytest.mark.parametrize("stages", [2.5, "2.5", True])
def test_stages_that_are_no_whole_number_are_not_rounded(stages: Any) -> None:
    with pytest.raises(UsageError, match="stages"):
        LIFETIME_VALUE.spec(None, {"customer": "who", "time": "day", "model": "bg-cnbd-k", "stages": stages})


def test_guardrails_and_a_false_discovery_rate_become_what_the_spec_holds() -> None:
    spec = EXPERIMENT.spec(None, {**TRIAL, "fdr": 0.1, "guardrail": {"left": "up:2%"}, "detect": {"spend": 2}})
    assert (dict(spec.detect), spec.winsorise) == ({"spend": 2}, None)
    assert (spec.fdr, spec.guardrails) == (0.1, {"left": Guardrail("up", 0.02, relative=True)})
    with pytest.raises(UsageError, match="sideways"):
        EXPERIMENT.spec(None, {**TRIAL, "guardrail": {"left": "sideways"}})


@pytest.mark.parametrize("read", [names, choice])
def test_a_name_given_twice_counts_once_and_the_order_stays(read) -> None:
    assert read(["spend", "visits", "spend"]) == ("spend", "visits")


def test_a_size_that_is_none_is_refused_before_the_table_is_looked_at() -> None:
    with pytest.raises(UsageError, match="'abc' is no size"):
        alamo.estimate_effects("absent.csv", action="arm", control="none", outcome="spend", detect={"spend": "abc"})
