from __future__ import annotations

import numpy as np
import pytest

from alamo.domain.tables import SCORES
from alamo.prediction import Correction, corrected
from alamo.testing.samples import sample_rows

SCORED = SCORES.check(
    sample_rows(
        "scores", 4, action_id=["mail", "post"] * 2, value_mean_money=2.0, value_sd_money=0.5, shared_sd_money=0.3
    )
)


def test_every_value_of_an_action_moves_by_its_correction_and_its_error_is_shared():
    out = corrected(SCORED, {"mail": Correction(-1.5, 0.4)})
    assert out["value_mean_money"].to_pylist() == [0.5, 2.0, 0.5, 2.0]
    assert np.allclose(out["shared_sd_money"].to_numpy(), [0.5, 0.3, 0.5, 0.3])
    assert np.allclose(out["value_sd_money"].to_numpy(), [np.hypot(0.5, 0.4), 0.5] * 2)
    assert out.column_names == SCORED.column_names


def test_corrected_scores_carry_a_version_of_their_own():
    once, again = (corrected(SCORED, {"mail": Correction(money, 0.4)}) for money in (-1.5, -1.4))
    versions = {table["model_version"][0].as_py() for table in (SCORED, once, again)}
    assert len(versions) == 3


def test_without_corrections_scores_stay_as_they_are():
    assert corrected(SCORED, {}) is SCORED


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_correction_is_kept_as_far_as_chance_does_not_explain_it(sign):
    assert Correction(sign * 1.4, 1.0).kept == Correction(0.0, 0.0)
    assert Correction(0.0, 0.0).kept == Correction(0.0, 0.0)
    assert Correction(sign * 2.0, 1.0).kept.money == pytest.approx(sign * 1.0)
    assert Correction(sign * 2.0, 1.0).kept.se == pytest.approx(np.sqrt(0.5))
    assert Correction(sign * 100.0, 1.0).kept.money == pytest.approx(sign * 100.0, rel=1e-3)


def test_corrections_made_by_chance_alone_mostly_change_nothing():
    n = 4000
    drawn = np.random.default_rng(1).normal(0.0, 0.3, n)
    kept = np.array([Correction(float(money), 0.3).kept.money for money in drawn])
    beyond = 2 * 0.0786  # a standard normal beyond the square root of 2
    assert abs(np.mean(kept != 0.0) - beyond) < 4 * np.sqrt(beyond * (1 - beyond) / n)
    assert np.mean(kept**2) < 0.5 * np.mean(drawn**2)
