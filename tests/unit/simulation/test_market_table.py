"""The table of the benchmark against bandits says what its runs say."""

from __future__ import annotations

from benchmarks.market_table import table


def run(regret, *, misses=0, spend=1.0):
    cycles = len(regret)
    return {
        "regret": regret,
        "profit_true": [10.0] * cycles,
        "spend": [spend] * cycles,
        "spend_floor": [1.0] * cycles,
        "spend_least": [0.5] * cycles,
        "broken": 0,
        "coverage": {"pairs": 4, "missed": misses, "without_interval": 0},
    }


def row(lines, begins):
    (found,) = [line for line in lines if line.startswith(f"| {begins}")]
    return found


def test_the_best_rival_is_the_one_with_the_least_regret_on_average():
    kept = {
        "smooth": {
            "1": {"engine": run([1.0] * 20), "a": run([2.0] * 20), "b": run([9.0] * 20)},
            "2": {"engine": run([3.0] * 20), "a": run([2.0] * 20), "b": run([1.5] * 20)},
        }
    }
    said = row(table(kept), "smooth: regret after 8 cycles")
    assert "1.00 × (`a`; within in 1 of 2 seeds)" in said


def test_a_seed_counts_where_every_policy_has_played_it_long_enough():
    kept = {"mixed": {"1": {"engine": run([1.0] * 20), "a": run([4.0] * 8)}, "2": {"engine": run([1.0] * 8)}}}
    lines = table(kept)
    assert "0.25 ×" in row(lines, "mixed: regret after 8 cycles")
    assert not [line for line in lines if "after 20 cycles over" in line]
    assert "(0 of 4)" in row(lines, "misses")


def test_spend_in_nil_is_held_against_both_floors():
    kept = {"nil": {str(k): {"engine": run([1.0] * 8, spend=s), "a": run([1.0] * 8)} for k, s in ((1, 0.5), (2, 1.05))}}
    lines = table(kept)
    assert "1 of 2, median 1.55 ×" in row(lines, "nil: spend in cycle 8 ≤ 1.1 × that of the floor of")
    assert "2 of 2" in row(lines, "nil: spend in cycle 8 ≤ 1.1 × that of the floor in force")
    assert "| – |" not in row(lines, "nil |")


def test_a_policy_that_has_not_played_a_market_leaves_a_gap():
    kept = {
        "mixed": {"1": {"engine": run([1.0] * 8), "a": run([1.0] * 8)}},
        "nil": {"1": {"engine": run([1.0] * 8), "b": run([1.0] * 8)}},
    }
    assert row(table(kept), "mixed | 8").count("–") == 1
