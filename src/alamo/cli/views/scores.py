"""A score: how good it is, what it rests on, and what to be wary of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from alamo.cli import formats
from alamo.cli.output import Column, column, heading, interval_column, note, refusals, table

_FIGURES = (
    column("AUC", "auc", lambda value: formats.number(value, 3)),
    column("log-loss", "log_loss", formats.number),
    column("top-decile lift", "top_decile_lift", lambda value: formats.number(value, 3)),
    column("calibration error", "ece", lambda value: formats.percent(value, 2)),
)
_MOST_DRIVERS = 10


def scores(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Figures per fold and pooled, forward folds, suspected leaks, calibration, drivers."""
    if data.get("rows"):
        yield table(_title(data), (_fold_column(), *_FIGURES), [*data["rows"], _pooled(data, data)])
        yield from _intervals(data)
        yield note(_mixture(data.get("learners") or {}), "dim")
    yield from _leaks(data)
    yield from _forward(data)
    yield from _curve(data)
    yield from _drivers(data)
    if data.get("out"):
        yield note(f"Per row: {data['out']}")
    yield from refusals(data)


def _title(data: Mapping[str, Any]) -> str:
    return (
        f"P({data.get('target')} = {data.get('positive')}) on {formats.count(data.get('n'))} rows, "
        f"{formats.percent(data.get('base_rate'))} of them yes; random folds"
    )


def _fold_column() -> Column:
    return Column("fold", lambda row: "all" if row.get("fold") is None else formats.count(row["fold"]), right=False)


def _pooled(data: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    return {"fold": None, **(whole.get("pooled") or {})}


def _intervals(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    for row in data.get("intervals", []):
        if row["fold"] is None:
            words = [
                f"AUC {formats.interval(row['auc_lower'], row['auc_upper'], lambda v: formats.number(v, 3))}",
                f"log-loss {formats.interval(row['log_loss_lower'], row['log_loss_upper'])}",
                f"calibration error {formats.interval(row['ece_lower'], row['ece_upper'], formats.percent)}",
            ]
            yield note(f"{formats.percent(data.get('level'), 0)} intervals of all: " + " · ".join(words), "dim")


def _mixture(learners: Mapping[str, Any]) -> str:
    weight = float(learners.get("trees_weight") or 0.0)
    loss = learners.get("log_loss") or {}
    return (
        f"{formats.percent(1.0 - weight, 0)} scorecard (log-loss {formats.number(loss.get('scorecard'))}), "
        f"{formats.percent(weight, 0)} of {formats.count(learners.get('trees'))} trees "
        f"({formats.number(loss.get('trees'))}); calibration: {learners.get('calibration')}"
    )


def _leaks(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    found = data.get("suspected_leaks") or []
    if not found:
        return
    yield heading("Suspected leaks: known only after the outcome?")
    for item in found:
        state = "kept" if item.get("kept") else "left out"
        yield note(f"  {item['column']} ({state}): {item['why']}", "yellow")
    both = data.get("with_suspects"), data.get("without_suspects")
    if both[0] and both[1]:
        yield note(
            f"  AUC with them {formats.number(both[0]['auc'], 3)}, without {formats.number(both[1]['auc'], 3)}. "
            "Known before the decision after all? --keep COL",
        )


def _forward(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    forward, drift = data.get("forward"), data.get("drift")
    if forward and forward.get("rows"):
        yield table(
            "Forward in time: learnt on what came before each fold",
            (_fold_column(), *_FIGURES),
            [*forward["rows"], _pooled(data, forward)],
        )
    if not drift:
        return
    if not drift.get("warning"):
        yield note("No drift found: forward and random folds agree.", "dim")
        return
    yield heading("Drift: these rows do not describe the next ones well")
    for words in drift["messages"]:
        yield note(f"  {words}", "yellow")


def _curve(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    if data.get("calibration_curve"):
        columns = [
            column("predicted", "predicted", formats.percent),
            column("seen", "seen", formats.percent),
            interval_column("interval", "lower", "upper", formats.percent),
            column("rows", "n", formats.count),
        ]
        yield table("Calibration on rows not seen, in tenths", columns, data["calibration_curve"])


def _drivers(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    found = data.get("drivers") or []
    if found:
        columns = [column("column", "column"), column("moves the log-odds by", "mean_log_odds", formats.number)]
        more = f", first {_MOST_DRIVERS} of {len(found)}" if len(found) > _MOST_DRIVERS else ""
        yield table(f"What scores rest on{more} (goes with the outcome; no cause)", columns, found[:_MOST_DRIVERS])


def next_product(data: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Hit rates beside "buy again"."""
    if data.get("rows"):
        columns = [
            column("method", "method"),
            *(column(f"best {k}", f"hit_rate_{k}", formats.percent) for k in (1, 3, 5, 10)),
            column("1 / place", "mrr", formats.number),
        ]
        title = f"Bought one of the best: share of {formats.count(data.get('customers_judged'))} customers"
        yield table(f"{title} from {formats.moment(data.get('judged_from'))}", columns, data["rows"])
        gain = (data.get("gain") or {}).get("hit_rate_5") or {}
        ends = formats.interval(gain.get("lower"), gain.get("upper"), formats.percent)
        yield note(f"Best 5, model over buy again: {formats.percent(gain.get('mean'))} ({ends})", "dim")
    if data.get("out"):
        yield note(f"Per customer: {data['out']}")
    yield from refusals(data)
