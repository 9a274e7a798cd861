"""Durability on a local disk: what is acknowledged must survive a power cut, so files and folders are fsynced."""

from __future__ import annotations

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Force the content of `path` to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Force the names in the folder `path` to the disk; a no-op where folders cannot be opened (Windows)."""
    if os.name == "nt":
        return
    sync_file(path)


def make_folder(path: Path) -> None:
    """Create `path` and its missing parents so that they survive a power cut."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write `content` so that `path` holds either what it held before or all of it, whatever happens."""
    make_folder(path.parent)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)
