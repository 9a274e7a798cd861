"""Where a customer stands: the lifecycle stage, and the state (stage and flags) that continuation values look at.

A customer's *rhythm* is his mean gap between purchase days, shrunk to the gap typical of everybody:
``(t_x + k·G) / (x + k)`` with k = 2 and G the pooled mean gap. Silence is counted in rhythms. For purchases on an
exponential clock a silence of more than 2, 3, 6 mean gaps has probability .14, .05 and .002: those are the bounds.

Source: the exponential clock is the purchase process of Schmittlein, Morrison & Colombo (1987), "Counting your
customers", Management Science 33(1), section 2; the bounds are tail probabilities exp(−2), exp(−3), exp(−6) of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

STAGES = ("prospect", "new", "active", "loyal", "at risk", "lapsed", "lost")
"""Never bought · bought on one day · keeps his rhythm · keeps it with 5 purchase days or more · silent for 2 to 3
rhythms · 3 to 6 · longer."""

AT_RISK, LAPSED, LOST = 2.0, 3.0, 6.0
LOYAL_DAYS = 5
PRIOR_GAPS = 2.0
FALLBACK_GAP_DAYS = 30.0
"""Typical gap while nobody has bought twice."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What stage and state depend on; every array has shape (n,).

    Attributes
    ----------
    x, t_x_days
        Repeat purchase days and days from the first to the last of them.
    recency_days
        Since the last purchase; NaN without one.
    typical_gap_days
        Pooled mean gap G as known at that moment.
    contacts_14d
        Messages in the last 14 days.
    answered_last, bought_on_discount
        As in the profiles.
    """

    x: Floats
    t_x_days: Floats
    recency_days: Floats
    typical_gap_days: Floats
    contacts_14d: Floats
    answered_last: Flags
    bought_on_discount: Flags


def typical_gap_days(x: Floats, t_x_days: Floats) -> float:
    """Return the pooled mean gap between purchase days, at least one day; `FALLBACK_GAP_DAYS` without repeaters."""
    gaps = float(np.sum(x))
    return max(float(np.sum(t_x_days)) / gaps, 1.0) if gaps > 0 else FALLBACK_GAP_DAYS


def stages(standing: Standing) -> Texts:
    """Return the lifecycle stage of each customer, shape (n,)."""
    rhythm = (standing.t_x_days + PRIOR_GAPS * standing.typical_gap_days) / (standing.x + PRIOR_GAPS)
    silence = np.nan_to_num(standing.recency_days, nan=0.0) / rhythm
    rules = [
        (np.isnan(standing.recency_days), "prospect"),
        (silence > LOST, "lost"),
        (silence > LAPSED, "lapsed"),
        (silence > AT_RISK, "at risk"),
        (standing.x < 1, "new"),
        (standing.x + 1 >= LOYAL_DAYS, "loyal"),
    ]
    return np.select([mask for mask, _ in rules], [name for _, name in rules], default="active")


def states(stage: Texts, standing: Standing) -> pa.Array:
    """Return stage and flags in one word, such as ``active|1 contact|answered|on offer``, shape (n,); at most 84."""
    contacts = np.select(
        [standing.contacts_14d < 1, standing.contacts_14d < 2], ["0 contacts", "1 contact"], "2+ contacts"
    )
    answered = np.where(standing.answered_last, "answered", "unanswered")
    offer = np.where(standing.bought_on_discount, "on offer", "unprompted")
    words = [pa.array(part.astype(object), pa.string()) for part in (stage, contacts, answered, offer)]
    return pc.binary_join_element_wise(*words, "|")
