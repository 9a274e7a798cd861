"""The cellar: the marketing database, as a historical half (Delta tables) and an operational half (SQLite).

Not here: what the tables mean (`alamo.domain.tables`), and any statistics. A store checks contracts, keeps what it
acknowledged through a power cut, and answers SQL; it decides nothing.
"""

from alamo.store.delta import DeltaHistory
from alamo.store.memory import MemoryHistory, MemoryPolicyShelf
from alamo.store.memory_state import MemoryState
from alamo.store.registry import Stores, memory_stores, open_stores
from alamo.store.row_files import ROWS, RowFiles
from alamo.store.shelf import FilePolicyShelf
from alamo.store.sqlite import SqliteState

__all__ = [
    "ROWS",
    "DeltaHistory",
    "FilePolicyShelf",
    "MemoryHistory",
    "MemoryPolicyShelf",
    "MemoryState",
    "RowFiles",
    "SqliteState",
    "Stores",
    "memory_stores",
    "open_stores",
]
