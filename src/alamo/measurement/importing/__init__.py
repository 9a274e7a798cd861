"""Importing: which column means what, which rows are good, and what they become under the table contracts.

Not here: opening files (`alamo.connectors.sources`) and writing tables (the engine).
"""

from alamo.measurement.importing.experiment import EXPERIMENT, experiment_observations
from alamo.measurement.importing.fields import KINDS
from alamo.measurement.importing.mapping import MappingOptions, ResolvedMapping, resolve_mapping
from alamo.measurement.importing.normalising import normalise
from alamo.measurement.importing.preview import Preview, preview
from alamo.measurement.importing.rows import QUARANTINE, ImportContext, Normalised
from alamo.measurement.importing.streaming import ImportRows, Tally, import_rows

__all__ = [
    "EXPERIMENT",
    "KINDS",
    "QUARANTINE",
    "ImportContext",
    "ImportRows",
    "MappingOptions",
    "Normalised",
    "Preview",
    "ResolvedMapping",
    "Tally",
    "experiment_observations",
    "import_rows",
    "normalise",
    "preview",
    "resolve_mapping",
]
