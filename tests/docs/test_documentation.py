"""What is documented exists, and what exists is documented."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import msgspec
import pytest

from alamo.cli.main import alamo
from alamo.config.settings import _ProjectTable
from docs import generate

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src/alamo/examples").rglob("*.md")])
_BLOCK = re.compile(r"^```(?:console)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate.PAGES[name](), "run: make docs"


def keys_of(struct: type[msgspec.Struct], path: str = "") -> set[str]:
    """Return every key of ``alamo.toml``, as ``section.key``."""
    found: set[str] = set()
    for field in msgspec.structs.fields(struct):
        inner = [kind for kind in (field.type, *getattr(field.type, "__args__", ())) if _is_struct(kind)]
        found |= keys_of(inner[0], f"{field.encode_name}.") if inner else {path + field.encode_name}
    return found


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def documented_keys() -> set[str]:
    """Return every key that the page of settings lists for ``alamo.toml``."""
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8").split("## `actions/")[0]
    found = set()
    for section in text.split("\n## ")[1:]:
        name = section.splitlines()[0].strip("`[] ")
        prefix = "" if name == "alamo.toml" else f"{name}."
        found |= {prefix + key for key in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)}
    return found


def test_the_settings_documented_are_the_settings_read() -> None:
    assert documented_keys() == keys_of(_ProjectTable)


def test_every_error_code_of_the_sources_is_found() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/alamo").rglob("*.py"))
    raised = set(re.findall(r'code="([a-z_]+\.[a-z_]+)"', sources))
    assert raised <= documented
    assert len(raised) > 20


def typed_lines() -> list[tuple[str, str]]:
    """Return (page, line) of each ``alamo …`` in a code block, and of each example of a command."""
    found = []
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                typed = line.strip().removeprefix("$ ")
                if typed.startswith("alamo ") and "[OPTIONS]" not in typed:
                    found.append((page.relative_to(ROOT).as_posix(), re.split(r"\s{3,}", typed)[0]))
    for _, command in generate.walk(alamo, "alamo"):
        for line in re.findall(r"alamo [^·]*", command.epilog or ""):
            found.append((f"help of {command.name}", line.strip()))
    return found


def complaint(line: str) -> str | None:
    """Return what is wrong with a typed line: an unknown command or option; None if nothing is."""
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = alamo
    context = click.Context(command)
    while words and isinstance(command, click.Group):
        word = words.pop(0)
        if word in {"-C", "--project"}:
            words.pop(0)
            continue
        found = command.get_command(context, word)
        if found is None:
            return f"no command {word!r}"
        command = found
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize(("page", "line"), typed_lines(), ids=lambda value: value[:60])
def test_what_a_page_tells_to_type_exists(page: str, line: str) -> None:
    assert complaint(line) is None, f"{page}: {line}"


def test_the_check_of_typed_lines_can_complain() -> None:
    assert complaint("alamo nonsense") == "no command 'nonsense'"
    assert complaint("alamo status --nonsense") == "no option --nonsense"
    assert complaint("alamo -C demo plan show --html plan.html") is None
    assert len(typed_lines()) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    inside = [target for target in targets if not target.startswith(("http://", "https://"))]
    broken = [target for target in inside if not (page.parent / target).exists()]
    assert not broken


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [
        path
        for part in ("how-to", "tutorials", "reference", "explanation")
        for path in (ROOT / "docs" / part).glob("*.md")
    ]
    assert not [name for page in pages if (name := f"({page.relative_to(ROOT).as_posix()})") not in text]


def test_the_page_for_assistants_is_short() -> None:
    assert (ROOT / "AGENTS.md").read_text(encoding="utf-8").count("\n") <= 80


def test_the_make_targets_named_in_the_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    pattern = re.compile(r"(?:^|`)make ([a-z-]+)", re.MULTILINE)
    named = {name for page in PAGES for name in pattern.findall(page.read_text(encoding="utf-8"))}
    assert named <= targets
    assert {"setup", "demo", "test", "test-statistical", "check", "bench", "docs"} <= targets


@pytest.mark.parametrize("picture", ["docs/loop.svg"])
def test_a_picture_has_a_name(picture: str) -> None:
    text = (ROOT / picture).read_text(encoding="utf-8")
    assert re.search(r"<title[^>]*>[^<]{20,}</title>", text)


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda page: page.name)
def test_no_cell_of_a_reference_table_is_left_empty(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    empty = [line for line in lines if line.startswith("| `") and re.search(r"\|\s*\|", line.replace("\\|", ""))]
    if page.name == "errors.md":  # what follows from a variable cannot be read off the sources
        empty = [line for line in empty if line.count("|  |") > 1]
    if page.name == "tables.md":
        empty = [line for line in empty if not line.endswith("|  |")]  # a column without a bound allows everything
    assert not empty
