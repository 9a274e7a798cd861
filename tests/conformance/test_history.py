from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alamo.store import DeltaHistory, MemoryHistory
from alamo.testing import HistorySuite


class TestDeltaHistory(HistorySuite):
    @pytest.fixture
    def history(self, tmp_path: Path) -> Iterator[DeltaHistory]:
        store = DeltaHistory(tmp_path / "a project's [history]", threads=1)
        yield store
        store.close()


class TestMemoryHistory(HistorySuite):
    @pytest.fixture
    def history(self) -> Iterator[MemoryHistory]:
        store = MemoryHistory(threads=1)
        yield store
        store.close()
