"""A fitted uplift outside of the file it came from: new tables, JSON and explanations."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.prediction.test_analyze_uplift import experiment

from alamo.domain.errors import UsageError
from alamo.prediction import FittedUplift, UpliftSpec, analyze_uplift
from alamo.prediction.learners import BUILT_IN

SPEC = UpliftSpec(
    "arm", "hold", "bought", costs={"red": 0.5}, features=("loyal", "age"), learners=tuple(BUILT_IN), explain=30,
    what_if=("age", "loyal"),
)  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return analyze_uplift(experiment(), SPEC)


def read_again(model):
    return FittedUplift.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))


def test_all_learners_take_part_beside_the_simple_ones(result):
    blue = {row["learner"]: row for row in result.records() if row["action"] == "blue"}
    assert list(blue) == ["zero", "one effect", "segments", "ridge", "boosting", "tree", "forest", "network"]
    assert sum(row["weight"] for row in blue.values()) == pytest.approx(1.0)
    assert blue["network"]["dr_loss"] < blue["one effect"]["dr_loss"]


def test_a_model_from_its_file_scores_with_the_same_bits(result):
    scores = result.scores_table()
    for model in (result.model, read_again(result.model)):
        again = model.predict(experiment())
        assert again.column_names == ["row", "action", "value_mean", "value_sd", "cost"]
        assert again == scores.drop_columns(["holdout"])
    assert read_again(result.model).to_dict() == result.model.to_dict()
    assert result.predict(experiment().slice(0, 5)).num_rows == 10


def test_every_learner_by_itself_comes_back_from_a_file():
    for name in BUILT_IN:
        spec = UpliftSpec("arm", "hold", "bought", segments="none", learners=(name,))
        model = analyze_uplift(experiment(), spec).model
        assert read_again(model).predict(experiment()) == model.predict(experiment())


def test_a_row_alone_gets_the_bits_of_the_batch(result):
    table = experiment()
    batch = result.model.effects(table)
    alone = np.vstack([result.model.effects(table.slice(i, 1)) for i in range(50)])
    assert np.array_equal(alone, batch[:50])


def test_segments_of_named_columns_and_of_none_go_into_the_file():
    for segments in (("loyal",), "none", "auto"):
        model = analyze_uplift(experiment(), UpliftSpec("arm", "hold", "bought", segments=segments)).model
        assert read_again(model).predict(experiment()) == model.predict(experiment())
    named = analyze_uplift(experiment(), UpliftSpec("arm", "hold", "bought", features="none", segments=("loyal",)))
    assert named.model.columns == ("loyal",)


def test_a_table_without_a_column_or_with_another_type_is_refused(result):
    with pytest.raises(UsageError, match="no column 'age'"):
        result.predict(experiment().drop_columns(["age"]))
    with pytest.raises(UsageError) as caught:
        result.predict(pa.table({"loyal": [True], "age": ["old"]}))
    assert caught.value.code == "uplift.other_types"


@pytest.mark.parametrize(
    ("segments", "columns"),
    [
        ("none", {"word": [3]}),
        ("none", {"age": ["30"]}),
        ("none", {"age": pa.array(["30"]).dictionary_encode()}),
        (("loyal",), {"loyal": [1]}),
    ],
)
def test_text_for_numbers_and_numbers_for_text_are_refused_not_taken_for_unknown(segments, columns):
    table = experiment(n=1500)
    word = np.where(np.asarray(table["loyal"]), "yes", "no")
    spec = UpliftSpec("arm", "hold", "bought", features=("word", "age"), segments=segments, learners=("ridge",))
    model = read_again(analyze_uplift(table.append_column("word", pa.array(word)), spec).model)
    good = {"loyal": [True], "word": ["yes"], "age": [30]}
    assert np.isfinite(model.effects(pa.table(good))).all()
    assert np.isfinite(model.effects(pa.table(good | {"word": [None], "age": [30.0]}))).all()
    with pytest.raises(UsageError) as caught:
        model.predict(pa.table(good | columns))
    assert caught.value.code == "uplift.other_types"
    assert repr(next(iter(columns))) in caught.value.message


def test_flags_written_as_numbers_are_read(result):
    flags, numbers = (pa.table({"loyal": loyal, "age": [30, 40]}) for loyal in ([True, False], [1, 0]))
    assert np.array_equal(result.model.effects(flags), result.model.effects(numbers))


@pytest.mark.parametrize("part", ["actions", "costs", "features", "segmenting", "encoder", "stacks", "kinds"])
def test_what_is_no_model_is_refused_in_words(result, part):
    state = result.model.to_dict()
    absent = {key: value for key, value in state.items() if key != part}
    for values in ({"schema": "alamo.policy/1"}, [state], absent, state | {part: 7}):
        with pytest.raises(UsageError, match="no uplift model") as caught:
            FittedUplift.from_dict(values)
        assert caught.value.code == "uplift.not_a_model"


def test_a_level_never_seen_and_a_missing_value_are_scored(result):
    scores = result.predict(pa.table({"loyal": [None, True], "age": pa.array([None, 1e9])}))
    assert np.isfinite(np.asarray(scores["value_mean"])).all()


def test_contributions_add_up_to_the_effect_and_name_their_rows(result):
    table = result.contributions_table()
    assert table.column_names == ["row", "action", "effect", "base", "part:loyal", "part:age"]
    assert table.num_rows == 60
    total = sum(np.asarray(table[name]) for name in ("base", "part:loyal", "part:age"))
    assert total == pytest.approx(np.asarray(table["effect"]), abs=1e-12)
    rows = np.asarray(table["row"])[:30]
    held_out = np.asarray(result.scores_table()["holdout"])[: len(experiment())]
    assert held_out[rows].all()
    effects = result.model.effects(experiment().take(pa.array(rows)))
    assert np.asarray(table["effect"])[:30] == pytest.approx(effects[:, 0])


def test_the_column_that_makes_the_difference_is_the_important_one(result):
    blue = [row for row in result.to_dict()["importance"] if row["action"] == "blue"]
    assert [row["column"] for row in blue] == ["loyal", "age"]
    assert blue[0]["mean_absolute"] > 5.0 * blue[1]["mean_absolute"]
    assert blue[0]["lower"] > 0.0
    assert blue[1]["upper"] < blue[0]["lower"]


def test_a_what_if_is_a_curve_per_action_and_column(result):
    curves = {(curve["action"], curve["column"]): curve for curve in result.to_dict()["what_if"]}
    assert set(curves) == {("blue", "age"), ("red", "age"), ("blue", "loyal"), ("red", "loyal")}
    loyal = curves["blue", "loyal"]
    assert [point["value"] for point in loyal["points"]] == [False, True]
    assert loyal["shape"] == "rising"
    assert 0.2 < loyal["change_lower"] < loyal["change"] < loyal["change_upper"]
    assert loyal["points"][1]["seen_lower"] < 0.25 < loyal["points"][1]["seen_upper"]


def test_what_is_kept_is_said(result):
    blue = result.to_dict()["kept"][0]
    assert blue["action"] == "blue"
    assert 0.8 < blue["contrast"] <= 1.0
    assert blue["contrast_slope"] == pytest.approx(1.0, abs=0.25)


def test_of_an_effect_that_is_not_there_nothing_is_said_to_be_kept():
    flat = experiment().set_column(4, "bought", pa.array(np.zeros(6000)))
    kept = analyze_uplift(flat, UpliftSpec("arm", "hold", "bought")).to_dict()["kept"][0]
    assert (kept["common"], kept["contrast"], kept["common_slope"]) == (None, None, None)


def test_categories_and_dates_are_explained_like_text_and_numbers():
    table = experiment(n=3000)
    stage = pa.array(np.where(table["loyal"].to_numpy(zero_copy_only=False), "old", "young")).dictionary_encode()
    since = pa.array(np.arange(3000) % 90, pa.int32()).cast(pa.date32())
    spec = UpliftSpec(
        "arm", "hold", "bought", features=("stage", "since"), learners=("ridge",), explain=5, what_if=("stage", "since")
    )
    found = analyze_uplift(table.append_column("stage", stage).append_column("since", since), spec)
    assert {len(curve.points) for curve in found.explanation.what_if} == {2, 10}
    json.dumps(found.to_dict())
    assert read_again(found.model).predict(pa.table({"stage": ["old"], "since": since.slice(0, 1)})).num_rows == 2


def test_ten_people_get_an_answer():
    found = analyze_uplift(experiment(n=10), UpliftSpec("arm", "hold", "bought", explain=3, what_if=("age",)))
    assert all(row.weight in (0.0, 1.0) for row in found.rows)
    assert any(refusal.what == "ranking of policies" for refusal in found.refusals)
    json.dumps(found.to_dict(), allow_nan=False)


def test_of_a_refused_action_there_is_a_refusal_and_nothing_to_explain():
    table = experiment(n=1500)
    arms = np.array(table["arm"].to_pylist())
    red = np.flatnonzero(arms == "red")
    few = np.setdiff1d(np.arange(1500), red[12:])  # twelve rows drew red
    spec = UpliftSpec(
        "arm", "hold", "bought", features=("loyal", "age"), learners=("ridge",), explain=5, what_if=("age",)
    )
    found = analyze_uplift(table.take(pa.array(few)), spec)
    assert "uplift of red" in {refusal.what for refusal in found.refusals}
    assert {row.action for row in found.explanation.importance} == {"blue"}
    assert {curve.action for curve in found.explanation.what_if} == {"blue"}
    assert set(found.contributions_table()["action"].to_pylist()) == {"blue"}
    assert np.isfinite(found.explanation.what_if[0].points[0].lower)


def test_without_any_effect_there_is_no_row_to_explain():
    flat = experiment().set_column(4, "bought", pa.array(np.zeros(6000)))
    found = analyze_uplift(flat, UpliftSpec("arm", "hold", "bought", explain=5, what_if=("age",)))
    assert {refusal.what for refusal in found.refusals} >= {"uplift of blue", "uplift of red"}
    assert (found.explanation.importance, found.explanation.what_if) == ((), ())
    assert found.contributions_table().num_rows == 0


def test_curves_count_every_held_out_row(monkeypatch):
    monkeypatch.setattr("alamo.prediction.analysis.explaining._JUDGED_ROWS", 50)
    spec = UpliftSpec("arm", "hold", "bought", features=("loyal",), learners=("ridge",), what_if=("loyal",))
    found = analyze_uplift(experiment(n=2000), spec)
    assert sum(point.n for point in found.explanation.what_if[0].points) == found.units_holdout


def test_many_rows_are_scored_in_blocks(result, monkeypatch):
    whole = result.predict(experiment(n=250))
    monkeypatch.setattr("alamo.prediction.analysis.model._BLOCK", 100)
    assert result.predict(experiment(n=250)) == whole


def test_nothing_is_explained_unasked_and_without_a_holdout_no_loss_is_given():
    plain = analyze_uplift(experiment(), UpliftSpec("arm", "hold", "bought"))
    assert (plain.explanation.importance, plain.explanation.what_if) == ((), ())
    with pytest.raises(UsageError, match="no explanation"):
        plain.contributions_table()
    spec = UpliftSpec("arm", "hold", "bought", holdout=0.0, explain=5, what_if=("loyal",))
    learnt = analyze_uplift(experiment(), spec)
    assert {row.loss_change for row in learnt.explanation.importance} == {None}
    assert len(learnt.explanation.what_if) == 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"what_if": ("clicked",)}, "uplift.not_a_feature"),
        ({"learners": ("ridgy",)}, "uplift.unknown_learner"),
        ({"explain": -1}, "uplift.bad_explain"),
        ({"explain": 9, "features": "none"}, "uplift.nothing_to_explain"),
        ({"features": "all"}, "uplift.unknown_choice"),
    ],
)
def test_a_wrong_word_is_answered_with_the_reason(change, code):
    with pytest.raises(UsageError) as caught:
        analyze_uplift(experiment(n=300), UpliftSpec("arm", "hold", "bought", **change))
    assert caught.value.code == code
    assert caught.value.hint
