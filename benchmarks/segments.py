"""Micro-segments of the example shop beside the groups a CRM team would make: how well they predict, and how they last.

Run: ``python -m benchmarks.segments``. Rivals: the lifecycle stages, the loop's own cells, quintiles of recency ×
frequency × money (RFM), and k-means on standardised features with as many groups as were found. Every grouping
predicts by the means of its groups on the learning months, shrunk to the overall mean as suits it best; customers of
later months judge. Ours is judged more strictly: by customers whose own past was not learnt from either.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import sklearn
from sklearn.cluster import KMeans

from alamo.domain.settings import MarginSettings
from alamo.engine.segmenting import _stream, _take_in, behaviour_back
from alamo.inference import assign_segments, define_segments
from alamo.inference.micro_segments import (
    MicroSegments,
    SegmentSettings,
    find_micro_segments,
    refit_micro_segments,
)
from alamo.inference.micro_segments.features import feature_values
from alamo.inference.micro_segments.fitting import held_back
from alamo.inference.micro_segments.forecast import forecast_segments
from alamo.inference.micro_segments.outcomes import future_of, told_apart
from alamo.measurement import ImportContext
from alamo.numerics.agreement import adjusted_rand, matched, overlap
from alamo.numerics.partition_choice import STRENGTHS, paired_difference
from alamo.store import memory_stores

SHOP = Path(__file__).parents[1] / "src/alamo/examples/shop/orders.parquet"
RESULTS = Path(__file__).parent / "results" / "segments.md"
NOW, AGO = datetime(2010, 12, 10, tzinfo=UTC), datetime(2010, 11, 10, tzinfo=UTC)
SETTINGS = SegmentSettings()
RFM = ("recency_days", "purchase_days", "money")
CLUSTERED = (*RFM, "tenure_days", "orders_90d", "money_90d", "money_per_day", "categories", "returns_365d")

Grouping = Callable[[pa.Table], np.ndarray]


def months(until: datetime) -> list[pa.Table]:
    history = memory_stores().history
    with _stream(SHOP, {}) as stream:
        _take_in(stream, ImportContext("shop", "GBP", "UTC", NOW), history, None)
    return behaviour_back(history, until, SETTINGS.month_days, currency="GBP", margin=MarginSettings())


def rfm(today: pa.Table) -> Grouping:
    values = feature_values(today, RFM)
    cuts = {name: np.quantile(values[name], [0.2, 0.4, 0.6, 0.8]) for name in RFM}

    def place(table: pa.Table) -> np.ndarray:
        now = feature_values(table, RFM)
        r, f, m = (np.searchsorted(cuts[name], now[name], side="right") for name in RFM)
        return 25 * r + 5 * f + m

    return place


def clusters(today: pa.Table, k: int, seed: int = 0) -> Grouping:
    def matrix(table: pa.Table) -> np.ndarray:
        values = feature_values(table, CLUSTERED)
        return np.column_stack([np.log1p(np.clip(values[name], 0.0, 1e6)) for name in CLUSTERED])

    X = matrix(today)
    mean, spread = X.mean(axis=0), X.std(axis=0)
    model = KMeans(k, n_init=4, random_state=seed).fit((X - mean) / spread)
    return lambda table: model.predict((matrix(table) - mean) / spread)


def explained(place: Grouping, snapshots: list[pa.Table]) -> tuple[float, float]:
    """Return the share of the outcomes' variance that groups explain on later months, and its standard error."""
    learnt, judged = held_back(np.arange(len(snapshots) - SETTINGS.months))
    group, outcome = (
        np.concatenate([f(k) for k in learnt])
        for f in (lambda k: place(snapshots[k]), lambda k: told_apart(future_of(snapshots, k, SETTINGS.months)))
    )
    test, came = (
        np.concatenate([f(k) for k in judged])
        for f in (lambda k: place(snapshots[k]), lambda k: told_apart(future_of(snapshots, k, SETTINGS.months)))
    )
    unit = np.concatenate([np.asarray(snapshots[k]["customer_id"].to_pylist(), dtype=str) for k in judged])
    names = np.unique(np.concatenate([group, test]))
    code, at = np.searchsorted(names, group), np.searchsorted(names, test)
    n = np.bincount(code, minlength=len(names))
    sums = np.column_stack([np.bincount(code, column, minlength=len(names)) for column in outcome.T])
    apart = ((came - outcome.mean(axis=0)) ** 2).sum(axis=1)
    losses = [((came - (sums / np.maximum(n + s, 1.0)[:, None])[at]) ** 2).sum(axis=1) for s in STRENGTHS]
    gain, se = paired_difference(apart - min(losses, key=np.mean), unit)
    return gain / apart.mean(), se / apart.mean()


def same_label(a: np.ndarray, b: np.ndarray) -> float:
    """Return the share of rows whose labels correspond after matching."""
    shared = overlap(a, b)
    partner = matched(shared, least=0.0)
    return float(shared[np.arange(len(shared)), partner][partner >= 0].sum() / shared.sum())


def comparison(now: list[pa.Table], definition: MicroSegments, ours: tuple[float, float]) -> list[str]:
    today = now[-1]
    cells = define_segments(today)
    rivals: dict[str, Grouping] = {
        "lifecycle stages": lambda table: np.asarray(table["stage"].to_pylist(), dtype=str),
        "the loop's cells": lambda t: np.asarray(assign_segments(t, cells)["segment"].to_pylist(), dtype=str),
        "RFM quintiles": rfm(today),
        f"k-means, k = {len(definition.numbers)}": clusters(today, len(definition.numbers)),
    }
    lines = ["| | groups | smallest | explained ± se |", "|---|---|---|---|"]
    sizes = np.bincount(definition.places(today))
    lines.append(f"| alamo | {len(sizes)} | {sizes.min()} | {ours[0]:.4f} ± {ours[1]:.4f} |")
    for name, place in rivals.items():
        sizes = np.unique(place(today), return_counts=True)[1]
        share, se = explained(place, now)
        lines.append(f"| {name} | {len(sizes)} | {sizes.min()} | {share:.4f} ± {se:.4f} |")
    return lines


def lasting(
    now: list[pa.Table], old: MicroSegments, new: MicroSegments, anew: MicroSegments, ago: pa.Table
) -> list[str]:
    today, k = now[-1], len(old.numbers)
    a, b = clusters(ago, k, 0)(today), clusters(today, k, 1)(today)
    number = (np.array(old.numbers)[old.places(today)], np.array(new.numbers)[new.places(today)])
    lines = ["| | adjusted Rand | same label |", "|---|---|---|"]
    same = (number[0] == number[1]).mean()
    lines.append(f"| alamo, refitted | {adjusted_rand(*number):.3f} | {same:.3f} (its own numbers) |")
    rows = {"alamo, found anew": (old.places(today), anew.places(today)), f"k-means, k = {k}": (a, b)}
    for name, (first, second) in rows.items():
        lines.append(f"| {name} | {adjusted_rand(first, second):.3f} | {same_label(first, second):.3f} (matched) |")
    return lines


def forecasts(now: list[pa.Table], definition: MicroSegments) -> list[str]:
    forecast, scores = forecast_segments(now, definition, SETTINGS.months)
    assert forecast is not None
    lines = [
        "| made on | sizes, MAE | no change | in the 90 % interval | money of the 90 days | forecast | as last month |",
        "|---|---|---|---|---|---|---|",
    ]
    for s in scores:
        covered = f"{s.covered:.2f}" + ("" if s.widened else " (not widened yet)")
        lines.append(
            f"| {s.day} | {s.error:.2f} | {s.error_no_change:.2f} | {covered} | {s.money:,.0f} | "
            f"{s.money_forecast:,.0f} | {s.money_no_change:,.0f} |"
        )
    means = [np.mean([getattr(s, name) for s in scores]) for name in ("error", "error_no_change")]
    money = [np.mean([abs(s.money - getattr(s, n)) for s in scores]) for n in ("money_forecast", "money_no_change")]
    wide = [s.covered for s in scores if s.widened]
    lines.append(
        f"| mean | {means[0]:.2f} | {means[1]:.2f} | {np.mean(wide):.2f} (where widened) | | "
        f"error {money[0]:,.0f} | error {money[1]:,.0f} |"
    )
    return lines


def main() -> None:
    now, ago = months(NOW), months(AGO)
    began = time.process_time()
    found = find_micro_segments(now, SETTINGS)
    seconds = time.process_time() - began
    old = find_micro_segments(ago, SETTINGS).definition
    new = refit_micro_segments(now, old, SETTINGS).definition
    choice = found.choice
    assert choice is not None
    sizes = [np.bincount(d.places(now[-1])).min() for d in (old, new)]
    ours = (choice.improvement / choice.one_group, choice.se / choice.one_group)
    text = [
        "# Micro-segments",
        "",
        f"One run of `python -m benchmarks.segments` on {platform.machine()}, Python {platform.python_version()}, "
        f"scikit-learn {sklearn.__version__}. The example shop: orders of {now[-1].num_rows:,} customers to "
        "2010-12-09, "
        f"{len(now)} months of 30 days, outcomes over 90 days; found in {seconds:.1f} CPU-seconds.",
        "",
        f"## {len(found.definition.numbers)} segments, chosen by held-back loss",
        "",
        f"Loss of one group {choice.one_group:.4f}; least after {choice.best_cuts} cuts below the stages "
        f"({choice.losses[choice.best_cuts]:.4f}); {choice.cuts} cuts lie within one standard error "
        f"({choice.losses[choice.cuts]:.4f}) and are taken.",
        "",
        *comparison(now, found.definition, ours),
        "",
        "## A month later, on the same customers",
        "",
        f"{len(old.numbers)} segments found on 2010-11-10, {len(new.numbers)} after the refit on 2010-12-10; smallest "
        f"on that day {sizes[0]} and {sizes[1]}.",
        "",
        *lasting(now[-1], ago[-1], old, new, found.definition),
        "",
        "## Forecasts three months ahead, from every month with 90 days before and after it",
        "",
        *forecasts(now, found.definition),
        "",
        "The definition is that of 2010-12-10 at every origin; moves and money are those known there. Origins overlap.",
        "",
    ]
    RESULTS.write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
