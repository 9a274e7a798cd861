"""Logs of decisions whose policies are known, for the tests of off-policy evaluation."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

ACTIONS = ("a", "b", "c")
BEHAVIOUR = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
TARGET = np.array([[0.2, 0.6, 0.2], [0.1, 0.6, 0.3]])


def simulated(n: int, seed: int, *, slope: float = 1.0) -> pa.Table:
    """Context x in {0, 1} that the running policy looks at; outcome 1 + slope·action·x + noise."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, n)
    drawn = (rng.random(n)[:, None] > BEHAVIOUR[x].cumsum(axis=1)).sum(axis=1)
    rows = np.arange(n)
    columns = {
        "action": np.array(ACTIONS)[drawn],
        "p": BEHAVIOUR[x][rows, drawn],
        "y": 1.0 + slope * drawn * x + rng.normal(size=n),
        "x": x,
        "to": TARGET[x][rows, drawn],
    }
    return pa.table(columns | {f"P_{name}": TARGET[x][:, a] for a, name in enumerate(ACTIONS)})


def truth(slope: float = 1.0) -> float:
    """Return the value of the target policy."""
    return float(1.0 + 0.5 * slope * TARGET[1] @ np.arange(3))


def behaviour_truth(slope: float = 1.0) -> float:
    """Return the value of the running policy."""
    return float(1.0 + 0.5 * slope * BEHAVIOUR[1] @ np.arange(3))
