"""Steering: who may be contacted, under which prices, with which probability, and what that is expected to bring.

Not here: scoring customers (prediction), measuring effects (inference), sending (connectors) and reading or writing
tables (the engine carries them). The rule itself is imported from `alamo.steering.rule`, by the engine alone.
"""

from __future__ import annotations

from alamo.steering.analysis import AllocationResult, AllocationSpec, analyze_allocation

__all__ = ["AllocationResult", "AllocationSpec", "analyze_allocation"]
