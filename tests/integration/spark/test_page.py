"""The page on Spark runs as it is written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.docs.pages import HOW_TO, printed_by
from tests.docs.test_how_to_runs import script_of
from tests.integration.spark.conftest import QUICK

pytestmark = pytest.mark.spark


def test_the_page_runs_from_start_to_end(spark, tmp_path, monkeypatch):
    del spark  # only says that there is one
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", QUICK["spark.driver.extraJavaOptions"])
    script, installed = script_of((HOW_TO / "run-on-spark.md").read_text(encoding="utf-8")), Path(sys.executable).parent
    printed = printed_by(script, tmp_path, commands=installed, seconds=900)
    assert '"changed": false' in printed
    assert "no plan is worth more than" in printed
