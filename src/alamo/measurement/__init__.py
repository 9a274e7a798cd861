"""Measurement: what files and events say becomes facts, profiles as of a moment, and matured observations.

Not here: what an action changed (inference), what to do next (steering), and any write to the store; the engine
carries the tables.
"""

from alamo.measurement.behaviour import build_behaviour, main_categories, months_back
from alamo.measurement.importing import (
    EXPERIMENT,
    KINDS,
    QUARANTINE,
    ImportContext,
    ImportRows,
    Normalised,
    Preview,
    ResolvedMapping,
    Tally,
    experiment_observations,
    import_rows,
    normalise,
    preview,
    resolve_mapping,
)
from alamo.measurement.lifecycle import STAGES
from alamo.measurement.long_observations import LongWindow, mature_long_observations
from alamo.measurement.observations import (
    WaitingWindows,
    mature_observations,
    orders_known_by_source,
    waiting_windows,
)
from alamo.measurement.profiles import build_profiles

__all__ = [
    "EXPERIMENT",
    "KINDS",
    "QUARANTINE",
    "STAGES",
    "ImportContext",
    "ImportRows",
    "LongWindow",
    "Normalised",
    "Preview",
    "ResolvedMapping",
    "Tally",
    "WaitingWindows",
    "build_behaviour",
    "build_profiles",
    "experiment_observations",
    "import_rows",
    "main_categories",
    "mature_long_observations",
    "mature_observations",
    "months_back",
    "normalise",
    "orders_known_by_source",
    "preview",
    "resolve_mapping",
    "waiting_windows",
]
