"""Pictures of the best of several policies, and of a policy in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alamo.cli.html.charts import forest
from alamo.cli.html.marks import Picture
from alamo.cli.views.policies import choice_worth, worths

Data = Mapping[str, Any]


def policy_choice(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page of a choice."""
    rows = [
        _line(row["policy"], {"mean": row["gain"], "lower": row["gain_lower"], "upper": row["gain_upper"]})
        for row in data["rows"]
    ]
    if data.get("gain"):
        rows.append(_line("the choice, on other units", data["gain"]))
    return "The best of several policies", [forest(rows, choice_worth(data), "against what runs, per row")]


def policy_tree(data: Data) -> tuple[str, list[Picture]]:
    """Return the title and the pictures of the page of a tree."""
    leaves = [_line(f"{row['who']}: {row['action']}", row) for row in data["rows"]]
    whole = [_line(words, data[key]) for key, words in worths(data)]
    found = [words for (key, words), line in zip(worths(data), whole, strict=True) if line["found"]]
    message = f"The tree differs: {'; '.join(found)}" if found else "The tree is not told apart from simpler policies"
    return "A policy in words", [
        forest(leaves, "Who gets what", f"per row of theirs against {data['control']}, on units that did not grow it"),
        forest(whole, message, "per row"),
    ]


def _line(name: str, found: Data) -> dict[str, Any]:
    lower, upper = found.get("lower"), found.get("upper")
    sure = lower is not None and upper is not None and (lower > 0.0 or upper < 0.0)
    return {"name": name, "mean": found.get("mean"), "lower": lower, "upper": upper, "found": sure}
