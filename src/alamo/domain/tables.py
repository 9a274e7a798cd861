"""The tables that flow one way: events → profiles → observations → outcomes, effects → scores → decisions → deliveries.

The numbers in the meanings are those of the architecture page (``docs/explanation/architecture.md``).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.contracts import COUNT, FLAG, NUMBER, NUMBERS, TEXT, TEXTS, TIME, Column, Contract
from alamo.domain.health_table import HEALTH
from alamo.domain.long_tables import CALIBRATED_EFFECTS, LONG_DR_SCORES, LONG_OBSERVATIONS, LONG_OUTCOMES
from alamo.domain.micro_segment_table import MICRO_SEGMENTS
from alamo.domain.records import DELIVERY_STATES

_SUM_TOLERANCE = 1e-9


def _probabilities_add_up(data: pa.Table) -> tuple[str, str, pa.Array] | None:
    """Check Σp = 1, p in [0, 1], as many probabilities as eligible actions."""
    p, eligible = data["p"].combine_chunks(), data["eligible"].combine_chunks()
    if isinstance(p, pa.ChunkedArray):  # zero chunks stay chunked
        return None
    sizes = np.asarray(pc.list_value_length(p), dtype=np.int64)
    if not np.array_equal(sizes, np.asarray(pc.list_value_length(eligible), dtype=np.int64)):
        bad = pc.not_equal(pc.list_value_length(p), pc.list_value_length(eligible))
        return "p", "does not have one probability for each eligible action", bad
    flat = np.asarray(p.flatten(), dtype=np.float64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    sums = np.add.reduceat(flat, starts) if len(flat) else np.zeros(0)
    low = np.minimum.reduceat(flat, starts) if len(flat) else np.zeros(0)
    wrong = (np.abs(sums - 1.0) > _SUM_TOLERANCE) | (low < 0.0) | (sizes == 0)
    return ("p", "does not add up to one", pa.array(wrong)) if wrong.any() else None


EVENTS = Contract(
    table="events",
    meaning="0 · What happened, append-only; money in integer minor units of the project's currency.",
    written_by="connectors",
    read_by="measurement",
    key=("event_id",),
    partition=("source",),
    columns=(
        Column("event_id", TEXT, "unique over all sources"),
        Column("source", TEXT, "logical source, such as the kind and name of an imported file; replaced as one"),
        Column("customer_id", TEXT, "the person"),
        Column("kind", TEXT, "see `EventKind`"),
        Column("occurred_at", TIME, "UTC"),
        Column("received_at", TIME, "UTC"),
        Column("order_id", TEXT, "groups the lines of an order", nullable=True),
        Column("product_id", TEXT, "product of the line", nullable=True),
        Column("category", TEXT, "category of the product", nullable=True),
        Column("quantity", NUMBER, "signed as in the source", nullable=True),
        Column("amount_minor", COUNT, "net of the line; negative on returns", nullable=True),
        Column("margin_minor", COUNT, "margin of the line where the source knows it", nullable=True),
        Column("country", TEXT, "country seen with the event", nullable=True),
        Column("channel", TEXT, "channel of a message, consent or suppression event; `*` all", nullable=True),
        Column("action_id", TEXT, "action the event answers to", nullable=True),
        Column("decision_id", TEXT, "decision the event answers to", nullable=True),
        Column("properties", TEXT, "further fields as a JSON object", nullable=True),
    ),
)

CUSTOMERS = Contract(
    table="customers",
    meaning="Master data of persons, one row a customer and source; the newest row wins.",
    written_by="connectors",
    read_by="measurement",
    key=("customer_id", "source"),
    partition=("source",),
    columns=(
        Column("customer_id", TEXT, "the person"),
        Column("source", TEXT, "logical source"),
        Column("received_at", TIME, "UTC"),
        Column("created_at", TIME, "first known, UTC", nullable=True),
        Column("account_id", TEXT, "company the person belongs to", nullable=True),
        Column("email", TEXT, "address", nullable=True),
        Column("phone", TEXT, "E.164", nullable=True),
        Column("country", TEXT, "country", nullable=True),
        Column("region", TEXT, "region", nullable=True),
        Column("time_zone", TEXT, "IANA name", nullable=True),
        Column("attributes", TEXT, "further fields as a JSON object", nullable=True),
    ),
)

STATE_COLUMNS = (
    Column("x", COUNT, "repeat purchase days to date (distinct days less one, never below 0)", minimum=0),
    Column("t_x_days", NUMBER, "days from first to last purchase day", minimum=0),
    Column("t_days", NUMBER, "days from first purchase day to now", minimum=0),
    Column("repeat_money", NUMBER, "mean net money of the repeat purchase days; 0 without one"),
)
"""What a purchase-process model looks at: the sufficient statistics of a customer."""

PROFILES = Contract(
    table="profiles",
    meaning="1 · One row per customer as of a moment; nothing later than `as_of` is in it.",
    written_by="measurement",
    read_by="inference, prediction, steering",
    key=("customer_id", "as_of"),
    partition=("as_of_day",),
    open=True,
    columns=(
        Column("customer_id", TEXT, "the person"),
        Column("as_of", TIME, "events before this moment are in"),
        Column("as_of_day", TEXT, "date of `as_of`, the partition"),
        Column("first_order_at", TIME, "first purchase", nullable=True),
        Column("last_order_at", TIME, "last purchase", nullable=True),
        Column("recency_days", NUMBER, "since the last purchase; null without one", nullable=True, minimum=0),
        Column("tenure_days", NUMBER, "since the first purchase; null without one", nullable=True, minimum=0),
        Column("orders", COUNT, "distinct orders that keep a positive net", minimum=0),
        Column("purchase_days", COUNT, "distinct days with a positive net purchase", minimum=0),
        Column("money", NUMBER, "net money to date, returns netted out"),
        Column("margin_money", NUMBER, "margin to date"),
        *STATE_COLUMNS,
        *(
            column
            for days in (7, 30, 90, 365)
            for column in (
                Column(f"orders_{days}d", COUNT, f"orders in the last {days} days", minimum=0),
                Column(f"money_{days}d", NUMBER, f"net money in the last {days} days"),
                Column(f"margin_{days}d", NUMBER, f"margin in the last {days} days"),
                Column(f"returns_{days}d", COUNT, f"returned lines in the last {days} days", minimum=0),
            )
        ),
        Column("category_1", TEXT, "category bought most often to date", nullable=True),
        Column("category_2", TEXT, "second", nullable=True),
        Column("categories", COUNT, "number of distinct categories bought", minimum=0),
        Column("country", TEXT, "country", nullable=True),
        Column("region", TEXT, "region", nullable=True),
        Column("time_zone", TEXT, "IANA name", nullable=True),
        Column("consent", TEXTS, "channels with consent on record (`*` = every channel)"),
        Column("withdrawn", TEXTS, "channels for which consent was withdrawn"),
        Column("suppressed", TEXTS, "channels closed by a bounce, a complaint or an operator"),
        Column("contacts_7d", COUNT, "messages sent in the last 7 days", minimum=0),
        Column("contacts_14d", COUNT, "messages sent in the last 14 days", minimum=0),
        Column("contacts_28d", COUNT, "messages sent in the last 28 days", minimum=0),
        Column("answered_last", FLAG, "a visit, click or purchase within 14 days after the last message"),
        Column("bought_on_discount", FLAG, "the last purchase followed a message within 14 days"),
        Column("stage", TEXT, "lifecycle stage"),
        Column("state", TEXT, "stage and flags in one word; the state of continuation values"),
    ),
)

_DECIDED = (
    Column("decision_id", TEXT, "unique"),
    Column("unit_id", TEXT, "the unit of randomisation (customer, or account)"),
    Column("customer_id", TEXT, "the person"),
    Column("cycle", COUNT, "from 1; 0 and below: imported experiments"),
    Column("decided_at", TIME, "UTC"),
    Column("action_id", TEXT, "the action drawn, `none` for no action"),
    Column("eligible", TEXTS, "actions that could be drawn, `none` among them"),
    Column("p", NUMBERS, "probability of each, after all stops"),
    Column("p_action", NUMBER, "probability of the action drawn", minimum=0, maximum=1),
    Column("universal_control", FLAG, "held out of everything"),
)

DECISIONS = Contract(
    table="decisions",
    meaning="6 · One customer, one cycle, one action or none, with the probability of every eligible action.",
    written_by="engine",
    read_by="connectors, measurement",
    key=("decision_id",),
    partition=("plan_id",),
    rules=(_probabilities_add_up,),
    columns=(
        *_DECIDED,
        Column("plan_id", TEXT, "the plan it belongs to"),
        Column("block", COUNT, "block of customers drawn under one set of prices", minimum=0),
        Column("reason", TEXT, "see `DecisionReason`"),
        Column("value_mean_money", NUMBER, "score of the action drawn, 0 for none"),
        Column("net_money", NUMBER, "score less prices times use, 0 for none"),
        Column("cost_money", NUMBER, "variable cost of the action drawn", minimum=0),
        Column("policy_version", TEXT, "content hash of the policy snapshot"),
        Column("valid_until", TIME, "not delivered after this moment"),
    ),
)

PROPOSALS = Contract(
    table="proposals",
    meaning="Decisions of a plan that is not launched yet; a launch copies them to `decisions`.",
    written_by="engine",
    read_by="engine",
    key=("plan_id", "decision_id"),
    partition=("plan_id",),
    rules=(_probabilities_add_up,),
    columns=DECISIONS.columns,
)

OBSERVATIONS = Contract(
    table="observations",
    meaning="2 · A matured decision: its log, the features and state as of it, and what the window brought.",
    written_by="measurement",
    read_by="inference, prediction",
    key=("decision_id",),
    partition=("cycle",),
    open=True,
    rules=(_probabilities_add_up,),
    columns=(
        *_DECIDED,
        Column("window_end", TIME, "end of the outcome window"),
        Column("matured_at", TIME, "when the window had closed and was measured"),
        Column("margin_money", NUMBER, "margin earned in the window"),
        Column("cost_money", NUMBER, "variable cost of what was done", minimum=0),
        Column("orders_window", COUNT, "orders in the window", minimum=0),
        Column("permission_lost", FLAG, "a consent was withdrawn or a complaint made in the window"),
        Column("state", TEXT, "state at the decision"),
        Column("state_end", TEXT, "state at the end of the window"),
        Column("x_end", COUNT, "`x` at the end of the window", minimum=0),
        Column("t_x_end_days", NUMBER, "`t_x_days` at the end of the window", minimum=0),
        Column("t_end_days", NUMBER, "`t_days` at the end of the window", minimum=0),
        Column("repeat_money_end", NUMBER, "`repeat_money` at the end of the window"),
        Column("channels_lost", TEXTS, "channels it was lost on, `*` for all; null: not recorded", nullable=True),
        Column("complained_window", FLAG, "a complaint was made in the window; null: not recorded", nullable=True),
        Column("returned_window", FLAG, "something was returned in the window; null: not recorded", nullable=True),
    ),
)

SEGMENTS = Contract(
    table="segments",
    meaning="3a · The micro-segment of each customer as of a moment.",
    written_by="inference",
    read_by="prediction, steering",
    key=("customer_id", "as_of"),
    partition=("as_of_day",),
    columns=(
        Column("customer_id", TEXT, "the person"),
        Column("as_of", TIME, "UTC"),
        Column("as_of_day", TEXT, "the partition"),
        Column("segment", TEXT, "name that a person understands"),
        Column("segments_version", TEXT, "version of the cut points"),
    ),
)

OUTCOMES = Contract(
    table="outcomes",
    meaning="3b · The outcome of a matured decision, written once with the value model fitted before its cycle.",
    written_by="inference",
    read_by="inference, prediction",
    key=("decision_id", "value_version"),
    partition=("cycle",),
    columns=(
        Column("decision_id", TEXT, "the decision"),
        Column("cycle", COUNT, "of the decision"),
        Column("margin_money", NUMBER, "margin earned in the window"),
        Column("residual_value_money", NUMBER, "discounted residual lifetime value at the end of the window"),
        Column("cost_money", NUMBER, "variable cost of what was done", minimum=0),
        Column("outcome_money", NUMBER, "margin + residual value − cost − price of a lost permission"),
        Column("value_version", TEXT, "value model used"),
        Column("permission_money", NUMBER, "price charged for a lost permission; null: not priced", nullable=True),
    ),
)

DR_SCORES = Contract(
    table="dr_scores",
    meaning="3c · Doubly robust scores of every action a decision could have drawn.",
    written_by="inference",
    read_by="inference, prediction",
    key=("decision_id", "action_id"),
    partition=("cycle",),
    columns=(
        Column("decision_id", TEXT, "the decision"),
        Column("unit_id", TEXT, "unit of randomisation"),
        Column("cycle", COUNT, "of the decision"),
        Column("action_id", TEXT, "an action of the eligible set, `none` among them"),
        Column("fold", COUNT, "fold of the unit", minimum=0),
        Column("p", NUMBER, "logged probability of the action", minimum=0, maximum=1),
        Column("mu_money", NUMBER, "outcome model at the action, fitted without this row's unit or on earlier cycles"),
        Column("gamma_money", NUMBER, "mu + 1{drawn}(outcome − mu)/p"),
    ),
)

EFFECTS = Contract(
    table="effects",
    meaning="3d · What each action changes against no action, per decision at which it was eligible.",
    written_by="inference",
    read_by="steering, reports",
    key=("action_id", "segment", "as_of"),
    partition=("as_of_day",),
    columns=(
        Column("action_id", TEXT, "the action; `*` the programme as a whole against the universal control"),
        Column("segment", TEXT, "micro-segment; `*` everybody"),
        Column("as_of", TIME, "UTC"),
        Column("as_of_day", TEXT, "the partition"),
        Column("mean_money", NUMBER, "effect per decision"),
        Column("se", NUMBER, "standard error", minimum=0),
        Column("lower", NUMBER, "fixed-n interval, or the shrunk interval of a segment"),
        Column("upper", NUMBER, "likewise"),
        Column("anytime_lower", NUMBER, "always-valid interval", nullable=True),
        Column("anytime_upper", NUMBER, "likewise", nullable=True),
        Column("n", COUNT, "decisions that drew the action", minimum=0),
        Column("n_control", COUNT, "decisions that drew none while it was eligible", minimum=0),
        Column("baseline_money", NUMBER, "mean outcome without it", nullable=True),
        Column("method", TEXT, "estimator"),
        Column("found", FLAG, "the interval to act on excludes zero"),
    ),
)

SCORES = Contract(
    table="scores",
    meaning="4 · Predicted incremental value of an action for a customer.",
    written_by="prediction",
    read_by="steering",
    key=("customer_id", "action_id", "as_of"),
    partition=("as_of_day",),
    columns=(
        Column("customer_id", TEXT, "the person"),
        Column("action_id", TEXT, "the action"),
        Column("as_of", TIME, "UTC"),
        Column("as_of_day", TEXT, "the partition"),
        Column("value_mean_money", NUMBER, "expected incremental value against none, net of the variable cost"),
        Column("value_sd_money", NUMBER, "posterior standard deviation", minimum=0),
        Column("shared_sd_money", NUMBER, "the part of it that all customers of the action share", minimum=0),
        Column("cost_money", NUMBER, "variable cost; only the use of `cost` limits", minimum=0),
        Column("model_version", TEXT, "content hash of the model"),
    ),
)

DELIVERIES = Contract(
    table="deliveries",
    meaning="7 · What became of a decision in its channel; one row per decision, sealed from the ledger.",
    written_by="connectors",
    read_by="measurement",
    key=("decision_id",),
    partition=("plan_id",),
    columns=(
        Column("decision_id", TEXT, "the decision"),
        Column("plan_id", TEXT, "the plan"),
        Column("customer_id", TEXT, "the person"),
        Column("action_id", TEXT, "the action"),
        Column("channel", TEXT, "the channel"),
        Column("state", TEXT, "what is known", values=DELIVERY_STATES),
        Column("provider_id", TEXT, "identifier in the channel", nullable=True),
        Column("attempted_at", TIME, "UTC"),
        Column("cost_minor", COUNT, "cost charged", minimum=0),
    ),
)

CONTRACTS: dict[str, Contract] = {
    contract.table: contract
    for contract in (
        EVENTS,
        CUSTOMERS,
        PROFILES,
        OBSERVATIONS,
        SEGMENTS,
        OUTCOMES,
        DR_SCORES,
        EFFECTS,
        LONG_OBSERVATIONS,
        LONG_OUTCOMES,
        LONG_DR_SCORES,
        CALIBRATED_EFFECTS,
        SCORES,
        PROPOSALS,
        DECISIONS,
        DELIVERIES,
        HEALTH,
        MICRO_SEGMENTS,
    )
}
"""Every table of the historical half, by name."""
