"""Alamo: a closed-loop marketing decision engine.

The front door. Names are loaded when they are first used, so ``import alamo`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alamo.analyze import allocate, estimate_effects, evaluate_policy, fit_lifetime_value, fit_uplift
    from alamo.domain.errors import AlamoError
    from alamo.project import Project, simulate

__all__ = [
    "AlamoError",
    "Project",
    "allocate",
    "estimate_effects",
    "evaluate_policy",
    "fit_lifetime_value",
    "fit_uplift",
    "simulate",
]

_ROOMS = dict.fromkeys(__all__, "alamo.analyze") | {
    "AlamoError": "alamo.domain.errors",
    "Project": "alamo.project",
    "simulate": "alamo.project",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'alamo' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_ROOMS[name]), name)
