"""Opens the stores of a project: the only place that knows which kinds there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alamo.domain.ports import History, PolicyShelf, StateStore
from alamo.domain.settings import Settings
from alamo.store.delta import DeltaHistory
from alamo.store.memory import MemoryHistory, MemoryPolicyShelf
from alamo.store.memory_state import MemoryState
from alamo.store.shelf import FilePolicyShelf
from alamo.store.sqlite import SqliteState

_SQLITE = "sqlite:///"
_POLICIES = Path(".alamo") / "policy"


@dataclass(frozen=True, slots=True)
class Stores:
    """The marketing database: historical half, operational half, policy snapshots."""

    history: History
    state: StateStore
    shelf: PolicyShelf


def open_stores(root: Path, settings: Settings) -> Stores:
    """Open the stores of the project in `root`; relative paths in `settings` are taken from there.

    Raises
    ------
    StoreError
        If one of them cannot be opened.
    """
    url = settings.state_url
    if url.startswith(_SQLITE):
        url = f"{_SQLITE}{(root / url.removeprefix(_SQLITE)).absolute()}"
    return Stores(
        history=DeltaHistory(root / settings.history_path),
        state=SqliteState(url),
        shelf=FilePolicyShelf(root / _POLICIES),
    )


def memory_stores() -> Stores:
    """Return empty stores in memory."""
    return Stores(history=MemoryHistory(), state=MemoryState(), shelf=MemoryPolicyShelf())
