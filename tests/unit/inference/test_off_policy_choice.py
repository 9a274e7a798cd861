"""The best of several policies from a file: candidates by prefix and by action, and what is left out."""

from __future__ import annotations

import pytest
from tests.unit.inference.off_policy_logs import simulated

from alamo.domain.errors import UsageError
from alamo.inference.off_policy import PolicyChoiceSpec, analyze_policy_choice

SPEC = PolicyChoiceSpec("action", "p", "y", {"idea": "P_"}, always=("a", "c"))


def test_candidates_are_valued_by_themselves_and_the_choice_on_other_units(ridge):
    found = analyze_policy_choice(simulated(20_000, 1), SPEC, ridge)
    assert [item.policy for item in found.candidates] == ["idea", "always a", "always c"]
    truth = {"idea": 1.0 + 0.5 * (0.6 + 2 * 0.3), "always a": 1.0, "always c": 2.0}
    for item in found.candidates:
        assert abs(item.value.mean - truth[item.policy]) < 4.0 * item.value.se
    assert found.policy == "always c"
    assert [row["chosen"] for row in found.records()] == [False, False, True]
    assert abs(found.gain.mean - (2.0 - found.behaviour_value)) < 4.0 * found.gain.se
    assert found.value.mean == pytest.approx(found.candidates[2].value.mean)  # both halves chose it
    assert found.features == ("x",)  # neither the columns of the idea nor those with a part of their own


def test_a_policy_the_log_says_too_little_about_is_left_out(ridge):
    found = analyze_policy_choice(simulated(3_000, 2), SPEC, ridge)
    assert found.candidates == ()
    assert (found.policy, found.gain) == (None, None)
    left_out = {item.what for item in found.refusals if item.what.startswith("policy")}
    assert left_out == {"policy 'idea'", "policy 'always a'", "policy 'always c'"}


def test_halves_that_disagree_are_said(ridge):
    """Two policies worth the same: in some log the halves choose differently."""
    equals = PolicyChoiceSpec("action", "p", "y", always=("a", "b", "c"))
    seen = [analyze_policy_choice(simulated(12_000, 40 + seed, slope=0.0), equals, ridge) for seed in range(6)]
    apart = [found for found in seen if found.policy is None]
    assert apart
    for found in apart:
        assert found.refusals[0].what == "the one best policy"
        assert found.gain is not None


@pytest.mark.parametrize(
    ("given", "code"),
    [({"candidates": {"idea": "P_"}}, "policy.nothing_to_choose"), ({"always": ("a", "z")}, "policy.unknown_action")],
)
def test_what_cannot_be_chosen_from_is_refused(ridge, given, code):
    with pytest.raises(UsageError) as caught:
        analyze_policy_choice(simulated(2_000, 3), PolicyChoiceSpec("action", "p", "y", **given), ridge)
    assert caught.value.code == code
