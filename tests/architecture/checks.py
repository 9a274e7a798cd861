"""House rules as pure functions: source text in, complaints out. `test_checks.py` shows that each can complain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePath

FUNCTION_LINES = 70
CLASS_LINES = 250
FILE_LINES = {"src": 400, "tests": 500}
BUCKETS = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"})
FRONT_DOOR = PurePath("src/alamo/__init__.py")
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
CLOCK = PurePath("src/alamo/connectors/clocks.py")

HOMES: dict[str, tuple[str, ...]] = {
    "duckdb": ("src/alamo/store/",),
    "deltalake": ("src/alamo/store/",),
    "sqlalchemy": ("src/alamo/store/",),
    "sqlglot": ("src/alamo/store/",),
    "lightgbm": ("src/alamo/prediction/learners/",),
    "sklearn": ("src/alamo/prediction/learners/",),
    "numba": ("src/alamo/numerics/", "src/alamo/steering/rule.py", "src/alamo/steering/allocation/"),
    "msgspec": ("src/alamo/config/", "src/alamo/cli/"),
    "click": ("src/alamo/cli/",),
    "rich": ("src/alamo/cli/",),
    "pandas": (),
    "polars": (),
    "pyspark": ("src/alamo/spark/",),
    "starlette": (),
    "pydantic": (),
}
"""Package → the only places that may import it."""

_CHECKING = re.compile(r"raises|warns|assert|expect|check|verify|run_state_machine_as_test")
_HOSTS = tuple(".".join(p) for p in (("pypi", "org"), ("pythonhosted", "org"), ("debian", "org"), ("npmjs", "org")))
_MACHINE = re.compile(r"(?:^|[^A-Za-z0-9_.])/(?:work|root|farm|home|Users)/[A-Za-z]")
_MARKS = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


@lru_cache(maxsize=1)
def _nodes(source: str) -> tuple[ast.AST, ...]:
    """Return every node of a file; the rules look at one file after another, so that each is parsed once."""
    return tuple(ast.walk(ast.parse(source)))


def file_length(path: PurePath, source: str) -> Iterator[str]:
    """A source file stops at 400 lines, a test file at 500."""
    limit = FILE_LINES.get(path.parts[0])
    lines = source.count("\n")
    if limit is not None and lines > limit:
        yield f"{path}: {lines} lines, the house stops at {limit}"


def function_length(path: PurePath, source: str) -> Iterator[str]:
    """A function is at most 70 lines with its docstring."""
    for node in _nodes(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path}:{node.lineno} {node.name}: {lines} lines, the house stops at {FUNCTION_LINES}"


def class_length(path: PurePath, source: str) -> Iterator[str]:
    """A class is at most 250 lines."""
    for node in _nodes(source):
        if isinstance(node, ast.ClassDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > CLASS_LINES:
                yield f"{path}:{node.lineno} {node.name}: {lines} lines, the house stops at {CLASS_LINES}"


def bucket_name(path: PurePath, source: str) -> Iterator[str]:
    """No file or folder is named after having no subject."""
    del source  # the rule looks at the name alone
    for part in path.parts:
        if part.removesuffix(".py") in BUCKETS:
            yield f"{path}: {part!r} names no subject"


def init_holds_no_logic(path: PurePath, source: str) -> Iterator[str]:
    """An ``__init__.py`` holds a docstring and re-exports; the front door also one lazy ``__getattr__`` table."""
    if path.name != "__init__.py":
        return
    tree = ast.parse(source)
    if ast.get_docstring(tree) is None:
        yield f"{path}: lacks a docstring that says what the room is, and what it is not"
    for node in tree.body[1:]:
        if not (_is_reexport(node) or (path == FRONT_DOOR and _is_lazy_table(node))):
            yield f"{path}:{node.lineno}: holds more than a docstring and re-exports"


def _is_reexport(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]


def _is_lazy_table(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in {"__getattr__", "__dir__"}
    if isinstance(node, ast.If):  # names for type checkers, which do not see the lazy table
        return ast.unparse(node.test) == "TYPE_CHECKING" and all(_is_reexport(child) for child in node.body)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = {ast.unparse(target) for target in targets}
    return bool(names) and names <= {"_ROOMS"}


def future_annotations(path: PurePath, source: str) -> Iterator[str]:
    """Every module with code starts from the same reading of annotations."""
    if path.name == "__init__.py" or path.parts[0] != "src":
        return
    if "from __future__ import annotations" not in source:
        yield f"{path}: lacks `from __future__ import annotations`"


def front_door_from_inside(path: PurePath, source: str) -> Iterator[str]:
    """Nobody inside imports the front door ``alamo`` itself."""
    if path.parts[0] != "src":
        return
    for node in _nodes(source):
        bare = isinstance(node, ast.Import) and any(name.name == "alamo" for name in node.names)
        named = isinstance(node, ast.ImportFrom) and node.module == "alamo" and node.level == 0
        if bare or named:
            yield f"{path}:{node.lineno}: imports the front door; import the room instead"


def relative_import(path: PurePath, source: str) -> Iterator[str]:
    """Imports are absolute, so that a wall is visible in the line itself."""
    if path.parts[0] != "src":
        return
    for node in _nodes(source):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{path}:{node.lineno}: relative import"


def package_away_from_home(path: PurePath, source: str) -> Iterator[str]:
    """A package with a home is imported there and nowhere else; import-linter knows only those in use."""
    if path.parts[0] != "src":
        return
    for node in _nodes(source):
        for name in _imported(node):
            homes = HOMES.get(name.split(".")[0])
            if homes is not None and not any(path.as_posix().startswith(home) for home in homes):
                yield f"{path}:{node.lineno}: imports {name}, whose home is {' or '.join(homes) or 'nowhere in here'}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def wall_clock(path: PurePath, source: str) -> Iterator[str]:
    """Time is an argument; only the clock adapter looks at one."""
    if path.parts[0] != "src" or path == CLOCK:
        return
    for node in _nodes(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).rsplit(".", 1)[-1]
            if (owner, node.func.attr) in CLOCKS:
                yield f"{path}:{node.lineno}: reads the wall clock; take `now` as an argument"


def stub(path: PurePath, source: str) -> Iterator[str]:
    """What is not there yet is absent, not a stub."""
    for node in _nodes(source):
        if isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.unparse(node.exc):
            yield f"{path}:{node.lineno}: a stub"


def test_without_a_check(path: PurePath, source: str) -> Iterator[str]:
    """A test that checks nothing cannot fail."""
    if path.parts[0] != "tests" or not path.name.startswith("test_"):
        return
    for node in _nodes(source):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            calls = (ast.unparse(child.func) for child in ast.walk(node) if isinstance(child, ast.Call))
            asserts = any(isinstance(child, ast.Assert) for child in ast.walk(node))
            if not asserts and not any(_CHECKING.search(call) for call in calls):
                yield f"{path}:{node.lineno} {node.name}: checks nothing"


def left_over_mark(path: PurePath, source: str) -> Iterator[str]:
    """No notes to oneself are left behind."""
    for number, line in enumerate(source.splitlines(), 1):
        if _MARKS.search(line):
            yield f"{path}:{number}: left-over mark: {line.strip()[:60]}"


def private_place(path: PurePath, source: str) -> Iterator[str]:
    """Neither a package registry's host nor a folder of one machine is written down."""
    for number, line in enumerate(source.splitlines(), 1):
        if any(host in line for host in _HOSTS) or _MACHINE.search(line):
            yield f"{path}:{number}: names a registry's host or a folder of one machine: {line.strip()[:60]}"


PYTHON_RULES = (
    file_length,
    function_length,
    class_length,
    bucket_name,
    init_holds_no_logic,
    future_annotations,
    front_door_from_inside,
    relative_import,
    package_away_from_home,
    wall_clock,
    stub,
    test_without_a_check,
)
"""Rules for Python sources."""

TEXT_RULES = (left_over_mark, private_place)
"""Rules for every text file of the repository."""
