"""Which columns of a log may serve as context; what came after the draw is left out, aloud."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.reasons import Refusal
from alamo.inference.experiment_table import require_column
from alamo.inference.off_policy.log import LoggedDecisions
from alamo.inference.off_policy.spec import LogSpec
from alamo.numerics.encoding import FeatureEncoder
from alamo.numerics.screening import Design, screen_columns, weighted_shift_p_value

Floats = npt.NDArray[np.float64]

_ALPHA = 0.01
"""Chance of dropping any innocent column, shared between the columns."""


@dataclass(frozen=True, slots=True)
class Context:
    """Context known before the draw.

    Attributes
    ----------
    matrix
        Shape (n, d); d may be 0.
    names
        Columns it was made of.
    refusals
        Columns left out, with the reason.
    encoder
        What made the matrix of the columns.
    """

    matrix: Floats
    names: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    encoder: FeatureEncoder = field(default_factory=lambda: FeatureEncoder(()))


def choose_context(
    table: pa.Table, spec: LogSpec, log: LoggedDecisions, weights: Sequence[Floats], taken: Iterable[str] = ()
) -> Context:
    """Return the context of `log`: screened columns, whether chosen by ``auto`` or by name.

    A policy that looks at a column makes it differ between the actions, so arms cannot be compared. But weighted by
    π/e the log stands for the new policy, and what was known before the draw cannot depend on which policy draws: a
    column whose weighted distribution differs from the plain one beyond chance came after the draw.

    Parameters
    ----------
    weights
        π/e of each policy that is asked about, shape (n,) each; the chance of a false alarm is shared between them.
    taken
        Columns, beside those that `spec` gives a part to, that ``auto`` must not take.

    Raises
    ------
    UsageError
        If a named column does not exist.
    """
    if spec.features == "none" or not spec.features:
        return Context(np.empty((len(log), 0)), (), ())
    taken = {*spec.roles, *taken}
    named = () if isinstance(spec.features, str) else spec.features
    for name in named:
        require_column(table, name)
    candidates = named or tuple(name for name in table.column_names if name not in taken)
    alone = Design(arm=np.zeros(len(log), dtype=np.int64), propensity=np.ones((len(log), 1)))
    screening = screen_columns({name: table.column(name) for name in candidates}, alone, {spec.outcome: log.outcome})
    dropped = dict(screening.dropped)
    for name in screening.kept:
        p_value = min(weighted_shift_p_value(table.column(name), weight, log.unit) for weight in weights)
        if p_value < _ALPHA / (len(candidates) * len(weights)):
            dropped[name] = f"differs between the policies beyond chance (p = {p_value:.1e}), so it came after the draw"
    kept = tuple(name for name in screening.kept if name not in dropped)
    refusals = tuple(
        Refusal(f"feature {name!r}", f"left out: it {reason}", "use columns known before the draw: --features")
        for name, reason in dropped.items()
    )
    encoder = FeatureEncoder.fit(table, kept)
    return Context(encoder.transform(table), kept, refusals, encoder)
