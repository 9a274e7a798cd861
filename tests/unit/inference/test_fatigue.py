"""Fatigue by hand, what is left out of it, and when it is charged."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.reasons import Refusal
from alamo.inference import Estimate, Fatigue, fatigue
from alamo.inference.fatigue import LEAST_PAIRS

UNITS = 1000


def log(*, lost: float = 1.0, cycles: tuple[int, ...] = (1, 2), held: bool = False) -> tuple[pa.Table, pa.Table]:
    """Return two cycles that mail every other customer, half of them again: a second mail brings `lost` less."""
    unit = np.arange(UNITS)
    first, second = unit % 2 == 0, unit % 4 < 2
    scores, seen = [], []
    for cycle, mailed in zip(cycles, (first, second), strict=True):
        brings = 3.0 - lost * (first if cycle == cycles[1] else 0)
        for action, mine in (("none", ~mailed), ("mail", mailed)):
            outcome = 5.0 + brings * (action == "mail")
            scores.append(
                pa.table(
                    {
                        "decision_id": [f"{cycle}-{i}" for i in unit], "unit_id": [f"u{i}" for i in unit],
                        "action_id": [action] * UNITS, "p": [0.5] * UNITS, "gamma_money": mine * outcome / 0.5,
                    }
                )
            )  # fmt: skip
        seen.append(
            pa.table(
                {
                    "decision_id": [f"{cycle}-{i}" for i in unit], "cycle": [cycle] * UNITS, "p_action": [0.5] * UNITS,
                    "action_id": np.where(mailed, "mail", "none"), "universal_control": [held] * UNITS,
                }
            )
        )  # fmt: skip
    return pa.concat_tables(scores), pa.concat_tables(seen)


def test_by_hand_the_second_mail_brings_less_and_comes_to_half():
    found = fatigue(*log(lost=1.0), {}, 0.95)
    assert isinstance(found, Fatigue)
    assert found.loss.mean == pytest.approx(0.5 * 1.0)
    assert (found.lags, found.loss.n) == (1, UNITS)
    assert found.by_action["mail"].mean == pytest.approx(0.5)
    none = fatigue(*log(lost=0.0), {}, 0.95)
    assert isinstance(none, Fatigue)
    assert none.loss.mean == pytest.approx(0.0, abs=1e-12)
    assert not none.found


def test_a_charge_for_a_lost_permission_is_put_back():
    scores, seen = log(lost=1.0)
    ids = [f"2-{i}" for i in range(0, UNITS, 4)]  # mailed both times
    with_charge = scores.to_pylist()
    for row in with_charge:
        if row["decision_id"] in set(ids) and row["action_id"] == "mail":
            row["gamma_money"] -= 7.0 / 0.5
    found = fatigue(pa.Table.from_pylist(with_charge, schema=scores.schema), seen, dict.fromkeys(ids, 7.0), 0.95)
    assert isinstance(found, Fatigue)
    assert found.loss.mean == pytest.approx(0.5)


@pytest.mark.parametrize("case", [{"cycles": (0, 1)}, {"cycles": (1, 5)}, {"held": True}])
def test_experiments_the_universal_control_and_what_lies_far_apart_say_nothing(case):
    found = fatigue(*log(**case), {}, 0.95)
    assert isinstance(found, Refusal)
    assert str(LEAST_PAIRS) in found.reason
    assert "more cycles" in found.cure


def test_without_decisions_it_is_refused():
    scores, seen = log()
    assert isinstance(fatigue(scores.slice(0, 0), seen.slice(0, 0), {}, 0.95), Refusal)


def test_nothing_is_charged_until_the_loss_is_found_and_never_less_than_nothing():
    sure, unsure = Estimate(0.5, 0.1, 0.3, 0.7, 900), Estimate(0.5, 0.4, -0.3, 1.3, 900)
    found = Fatigue(sure, {"mail": Estimate(0.8, 0.2, 0.4, 1.2, 500), "good": Estimate(-0.1, 0.1, -0.3, 0.1, 500)}, 2)
    assert [found.charge_money(name) for name in ("mail", "good", "new")] == [0.8, 0.0, 0.5]
    assert Fatigue(unsure, found.by_action, 2).charge_money("mail") == 0.0
    assert Fatigue.from_dict(json.loads(json.dumps(found.to_dict()))) == found
