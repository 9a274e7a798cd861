"""One decorator for all compiled kernels: cached on disk, without the interpreter lock, IEEE arithmetic as written.

`fastmath` is never used: sums keep their order and products are not fused, so a row gives the same bits alone and in a
batch. Division by zero gives an infinity instead of an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile `function` with numba on its first call; the machine code is cached where a cache can be written."""
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast("Kernel", njit(cache=True, **options)(function))
    except RuntimeError:  # a read-only installation without a home folder has no place for the cache
        return cast("Kernel", njit(**options)(function))
