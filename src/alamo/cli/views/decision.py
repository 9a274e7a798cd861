"""One decision, and its reason: one plain sentence, then the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import column, next_step, note, table
from alamo.domain.action import NO_ACTION
from alamo.domain.reasons import DecisionReason

Data = Mapping[str, Any]


def decision(data: Data) -> Iterator[RenderableType]:
    """What was decided for a customer, and with which probabilities."""
    yield note(f"{data['customer_id']}: {data['action_id']} ({data['reason']})", "bold")
    if data.get("send_after"):
        yield note(
            f"Not before {formats.moment(data['send_after'])} UTC: these are the customer's quiet hours.", "yellow"
        )
    yield from _options(data.get("options", []), "")
    if data.get("excluded"):
        rows = [{"action_id": action, "reason": reason} for action, reason in data["excluded"].items()]
        yield table("What could not", _INELIGIBLE, rows)
    yield from next_step(f"alamo explain {data['decision_id']}" if data.get("decision_id") else None)


def explanation(data: Data) -> Iterator[RenderableType]:
    """Why a decision came out as it did."""
    yield note(sentence(data), "bold")
    yield note(f"Decision {data['decision_id']}, {formats.moment(data['decided_at'])}: {data['reason']}", "dim")
    yield from _options(data.get("options", []), str(data.get("currency") or ""))
    if data.get("ineligible"):
        yield table("What could not", _INELIGIBLE, data["ineligible"])
    if data.get("prices"):
        columns = [
            column("limit", "limit"),
            column("price of one unit", "price", formats.number),
            column("left for the block", "remaining", formats.number),
        ]
        yield table(f"Limits in block {data.get('block')}", columns, data["prices"])
    rule = data.get("rule")
    if rule:
        yield note(
            f"temperature {formats.money(rule['temperature_money'])} · floor {formats.percent(rule['floor_share'])} · "
            f"control {formats.percent(rule['control_share'])} · draw {formats.figure(data.get('draw'))} · "
            f"policy {str(data.get('policy_version'))[:12]}",
            "dim",
        )


def sentence(data: Data) -> str:
    """Return what was decided and why, in words for somebody who has never heard of a propensity."""
    who, action = f"Customer {data['customer_id']}", str(data["action_id"])
    gets = f"{who} gets no action" if action == NO_ACTION else f"{who} gets {action}"
    chance = f"it was drawn with probability {formats.number(data.get('p_action'), 2)}"
    if not data.get("rule"):
        return f"{gets} in an imported experiment; {chance}."
    options = data.get("options", [])
    drawn: Data = next((row for row in options if row["action_id"] == action), {})
    worth = _worth(drawn, str(data.get("currency") or ""))
    others = sum(row["action_id"] != NO_ACTION for row in options)
    if action == NO_ACTION:
        return f"{gets} {_why_nothing(str(data['reason']), others, chance)}"
    if data["reason"] == DecisionReason.VALUE.value:
        best = f"the best of {others} that were open" if others > 1 else "the only one that was open"
        return f"{gets} because it is expected to earn {worth}, {best}; {chance}."
    if data["reason"] == DecisionReason.EXPLORATION.value:
        why = "every open action is drawn now and then, so that what it changes can be measured"
        return f"{gets} by chance: {why}. It is expected to earn {worth}; {chance}."
    return f"{gets}: {data['reason']}; {chance}."


def _worth(row: Data, currency: str) -> str:
    """Say what an action earns beyond its cost, and what the limits it uses leave of that."""
    value = float(row.get("value_mean_money") or 0.0)
    price, later = (float(row.get(key) or 0.0) for key in ("limits_money", "later_money"))
    unit = f" {currency}" if currency else ""
    earns = f"{formats.money(abs(value))}{unit} {'more' if value >= 0 else 'less'} than it costs"
    off = [words for amount, words in ((price, _PRICED), (later, _DISPLACES)) if amount]
    if not off:
        return earns
    return f"{earns} ({formats.money(value - price - later, signed=True)}{unit} after {' and '.join(off)})"


_PRICED, _DISPLACES = "the price of the limits it uses", "what the contact displaces later"


def _why_nothing(reason: str, others: int, chance: str) -> str:
    reasons = {
        DecisionReason.VALUE.value: f"because none of the {others} that were open is expected to earn more than it "
        f"costs and uses of the limits; {chance}.",
        DecisionReason.CONTROL.value: f"by chance: some are left out, so that what actions change can be measured; "
        f"{chance}.",
        DecisionReason.NO_ELIGIBLE_ACTION.value: "because no action is open to them.",
        DecisionReason.WASHOUT.value: "because they receive nothing any more until they take over as the universal "
        "control, one outcome window from now",
        DecisionReason.UNIVERSAL_CONTROL.value: "because they belong to the universal control, which receives nothing "
        "for a while, so that all actions together can be measured.",
        DecisionReason.LIMIT_REACHED.value: "because what was left of a limit did not suffice for the action drawn.",
    }
    return reasons.get(reason, f"because {reason}.")


def _options(options: Sequence[Data], currency: str) -> Iterator[RenderableType]:
    """Show what could be drawn, so that gross value − cost − limits − what is displaced = net adds up by eye."""
    if any(row.get("gross_money") is not None for row in options):
        title = "What could be drawn" + (f", in {currency}" if currency else "")
        displaces = any(row.get("later_money") for row in options)
        columns = [one for one in _SUM if displaces or one is not _LATER]
        yield table(title, columns, [_added_up(row, _places(options)) for row in options])
    else:
        yield table("What could be drawn", (column("action", "action_id"), _P), options)


def _places(options: Sequence[Data]) -> int:
    """Return the decimals that show the smallest amount with two digits: cents, or up to four places."""
    amounts = [
        abs(float(row.get(key) or 0.0)) for row in options for key in ("cost_money", "limits_money", "net_money")
    ]
    least = min((amount for amount in amounts if amount >= 1e-4), default=1.0)
    return 2 if least >= 0.1 else 3 if least >= 0.01 else 4


def _added_up(row: Data, places: int) -> dict[str, Any]:
    """Return a row of the sum as text; the parts are rounded, and the gross value is their sum."""
    parts = ("cost_money", "limits_money", "later_money", "net_money")
    cost, limits, later, net = (round(float(row.get(key) or 0.0), places) for key in parts)
    sd = float(row.get("value_sd_money") or 0.0)
    return {
        "action_id": row["action_id"],
        "gross": _signed(cost + limits + later + net, places),
        "sd": f"{sd:,.{places}f}",
        "cost": f"{-cost + 0.0:,.{places}f}",
        "limits": f"{-limits + 0.0:,.{places}f}",
        "later": f"{-later + 0.0:,.{places}f}",
        "net": _signed(net, places),
        "p": row.get("p"),
    }


def _signed(amount: float, places: int) -> str:
    return f"{amount:+,.{places}f}" if round(amount, places) else f"{0.0:.{places}f}"


_P = column("probability", "p", formats.percent)
_LATER = column("− what it displaces", "later", right=True)
_SUM = (
    column("action", "action_id"),
    column("gross value", "gross", right=True),
    column("± sd", "sd", right=True),
    column("− cost", "cost", right=True),
    column("− price of limits", "limits", right=True),
    _LATER,
    column("= net", "net", right=True),
    _P,
)
_INELIGIBLE = (column("action", "action_id"), column("not open because", "reason"))
