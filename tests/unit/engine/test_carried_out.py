"""What a stopped launch leaves is again a decision with a known probability."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.reasons import DecisionReason
from alamo.domain.records import LedgerRow
from alamo.domain.tables import DECISIONS
from alamo.engine.carried_out import as_carried_out, cuts

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def decision(name: str, action: str, **p: float) -> dict[str, object]:
    acted = action != "none"
    return {
        "decision_id": name, "unit_id": f"u{name}", "customer_id": f"u{name}", "cycle": 1, "decided_at": NOW,
        "action_id": action, "eligible": list(p), "p": list(p.values()), "p_action": p[action],
        "universal_control": False, "plan_id": "p", "block": 0, "reason": DecisionReason.VALUE.value,
        "value_mean_money": 2.0 * acted, "net_money": 1.5 * acted, "cost_money": 0.5 * acted,
        "policy_version": "v", "valid_until": NOW,
    }  # fmt: skip


def table(*rows: dict[str, object]) -> pa.Table:
    return DECISIONS.check(pa.Table.from_pylist(list(rows), schema=DECISIONS.schema))


def entry(name: str, action: str, state: str) -> LedgerRow:
    return LedgerRow(name, "p", f"p-{action}-0", f"u{name}", action, "email", 50, state)


BOTH = {"mail": 0.3, "post": 0.2, "none": 0.5}
DRAWN = table(
    decision("a", "mail", **BOTH),
    decision("b", "post", **BOTH),
    decision("c", "none", **BOTH),
    decision("d", "mail", **BOTH),
    decision("e", "none", mail=0.4, none=0.6),
    decision("f", "post", **BOTH),
    decision("g", "none", none=1.0),
)


def shown(found: pa.Table) -> list[tuple[str, str, dict[str, float], float]]:
    return [
        (
            row["decision_id"],
            row["action_id"],
            {name: round(p, 12) for name, p in zip(row["eligible"], row["p"], strict=True)},
            round(row["p_action"], 12),
        )
        for row in found.to_pylist()
    ]


def test_behind_the_cut_an_action_could_not_be_had_by_anybody() -> None:
    rows = [entry("a", "mail", "sent"), entry("d", "mail", "cancelled")]
    rows += [entry("b", "post", "cancelled"), entry("f", "post", "cancelled")]
    assert cuts(rows) == {"mail": "d", "post": ""}
    found = as_carried_out(DRAWN, rows)
    assert shown(found) == [
        ("a", "mail", {"mail": 0.3, "none": 0.7}, 0.3),
        ("b", "none", {"mail": 0.3, "none": 0.7}, 0.7),
        ("c", "none", {"mail": 0.3, "none": 0.7}, 0.7),
        ("d", "none", {"none": 1.0}, 1.0),
        ("e", "none", {"none": 1.0}, 1.0),
        ("f", "none", {"none": 1.0}, 1.0),
        ("g", "none", {"none": 1.0}, 1.0),
    ]
    changed = [row for row in found.to_pylist() if row["reason"] == DecisionReason.STOPPED.value]
    assert [row["decision_id"] for row in changed] == ["b", "d", "f"]
    assert {row[name] for row in changed for name in ("cost_money", "net_money", "value_mean_money")} == {0.0}


def test_an_action_that_went_out_whole_stays_as_it_was_drawn() -> None:
    rows = [entry("a", "mail", "sent"), entry("d", "mail", "failed"), entry("b", "post", "unknown")]
    assert cuts([*rows, entry("f", "post", "dropped")]) == {}
    assert as_carried_out(DRAWN, rows).equals(DRAWN)


def test_who_may_not_be_written_to_does_not_move_the_cut() -> None:
    rows = [entry("a", "mail", "dropped"), entry("d", "mail", "cancelled"), entry("b", "post", "sent")]
    assert cuts([*rows, entry("f", "post", "cancelled")]) == {"mail": "", "post": "f"}


def test_an_action_that_went_out_in_another_order_stays_as_it_was_drawn() -> None:
    rows = [entry("a", "mail", "cancelled"), entry("d", "mail", "sent"), entry("b", "post", "cancelled")]
    assert cuts(rows) == {"post": ""}


@pytest.mark.statistical
def test_effects_are_unbiased_however_much_of_a_launch_was_carried_out() -> None:
    """Inverse-propensity effects over 400 launches stopped anywhere; taken as drawn, the same estimate is biased.

    Customers differ in their outcome without action and in their probabilities; the effect of ``mail`` is 2 each.
    """
    rng = np.random.default_rng(5)
    n, as_carried, as_drawn = 300, [], []
    for _ in range(400):
        p_mail = rng.uniform(0.1, 0.7, n)
        base = 5.0 * p_mail + rng.normal(0.0, 1.0, n)
        mail = rng.random(n) < p_mail
        ids = [f"{value:016x}" for value in rng.permutation(n)]
        sent = sorted(name for name, drawn in zip(ids, mail, strict=True) if drawn)
        carried = int(rng.integers(20, len(sent)))
        rows = [entry(name, "mail", "sent" if k < carried else "cancelled") for k, name in enumerate(sent)]
        got = np.array([drawn and name in set(sent[:carried]) for name, drawn in zip(ids, mail, strict=True)])
        outcome = base + 2.0 * got
        drawn = table(
            *(
                decision(name, "mail" if m else "none", mail=p, none=1.0 - p)
                for name, m, p in zip(ids, mail, p_mail, strict=True)
            )
        )
        as_carried.append(_effect(as_carried_out(drawn, rows), outcome))
        as_drawn.append(_effect(drawn, outcome))
    four_se = 4.0 * np.std(as_carried, ddof=1) / np.sqrt(len(as_carried))
    assert abs(np.mean(as_carried) - 2.0) < four_se
    assert abs(np.mean(as_drawn) - 2.0) > four_se


def _effect(decisions: pa.Table, outcome: np.ndarray) -> float:
    """Return the Horvitz–Thompson effect of mail over the decisions at which it could be had."""
    rows = decisions.to_pylist()
    able = np.array(["mail" in row["eligible"] for row in rows])
    mail = np.array([row["action_id"] == "mail" for row in rows])
    p = np.array([row["p_action"] for row in rows])
    return float(np.sum(np.where(mail, 1.0, -1.0)[able] * outcome[able] / p[able]) / able.sum())
