"""Spark `local[2]` beside one process: CPU, wall and memory of the same work, and whether the decisions are equal.

Three parts, each engine in a fresh process, one after the other:

    decide    parcels of candidates (customers × actions, 43 % eligible) are decided under one published policy and the
              decisions written as Arrow files
    scan      the dual of the same candidates is scanned three times
    steer     profiles and scores as Delta tables → eligibility, candidates, prices, decisions (`engine.propose`)

CPU seconds are those of the process and all it started (Java and Python workers); memory is the highest sum of what
they hold for themselves, shared pages left out.

Usage: python -m benchmarks.spark [--decide 10000000] [--steer 500000] [--actions 20]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from benchmarks.versions import measured_with

from alamo.domain.action import Action, ContactPolicy, Limit
from alamo.domain.policy import BlockState, PolicySnapshot, RuleSettings
from alamo.domain.reasons import LeftOut
from alamo.domain.settings import ControlSettings, EngineSettings, Settings
from alamo.domain.tables import PROFILES, SCORES
from alamo.engine.batch import Stamp
from alamo.engine.propose import SteerRequest, propose
from alamo.numerics.hashing import unit_keys
from alamo.spark import SparkCarrier, SparkCells, open_session
from alamo.spark.parcel import read_parcel, write_parcel
from alamo.spark.work import DONE_DDL, Deciding, done, numbered_tasks, pieces_of, read_rows, write_rows
from alamo.steering.allocation.dual import hard_dual
from alamo.steering.allocation.prices import soft_prices
from alamo.steering.allocation.problem import build_problem
from alamo.steering.allocation.source import BlockSource
from alamo.steering.allocation.streamed import stream_problem
from alamo.steering.candidates import Candidates, rows_of
from alamo.steering.cells import Pairs, assemble
from alamo.steering.eligibility import Eligibility
from alamo.steering.funnel import Stage
from alamo.steering.limits import limit_tables
from alamo.steering.units import Units
from alamo.store import DeltaHistory

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SALT = "bench/cycle-1"
ENGINE = EngineSettings("spark", "local[2]", options={"spark.driver.memory": "2g"})
SLICE = 65_536
RESULTS = Path(__file__).parent / "results" / "spark.md"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and all it started have used."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def watched(words: list[str]) -> Cost:
    """Run this module with `words` in a fresh process and return its cost."""
    started = time.perf_counter()
    run = subprocess.Popen([sys.executable, "-m", "benchmarks.spark", *words])
    root, cpu, peak = psutil.Process(run.pid), {}, 0
    while run.poll() is None:
        held = 0
        for process in _family(root):
            try:
                times, memory = process.cpu_times(), process.memory_info()
            except psutil.Error:
                continue
            cpu[process.pid, process.create_time()] = times.user + times.system
            held += memory.rss - memory.shared
        peak = max(peak, held)
        time.sleep(0.1)
    if run.returncode:
        raise SystemExit(f"{words}: exit code {run.returncode}")
    return Cost(sum(cpu.values()), time.perf_counter() - started, peak / 2**20)


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


@dataclass(frozen=True, slots=True)
class Making:
    """Makes the parcel of a slice of a made-up market; runs in a worker."""

    sizes: tuple[int, ...]
    k: int
    folder: str

    def __call__(self, batches: Any) -> Any:
        """Write the parcels."""
        for batch in batches:
            for part in batch.column("id").to_pylist():
                path = Path(self.folder) / f"slice-{part}.npz"
                write_parcel(path, market(part, self.sizes[part], self.k, sum(self.sizes)))
                yield done(part, self.sizes[part], path)


def action_ids(k: int) -> tuple[str, ...]:
    return tuple(f"a{a:02d}" for a in range(k))


def offers(k: int) -> tuple[Action, ...]:
    return tuple(Action(name, name, "email", "upsell", cost_money=0.05) for name in action_ids(k))


def limits(n: int, k: int) -> tuple[Limit, ...]:
    names = action_ids(k)
    return (
        Limit("budget", use="cost", maximum=0.15 * n),
        Limit("capacity", actions=names[-3:], maximum=float(n // 20)),
        Limit("minimum", actions=names[:1], minimum=float(n // 100)),
    )


def market(part: int, n: int, k: int, of: int) -> Candidates:
    """Heavy-tailed spend, harmful actions, 43 % of the pairs open."""
    rng = np.random.default_rng([11, part])
    ids = [f"customer-{part:05d}-{i:06d}" for i in range(n)]
    is_open = rng.random((n, k)) < 0.43
    unit, action = np.nonzero(is_open)
    spend = 40 * np.exp(0.9 * rng.normal(size=n))
    response = np.linspace(0.0, 0.05, k)[action] * np.exp(0.4 * rng.normal(size=len(unit)))
    value = spend[unit] * (response - 0.012)
    cost = 0.05 + 0.01 * spend[unit] * np.linspace(0.05, 0.3, k)[action]
    units = Units(pa.array(ids), unit_keys(ids), np.zeros(n, dtype=np.int32), rng.random(n) < 0.02)
    pairs = Pairs(unit, action, value, np.full(len(unit), 0.2), cost[:, None], np.full(len(unit), 0.1))
    cells = assemble(units, pairs, ("cost",), action_ids(k), SALT)
    tables = limit_tables(rows_of(limits(of, k), offers(k)), action_ids(k), ("cost",), {})
    stage = Stage(LeftOut.UNSCORED, (0,) * k, n)
    return Candidates(cells, tables, Eligibility(is_open[:0], ()), stage, stage)


def published(sizes: tuple[int, ...], k: int) -> PolicySnapshot:
    """Return a policy of 50 blocks whose prices fit the first slice."""
    n, first = sum(sizes), market(0, sizes[0], k, sizes[0])
    rule = RuleSettings(0.05, 0.03, 0.1)
    problem = build_problem(first.cells, first.tables)
    prices = tuple((soft_prices(problem, rule) / problem.scale).tolist())
    rows = rows_of(limits(n, k), offers(k))
    blocks = tuple(
        BlockState(b, prices, tuple(row.bound * (1 - b / 50 if row.sign > 0 else 1) for row in rows)) for b in range(50)
    )
    return PolicySnapshot(1, action_ids(k), rows, rule, SALT, "u", 0.02, 50, blocks, "bench", NOW.isoformat(), {})


def deciding(folder: Path, n: int, k: int, out: Path) -> Deciding:
    """Return the work of deciding all parcels under a published policy."""
    sizes = _sizes(n)
    policy = published(sizes, k)
    stamp = Stamp("plan-1-bench", policy.version, 1, NOW, NOW + timedelta(days=7))
    out.mkdir(exist_ok=True)
    return Deciding(policy, policy.rows, stamp, pieces_of(parcels(folder, n), sizes, policy.n_blocks), str(out))


def parcels(folder: Path, n: int) -> list[Path]:
    """Return where the parcels of `n` customers are."""
    return [folder / f"slice-{part}.npz" for part in range(len(_sizes(n)))]


def _sizes(n: int) -> tuple[int, ...]:
    return tuple(min(SLICE, n - start) for start in range(0, n, SLICE))


def make_parcels(folder: Path, n: int, k: int) -> None:
    sizes = _sizes(n)
    for _ in Making(sizes, k, str(folder))([_numbers(range(len(sizes)))]):
        pass


def _numbers(numbers: range) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(list(numbers), pa.int64())], ["id"])


def decide(engine: str, folder: Path, n: int, k: int) -> None:
    work = deciding(folder, n, k, folder / engine)
    if engine == "local":
        for _ in work([_numbers(range(50))]):
            pass
    else:
        numbered_tasks(open_session(ENGINE), range(50)).mapInArrow(work, DONE_DDL).toArrow()


def scan(engine: str, folder: Path, n: int, k: int) -> None:
    """Three scans of the dual at the prices of the first slice; the first also starts the workers."""
    sizes, rows = _sizes(n), rows_of(limits(n, k), offers(k))
    prices = np.array(published(sizes, k).blocks[0].prices)
    if engine == "local":
        paths = parcels(folder, n)
        source: Any = BlockSource(sizes, lambda part: read_parcel(paths[part], rows).cells, 1)
        tables = limit_tables(rows, action_ids(k), ("cost",), {})
    else:
        source, tables = SparkCells.of(open_session(ENGINE), parcels(folder, n), sizes, rows)
    problem = stream_problem(source, tables)
    bounds = [hard_dual(problem, share * prices * problem.rows.scale).bound for share in (0.9, 1.0, 1.1)]
    (folder / f"{engine}.json").write_text(json.dumps(bounds))


def make_tables(folder: Path, n: int, k: int) -> None:
    history = DeltaHistory(folder / "history")
    blank = {column.name: _blank(column.type) for column in PROFILES.columns}
    for part, size in enumerate(_sizes(n)):
        made = market(part, size, k, n)
        ids = made.cells.units.ids
        day = {"as_of": pa.repeat(pa.scalar(NOW, pa.timestamp("us", tz="UTC")), size)}
        day |= {"as_of_day": pa.repeat(NOW.date().isoformat(), size)}
        day |= {name: pa.repeat("active", size) for name in ("stage", "state")}
        columns = {name: pa.array([value] * size, PROFILES.schema.field(name).type) for name, value in blank.items()}
        consent = {"consent": pa.array([["*"]] * size, PROFILES.schema.field("consent").type)}
        profiles = pa.table(columns | {"customer_id": ids} | consent | day, PROFILES.schema)
        history.append("profiles", profiles, batch=f"{part}")
        cells, rows = made.cells, made.cells.n_cells
        owner = pa.array(cells.owner())
        scored = {
            "customer_id": ids.take(owner),
            "action_id": pa.array(cells.action_ids).take(pa.array(cells.action.astype(np.int64))),
            "as_of": pa.repeat(pa.scalar(NOW, pa.timestamp("us", tz="UTC")), rows),
            "as_of_day": pa.repeat(NOW.date().isoformat(), rows),
            "value_mean_money": cells.value_money,
            "value_sd_money": cells.value_sd_money,
            "shared_sd_money": cells.shared_sd_money,
            "cost_money": cells.use("cost"),
            "model_version": pa.repeat("bench", rows),
        }
        history.append("scores", pa.table(scored, SCORES.schema), batch=f"{part}")


def _blank(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    return 0 if pa.types.is_integer(kind) else 0.0 if pa.types.is_floating(kind) else None


def steer(engine: str, folder: Path, n: int, k: int) -> None:
    history = DeltaHistory(folder / "history", threads=1)
    settings = Settings("bench", control=ControlSettings(0.1, 0.02))
    request = SteerRequest(offers(k), limits(n, k), ContactPolicy(), settings, 1, NOW, True)
    if engine == "local":
        everything = (history.query("SELECT * FROM profiles"), history.query("SELECT * FROM scores"))
        write_rows(folder / "local.arrow", propose(history, *everything, request).decisions)
        return
    few = (
        history.query("SELECT * FROM profiles LIMIT 0"),
        history.query("SELECT model_version, as_of FROM scores LIMIT 1"),
    )
    with SparkCarrier(open_session(ENGINE), history, folder / "work", customers_per_slice=SLICE) as carrier:
        write_rows(folder / "spark.arrow", propose(history, *few, request, carrier).decisions)


def compared(part: str, folder: Path) -> bool:
    """Say whether both engines decided alike, every column and bit."""
    if part == "steer":
        return bool(read_rows(str(folder / "local.arrow")).equals(read_rows(str(folder / "spark.arrow"))))
    if part == "scan":
        return (folder / "local.json").read_text() == (folder / "spark.json").read_text()
    blocks = sorted(path.name for path in (folder / "local").glob("block-*.arrow"))
    there = sorted(path.name for path in (folder / "spark").glob("block-*.arrow"))
    return blocks == there and all(
        read_rows(str(folder / "local" / name)).equals(read_rows(str(folder / "spark" / name))) for name in blocks
    )


ABOUT = {
    "decide": "rule, draw, propensities and rows of the log under a published policy",
    "scan": "three scans of the dual",
    "steer": "a whole proposal from Delta tables",
}


def measured(parts: tuple[str, ...], n: int, k: int) -> list[str]:
    """Return the rows of the table of `parts`, which look at the same data."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        watched(["--make", parts[0], name, str(n), str(k)])
        for part in parts:
            costs = {engine: watched(["--run", part, engine, name, str(n), str(k)]) for engine in ("local", "spark")}
            equal = "equal" if compared(part, Path(name)) else "**different**"
            for engine, cost in costs.items():
                figures = f"{cost.cpu_s:,.0f} | {cost.wall_s:,.0f} | {cost.peak_mb:,.0f}"
                rows.append(f"| {ABOUT[part]}, {n:,} × {k} | {engine} | {figures} | {equal} |")
                print(rows[-1], file=sys.stderr)
    return rows


def main() -> None:
    """Measure both parts and write the table, or do one piece of the work in this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--decide", type=int, default=10_000_000)
    parser.add_argument("--steer", type=int, default=500_000)
    parser.add_argument("--actions", type=int, default=20)
    parser.add_argument("--make", nargs=4)
    parser.add_argument("--run", nargs=5)
    asked = parser.parse_args()
    if asked.make:
        part, name, n, k = asked.make
        (make_tables if part == "steer" else make_parcels)(Path(name), int(n), int(k))
    elif asked.run:
        part, engine, name, n, k = asked.run
        {"decide": decide, "scan": scan, "steer": steer}[part](engine, Path(name), int(n), int(k))
    else:
        write(asked.decide, asked.steer, asked.actions)


def write(n_decide: int, n_steer: int, k: int) -> None:
    """Measure and write the table."""
    rows = [*measured(("decide", "scan"), n_decide, k), *measured(("steer",), n_steer, k)]
    lines = [
        "# Spark `local[2]` beside one process",
        "",
        f"`python -m benchmarks.spark`: 43 % of the pairs eligible, three limits. {measured_with('pyspark')} "
        f"{psutil.cpu_count()} cores shared with other work, so wall seconds are upper bounds. CPU seconds of the "
        "process and all that it started, Java and Python workers included; memory is the highest sum of what they "
        "hold for themselves.",
        "",
        "| what | engine | CPU s | wall s | peak MB | answers |",
        "| --- | --- | ---: | ---: | ---: | --- |",
        *rows,
        "",
        "Spark is a way to more machines, not to less time on one: Java and the workers cost CPU to start, every slice "
        "is handed over as Arrow, and a scan reads its parcels anew. What is equal is every column and bit of the log, "
        "the plan's id among them, and the bound of each scan.",
        "",
    ]
    RESULTS.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
