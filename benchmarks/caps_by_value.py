"""Caps filled by value against first come, in streams of values whose future is known: what each policy captures.

    python -m benchmarks.caps_by_value [--customers 4000] [--cycles 52] [--seeds 5]

Every cycle shows each customer's best value of an e-mail under a cap, and a policy contacts or waits. `first come`
contacts whoever is worth it and under the cap; `by value` is what the loop does: charges learned from the last six
cycles' values alone, and contacts those worth more than their charge. Beside them the clairvoyant optimum, which knows
all values to come. The first ten cycles, in which the second learns, count for both.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from benchmarks.versions import measured_with

from alamo.domain.action import Action, ContactCap
from alamo.domain.policy import CapCharge
from alamo.numerics.contact_slots import Slots
from alamo.steering.cells import Pairs
from alamo.steering.displacement import CapTerms, charges, learn

HERE = Path(__file__).parent
MAIL = Action("mail", "Mail", "email", "upsell")
CYCLE_DAYS, LOOK_BACK = 7, 6
CAPS = (ContactCap(1, 28, "email"), ContactCap(2, 28, "email"), ContactCap(1, 14, "email"))
Values = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Contacts:
    """The contacts made so far, as the ledger of the loop tells of them: moments in days, −∞ for none yet."""

    customer_ids: pa.ChunkedArray
    actions: tuple[Action, ...]
    unit: np.ndarray
    age_days: np.ndarray

    def ages(self, cap: ContactCap) -> tuple[np.ndarray, np.ndarray]:
        """Return customer and age of each contact within the window."""
        inside = self.age_days < cap.days
        return self.unit[inside], self.age_days[inside]


def fleeting(rng: np.random.Generator, n: int, cycles: int) -> Values:
    """Values drawn anew each cycle around a customer's own level."""
    return 0.5 * np.exp(0.8 * rng.normal(size=(n, 1)) + rng.normal(size=(n, cycles)))


def half_lasting(rng: np.random.Generator, n: int, cycles: int) -> Values:
    """Half of what differs from a customer's level lasts to the next cycle."""
    noise = rng.normal(size=(n, cycles))
    for t in range(1, cycles):
        noise[:, t] = 0.5 * noise[:, t - 1] + 0.75**0.5 * noise[:, t]
    return 0.5 * np.exp(0.8 * rng.normal(size=(n, 1)) + noise)


def lasting(rng: np.random.Generator, n: int, cycles: int) -> Values:
    """A customer's value never changes: nothing can be gained by waiting."""
    return np.repeat(0.5 * np.exp(rng.normal(size=(n, 1))), cycles, axis=1)


def moments(rng: np.random.Generator, n: int, cycles: int) -> Values:
    """A newsletter worth little any week, and now and then a moment (stock runs out) that is worth ten times that."""
    level = 0.2 * np.exp(0.5 * rng.normal(size=(n, 1)))
    return level * np.where(rng.random((n, cycles)) < 0.12, 10.0, 1.0)


def played(values: Values, cap: ContactCap, *, by_value: bool) -> float:
    """Return the value captured under a cap, per customer and cycle."""
    n, cycles = values.shape
    ids = pa.array([f"c{i}" for i in range(n)])
    made = np.zeros((n, cycles), dtype=bool)
    blocked = CapTerms(cap, CYCLE_DAYS, 1.0).blocked
    for t in range(cycles):
        x = values[:, t]
        unit, when = np.nonzero(made[:, :t])
        contacts = Contacts(pa.chunked_array([ids]), (MAIL,), unit, (t - when) * float(CYCLE_DAYS))
        free = made[:, max(t - blocked, 0) : t].sum(axis=1) < cap.maximum
        charge = np.zeros(n)
        if by_value and t:
            days = [(ids, values[:, d]) for d in range(max(t - LOOK_BACK, 0), t + 1)]
            learned = learn(CapTerms(cap, CYCLE_DAYS, 1.0), days)
            if isinstance(learned, CapCharge):
                all_ = np.arange(n)
                pairs = Pairs(all_, np.zeros(n, np.int64), x, np.zeros(n), np.zeros((n, 1)))
                charge = charges(pairs, contacts, [learned])  # type: ignore[arg-type]
        made[:, t] = free & (x > charge)
    return float(values[made].sum() / values.size)


def clairvoyant(values: Values, cap: ContactCap) -> float:
    """Return the most that can be captured by whoever knows all values."""
    slots = Slots.of(cap.maximum, CapTerms(cap, CYCLE_DAYS, 1.0).blocked)
    free = slots.states[:, 0] == 0
    worth = np.zeros((len(values), len(slots.states)))
    for x in values.T[::-1]:
        waits, contacts = worth[:, slots.later], worth[:, slots.taken] + x[:, None]
        worth = np.where(free, np.maximum(waits, contacts), waits)
    return float(worth[:, 0].sum() / values.size)


MARKETS: dict[str, Callable[[np.random.Generator, int, int], Values]] = {
    "moments": moments, "fleeting": fleeting, "half lasting": half_lasting, "lasting": lasting
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--cycles", type=int, default=52)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    rows = []
    for name, draw in MARKETS.items():
        for cap in CAPS:
            found = []
            for seed in range(1, asked.seeds + 1):
                values = draw(np.random.default_rng([seed, 20260]), asked.customers, asked.cycles)
                first, filled = (played(values, cap, by_value=way) for way in (False, True))
                found.append(
                    (filled / first - 1.0, first / clairvoyant(values, cap), filled / clairvoyant(values, cap))
                )
            gain, first, filled = np.mean(found, axis=0)
            spread = float(np.std([one[0] for one in found], ddof=1)) if len(found) > 1 else 0.0
            rows.append(
                {"values": name, "cap": f"{cap.maximum} in {cap.days} days", "gain": gain, "gain_sd": spread,
                 "first_come": first, "by_value": filled}
            )  # fmt: skip
            print(f"{name:14} {cap.maximum} in {cap.days}: {gain:+.1%} ± {spread:.1%}", flush=True)
    lines = [
        f"# Caps by value: {asked.customers} customers, {asked.cycles} weekly cycles, {asked.seeds} seeds", "",
        "`python -m benchmarks.caps_by_value`. Gain of filling caps by value over first come (± sd over seeds),",
        "and the share of the clairvoyant optimum that each captures.", measured_with(), "",
        "| values | cap | gain | first come | by value |", "| --- | --- | ---: | ---: | ---: |",
    ]  # fmt: skip
    for row in rows:
        shares = " | ".join(f"{row[way]:.1%}" for way in ("first_come", "by_value"))
        lines.append(f"| {row['values']} | {row['cap']} | {row['gain']:+.1%} ± {row['gain_sd']:.1%} | {shares} |")
    (HERE / "results" / "caps_by_value.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
