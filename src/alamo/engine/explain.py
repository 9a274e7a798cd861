"""Explanations: a decision taken apart into the numbers it was made of, from the log and the policy snapshot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.domain.action import NO_ACTION
from alamo.domain.errors import StateError
from alamo.domain.policy import BlockState, PolicySnapshot
from alamo.domain.result import json_value
from alamo.engine.batch import decide_under
from alamo.engine.context import Context
from alamo.engine.guard import paused_ids
from alamo.engine.realtime import terms_of
from alamo.numerics.hashing import uniforms
from alamo.steering.candidates import Candidates, gather
from alamo.steering.eligibility import Gatekeeper

_IMPORTED = "imported"
_MONEY = ("value_mean_money", "value_sd_money", "gross_money", "cost_money", "limits_money", "later_money", "net_money")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a decision came out as it did.

    Attributes
    ----------
    decision
        The logged row.
    options
        What could be drawn: gross value, cost, price of the limits and what is left of it (gross − cost − limits =
        net), the value net of cost and its sd, probability.
    ineligible
        What could not, and why.
    prices
        Price and what was left of each limit at the start of the block.
    policy
        The snapshot it was decided by; None for imported decisions.
    draw
        The number in [0, 1) that the customer's hash gives.
    currency
        Of the money.
    """

    decision: dict[str, Any]
    options: list[dict[str, Any]]
    ineligible: list[dict[str, Any]]
    prices: list[dict[str, Any]]
    policy: PolicySnapshot | None
    draw: float | None
    currency: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as it stands in ``--json``."""
        named = ("decision_id", "customer_id", "cycle", "decided_at", "action_id", "reason", "block", "plan_id")
        policy = self.policy
        return {
            "schema": "alamo.explanation/1",
            **{name: json_value(self.decision[name]) for name in named},
            "p_action": self.decision["p_action"],
            "universal_control": self.decision["universal_control"],
            "policy_version": self.decision["policy_version"],
            "options": self.options,
            "ineligible": self.ineligible,
            "prices": self.prices,
            "draw": self.draw,
            "currency": self.currency,
            "rule": None
            if policy is None
            else {
                "temperature_money": policy.rule.temperature_money,
                "floor_share": policy.rule.floor_share,
                "control_share": policy.rule.control_share,
                "floor_weights": dict(
                    zip(policy.action_ids, policy.rule.floor_of(len(policy.action_ids)), strict=True)
                ),
            },
        }


def explain(context: Context, decision_id: str) -> Explanation:
    """Return the explanation of a launched decision, or of one in a plan; a customer's id means the newest of theirs.

    Raises
    ------
    StateError
        If no decision has this id.
    """
    decision = _logged(context, decision_id)
    if decision["policy_version"] == _IMPORTED:
        return Explanation(decision, _log_options(decision), [], [], None, None, context.settings.currency)
    policy = context.shelf.get(decision["policy_version"])
    candidates = candidates_of(context, policy, decision["customer_id"], decision["decided_at"])
    state = policy.state_of(decision["block"])
    return Explanation(
        decision=decision,
        options=options(candidates, policy, state, dict(zip(decision["eligible"], decision["p"], strict=True))),
        ineligible=[
            {"action_id": action_id, "reason": next(iter(counts))}
            for action_id, counts in zip(policy.action_ids, candidates.eligibility.excluded, strict=True)
            if counts
        ],
        prices=price_rows(policy, state),
        policy=policy,
        draw=float(uniforms(candidates.cells.units.key, f"{policy.salt}/draw")[0]),
        currency=context.settings.currency,
    )


def candidates_of(context: Context, policy: PolicySnapshot, customer_id: str, moment: Any) -> Candidates:
    """Return what was open to one customer at `moment` by the newest profile and scores of then.

    For a decision of the batch they are those the policy was made from; over the counter there may be newer ones.
    """
    named = {"customer": customer_id, "day": policy.scores_as_of[:10], "moment": moment}
    of_customer = "customer_id = $customer AND as_of_day >= $day AND as_of <= $moment"
    profile, scores = (
        context.history.query(
            f"SELECT * FROM {table} WHERE {of_customer} "
            f"AND as_of = (SELECT max(as_of) FROM {table} WHERE {of_customer})",
            named,
        )
        for table in ("profiles", "scores")
    )
    gatekeeper = Gatekeeper(context.actions, context.contact, moment, paused_ids(context, moment))
    return gather(context.history, profile, scores, terms_of(policy, gatekeeper))


def options(
    candidates: Candidates, policy: PolicySnapshot, state: BlockState, p: dict[str, float]
) -> list[dict[str, Any]]:
    """Return what one customer could be given under `state`, best net value first, no action last."""
    cells = candidates.cells
    roomy = replace(state, remaining=tuple(np.full(len(state.remaining), np.inf).tolist()))
    net = decide_under(roomy, cells, candidates.tables, policy.rule, policy.salt).net_money
    rows: list[dict[str, Any]] = [
        {
            "action_id": policy.action_ids[int(cells.action[j])],
            "value_mean_money": float(cells.earned_money[j]),
            "value_sd_money": float(cells.value_sd_money[j]),
            "gross_money": float(cells.earned_money[j] + cells.use("cost")[j]),
            "cost_money": float(cells.use("cost")[j]),
            "limits_money": float(cells.value_money[j] - net[j]),
            "later_money": float(cells.earned_money[j] - cells.value_money[j]),
            "net_money": float(net[j]),
            "p": p.get(policy.action_ids[int(cells.action[j])], 0.0),
        }
        for j in range(cells.n_cells)
    ]
    rows.sort(key=lambda row: -row["net_money"])
    nothing = dict.fromkeys(_MONEY, 0.0)
    return [*rows, {"action_id": NO_ACTION, **nothing, "p": p.get(NO_ACTION, 0.0)}]


def price_rows(policy: PolicySnapshot, state: BlockState) -> list[dict[str, Any]]:
    """Return limit, price and what was left of it, as a person reads them: minima with negative prices."""
    return [
        {"limit": row.limit, "use": row.column, "price": row.sign * price + 0.0, "remaining": row.sign * left}
        for row, price, left in zip(policy.rows, state.prices, state.remaining, strict=True)
    ]


def _logged(context: Context, decision_id: str) -> dict[str, Any]:
    for table in ("decisions", "proposals"):
        found: pa.Table = context.history.query(
            f"SELECT * FROM {table} WHERE decision_id = $id OR customer_id = $id ORDER BY decided_at DESC LIMIT 1",
            {"id": decision_id},
        )
        if found.num_rows:
            return dict(found.slice(0, 1).to_pylist()[0])
    sample = context.history.query("SELECT decision_id FROM proposals ORDER BY decision_id LIMIT 1")
    example = sample["decision_id"][0].as_py() if sample.num_rows else None
    raise StateError(
        f"there is no decision {decision_id!r}",
        hint=f"A decision or a customer, for instance: alamo explain {example}" if example else "Try: alamo run",
        code="decision.unknown",
    )


def _log_options(decision: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"action_id": action, "p": p} for action, p in zip(decision["eligible"], decision["p"], strict=True)]
