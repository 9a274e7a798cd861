"""Real time: one customer now, as a batch of one under the prices and remaining limits in force."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.domain.action import NO_ACTION, Action
from alamo.domain.policy import BlockState, PolicySnapshot
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import DecisionReason
from alamo.engine.batch import Batch, Stamp, decide_under, decision_table, project_salt
from alamo.steering.candidates import Candidates, Terms, gather
from alamo.steering.cells import Cells
from alamo.steering.control import universal_of
from alamo.steering.eligibility import Gatekeeper
from alamo.steering.limits import LimitTables
from alamo.steering.rule import Drawn

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class OneDecision:
    """What was decided for one customer.

    Attributes
    ----------
    action_id
        The action drawn, ``none`` for no action.
    reason
        See `DecisionReason`.
    probabilities
        Probability of every action that could be drawn, none among them.
    excluded
        Action → why it was not open.
    row
        The decision as a row of DECISIONS, to be logged; None if the decision failed.
    state
        What is left for the next customer.
    failure
        What went wrong, in words; None if nothing did.
    """

    action_id: str
    reason: DecisionReason
    probabilities: dict[str, float]
    excluded: dict[str, str]
    row: pa.Table | None
    state: BlockState
    failure: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as it stands in ``--json``."""
        return {
            "action": self.action_id,
            "reason": self.reason.value,
            "probabilities": self.probabilities,
            "excluded": self.excluded,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Counter:
    """What decides over the counter: the policy in force, who may be contacted, what is written beside a decision."""

    policy: PolicySnapshot
    gatekeeper: Gatekeeper
    stamp: Stamp


def decide_one(
    warehouse: Warehouse,
    profile: pa.Table,
    scores: pa.Table,
    counter: Counter,
    state: BlockState,
    known: Mapping[str, Any] | None = None,
) -> OneDecision:
    """Decide the customer of the one-row table `profile` (PROFILES) by its `scores` (SCORES) under `state`.

    Consent and caps come first. Never raises: whatever goes wrong, the answer is no action with a reason.

    Parameters
    ----------
    known
        Profile columns known better at this moment. They open and close actions; limits with a `where` count the
        customer by the profile as it is stored, so that what is left of them can be worked out from the log.
    """
    if profile.num_rows != 1:
        return _nothing(state, DecisionReason.UNKNOWN_CUSTOMER, "there is no profile of this customer")
    try:
        terms = terms_of(counter.policy, counter.gatekeeper)
        told = _told(profile, known or {})
        return _decided(gather(warehouse, told, scores, terms, counted_as=profile), counter, state)
    except Exception as error:  # noqa: BLE001 # the customer in front of the counter gets no action, never an error
        _LOG.exception("a decision failed; the customer gets no action")
        return _nothing(state, DecisionReason.FAILED, str(error))


def _told(profile: pa.Table, known: Mapping[str, Any]) -> pa.Table:
    for name, value in known.items():
        field = profile.schema.field(name)
        column = pa.array([value] * profile.num_rows, field.type)
        profile = profile.set_column(profile.schema.get_field_index(name), field, column)
    return profile


def decide_cells(
    cells: Cells, tables: LimitTables, policy: PolicySnapshot, state: BlockState
) -> tuple[Drawn, BlockState]:
    """Decide the customers of `cells` (one or more) under `state`; return also what is left afterwards."""
    drawn = decide_under(state, cells, tables, policy.rule, policy.salt)
    return drawn, BlockState(state.block, state.prices, tuple(drawn.remaining.tolist()))


def terms_of(policy: PolicySnapshot, gatekeeper: Gatekeeper) -> Terms:
    """Return the terms a policy was made under: its own actions and target groups, the gatekeeper's caps and moment.

    When an action is valid is read from the gatekeeper's actions; one that the project has dropped is taken as valid.
    """
    known = {action.id: action for action in gatekeeper.actions}
    actions = tuple(_as_of_policy(policy, action_id, known.get(action_id)) for action_id in policy.action_ids)
    same = Gatekeeper(actions, gatekeeper.contact, gatekeeper.now, gatekeeper.paused, project_salt(policy))
    return Terms(same, policy.rows, policy.salt, universal_of(policy), policy.displacement, policy.fatigue_money)


def _as_of_policy(policy: PolicySnapshot, action_id: str, known: Action | None) -> Action:
    noted = policy.actions[action_id]
    return Action(
        id=action_id,
        name=action_id if known is None else known.name,
        channel=noted["channel"],
        level=noted["level"],
        cost_money=noted["cost_money"],
        eligible=noted["eligible"],
        valid_from=None if known is None else known.valid_from,
        valid_until=None if known is None else known.valid_until,
        message_class=noted.get("class", "marketing"),
        passes=tuple(noted.get("passes", ())),
        control_share=noted.get("control", 0.0),
    )


def _nothing(state: BlockState, reason: DecisionReason, failure: str) -> OneDecision:
    return OneDecision(NO_ACTION, reason, {NO_ACTION: 1.0}, {}, None, state, failure=failure)


def _decided(candidates: Candidates, counter: Counter, state: BlockState) -> OneDecision:
    drawn, after = decide_cells(candidates.cells, candidates.tables, counter.policy, state)
    block = np.full(candidates.cells.n, state.block, dtype=np.int64)
    table = decision_table(candidates.cells, Batch(drawn, block, (state,)), counter.stamp)
    row = table.slice(0, 1).to_pylist()[0]
    excluded = {
        action_id: next(iter(counts))
        for action_id, counts in zip(candidates.cells.action_ids, candidates.eligibility.excluded, strict=True)
        if counts
    }
    return OneDecision(
        action_id=row["action_id"],
        reason=DecisionReason(row["reason"]),
        probabilities=dict(zip(row["eligible"], row["p"], strict=True)),
        excluded=excluded,
        row=table,
        state=after,
    )
