"""Calibrated effects where the long-run effect is known by construction: coverage, and telling the proxy apart.

Units recur in every cycle, long windows overlap, and a unit's noise of a month is in every long window that holds that
month: what an error over rows would take for independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from alamo.inference.calibration import PairedScores, calibrate

pytestmark = pytest.mark.statistical

UNITS, CYCLES, CLOSED, LONG = 150, 12, 8, 5
P_ACTION, P_NONE = 0.12, 0.4
LEVEL = 0.95


@dataclass(frozen=True)
class Draw:
    """One log: scores of each action and what is true of it."""

    scores: list[PairedScores]
    proxy: np.ndarray
    long: np.ndarray


def draw_log(rng: np.random.Generator, proxy: np.ndarray, correction: np.ndarray, drift: float = 0.0) -> Draw:
    """Draw a log of several actions; corrections differ between cycles by `drift`, the truth is their mean over all."""
    k = len(proxy)
    months = rng.normal(0.0, 3.0, (UNITS, CYCLES + LONG)) + rng.normal(0.0, 2.0, (UNITS, 1))
    arm = np.array([rng.choice(k + 1, size=UNITS, p=[1 - k * P_ACTION, *[P_ACTION] * k]) for _ in range(CYCLES)]).T
    moved = correction + drift * rng.normal(size=(CYCLES, 1))  # (cycles, k)
    rows = [[] for _ in range(k)]
    for cycle in range(CYCLES):
        drawn = arm[:, cycle]
        effect = np.concatenate([[0.0], proxy])[drawn]
        short = months[:, cycle] + effect
        after = months[:, cycle + 1 : cycle + 1 + LONG].sum(axis=1) + np.concatenate([[0.0], moved[cycle]])[drawn]
        for action in range(k):
            weight = (drawn == action + 1) / P_ACTION - (drawn == 0) / (1 - k * P_ACTION)
            difference = weight * after if cycle < CLOSED else np.full(UNITS, np.nan)
            rows[action].append((weight * short, difference, np.arange(UNITS), np.full(UNITS, cycle)))
    scores = [PairedScores(*(np.concatenate(part) for part in zip(*parts, strict=True))) for parts in rows]
    return Draw(scores, proxy, proxy + moved.mean(axis=0))


def hits(log: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Say for each action whether the calibrated interval holds the truth, and whether it excludes the proxy."""
    shown = [one.calibrated for one in calibrate(log.scores, LEVEL)]
    low, high = (np.array([getattr(one, end) for one in shown]) for end in ("lower", "upper"))
    return (low <= log.long) & (log.long <= high), (log.proxy < low) | (log.proxy > high)


def share_of(n: int, make) -> tuple[np.ndarray, np.ndarray]:
    found = [hits(make(np.random.default_rng([11, i]))) for i in range(n)]
    return tuple(np.mean(part, axis=0) for part in zip(*found, strict=True))


def tolerance(n: int, sigmas: float = 3.0) -> float:
    """Standard errors a coverage may lie off by chance: 1 in 370 for each, two-sided."""
    return sigmas * np.sqrt(LEVEL * (1 - LEVEL) / n)


def test_the_interval_covers_the_long_run_effect_and_excludes_a_proxy_that_misleads(n_seeds):
    n = 30 * n_seeds
    covered, apart = share_of(n, lambda rng: draw_log(rng, np.array([2.0, 2.0]), np.array([0.0, -8.0])))
    assert (np.abs(covered - LEVEL) <= tolerance(n)).all(), covered
    assert apart[1] >= 0.8
    assert apart[0] <= 1 - LEVEL + tolerance(n)  # a proxy that is right is not called wrong


def lasting_log(rng: np.random.Generator) -> Draw:
    """Draw one action whose units keep their arm in every cycle, with a noise of their own that lasts as long."""
    lasting = rng.normal(0.0, 3.0, (UNITS, 1))
    treated = np.repeat(rng.random((UNITS, 1)) < 0.5, CYCLES, axis=1)
    weight = np.where(treated, 2.0, -2.0)
    short = weight * (lasting + rng.normal(size=(UNITS, CYCLES)) + 2.0 * treated)
    difference = weight * (3.0 * lasting + rng.normal(size=(UNITS, CYCLES)) - 4.0 * treated)
    difference[:, CLOSED:] = np.nan
    unit, cycle = np.mgrid[:UNITS, :CYCLES]
    scores = PairedScores(short.ravel(), difference.ravel(), unit.ravel(), cycle.ravel())
    return Draw([scores], np.array([2.0]), np.array([-2.0]))


def test_units_that_recur_are_allowed_for_and_an_error_over_rows_would_be_too_small(n_seeds):
    def by_row(rng: np.random.Generator) -> Draw:
        log = lasting_log(rng)
        one = log.scores[0]
        return Draw([PairedScores(one.proxy, one.difference, np.arange(len(one.unit)), one.cycle)], log.proxy, log.long)

    n = 30 * n_seeds
    units, _ = share_of(n, lasting_log)
    rows, _ = share_of(n, by_row)
    assert abs(units[0] - LEVEL) <= tolerance(n)
    assert rows[0] < LEVEL - 3 * tolerance(n)


def test_corrections_that_differ_between_cycles_are_allowed_for(n_seeds):
    n = 30 * n_seeds
    covered, _ = share_of(n, lambda rng: draw_log(rng, np.array([2.0]), np.array([-4.0]), drift=6.0))
    assert covered[0] >= LEVEL - tolerance(n)


def test_corrections_shrunk_together_cover_over_actions_and_are_shorter(n_seeds):
    n = 20 * n_seeds

    def several(rng: np.random.Generator) -> Draw:
        return draw_log(rng, np.full(5, 2.0), rng.normal(-3.0, 1.0, 5))

    covered, _ = share_of(n, several)
    assert covered.mean() >= LEVEL - tolerance(5 * n)
    log = several(np.random.default_rng(5))
    together = np.array([one.calibrated.se for one in calibrate(log.scores, LEVEL)])
    alone = np.array([calibrate([one], LEVEL)[0].calibrated.se for one in log.scores])
    assert together.mean() < 0.9 * alone.mean()
