from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alamo.store import FilePolicyShelf, MemoryPolicyShelf, MemoryState, SqliteState
from alamo.testing import ShelfSuite, StateSuite


class TestSqliteState(StateSuite):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[SqliteState]:
        store = SqliteState(f"sqlite:///{tmp_path}/new folder/state.db")
        yield store
        store.close()


class TestMemoryState(StateSuite):
    @pytest.fixture
    def state(self) -> MemoryState:
        return MemoryState()


class TestFilePolicyShelf(ShelfSuite):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> FilePolicyShelf:
        return FilePolicyShelf(tmp_path / "policy")


class TestMemoryPolicyShelf(ShelfSuite):
    @pytest.fixture
    def shelf(self) -> MemoryPolicyShelf:
        return MemoryPolicyShelf()
