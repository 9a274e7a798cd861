from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from alamo.inference.segments import NO_PURCHASE, SegmentDefinition, assign_segments, define_segments


def _profiles(n: int = 900) -> pa.Table:
    rng = np.random.default_rng(1)
    bought = np.arange(n) % 10 != 0
    return pa.table(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "as_of": pa.array([datetime(2025, 1, 1, tzinfo=UTC)] * n, pa.timestamp("us", tz="UTC")),
            "as_of_day": ["2025-01-01"] * n,
            "purchase_days": np.where(bought, rng.integers(1, 9, n), 0),
            "money": np.where(bought, rng.exponential(100, n), 0.0),
            "recency_days": pa.array(rng.uniform(0, 365, n), mask=~bought),
            "categories": np.where(bought, rng.integers(1, 6, n), 0),
            "bought_on_discount": rng.random(n) < 0.1,
            "answered_last": rng.random(n) < 0.2,
        }
    )


def test_segments_have_names_that_a_person_understands_and_stay_few():
    profiles = _profiles()
    segments = assign_segments(profiles, define_segments(profiles))
    names = set(segments["segment"].to_pylist())
    assert "high value · lapsing · bought on discount" in names
    assert NO_PURCHASE in names
    assert len(names) <= 40


def test_thirds_of_buyers_are_about_equal():
    profiles = _profiles()
    segments = assign_segments(profiles, define_segments(profiles))["segment"].to_pylist()
    buyers = [name for name in segments if name != NO_PURCHASE]
    share = sum(name.startswith("high value") for name in buyers) / len(buyers)
    assert abs(share - 1 / 3) < 0.01


def test_cut_points_are_frozen_under_a_version_and_survive_json():
    definition = define_segments(_profiles())
    again = SegmentDefinition.from_dict(json.loads(json.dumps(definition.to_dict())))
    assert again == definition
    assert again.version == definition.version
    assert SegmentDefinition((1.0, 2.0), (3.0, 4.0), 2).version != definition.version


def test_a_customer_keeps_the_segment_whoever_else_is_in_the_table():
    profiles = _profiles()
    definition = define_segments(profiles)
    everybody = assign_segments(profiles, definition)["segment"].to_pylist()
    assert assign_segments(profiles.slice(5, 3), definition)["segment"].to_pylist() == everybody[5:8]


def test_a_base_without_buyers_is_one_segment():
    profiles = _profiles().filter(pa.array(np.arange(900) % 10 == 0))
    segments = assign_segments(profiles, define_segments(profiles))
    assert set(segments["segment"].to_pylist()) == {NO_PURCHASE}
