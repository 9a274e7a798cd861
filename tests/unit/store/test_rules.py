from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from alamo.domain.errors import StateError
from alamo.domain.records import PlanAct, PlanRecord
from alamo.store.rules import check_receipts, moved, plain_json

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = PlanRecord("p", 1, "proposed", "v", NOW, NOW, {})


def test_json_keeps_numbers_exactly_and_unwraps_numpy() -> None:
    assert plain_json({"a": np.float64(0.1), "b": np.int64(3), "c": [np.bool_(True)]}) == {
        "a": 0.1,
        "b": 3,
        "c": [True],
    }


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError):
        plain_json({"a": object()})


def test_cancelling_records_nobody_as_launcher() -> None:
    after = moved(PLAN, PlanAct("p", "cancelled", "ann", NOW), ["proposed"])
    assert (after.state, after.launched_by, after.approved_by) == ("cancelled", None, None)


def test_a_plan_launched_in_one_step_names_its_launcher() -> None:
    after = moved(PLAN, PlanAct("p", "launched", "ann", NOW), ["proposed"])
    assert (after.launched_by, after.launched_at) == ("ann", NOW)


def test_the_refusal_names_plan_and_states() -> None:
    with pytest.raises(StateError) as caught:
        moved(PLAN, PlanAct("p", "launching", "ann", NOW), ["approved"])
    assert caught.value.details == {"plan": "p", "state": "proposed", "from": ["approved"], "to": "launching"}


def test_receipts_of_strangers_name_the_batch_and_the_decision() -> None:
    check_receipts("b", {"d1": ("sent", None)}, ["d1", "d2"])
    with pytest.raises(StateError) as caught:
        check_receipts("b", {"d1": ("sent", None), "d3": ("sent", None)}, ["d1"])
    assert caught.value.details == {"batch": "b", "decision": "d3"}
