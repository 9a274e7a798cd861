"""Stage and state."""

from __future__ import annotations

import numpy as np

from alamo.measurement.lifecycle import FALLBACK_GAP_DAYS, Standing, stages, states, typical_gap_days


def standing(x, t_x, recency, *, contacts=0, answered=False, offer=False, gap=30.0) -> Standing:
    return Standing(
        x=np.array([float(x)]),
        t_x_days=np.array([float(t_x)]),
        recency_days=np.array([np.nan if recency is None else float(recency)]),
        typical_gap_days=np.array([gap]),
        contacts_14d=np.array([float(contacts)]),
        answered_last=np.array([answered]),
        bought_on_discount=np.array([offer]),
    )


def test_each_stage_has_its_bounds():
    cases = [
        (0, 0, None, "prospect"),
        (0, 0, 60, "new"),  # rhythm 30 days: two of it still keep it
        (0, 0, 61, "at risk"),
        (0, 0, 91, "lapsed"),
        (0, 0, 181, "lost"),
        (2, 60, 10, "active"),
        (4, 120, 10, "loyal"),
        (4, 120, 65, "at risk"),
        (4, 40, 65, "lapsed"),  # his own rhythm is (40 + 60) / 6 days
        (4, 40, 110, "lost"),
    ]
    assert [str(stages(standing(x, t_x, r))[0]) for x, t_x, r, _ in cases] == [stage for *_, stage in cases]


def test_the_state_joins_stage_and_flags():
    one = standing(2, 60, 10, contacts=1, answered=True, offer=True)
    assert states(stages(one), one).to_pylist() == ["active|1 contact|answered|on offer"]
    quiet = standing(0, 0, None)
    assert states(stages(quiet), quiet).to_pylist() == ["prospect|0 contacts|unanswered|unprompted"]
    tired = standing(0, 0, 5, contacts=7)
    assert states(stages(tired), tired).to_pylist() == ["new|2+ contacts|unanswered|unprompted"]


def test_the_typical_gap_is_pooled_and_has_a_fallback():
    assert typical_gap_days(np.array([2.0, 1.0, 0.0]), np.array([30.0, 30.0, 0.0])) == 20.0
    assert typical_gap_days(np.array([0.0]), np.array([0.0])) == FALLBACK_GAP_DAYS
    assert typical_gap_days(np.array([10.0]), np.array([5.0])) == 1.0
