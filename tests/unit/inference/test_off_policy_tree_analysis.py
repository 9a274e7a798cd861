"""A policy in words from a file: what it may look at, what it is worth, and the tree as a thing to keep."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from alamo.domain.errors import AlamoError, UsageError
from alamo.inference.off_policy import PolicyTreeSpec, analyze_policy_tree, policy_tree_from_dict

SHARES = np.array([0.5, 0.3, 0.2])
ACTIONS = np.array(["none", "mail", "post"])


def market(n: int, seed: int) -> pa.Table:
    """`mail` brings 1 to a third, buyers of the web, and takes 1 from others; `post` brings 0.2 to everybody."""
    rng = np.random.default_rng(seed)
    channel = np.array(["web", "shop", "shop"])[rng.integers(0, 3, n)]
    drawn = rng.choice(3, n, p=SHARES)
    effect = np.where(drawn == 1, np.where(channel == "web", 1.0, -1.0), np.where(drawn == 2, 0.2, 0.0))
    y = 1.0 + effect + rng.normal(size=n)
    columns = {"action": ACTIONS[drawn], "p": SHARES[drawn], "y": y, "channel": channel, "spend": rng.gamma(0.3, 9, n)}
    return pa.table(columns | {"clicked": (drawn == 1) & (rng.random(n) < 0.6)})


SPEC = PolicyTreeSpec("action", "p", "y", control="none")


@pytest.fixture(scope="module")
def log() -> pa.Table:
    return market(20_000, 1)


@pytest.fixture(scope="module")
def found(log, ridge):
    return analyze_policy_tree(log, SPEC, ridge)


def test_it_says_in_words_who_gets_what(found):
    shop, web = sorted(found.records(), key=lambda row: row["action"] == "mail")
    assert (web["who"], web["action"]) == ("channel is not shop", "mail")
    assert (shop["who"], shop["action"]) == ("channel is shop", "post")
    assert web["lower"] < 1.0 < web["upper"]
    assert shop["lower"] < 0.2 < shop["upper"]
    assert web["share"] + shop["share"] == pytest.approx(1.0)


def test_its_worth_is_that_on_units_that_did_not_grow_it(found):
    """Web: +1 for a third, +0.2 for two thirds; what runs: 0.3 · (1/3 − 2/3) + 0.2 · 0.2."""
    true_gain = 1 / 3 + 0.2 * 2 / 3
    assert found.value.lower < 1.0 + true_gain < found.value.upper
    assert found.gain_over_running.lower < true_gain - (0.3 * (-1 / 3) + 0.04) < found.gain_over_running.upper
    assert found.single == "post"
    assert found.gain_over_single.lower < true_gain - 0.2 < found.gain_over_single.upper
    assert found.n_growing + found.n_judging == 20_000


def test_what_came_after_the_draw_is_left_out_and_named(found):
    assert "clicked" not in found.features
    assert set(found.features) == {"channel", "spend"}
    assert next(item for item in found.refusals if "clicked" in item.what).reason.startswith("left out: it differs")


def test_costs_change_what_is_chosen(log, ridge):
    dear = analyze_policy_tree(log, PolicyTreeSpec("action", "p", "y", control="none", costs={"post": 0.5}), ridge)
    assert [row["action"] for row in dear.records() if row["who"] == "channel is shop"] == ["none"]


def test_everybody_is_a_tree_too(log, ridge):
    one = analyze_policy_tree(log, PolicyTreeSpec("action", "p", "y", depth=0), ridge)
    assert one.records()[0] | {"who": "everybody", "share": 1.0} == one.records()[0]
    assert one.control == "none"  # drawn most often


def test_a_tree_comes_back_from_its_file_and_chooses_for_others(found, log):
    model = policy_tree_from_dict(json.loads(json.dumps(found.model.to_dict())))
    assert model.choose(log).equals(found.choices_table().drop_columns(["row"]))
    new = pa.table({"channel": ["web", "shop", "letter", None]})  # what it has not seen is a rare level, not "shop"
    assert model.choose(new)["action"].to_pylist() == ["mail", "post", "mail", "mail"]
    assert set(model.choose(new)["who"].to_pylist()) <= {row["who"] for row in found.records()}
    with pytest.raises(UsageError, match="no policy tree but of no schema"):
        policy_tree_from_dict({})


def test_an_action_not_everybody_could_get_is_left_out(ridge):
    table = market(20_000, 2)
    shop, post = pc.equal(table["channel"], "shop"), pc.equal(table["action"], "post")
    share = pc.if_else(shop, pc.divide(table["p"], 0.8), table["p"])  # there mail and none are all there is
    kept = table.set_column(1, "p", share).filter(pc.invert(pc.and_(shop, post)))
    found = analyze_policy_tree(kept, SPEC, ridge)
    assert "post" not in {row["action"] for row in found.records()}
    assert "average" in next(item for item in found.refusals if "'post'" in item.what).reason


@pytest.mark.parametrize(
    ("spec", "rows", "code"),
    [
        (PolicyTreeSpec("action", "p", "y", control="nobody"), 20_000, "policy.unknown_action"),
        (PolicyTreeSpec("action", "p", "y", costs={"fax": 1.0}), 20_000, "policy.unknown_action"),
        (PolicyTreeSpec("action", "p", "y", control="post"), 3_000, "policy.tree_uncovered"),
        (PolicyTreeSpec("action", "p", "y", least_leaf=15_000), 20_000, "policy.tree_too_few"),
    ],
)
def test_what_cannot_be_grown_is_refused_with_a_next_step(log, ridge, spec, rows, code):
    with pytest.raises(AlamoError) as caught:
        analyze_policy_tree(log.slice(0, rows), spec, ridge)
    assert caught.value.code == code
    assert "--" in caught.value.hint


@pytest.mark.parametrize("wrong", [{"depth": 7}, {"depth": -1}, {"least_leaf": 0}, {"level": 1.0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError):
        PolicyTreeSpec("action", "p", "y", **wrong)
