"""How a table that is neither CSV nor Parquet is described: a mapping file, or its content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alamo.config import load_mapping

Layout = str | Path | Mapping[str, Any] | None


def read_layout(mapping: Layout) -> Mapping[str, Any] | None:
    """Return the content of a mapping file, or what stands in the place of one."""
    return load_mapping(Path(mapping)) if isinstance(mapping, str | Path) else mapping
