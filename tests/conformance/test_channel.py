from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from alamo.connectors.channels import AudienceFileChannel
from alamo.testing import ChannelSuite


class TestAudienceFileInCsv(ChannelSuite):
    @pytest.fixture
    def channel(self, tmp_path: Path) -> AudienceFileChannel:
        return AudienceFileChannel("email", tmp_path / "audiences")

    @pytest.fixture
    def outbox(self, tmp_path: Path) -> Callable[[], list[str]]:
        return lambda: [
            decision
            for path in (tmp_path / "audiences").rglob("*.csv")
            for decision in pa_csv.read_csv(path)["decision_id"].to_pylist()
        ]


class TestAudienceFileInParquet(ChannelSuite):
    @pytest.fixture
    def channel(self, tmp_path: Path) -> AudienceFileChannel:
        return AudienceFileChannel("email", tmp_path / "audiences", "parquet")

    @pytest.fixture
    def outbox(self, tmp_path: Path) -> Callable[[], list[str]]:
        return lambda: [
            decision
            for path in (tmp_path / "audiences").rglob("*.parquet")
            for decision in pq.read_table(path)["decision_id"].to_pylist()
        ]
