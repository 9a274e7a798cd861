"""Scores on public tables: the figures to reach, the leak that must be named, and the drift that must be seen."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.connectors.sources import read_table
from alamo.prediction.scores import ScoreSpec, analyze_scores
from alamo.prediction.scores.columns import choose_columns
from alamo.prediction.scores.leaks import find_leaks, look_for_leaks

BANK = "uci_bank_marketing/bank-additional-full.csv.gz"
HILLSTROM = "hillstrom/hillstrom.csv.gz"


def suspected(table: pa.Table, target: str, yes: str, drop: tuple[str, ...] = ()) -> set[str]:
    chosen = choose_columns(table, [name for name in table.column_names if name != target and name not in drop])
    y = np.array([str(value) == yes for value in table[target].to_pylist()], dtype=float)
    found = find_leaks(chosen.readers, chosen.read(table), y, np.random.default_rng(0))
    return {leak.column for leak in found}


def test_bank_marketing_with_its_leak_in_the_file_and_in_the_order_of_its_rows(test_data):
    table = read_table(test_data / BANK)
    table = table.append_column("row", pa.array(np.arange(table.num_rows)))
    found = analyze_scores(table, ScoreSpec("y", time="row"))
    assert [leak.column for leak in found.suspected_leaks] == ["duration"]
    assert found.validation.pooled.auc >= 0.80
    assert found.validation.pooled.ece <= 0.01
    assert found.with_suspects.auc > 0.93
    assert found.drift.warning
    assert found.forward.pooled.auc < found.validation.pooled.auc - 0.03
    assert {"euribor3m", "nr.employed"} <= {shift.column for shift in found.drift.columns[:5]}


@pytest.mark.parametrize(
    ("target", "drop", "leaks"),
    [
        ("visit", (), {"conversion", "spend"}),
        ("conversion", (), {"visit", "spend"}),
        ("visit", ("conversion", "spend"), set()),
        ("conversion", ("visit", "spend"), set()),
    ],
)
def test_outcomes_of_hillstrom_are_leaks_of_each_other_and_its_features_are_not(test_data, target, drop, leaks):
    assert suspected(read_table(test_data / HILLSTROM), target, "1", drop) == leaks


def test_half_of_the_bank_table_is_enough_to_suspect_the_length_of_the_call(test_data):
    table = read_table(test_data / BANK)
    half = table.take(pa.array(np.arange(0, table.num_rows, 2)))
    assert suspected(half, "y", "yes") == {"duration"}
    assert suspected(half, "y", "yes", ("duration",)) == set()


@pytest.mark.parametrize("seed", range(3))
def test_a_tenth_of_the_bank_table_raises_the_question_about_the_call_and_about_nothing_else(test_data, seed):
    """Some 4,000 rows cannot tell a smooth leak from a strong honest column; a person can."""
    table = read_table(test_data / BANK)
    rows = np.sort(np.random.default_rng(seed).permutation(table.num_rows)[: table.num_rows // 10])
    tenth = table.take(pa.array(rows))
    y = np.array([value == "yes" for value in tenth["y"].to_pylist()], dtype=float)
    for dropped, asked in (((), ["duration"]), (("duration",), [])):
        chosen = choose_columns(tenth, [name for name in tenth.column_names if name not in ("y", *dropped)])
        found, doubts = look_for_leaks(chosen.readers, chosen.read(tenth), y, np.random.default_rng(0))
        assert found == ()
        assert [doubt.column for doubt in doubts] == asked
