"""The price of a channel's permission where it is known by construction: unbiased, with an interval that covers.

A unit that can be mailed is mailed with a fixed chance, and so is a letter sent: what a channel brings per cycle and
how long its permission lasts are known. Units recur in every cycle until they are out of reach.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from alamo.inference import PriceTerms, permission_price

pytestmark = pytest.mark.statistical

UNITS, CYCLES, DAYS, AHEAD = 300, 8, 28, 280
CHANNELS = ("email", "letter")
P, GAIN, LOSS = np.array([0.4, 0.3]), np.array([2.0, 1.0]), np.array([0.10, 0.06])
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
LEVEL = 0.95
TERMS = PriceTerms(AS_OF, LEVEL, DAYS, 0.0)
CHANNEL_OF = {f"by-{name}": name for name in CHANNELS}


def true_prices() -> np.ndarray:
    """Return what each channel brings over the days ahead, its permission being lost at any moment of them."""
    hazard = -np.log1p(-P * LOSS) / DAYS
    return P * GAIN * (1.0 - np.exp(-hazard * AHEAD)) / (hazard * DAYS)


def draw_prices(rng: np.random.Generator) -> list:
    """Draw a log, and return the price of each channel's permission."""
    open_ = np.ones((UNITS, 2), dtype=bool)
    own = rng.normal(0.0, 2.0, UNITS)
    scores, seen = [], []
    for cycle in range(1, CYCLES + 1):
        p = np.column_stack([1.0 - (P * open_).sum(axis=1), P * open_])
        arm = (rng.random(UNITS)[:, None] >= p.cumsum(axis=1)).sum(axis=1)
        outcome = own + rng.normal(0.0, 2.0, UNITS) + np.concatenate([[0.0], GAIN])[arm]
        lost = np.zeros((UNITS, 2), dtype=bool)
        for channel in range(2):
            lost[:, channel] = (arm == channel + 1) & (rng.random(UNITS) < LOSS[channel])
        ids = np.array([f"{cycle}-{unit}" for unit in range(UNITS)])
        for place, action in enumerate(("none", *CHANNEL_OF)):
            rows = np.flatnonzero(p[:, place] > 0.0)
            gamma = (arm[rows] == place) * outcome[rows] / p[rows, place]
            scores.append(
                pa.table(
                    {
                        "decision_id": ids[rows],
                        "unit_id": np.char.add("u", rows.astype(str)),
                        "action_id": np.full(len(rows), action),
                        "p": p[rows, place],
                        "gamma_money": gamma,
                    }
                )
            )
        seen.append(
            pa.table(
                {
                    "decision_id": ids,
                    "action_id": np.array(["none", *CHANNEL_OF])[arm],
                    "cycle": np.full(UNITS, cycle),
                    "universal_control": np.zeros(UNITS, dtype=bool),
                    "decided_at": pa.array([AS_OF - timedelta(days=60)] * UNITS, pa.timestamp("us", tz="UTC")),
                    "permission_lost": lost.any(axis=1),
                    "channels_lost": [[CHANNELS[c] for c in range(2) if gone[c]] for gone in lost],
                }
            )
        )
        open_ &= ~lost
    found = permission_price(pa.concat_tables(scores), pa.concat_tables(seen), {}, TERMS, CHANNEL_OF)
    return [found.by_channel[name].over(AHEAD) for name in CHANNELS]


def test_the_price_of_a_channel_is_what_it_brings_for_as_long_as_it_lasts(n_seeds):
    n = 15 * n_seeds
    drawn = [draw_prices(np.random.default_rng([7, seed])) for seed in range(n)]
    mean = np.array([[one.mean for one in prices] for prices in drawn])
    lower, upper = (np.array([[getattr(one, end) for one in prices] for prices in drawn]) for end in ("lower", "upper"))
    truth = true_prices()
    assert (np.abs(mean.mean(axis=0) - truth) <= 3.0 * mean.std(axis=0, ddof=1) / np.sqrt(n) + 0.01 * truth).all()
    covered = ((lower <= truth) & (truth <= upper)).mean(axis=0)
    assert (np.abs(covered - LEVEL) <= 3.0 * np.sqrt(LEVEL * (1 - LEVEL) / n)).all(), covered
