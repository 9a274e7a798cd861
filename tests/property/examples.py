"""On how many random instances a property is tried: its own number, or `ALAMO_EXAMPLES` of every one."""

from __future__ import annotations

import os


def examples(usual: int) -> int:
    """Return how many instances to try where `usual` are enough for every day."""
    return int(os.environ.get("ALAMO_EXAMPLES", usual))
