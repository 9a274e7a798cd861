"""Always-valid intervals looked at after every row: false alarms, misses under an effect, and what the floor costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from alamo.numerics.confidence_sequence import LEAST_NONZERO, half_width, residual_floor, tightness

pytestmark = pytest.mark.statistical

ALPHA, FIRST_LOOK, BATCH = 0.05, 50, 500
RARE_ROWS, MONEY_ROWS, RATE = 60_000, 10_000, 0.02
SCHEMES = (
    "half",
    "control 10 %",
    "control 2 %",
    "adaptive, floor 2 %",
    "large customers get it",
    "small customers get it",
)


@dataclass(frozen=True)
class Draw:
    """One run: outcomes under both arms, their predictions, and the customer's standing (a normal score)."""

    none: np.ndarray
    action: np.ndarray
    mu: np.ndarray
    standing: np.ndarray


def rare(rng: np.random.Generator, effect: float) -> Draw:
    """Conversions of 2 %, raised by `effect` of themselves, or lowered; a control of 2 % sees about 24 of them."""
    n = RARE_ROWS
    none = (rng.random(n) < RATE).astype(float)
    extra = (rng.random(n) < RATE * max(effect, 0.0)).astype(float)
    kept = rng.random(n) >= max(-effect, 0.0)
    return Draw(none, np.maximum(none * kept, extra), np.full(n, RATE), rng.normal(size=n))


def money(rng: np.random.Generator, effect: float) -> Draw:
    """Residual value with a heavy tail, which the model knows, and rare purchases, which it does not."""
    z = rng.normal(size=MONEY_ROWS)
    value, chance = np.exp(4.0 + 1.3 * z), 0.05 * np.exp(0.3 * z)
    bought = (rng.random(MONEY_ROWS) < chance) * np.exp(3.0 + 0.4 * z + rng.normal(size=MONEY_ROWS))
    none = value * np.exp(0.3 * rng.normal(size=MONEY_ROWS) - 0.045) + bought
    return Draw(none, none + effect * bought, value + chance * np.exp(3.5 + 0.4 * z), z)


def _propensities(scheme: str, draw: Draw, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of the action and what was drawn; adaptive: follows the estimate so far, in batches."""
    share = {"half": 0.5, "control 10 %": 0.9, "control 2 %": 0.98}
    n = len(draw.mu)
    u = rng.random(n)
    if scheme != "adaptive, floor 2 %":
        large = draw.standing > 0.84
        by_size = np.where(large == (scheme == "large customers get it"), 0.9, 0.02)
        p = np.full(n, share[scheme]) if scheme in share else by_size
        return p, u < p
    p, drawn, total, squares = np.full(n, 0.5), u < 0.5, 0.0, 0.0
    for start in range(0, n, BATCH):
        rows = slice(start, start + BATCH)
        if start:
            p[rows] = np.clip(0.5 + total / np.sqrt(squares + 1e-12) / 3.0, 0.02, 0.98)
            drawn[rows] = u[rows] < p[rows]
        residual = np.where(drawn[rows], draw.action[rows], draw.none[rows]) - draw.mu[rows]
        score = np.where(drawn[rows], residual / p[rows], -residual / (1.0 - p[rows]))
        total, squares = total + score.sum(), squares + (score**2).sum()
    return p, drawn


@dataclass(frozen=True)
class Run:
    looked: bool
    missed: bool
    ratio: float
    ratio_raw: float


def _run(world, scheme: str, effect: float, seed: int) -> Run:
    """Follow one run row by row; say whether the interval ever missed the running mean effect, and its final width."""
    rng = np.random.default_rng(seed)
    draw = world(rng, effect)
    p, drawn = _propensities(scheme, draw, rng)
    outcome = np.where(drawn, draw.action, draw.none)
    residual = outcome - draw.mu
    score = np.where(drawn, residual / p, -residual / (1.0 - p))
    rows = len(outcome)
    inverse, n = 1.0 / p + 1.0 / (1.0 - p), np.arange(1, rows + 1)
    mean = np.cumsum(score) / n
    sample = np.maximum(np.cumsum(score**2) / n - mean**2, 0.0)
    variance = np.maximum(sample, np.cumsum(residual**2 * inverse) / n)
    raw = np.maximum(sample, np.var(outcome) * np.cumsum(inverse) / n)
    responses = (outcome != 0.0) if world is rare else np.ones(rows, bool)
    enough = np.minimum(np.cumsum(responses & drawn), np.cumsum(responses & ~drawn)) >= LEAST_NONZERO
    unit = _unit_half_widths(n, rows)
    truth = np.cumsum(draw.action - draw.none) / n
    outside = np.abs(mean - truth) > unit * np.sqrt(variance)
    fixed = 1.959964 * np.sqrt(sample[-1] / rows)
    return Run(
        looked=bool((enough & (n >= FIRST_LOOK)).any()),
        missed=bool((outside & enough & (n >= FIRST_LOOK)).any()),
        ratio=float(unit[-1] * np.sqrt(variance[-1]) / fixed),
        ratio_raw=float(unit[-1] * np.sqrt(raw[-1]) / fixed),
    )


def _unit_half_widths(n: np.ndarray, n_opt: int) -> np.ndarray:
    rho2 = tightness(ALPHA, n_opt)
    inner = n * rho2 + 1.0
    return np.sqrt(2.0 * inner / (n * n * rho2) * np.log(np.sqrt(inner) / ALPHA))


def _allowed(replications: int) -> float:
    return ALPHA * replications + 2.0 * np.sqrt(ALPHA * (1 - ALPHA) * replications)


def test_the_vectorised_formulas_here_are_those_of_the_library():
    assert _unit_half_widths(np.array([777]), 5000)[0] == pytest.approx(half_width(777, 1.0, alpha=ALPHA, n_opt=5000))
    squared, p = np.array([1.0, 3.0]), np.array([0.2, 0.7])
    assert residual_floor(squared, p, 1 - p) == pytest.approx(np.mean(squared * (1 / p + 1 / (1 - p))))


@pytest.mark.parametrize("effect", [0.0, 0.8, -0.7])
@pytest.mark.parametrize("scheme", SCHEMES[:4])
def test_rare_outcomes_looked_at_after_every_row_are_covered(scheme, effect, n_seeds):
    runs = [_run(rare, scheme, effect, seed) for seed in range(5 * n_seeds)]
    # else nothing was tested; a harmful action driven to its floor shows 20 conversions in a fifth of the runs only
    assert np.mean([run.looked for run in runs]) > 0.1
    assert sum(run.missed for run in runs) <= _allowed(len(runs))


@pytest.mark.parametrize("effect", [0.0, 1.0])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_heavy_tailed_money_is_covered_without_giving_up_what_adjustment_gains(scheme, effect, n_seeds):
    runs = [_run(money, scheme, effect, seed) for seed in range(5 * n_seeds)]
    assert sum(run.missed for run in runs) <= _allowed(len(runs))
    # 1.55 is the price of looking whenever one likes; the raw floor multiplies it by more than two
    assert np.median([run.ratio for run in runs]) < 2.1
    assert np.median([run.ratio_raw for run in runs]) > 3.0
