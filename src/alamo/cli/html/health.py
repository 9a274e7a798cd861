"""Pictures of model health: each check with its interval, features that have moved, forecasts by cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from alamo.cli import formats
from alamo.cli.html.charts import bars, forest, over_time
from alamo.cli.html.marks import Picture
from alamo.cli.views.health import FEATURES, TITLES, newest, verdict, why
from alamo.domain.health_table import ALARMS

Data = Mapping[str, Any]

_UNITS = {
    "calibration level": "money per decision",
    "calibration slope": "slope less 1",
    "effect drift": "money per decision",
    "value forecast": "share of what was expected, less 1",
    "challenger": "money per decision",
}


def health(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page."""
    rows = data["rows"]
    pictures = [_forest(check, newest(rows, check)) for check in _UNITS if newest(rows, check)]
    forecasts = sorted((row for row in rows if row["aspect"] == "forecast" and row["value"] is not None), key=_cycle)
    if forecasts:
        pictures.append(_forecasts(forecasts))
    features = sorted(newest(rows, FEATURES), key=lambda row: -row["value"])[:15]
    if features:
        pictures.append(_features(features))
    return "Model health", pictures


def advice(data: Data) -> str:
    """Return when to fit the model anew and why, as a paragraph; nothing where no advice is given."""
    found = data.get("advice")
    if not found:
        return ""
    return f"<p><strong>{verdict(found)}</strong>: {escape(why(found))}.</p>"


def _forest(check: str, rows: Sequence[Data]) -> Picture:
    """Draw the distance from where nothing is wrong, so that the line of zero means "as promised"."""
    base = float(rows[0]["threshold"] or 0.0)
    lines = [
        {
            "name": row["subject"],
            "mean": row["value"] - base,
            "lower": row["lower"] - base,
            "upper": row["upper"] - base,
            "found": row["verdict"] in (*ALARMS, "keep"),
        }
        for row in rows
    ]
    failing = [row["subject"] for row in rows if row["verdict"] in ALARMS]
    said = f"fails for {', '.join(failing)}" if failing else "nothing fails"
    return forest(lines, f"{TITLES[check]}: {said} (cycle {rows[0]['cycle']}, {_day(rows)})", _UNITS[check])


def _forecasts(rows: Sequence[Data]) -> Picture:
    drawn = [{"cycle": row["cycle"]} | {key: row[key] for key in ("value", "lower", "upper")} for row in rows]
    failing = [str(row["cycle"]) for row in rows if row["verdict"] == "fails"]
    said = f"off in cycle {', '.join(failing)}" if failing else "within the errors of both in every cycle"
    return over_time(drawn, f"What cycles brought less what their plans promised: {said}", "money")


def _features(rows: Sequence[Data]) -> Picture:
    lines = [
        {
            "name": row["subject"],
            "value": row["value"],
            "written": f"{row['value']:.3f} (chance {row['threshold']:.3f}) {row['verdict']}",
        }
        for row in rows
    ]
    moved = sum(row["verdict"] != "holds" for row in rows)
    said = f"{moved} worth a look" if moved else "none has moved enough to matter"
    return bars(lines, f"Features against those the model learned from, {_day(rows)}: {said}", "stability index")


def _cycle(row: Data) -> int:
    return int(row["cycle"])


def _day(rows: Sequence[Data]) -> str:
    return f"as of {formats.moment(rows[0]['as_of'])}"
