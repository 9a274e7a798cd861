"""Analyses of any file, without a project: read the table, call one room, return its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.connectors.sources import read_table
from alamo.domain.ports import Warehouse
from alamo.inference import ExperimentResult, ExperimentSpec
from alamo.inference import analyze_experiment as infer_experiment
from alamo.inference.lifetime_value import LifetimeValueResult, LifetimeValueSpec
from alamo.inference.lifetime_value import analyze_lifetime_value as infer_lifetime_value
from alamo.prediction import UpliftResult, UpliftSpec
from alamo.prediction import analyze_uplift as predict_uplift
from alamo.prediction.learners import boosted_outcome
from alamo.steering import AllocationResult, AllocationSpec
from alamo.steering import analyze_allocation as steer_allocation

Layout = Mapping[str, Any]
"""How to read a file that is neither CSV nor Parquet, as in a mapping file: ``format`` and ``columns``."""


def analyze_experiment(source: Any, spec: ExperimentSpec, layout: Layout | None = None) -> ExperimentResult:
    """Return the effects of each action against control; see `alamo.inference.analyze_experiment`."""
    return infer_experiment(read_table(source, layout=layout), spec, boosted_outcome())


def analyze_uplift(source: Any, spec: UpliftSpec, layout: Layout | None = None) -> UpliftResult:
    """Return the uplift per customer and the value of acting on it; see `alamo.prediction.analyze_uplift`."""
    return predict_uplift(read_table(source, layout=layout), spec)


def analyze_lifetime_value(source: Any, spec: LifetimeValueSpec, layout: Layout | None = None) -> LifetimeValueResult:
    """Return a fitted lifetime-value model and its hold-out; see `alamo.inference.analyze_lifetime_value`."""
    return infer_lifetime_value(read_table(source, layout=layout), spec)


def analyze_allocation(
    source: Any, spec: AllocationSpec, warehouse: Warehouse, layout: Layout | None = None
) -> AllocationResult:
    """Return who gets which action under limits; `warehouse` evaluates the limits' predicates."""
    return steer_allocation(read_table(source, layout=layout), spec, warehouse)
