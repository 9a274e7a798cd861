"""Each house rule complains about a planted offence and is silent about its honest twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath

import pytest
from tests.architecture import checks

SRC = PurePath("src/alamo/domain/thing.py")
INIT = PurePath("src/alamo/domain/__init__.py")
TEST = PurePath("tests/unit/test_thing.py")
TEXT = PurePath("docs/page.md")
FUTURE = "from __future__ import annotations\n"
MARK = "TO" + "DO"
HOST = "https://" + ".".join(("pypi", "org")) + "/simple"

OFFENCES = [
    (checks.file_length, SRC, "x = 1\n" * 401, "x = 1\n" * 400),
    (checks.file_length, TEST, "x = 1\n" * 501, "x = 1\n" * 500),
    (checks.function_length, SRC, "def f():\n" + "    x = 1\n" * 70, "def f():\n" + "    x = 1\n" * 69),
    (checks.class_length, SRC, "class C:\n" + "    x = 1\n" * 250, "class C:\n" + "    x = 1\n" * 249),
    (checks.init_holds_no_logic, INIT, '"""Room."""\nx = 1\n', '"""Room."""\nfrom a import b\n__all__ = ["b"]\n'),
    (checks.init_holds_no_logic, INIT, "from a import b\n", '"""Room."""\n'),
    (checks.init_holds_no_logic, INIT, '"""R."""\ndef __getattr__(name): ...\n', '"""R."""\nimport a\n'),
    (
        checks.init_holds_no_logic,
        checks.FRONT_DOOR,
        '"""R."""\ndef f(): ...\n',
        '"""R."""\n_ROOMS = {}\ndef __getattr__(name): ...\n',
    ),
    (checks.future_annotations, SRC, "x = 1\n", FUTURE),
    (checks.front_door_from_inside, SRC, "from alamo import Project\n", "from alamo.project import Project\n"),
    (checks.front_door_from_inside, SRC, "def f():\n    import alamo\n", "import alamo.domain\n"),
    (checks.relative_import, SRC, "from . import x\n", "from alamo.domain import x\n"),
    (checks.package_away_from_home, SRC, "def f():\n    import duckdb\n", "import numpy\n"),
    (checks.package_away_from_home, SRC, "from sklearn.linear_model import Ridge\n", "from scipy import stats\n"),
    (checks.wall_clock, SRC, "datetime.datetime.now(UTC)\n", "clock.now()\n"),
    (checks.wall_clock, SRC, "time.time()\n", "time.perf_counter()\n"),
    (checks.stub, SRC, "def f():\n    raise NotImplementedError\n", "def f():\n    raise ValueError\n"),
    (checks.test_without_a_check, TEST, "def test_it():\n    f()\n", "def test_it():\n    assert f()\n"),
    (checks.left_over_mark, TEXT, f"{MARK}: later\n", "todos los dias\n"),
    (checks.private_place, TEXT, f"pip install -i {HOST} x\n", "pip install x\n"),
    (checks.private_place, TEXT, "open /" + "work/main\n", "see docs/work/main\n"),
]


@pytest.mark.parametrize(("rule", "path", "bad", "good"), OFFENCES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_rule_sees_the_offence_and_only_that(
    rule: Callable[[PurePath, str], Iterator[str]], path: PurePath, bad: str, good: str
) -> None:
    assert list(rule(path, bad))
    assert not list(rule(path, good))


def test_a_bucket_name_is_seen_in_files_and_folders() -> None:
    assert list(checks.bucket_name(PurePath("src/alamo/utils.py"), ""))
    assert list(checks.bucket_name(PurePath("src/alamo/common/money.py"), ""))
    assert not list(checks.bucket_name(PurePath("src/alamo/domain/money.py"), ""))


def test_every_rule_has_a_planted_offence() -> None:
    planted = {offence[0] for offence in OFFENCES} | {checks.bucket_name}
    assert planted == {*checks.PYTHON_RULES, *checks.TEXT_RULES}
