"""A challenger as good as the champion is called better or worse as rarely as promised, a better one is found.

300 worlds; misses of nominal 5 % may be off by three binomial standard errors, 3·√(.05·.95/300) = 3.8 points.
"""

from __future__ import annotations

import numpy as np
import pytest

from alamo.inference.health import Rivals, challenged

pytestmark = pytest.mark.statistical

WORLDS = 300
MOST = 0.05 + 3.0 * np.sqrt(0.05 * 0.95 / WORLDS)


def world(rng: np.random.Generator, n: int, gap: float, most: float = 0.4) -> Rivals:
    """Rare, heavy-tailed orders; champion and challenger each pick one of two actions at random, the latter's +gap.

    An action is drawn with a chance of up to `most`.
    """
    size = np.exp(rng.normal(0.0, 0.8, n))
    p = rng.uniform(0.25 * most, most, (n, 2))
    arm = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1)  # 2: none
    favourite = rng.integers(0, 2, (n, 2))  # of champion, of challenger
    lift = np.zeros((n, 3))
    lift[np.arange(n), favourite[:, 1]] += gap * (favourite[:, 0] != favourite[:, 1])
    bought = rng.random(n) < 0.12 + lift[np.arange(n), arm]
    left = bought * 10.0 * size * np.exp(0.5 * rng.normal(size=n) - 0.125) - 1.2 * size
    chance = np.column_stack([p, 1.0 - p.sum(axis=1)])
    gamma = np.where(np.arange(3) == arm[:, None], left[:, None] / chance, 0.0)
    effect = gamma[:, :2] - gamma[:, 2:]
    values = [np.where(np.arange(2) == favourite[:, [k]], 1.0, 0.5) for k in (0, 1)]
    weight = p * chance[:, 2:] / (p + chance[:, 2:])
    return Rivals(
        effect.ravel(), weight.ravel(), np.arange(0, 2 * n, 2), np.arange(n) // 2,
        (np.arange(2) == arm[:, None]).ravel(), arm == 2, bought, values[0].ravel(), {"segments": values[1].ravel()},
    )  # fmt: skip


@pytest.mark.parametrize(("n", "most"), [(300, 0.4), (2_000, 0.4), (4_000, 0.4), (1_000, 0.08), (12_000, 0.08)])
def test_rules_of_equal_worth_are_told_apart_as_rarely_as_promised(n: int, most: float) -> None:
    """Where few bought with a thin arm nothing is said; where enough did, as little is wrong as with wide arms."""
    told = {"challenger": 0, "challenger loss": 0}
    for seed in range(WORLDS):
        for check in challenged(world(np.random.default_rng([7, n, seed]), n, 0.0, most), 0.95):
            told[check.aspect] += check.p_value is not None and check.p_value < 0.05
    assert max(told.values()) / WORLDS <= MOST


def test_a_better_rule_is_found() -> None:
    found = 0
    for seed in range(40):
        checks = challenged(world(np.random.default_rng([8, seed]), 8_000, 0.12), 0.95)
        best = next(check for check in checks if (check.aspect, check.subject) == ("challenger", "segments"))
        found += best.p_value < 0.05 and best.matters == "replace"
    assert found >= 36
