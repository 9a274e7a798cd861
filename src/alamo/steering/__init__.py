"""Steering: who may be contacted, under which prices, with which probability, and what that is expected to bring.

Not here: scoring customers (prediction), measuring effects (inference), sending (connectors) and reading or writing
tables (the engine carries them). The rule itself is imported from `alamo.steering.rule`, by the engine alone.
"""

from __future__ import annotations

from alamo.steering.allocation_result import AllocationResult, AllocationSpec
from alamo.steering.analysis import analyze_allocation

__all__ = ["AllocationResult", "AllocationSpec", "analyze_allocation"]
