"""The table of model health: what was promised before a cycle, beside what the cycle brought."""

from __future__ import annotations

from alamo.domain.contracts import COUNT, NUMBER, TEXT, TIME, Column, Contract

CHECKS = (
    "calibration level",
    "calibration slope",
    "forecast",
    "feature drift",
    "effect drift",
    "value forecast",
    "challenger",
    "challenger loss",
)
"""What is looked at, in the order shown."""

VERDICTS = ("holds", "watch", "fails", "keep", "replace", "no difference", "refused")
"""What a check comes to. ``keep replace no difference`` are of challengers; ``refused``: the data do not support the
check, the reason says why."""
ALARMS = ("fails", "replace")
"""Verdicts that say that something is wrong."""

HEALTH = Contract(
    table="health",
    meaning="8 · Model health: what was promised before a cycle beside what it brought; written once a finished cycle.",
    written_by="inference",
    read_by="reports",
    key=("aspect", "subject", "cycle"),
    partition=("cycle",),
    columns=(
        Column("aspect", TEXT, "what is looked at", values=CHECKS),
        Column("subject", TEXT, "of what: an action, a feature, the programme, a span, a challenger; `*` all of it"),
        Column("model", TEXT, "version of the model judged; empty: none was in use"),
        Column("cycle", COUNT, "whose decisions judge it", minimum=1),
        Column("as_of", TIME, "when it was judged, UTC"),
        Column("expected", NUMBER, "what was to come, had all been as promised or as before", nullable=True),
        Column("found", NUMBER, "what came", nullable=True),
        Column("value", NUMBER, "the distance between them, in the check's own unit", nullable=True),
        Column("lower", NUMBER, "interval of `value`, for one look", nullable=True),
        Column("upper", NUMBER, "likewise", nullable=True),
        Column("threshold", NUMBER, "where `value` says that nothing is wrong, or up to where", nullable=True),
        Column(
            "p_value",
            NUMBER,
            "adjusted for all checks of the cycle; null: not tested",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column("verdict", TEXT, "what it comes to", values=VERDICTS),
        Column("reason", TEXT, "why, in words"),
        Column("n", COUNT, "independent customers behind it", minimum=0),
    ),
)
