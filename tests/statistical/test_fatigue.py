"""Fatigue where it is known by construction: unbiased, with an interval that covers, and rarely found where none is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference import Fatigue, fatigue

pytestmark = pytest.mark.statistical

UNITS, CYCLES, LEVEL = 400, 8, 0.95
ACTIONS, P, GAIN = ("loud", "soft"), np.array([0.25, 0.25]), 3.0
TIRES = np.array([[2.4, 1.2], [0.8, 0.4]])
"""What a contact with each action takes from each contact one and two cycles later."""
TRUE = P.sum() * TIRES.sum(axis=1)
"""Loss per contact by action: the next contacts come with probability ΣP."""


def draw(rng: np.random.Generator, tires: np.ndarray) -> Fatigue:
    """Return the fatigue of a log whose contacts bring GAIN less what those of the two cycles before take."""
    p = np.array([1.0 - P.sum(), *P])
    own = rng.normal(0.0, 1.0, UNITS)
    before = [np.zeros(UNITS, dtype=np.int64), np.zeros(UNITS, dtype=np.int64)]
    taken = np.vstack([np.zeros(2), tires])
    scores, seen = [], []
    for cycle in range(1, CYCLES + 1):
        arm = rng.choice(3, UNITS, p=p)
        brings = GAIN - taken[before[0], 0] - taken[before[1], 1]
        outcome = own + rng.normal(0.0, 1.0, UNITS) + np.where(arm > 0, brings, 0.0)
        before = [arm, before[0]]
        ids = np.array([f"{cycle}-{unit}" for unit in range(UNITS)])
        for place, action in enumerate(("none", *ACTIONS)):
            gamma = (arm == place) * outcome / p[place]
            unit = [f"u{i}" for i in range(UNITS)]
            scores.append(
                pa.table(
                    {
                        "decision_id": ids, "unit_id": unit, "action_id": [action] * UNITS, "p": [p[place]] * UNITS,
                        "gamma_money": gamma,
                    }
                )
            )  # fmt: skip
        seen.append(
            pa.table(
                {
                    "decision_id": ids, "action_id": np.array(["none", *ACTIONS])[arm], "p_action": p[arm],
                    "cycle": np.full(UNITS, cycle), "universal_control": np.zeros(UNITS, dtype=bool),
                }
            )
        )  # fmt: skip
    found = fatigue(pa.concat_tables(scores), pa.concat_tables(seen), {}, LEVEL)
    assert isinstance(found, Fatigue)
    return found


def test_the_loss_is_unbiased_and_its_interval_covers(n_seeds):
    n = 6 * n_seeds
    drawn = [draw(np.random.default_rng([seed, 51]), TIRES).loss for seed in range(n)]
    mean, se = (np.array([getattr(one, name) for one in drawn]) for name in ("mean", "se"))
    assert abs(mean.mean() - TRUE.mean()) <= 4 * mean.std(ddof=1) / n**0.5
    covered = np.mean([one.lower <= TRUE.mean() <= one.upper for one in drawn])
    assert covered >= LEVEL - 3 * (LEVEL * (1 - LEVEL) / n) ** 0.5
    assert se.mean() == pytest.approx(mean.std(ddof=1), rel=4 / (2 * n) ** 0.5)


def test_actions_are_told_apart_and_drawn_together(n_seeds):
    n = 3 * n_seeds
    drawn = [draw(np.random.default_rng([seed, 52]), TIRES).by_action for seed in range(n)]
    loud, soft = (np.mean([one[name].mean for one in drawn]) for name in ACTIONS)
    assert TRUE[1] < soft < TRUE.mean() < loud < TRUE[0]


def test_without_fatigue_it_is_found_no_more_often_than_the_level_allows(n_seeds):
    """Found is a loss whose interval lies above zero, so on one side: (1 − level)/2."""
    n = 6 * n_seeds
    drawn = [draw(np.random.default_rng([seed, 53]), np.zeros((2, 2))) for seed in range(n)]
    rate = (1 - LEVEL) / 2
    assert np.mean([one.found for one in drawn]) <= rate + 3 * (rate * (1 - rate) / n) ** 0.5
