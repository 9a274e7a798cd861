"""Tables of the longer outcome: what a decision had brought once its long window had closed, and what follows from it.

They are filled only where ``long_days`` is set under ``[outcome]``.
"""

from __future__ import annotations

from alamo.domain.contracts import COUNT, FLAG, NUMBER, TEXT, TEXTS, TIME, Column, Contract

LONG_OBSERVATIONS = Contract(
    table="long_observations",
    meaning="2b · A decision observed again when its long window had closed; later decisions are part of it.",
    written_by="measurement",
    read_by="inference",
    key=("decision_id", "long_days"),
    partition=("cycle",),
    columns=(
        Column("decision_id", TEXT, "the decision"),
        Column("cycle", COUNT, "of the decision"),
        Column("long_days", COUNT, "length of the long window", minimum=1),
        Column("short_end", TIME, "end of the outcome window: money is discounted to this moment"),
        Column("long_end", TIME, "end of the long window"),
        Column("matured_at", TIME, "when the long window had closed and was measured"),
        Column("margin_money", NUMBER, "margin earned in the long window, discounted"),
        Column("cost_money", NUMBER, "variable cost of everything done to the customer in it", minimum=0),
        Column("permission_lost", FLAG, "a consent was withdrawn or a complaint made in it"),
        Column("x_end", COUNT, "`x` at the end of the long window", minimum=0),
        Column("t_x_end_days", NUMBER, "`t_x_days` at its end", minimum=0),
        Column("t_end_days", NUMBER, "`t_days` at its end", minimum=0),
        Column("repeat_money_end", NUMBER, "`repeat_money` at its end"),
        Column("channels_lost", TEXTS, "channels it was lost on, `*` for all; null: not recorded", nullable=True),
    ),
)

LONG_OUTCOMES = Contract(
    table="long_outcomes",
    meaning="3e · The longer outcome of a decision, written once at maturity; it counts the future the short one does.",
    written_by="inference",
    read_by="inference",
    key=("decision_id", "long_days", "value_version"),
    partition=("cycle",),
    columns=(
        Column("decision_id", TEXT, "the decision"),
        Column("cycle", COUNT, "of the decision"),
        Column("long_days", COUNT, "length of the long window", minimum=1),
        Column("margin_money", NUMBER, "margin earned in the long window, discounted to the end of the short one"),
        Column("residual_value_money", NUMBER, "residual value of what is left of the horizon at its end, discounted"),
        Column("cost_money", NUMBER, "variable cost of everything done to the customer in it", minimum=0),
        Column("permission_money", NUMBER, "price charged for a lost permission; null: not priced", nullable=True),
        Column("outcome_money", NUMBER, "margin + residual value − cost − price of a lost permission"),
        Column("value_version", TEXT, "value model used: the one fitted before the decision's cycle"),
    ),
)

LONG_DR_SCORES = Contract(
    table="long_dr_scores",
    meaning="3f · Doubly robust scores of the longer outcome less the short one.",
    written_by="inference",
    read_by="inference",
    key=("decision_id", "action_id"),
    partition=("cycle",),
    columns=(
        Column("decision_id", TEXT, "the decision"),
        Column("unit_id", TEXT, "unit of randomisation"),
        Column("cycle", COUNT, "of the decision"),
        Column("action_id", TEXT, "an action of the eligible set, `none` among them"),
        Column("fold", COUNT, "fold of the unit", minimum=0),
        Column("p", NUMBER, "logged probability of the action", minimum=0, maximum=1),
        Column("mu_money", NUMBER, "model of the difference at the action, fitted without this row's unit"),
        Column("gamma_money", NUMBER, "mu + 1{drawn}(difference − mu)/p"),
        Column("long_days", COUNT, "length of the long window", minimum=1),
    ),
)

CALIBRATED_EFFECTS = Contract(
    table="calibrated_effects",
    meaning="3g · What each action changes: the short outcome's effect, its correction, and the calibrated effect.",
    written_by="inference",
    read_by="prediction, reports",
    key=("action_id", "as_of"),
    partition=("as_of_day",),
    columns=(
        Column("action_id", TEXT, "the action"),
        Column("as_of", TIME, "UTC"),
        Column("as_of_day", TEXT, "the partition"),
        Column("label", TEXT, "whether the effect is calibrated yet", values=("proxy", "calibrated")),
        Column("long_days", COUNT, "length of the long window", minimum=1),
        *(
            Column(f"{part}_{what}", NUMBER, meaning, nullable=part != "proxy")
            for part, of in (
                ("proxy", "effect on the short outcome, per decision"),
                ("correction", "effect on the longer outcome less that on the short one, same decisions"),
                ("calibrated", "proxy + correction"),
            )
            for what, meaning in (
                ("money", of),
                ("se", "standard error of it"),
                ("lower", "fixed-n interval of it"),
                ("upper", "likewise"),
            )
        ),
        Column("n", COUNT, "decisions with a chance of the action whose short window has closed", minimum=0),
        Column("n_long", COUNT, "those of them whose long window has closed", minimum=0),
        Column("cycles_long", COUNT, "cycles they are from", minimum=0),
        Column("measured_until", TIME, "end of the newest long window in it", nullable=True),
        Column(
            "days_left",
            COUNT,
            "until enough cycles are closed; null: calibrated, or no spread",
            nullable=True,
            minimum=0,
        ),
        Column("method", TEXT, "how the correction was estimated"),
    ),
)
