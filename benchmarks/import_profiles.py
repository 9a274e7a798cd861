"""10 M order lines imported and profiles built, beside plain DuckDB SQL over the same Parquet (the floor).

Run: ``python benchmarks/import_profiles.py [--rows N]``. Each side is its own process with one thread; the floor copies
the file into zstd Parquet and runs the very SQL of the profiles over the raw columns, without mapping, checks, row
numbers, quarantine, Delta commit or sync.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from alamo.connectors.sources import open_rows
from alamo.domain.settings import MarginSettings
from alamo.domain.tables import CONTRACTS
from alamo.measurement import ImportContext, build_profiles, import_rows, normalise, resolve_mapping
from alamo.store import DeltaHistory

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = "orders:bench"
RESULTS = Path(__file__).parent / "results" / "import_profiles.md"

SYNTHETIC_SQL = """
COPY (
    SELECT
        'o' || (i // 10) AS order_id,
        'p' || (i * 7919 % 5000) AS product_id,
        'category ' || (i * 7919 % 40) AS category,
        (1 + hash(i) % 4)::BIGINT * CASE WHEN hash(i * 31) % 50 = 0 THEN -1 ELSE 1 END AS quantity,
        (100 + hash(i * 17) % 5000) / 100 AS unit_price,
        TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds((hash(i // 10) % (730 * 86400))::BIGINT) AS order_date,
        'customer-' || (hash(i // 10 * 13) % ({rows} // 50)) AS customer_id,
        'country ' || (hash(i // 10 * 13) % 20) AS country
    FROM range({rows}) AS lines(i)
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""

RAW_EVENTS_SQL = """
CREATE VIEW events AS
SELECT
    NULL::VARCHAR AS event_id, 'raw' AS source, customer_id,
    CASE WHEN quantity < 0 THEN 'return_line' ELSE 'order_line' END AS kind,
    order_date AS occurred_at, order_date AS received_at, order_id, product_id, category, quantity,
    CAST(round(quantity * unit_price * 100) AS BIGINT) AS amount_minor, NULL::BIGINT AS margin_minor, country,
    NULL::VARCHAR AS channel, NULL::VARCHAR AS action_id, NULL::VARCHAR AS decision_id, NULL::VARCHAR AS properties
FROM '{path}'
"""


class PlainDuckDB:
    """The floor's warehouse: views over the raw file."""

    def __init__(self, path: Path) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET threads = 1; SET TimeZone = 'UTC'")
        self._db.execute(RAW_EVENTS_SQL.format(path=path))
        self._db.register("customers", CONTRACTS["customers"].empty())

    def query(self, sql: str, parameters=None, relations=None) -> pa.Table:
        return self._db.sql(sql, params=dict(parameters or {})).to_arrow_table()

    def copy(self, source: Path, target: Path) -> None:
        self._db.execute(f"COPY (FROM '{source}') TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def run_alamo(path: Path, folder: Path) -> pa.Table:
    """Import through mapping, checks and the Delta history, then build the profiles."""
    history = DeltaHistory(folder / "history", threads=1)
    stream = open_rows(path)
    mapping = resolve_mapping("orders", stream.header)
    context = ImportContext(SOURCE, "EUR", "UTC", AS_OF)
    rows = import_rows(normalise("orders", stream, mapping, context), stream.name, "orders", lambda _: None)
    history.replace(rows.table, rows.reader, where={"source": SOURCE}, batch=stream.content_hash())
    return timed_profiles(history)


def run_floor(path: Path, folder: Path) -> pa.Table:
    """Copy the file and run the profile SQL over it."""
    plain = PlainDuckDB(path)
    plain.copy(path, folder / "copy.parquet")
    return timed_profiles(plain)


def timed_profiles(warehouse) -> pa.Table:
    before = time.process_time()
    print(f"first step {before:.1f} CPU-s", flush=True)
    profiles = build_profiles(warehouse, AS_OF, margin=MarginSettings(), currency="EUR")
    money, orders = sum(profiles["money"].to_pylist()), sum(profiles["orders"].to_pylist())
    print(
        f"profiles {time.process_time() - before:.1f} CPU-s; {profiles.num_rows} customers, {orders} orders, "
        f"money {money:.2f}"
    )
    return profiles


SIDES = {"alamo": run_alamo, "floor": run_floor}


@dataclass(frozen=True)
class Usage:
    """What one process used."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float
    said: str


def measured(side: str, path: Path) -> Usage:
    """Run one side in its own process."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, "--side", side, "--file", str(path)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"{side} failed"
    return Usage(
        usage.ru_utime + usage.ru_stime,
        time.perf_counter() - started,
        usage.ru_maxrss / 1024,
        "; ".join(said.split("\n")).strip("; "),
    )


def report(rows: int, megabytes: float, usages: dict[str, Usage]) -> str:
    """Return the table as Markdown."""
    floor = usages["floor"]
    lines = [
        "# Import and profiles beside plain DuckDB SQL",
        "",
        f"{rows:,} synthetic order lines ({megabytes:.0f} MB of Parquet), one thread a side, one run of "
        f"`python benchmarks/import_profiles.py` on {platform.machine()}, Python {platform.python_version()}, "
        f"DuckDB {duckdb.__version__}, pyarrow {pa.__version__}.",
        "",
        "| | CPU-s | wall s | peak RSS MB | CPU against the floor | in it |",
        "|---|---|---|---|---|---|",
    ]
    for side, usage in usages.items():
        ratio = usage.cpu_seconds / floor.cpu_seconds
        lines.append(
            f"| {side} | {usage.cpu_seconds:.1f} | {usage.wall_seconds:.1f} | {usage.peak_mb:.0f} "
            f"| {ratio:.2f} | {usage.said} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            "*floor*: DuckDB copies the file into zstd Parquet and runs the SQL of the profiles over the raw columns. "
            "*alamo*: mapping, checks, exact money, row numbers and quarantine, one durable Delta commit, then the "
            "same SQL over the Delta table. To reach: at most 1.5 times the floor's CPU.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="alamo-bench-") as name:
        if options.side:
            SIDES[options.side](options.file, Path(name))
            return
        path = Path(name) / "orders.parquet"
        duckdb.connect().execute(SYNTHETIC_SQL.format(rows=options.rows, path=path))
        usages = {side: measured(side, path) for side in ("floor", "alamo")}
        text = report(options.rows, path.stat().st_size / 2**20, usages)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
