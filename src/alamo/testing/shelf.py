"""What every shelf of policy snapshots must do."""

# ruff: noqa: D102, S101 # conformance tests assert, and their names are sentences

from __future__ import annotations

import pytest

from alamo.domain.errors import StoreError
from alamo.domain.policy import BlockState, CounterTerms, LimitRow, PolicySnapshot, RuleSettings
from alamo.domain.ports import PolicyShelf


def snapshot(salt: str = "salt") -> PolicySnapshot:
    """Return a small snapshot with every kind of part."""
    return PolicySnapshot(
        cycle=3,
        action_ids=("none", "spring-mail"),
        rows=(LimitRow("budget", "cost", 5000.0, 1, ("spring-mail",), "region = 'nörth'", True),),
        rule=RuleSettings(
            temperature_money=0.1 + 0.2, floor_share=0.02, control_share=0.1, floor_weights=(0.1 + 0.2, 1.0)
        ),
        salt=salt,
        universal_salt="universal",
        universal_share=1 / 3,
        n_blocks=2,
        blocks=(BlockState(0, (0.0,), (5000.0,)), BlockState(1, (1e-17,), (2500.25,))),
        model_version="m",
        scores_as_of="2026-03-01T00:00:00Z",
        actions={"spring-mail": {"channel": "email", "level": "upsell", "cost_money": 0.4, "eligible": ""}},
        counter=CounterTerms(
            slices=28,
            expected_customers=1 / 3,
            reserved=(500.0,),
            scale=(5000.0,),
            prices=(1e-17,),
            ceiling=(100.0,),
            use=(0.1 + 0.2,),
            variance=(0.01,),
            response=((1e-3,),),
        ),
    )


class ShelfSuite:
    """Conformance of `alamo.domain.ports.PolicyShelf`; a child gives the fixture `shelf`: an empty one."""

    def test_a_snapshot_comes_back_equal_to_the_last_bit(self, shelf: PolicyShelf) -> None:
        version = shelf.put(snapshot())
        assert version == snapshot().version
        assert shelf.get(version) == snapshot()
        assert shelf.get(version).version == version

    def test_putting_it_again_changes_nothing(self, shelf: PolicyShelf) -> None:
        first = shelf.put(snapshot())
        other = shelf.put(snapshot("other"))
        assert shelf.put(snapshot()) == first != other
        assert shelf.get(other).salt == "other"

    @pytest.mark.parametrize("version", ["0" * 64, "../../etc/passwd", ""])
    def test_a_missing_snapshot_is_refused(self, shelf: PolicyShelf, version: str) -> None:
        with pytest.raises(StoreError, match="no policy snapshot"):
            shelf.get(version)
