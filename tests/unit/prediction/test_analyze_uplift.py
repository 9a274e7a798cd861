from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import InputError, InsufficientDataError, UsageError
from alamo.prediction import UpliftSpec, analyze_uplift
from alamo.prediction.analysis.holdout import area_beyond_random, area_under_curve, calibration_slope

N = 6000


def experiment(seed=0, n=N):
    rng = np.random.default_rng(seed)
    arm = rng.choice(["hold", "blue", "red"], n)
    loyal = rng.random(n) < 0.5
    rate = 0.2 + 0.25 * ((arm == "blue") & loyal) - 0.15 * ((arm == "blue") & ~loyal) + 0.05 * (arm == "red")
    bought = (rng.random(n) < rate).astype(int)
    return pa.table(
        {
            "id": [f"u{i}" for i in range(n)],
            "arm": arm,
            "loyal": loyal,
            "age": rng.integers(18, 80, n),
            "bought": bought,
            "clicked": (rng.random(n) < 0.1 + 0.3 * (arm != "hold")),
        }
    )


@pytest.fixture(scope="module")
def result():
    return analyze_uplift(experiment(), UpliftSpec("arm", "hold", "bought", costs={"red": 0.5}))


def test_rows_have_one_entry_per_action_and_learner_with_weights_that_sum_to_one(result):
    for action in ("blue", "red"):
        mine = [row for row in result.records() if row["action"] == action]
        assert {row["learner"] for row in mine} == {"zero", "one effect", "segments", "ridge", "boosting"}
        assert sum(row["weight"] for row in mine) == pytest.approx(1.0)


def test_the_json_object_has_the_promised_keys(result):
    found = json.loads(json.dumps(result.to_dict()))
    assert found["schema"] == "alamo.uplift/1"
    assert set(found["rows"][0]) == {"action", "learner", "weight", "dr_loss"}
    assert {"holdout", "scores", "refusals"} <= set(found)
    assert set(found["holdout"][0]) == {
        "action",
        "qini",
        "auuc",
        "value_of_policy",
        "lower",
        "upper",
        "value_of_best_single_action",
        "gain",
        "calibration_slope",
    }
    assert set(found["holdout"][0]["gain"]) == {"mean", "lower", "upper"}


def test_choosing_by_person_beats_the_best_single_action_where_effects_differ_in_sign(result):
    blue = next(row for row in result.holdout if row.action == "blue")
    assert blue.gain.lower > 0.0
    assert blue.qini == pytest.approx(0.4 / 8, abs=0.015)  # two halves whose effects differ by .4
    assert blue.calibration_slope == pytest.approx(1.0, abs=0.25)
    assert blue.value_of_policy == pytest.approx(0.125, abs=0.04)


def test_an_action_that_costs_more_than_it_brings_is_not_chosen(result):
    red = next(row for row in result.holdout if row.action == "red")
    assert red.value_of_policy == 0.0
    assert red.value_of_best_single_action == 0.0


def test_identifiers_and_columns_moved_by_the_arm_are_left_out_and_said_so(result):
    assert result.features == ("loyal", "age")
    assert any("'clicked'" in refusal.what and "arms" in refusal.reason for refusal in result.refusals)
    assert any("'id'" in refusal.what for refusal in result.refusals)


def test_every_row_of_the_file_is_scored_for_every_action(result):
    scores = result.scores_table()
    assert scores.num_rows == 2 * N
    assert scores.column_names == ["row", "action", "value_mean", "value_sd", "cost", "holdout"]
    assert 0.45 < np.mean(scores["holdout"].to_numpy(zero_copy_only=False)) < 0.55


def test_the_order_of_the_rows_does_not_matter_when_units_are_named():
    table = experiment()
    spec = UpliftSpec("arm", "hold", "bought", unit="id")
    turned = table.take(pa.array(np.arange(N)[::-1]))
    first, second = analyze_uplift(table, spec), analyze_uplift(turned, spec)
    for one, other in zip(first.holdout, second.holdout, strict=True):
        assert one.value_of_policy == pytest.approx(other.value_of_policy, abs=0.02)


def test_a_logged_propensity_column_is_used():
    table = experiment().append_column("p", pa.array(np.full(N, 1 / 3)))
    result = analyze_uplift(table, UpliftSpec("arm", "hold", "bought", propensity="p"))
    assert result.holdout[0].value_of_policy > 0.05


def test_recurring_units_stay_on_one_side_of_the_split():
    table = pa.concat_tables([experiment(0, 2000), experiment(1, 2000)])
    result = analyze_uplift(table, UpliftSpec("arm", "hold", "bought", unit="id"))
    scores = result.scores_table().to_pylist()
    sides = {}
    for row in scores:
        sides.setdefault(row["id"], set()).add(row["holdout"])
    assert all(len(side) == 1 for side in sides.values())
    assert result.units == 2000


def test_named_segments_and_no_features_are_enough():
    spec = UpliftSpec("arm", "hold", "bought", features="none", segments=("loyal",))
    result = analyze_uplift(experiment(), spec)
    assert result.features == ()
    assert len(result.holdout) == 3


def test_without_a_holdout_nothing_is_judged():
    result = analyze_uplift(experiment(), UpliftSpec("arm", "hold", "bought", holdout=0.0))
    assert result.holdout == ()
    assert result.units_holdout == 0


def test_a_file_with_the_control_alone_is_refused_with_a_reason():
    table = experiment().set_column(1, "arm", pa.array(["hold"] * N))
    result = analyze_uplift(table, UpliftSpec("arm", "hold", "bought"))
    assert result.records() == []
    assert any("nothing but the control" in refusal.reason for refusal in result.refusals)


def test_an_arm_with_five_rows_counts_as_zero_with_a_refusal():
    arms = np.array(experiment()["arm"].to_pylist())
    red = np.flatnonzero(arms == "red")
    table = experiment().take(pa.array(np.setdiff1d(np.arange(N), red[5:])))
    result = analyze_uplift(table, UpliftSpec("arm", "hold", "bought"))
    assert [row["weight"] for row in result.records() if row["action"] == "red"] == [1.0]
    assert any(refusal.what == "uplift of red" for refusal in result.refusals)


def test_outcomes_that_are_all_zero_find_nothing():
    table = experiment().set_column(4, "bought", pa.array(np.zeros(N)))
    result = analyze_uplift(table, UpliftSpec("arm", "hold", "bought"))
    assert all(row.value_of_policy == 0.0 for row in result.holdout)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"action": "arms"}, "analyze.unknown_column"),
        ({"control": "holdout"}, "analyze.unknown_control"),
        ({"outcome": "arm"}, "analyze.outcome_not_numeric"),
        ({"costs": {"green": 1.0}}, "analyze.unknown_arm"),
        ({"propensity": 0.7}, "analyze.bad_propensity"),
        ({"propensity": "bought"}, "analyze.bad_propensity"),
        ({"holdout": 1.0}, "uplift.bad_holdout"),
    ],
)
def test_a_wrong_word_is_answered_with_the_reason(change, code):
    words = {"action": "arm", "control": "hold", "outcome": "bought"} | change
    with pytest.raises(UsageError) as caught:
        analyze_uplift(experiment(n=200), UpliftSpec(**words))
    assert caught.value.code == code
    assert caught.value.hint


def test_a_file_without_usable_rows_is_an_input_error():
    table = pa.table({"arm": pa.nulls(5, pa.string()), "bought": [1, 0, 1, 0, 1]})
    with pytest.raises(InputError):
        analyze_uplift(table, UpliftSpec("arm", "hold", "bought"))


def test_holding_out_every_unit_is_refused():
    with pytest.raises(InsufficientDataError):
        analyze_uplift(experiment(n=2), UpliftSpec("arm", experiment(n=2)["arm"][0].as_py(), "bought", holdout=0.9999))


def test_ranking_scores_of_a_textbook_case():
    score, predicted = np.array([3.0, 1.0, 0.0, -2.0]), np.array([4.0, 3.0, 2.0, 1.0])
    assert area_under_curve(score, predicted) == pytest.approx((3 * 7 + 1 * 5 + 0 - 2 * 1) / 8 / 4)
    assert area_beyond_random(score, predicted) == pytest.approx((3 * 3 + 1 * 1 + 0 + 2 * 3) / 8 / 4)


def test_a_constant_prediction_has_no_qini_and_no_slope():
    score, flat = np.array([3.0, 1.0, -2.0]), np.full(3, 0.5)
    assert area_beyond_random(score, flat) == 0.0
    assert calibration_slope(score, flat) is None
    assert calibration_slope(2.0 * np.arange(3.0), np.arange(3.0)) == pytest.approx(2.0)
