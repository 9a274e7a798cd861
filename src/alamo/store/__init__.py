"""The cellar: the marketing database, as a historical half (Delta tables) and an operational half (SQLite).

Not here: what the tables mean (`alamo.domain.tables`), and any statistics. A store checks contracts, keeps what it
acknowledged through a power cut, and answers SQL; it decides nothing.
"""

from alamo.store.delta import DeltaHistory
from alamo.store.memory import MemoryHistory, MemoryPolicyShelf
from alamo.store.memory_state import MemoryState
from alamo.store.registry import Stores, memory_stores, open_stores
from alamo.store.row_files import RowFiles, RowFolder
from alamo.store.shelf import FilePolicyShelf
from alamo.store.snapshot import HistorySnapshot, SnapshotReader, TableFiles
from alamo.store.sqlite import SqliteState
from alamo.store.sums_file import SumsFile

__all__ = [
    "DeltaHistory",
    "FilePolicyShelf",
    "HistorySnapshot",
    "MemoryHistory",
    "MemoryPolicyShelf",
    "MemoryState",
    "RowFiles",
    "RowFolder",
    "SnapshotReader",
    "SqliteState",
    "Stores",
    "SumsFile",
    "TableFiles",
    "memory_stores",
    "open_stores",
]
