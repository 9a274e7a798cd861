"""The whole score on small tables of our own making."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.prediction.scores.samples import honest_columns, leak, table_of

import alamo.prediction.scores.analysis as module
from alamo.domain.errors import UsageError
from alamo.prediction.scores import ScoreSpec, analyze_scores
from alamo.prediction.scores.figures import auc

N = 1_500
BESIDE = {"pooled", "suspected_leaks", "out", "forward", "drift", "refusals", "calibration_curve"}


@pytest.fixture(scope="module")
def honest():
    columns, y, eta = honest_columns(N, 0.3, np.random.default_rng(11), strength=0.8)
    return table_of(columns, y=y, when=np.arange(N), id=[f"c{i}" for i in range(N)]), eta


@pytest.fixture(scope="module")
def result(honest):
    return analyze_scores(honest[0], ScoreSpec("y", id="id", time="when", folds=3))


def test_the_object_has_the_keys_that_were_promised(result):
    data = result.to_dict()
    assert data["schema"] == "alamo.scores/1"
    assert {tuple(row) for row in data["rows"]} == {("fold", "auc", "log_loss", "top_decile_lift", "ece")}
    assert [row["fold"] for row in data["rows"]] == [1, 2, 3]
    assert set(data["pooled"]) == {"auc", "log_loss", "top_decile_lift", "ece"}
    assert set(data) >= BESIDE


def test_it_comes_near_what_the_truth_itself_would_score(result, honest):
    table, eta = honest
    assert result.validation.pooled.auc > auc(eta, np.asarray(table["y"])) - 0.05
    assert result.suspected_leaks == ()
    assert not result.drift.warning


def test_parts_add_up_to_the_log_odds(result):
    table = result.scores_table()
    parts = sum(np.asarray(table[name]) for name in table.column_names if name == "base" or name.startswith("part: "))
    assert np.abs(parts - np.asarray(table["log_odds"])).max() < 1e-9
    assert np.asarray(table["score"]) == pytest.approx(1 / (1 + np.exp(-np.asarray(table["log_odds"]))))
    assert table.column_names[:2] == ["row", "id"]


def test_a_leak_is_named_left_out_and_shown_both_ways(honest):
    table, _ = honest
    late = leak("money after it", np.asarray(table["y"]), np.random.default_rng(1))
    table = table.append_column("refund", pa.array(late))
    found = analyze_scores(table, ScoreSpec("y", drop=("id", "when"), folds=3))
    assert [one.column for one in found.suspected_leaks] == ["refund"]
    assert found.validation.pooled == found.without_suspects
    assert found.with_suspects.auc > found.without_suspects.auc + 0.02
    kept = analyze_scores(table, ScoreSpec("y", drop=("id", "when"), keep=("refund",), folds=3))
    assert kept.validation.pooled == kept.with_suspects
    assert kept.suspected_leaks[0].kept


def test_a_doubted_column_is_learnt_from_and_asked_about_until_it_is_to_be_kept():
    rng = np.random.default_rng(12)
    columns, y, _ = honest_columns(3_000, 0.15, rng)
    table = table_of(columns, y=y, talk=leak("length of the talk", y, rng))
    found = analyze_scores(table, ScoreSpec("y", folds=3))
    assert found.suspected_leaks == ()
    (question,) = (item for item in found.refusals if "'talk'" in item.what)
    assert "--drop talk" in question.cure
    kept = analyze_scores(table, ScoreSpec("y", folds=3, keep=("talk",)))
    assert not [item for item in kept.refusals if "'talk'" in item.what]
    assert kept.validation.pooled == found.validation.pooled


def test_rows_without_a_target_are_scored_and_not_learnt_from(honest):
    table, _ = honest
    unknown = pa.array(np.asarray(table["y"]), mask=np.arange(N) < 300)
    table = table.set_column(table.column_names.index("y"), "y", unknown)
    found = analyze_scores(table, ScoreSpec("y", id="id", drop=("when",), folds=3))
    scored = found.scores_table()
    assert found.n_fitted == N - 300
    assert scored["fold"].null_count == 300
    assert not np.isnan(np.asarray(scored["score"])).any()
    assert any("without a target" in one.reason for one in found.refusals)


def test_rows_of_one_id_share_a_fold(honest):
    table, _ = honest
    table = table.set_column(table.column_names.index("id"), "id", pa.array([f"c{i // 3}" for i in range(N)]))
    fold = np.asarray(analyze_scores(table, ScoreSpec("y", id="id", drop=("when",), folds=3)).scores.fold)
    assert (fold.reshape(-1, 3) == fold[::3, None]).all()


def test_a_market_that_turns_raises_the_drift_warning():
    columns, y, _ = honest_columns(N, 0.3, np.random.default_rng(12), strength=0.8)
    late = np.arange(N) > 0.8 * N
    y[late] = 1 - y[late]
    found = analyze_scores(table_of(columns, y=y, when=np.arange(N)), ScoreSpec("y", time="when", folds=4))
    assert found.drift.warning
    assert found.forward.pooled.auc < found.validation.pooled.auc


def test_more_rows_than_fit_are_sampled_and_all_scored(honest, monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 600)
    found = analyze_scores(honest[0], ScoreSpec("y", id="id", drop=("when",), folds=3))
    assert found.n_fitted == 600
    assert found.scores_table().num_rows == N


@pytest.mark.parametrize("n", [1, 10])
def test_a_handful_of_rows_is_refused_with_every_key(n):
    found = analyze_scores(pa.table({"x": range(n), "y": [i % 2 for i in range(n)]}), ScoreSpec("y")).to_dict()
    assert found["rows"] == []
    assert found["pooled"] == dict.fromkeys(("auc", "log_loss", "top_decile_lift", "ece"))
    assert found["refusals"][0]["what"] == "readiness score"


def test_without_a_usable_column_the_score_is_refused():
    y = [0, 0, 0, 1] * 50
    table = pa.table({"same": ["a"] * 200, "copy": y, "y": y})
    found = analyze_scores(table, ScoreSpec("y"))
    assert found.records() == []
    assert found.scores_table().num_rows == 0
    assert {item.name for item in found.left_out} == {"same"}
    assert "--keep copy" in found.refusals[0].cure


def test_a_wrong_column_names_the_near_one(honest):
    with pytest.raises(UsageError, match="no column 'plane'") as error:
        analyze_scores(honest[0], ScoreSpec("y", drop=("plane",)))
    assert "plain" in error.value.hint


def test_fifty_thousand_levels_are_learnt_from_without_telling_a_row_its_own_answer():
    rng = np.random.default_rng(13)
    n = 40_000
    level = rng.integers(0, 15_000, n)
    known = rng.normal(size=15_000) * 1.5
    y = (rng.random(n) < 1 / (1 + np.exp(1 - known[level]))).astype(float)
    table = pa.table({"campaign": [f"k{i}" for i in level], "noise": rng.normal(size=n), "y": y})
    found = analyze_scores(table, ScoreSpec("y", folds=2))
    assert found.suspected_leaks == ()
    assert 0.6 < found.validation.pooled.auc < 0.8
    assert found.validation.pooled.ece < 0.02
