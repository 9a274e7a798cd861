"""One decorator for all compiled kernels: cached on disk, without the interpreter lock, IEEE arithmetic as written.

`fastmath` is never used: sums keep their order and products are not fused, so a row gives the same bits alone and in a
batch. Division by zero gives an infinity instead of an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., Any])
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Kernel) -> Kernel:
    """Compile `function` with numba on its first call; the machine code is cached where a cache can be written."""
    try:
        return cast("Kernel", njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # a read-only installation without a home folder has no place for the cache
        return cast("Kernel", njit(**_OPTIONS)(function))


def inlined(function: Kernel) -> Kernel:
    """Compile `function` as part of each kernel that calls it: for what is done per cell.

    A call that hands over arrays counts its references, which takes three times as long as the work on a cell.
    """
    return cast("Kernel", njit(inline="always", **_OPTIONS)(function))
