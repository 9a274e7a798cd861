"""The port of what carries scores, eligibility and the rule outside this process, over more customers than it can hold.

A carrier makes no price and no policy: those are made once, here, and published as a `PolicySnapshot`. What it returns
equals what one process returns, bit for bit (`tests/integration/spark`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from alamo.domain.policy import PolicySnapshot
from alamo.engine.batch import Stamp
from alamo.steering.candidates import Candidates, Terms

ScoreCustomers = Callable[[pa.Table, pa.Table], pa.Table]
"""Profiles and segments of some customers → their SCORES; can be pickled, and a row does not depend on the others."""


class Carrier(Protocol):
    """Carries scores and the rule over the customers of a day."""

    def score(self, scorer: ScoreCustomers, as_of: datetime) -> pa.Table:
        """Return SCORES of the profiles and segments of a day, in any order."""
        ...

    def gather(self, terms: Terms, as_of: datetime) -> Candidates:
        """Return the candidates of the profiles and scores of a day; see `alamo.steering.candidates.gather`."""
        ...

    def decide(self, policy: PolicySnapshot, stamp: Stamp) -> pa.Table:
        """Return the decisions (DECISIONS) of what was gathered last under a published policy, in their order."""
        ...
