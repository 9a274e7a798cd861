"""Cost of effects from sums: the full count, the update by a day, the whole command, and the SQL scan of the columns.

    python benchmarks/effects_scan.py [--rows 10000000] [--folder FOLDER] [--case NAME]

Every figure is the best of three fresh processes, pinned to one core: CPU seconds after imports, all threads together,
and the process's peak memory, imports included. Rows: 10 actions and control, 200 segments, money that is mostly 0.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb  # after the number of threads is set
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import alamo
from alamo.numerics.fay_herriot import fay_herriot

ACTIONS, SEGMENTS = 10, 200
QUESTION = {"action": "action", "control": "none", "outcome": "spend", "features": "none", "segments": ["segment"]}
REPEATS = 3


def rows(n: int, seed: int) -> pa.Table:
    """Return `n` rows of a log."""
    rng = np.random.default_rng(seed)
    arms = pa.array(["none", *(f"action-{i}" for i in range(1, ACTIONS + 1))])
    segments = pa.array([f"segment-{i:03d}" for i in range(SEGMENTS)])
    spend = np.where(rng.random(n) < 0.1, np.exp(rng.normal(3.0, 1.0, n)).round(2), 0.0)
    return pa.table(
        {
            "action": arms.take(pa.array(rng.integers(0, ACTIONS + 1, n))),
            "segment": segments.take(pa.array(rng.integers(0, SEGMENTS, n))),
            "spend": spend,
        }
    )


def make(folder: Path, n: int) -> None:
    """Write one file of `n` rows, and folders of as many rows in 365 and in 30 files."""
    with pq.ParquetWriter(folder / "all.parquet", rows(1, 0).schema, compression="zstd") as writer:
        for part in range(100):
            writer.write_table(rows(n // 100, part), row_group_size=122_880)
    whole = pq.read_table(folder / "all.parquet")
    for parts in (365, 30):
        (folder / f"in-{parts}").mkdir()
        size = n // parts
        for at in range(parts):
            pq.write_table(
                whole.slice(at * size, size), folder / f"in-{parts}" / f"{at:03d}.parquet", compression="zstd"
            )


def scan(sql: str) -> Callable[[Path], object]:
    """Return a case that runs plain SQL over the one file."""

    def run(folder: Path) -> object:
        with duckdb.connect() as connection:
            connection.execute("SET threads = 1")
            return connection.execute(sql.format(rows=f"read_parquet('{folder / 'all.parquet'}')")).fetchall()

    return run


def kept(parts: int, *, update: bool) -> Callable[[Path], object]:
    """Return a case that counts all `parts` files, or, all but the last being counted, the last one."""

    def run(folder: Path) -> object:
        return alamo.estimate_effects(folder / f"in-{parts}", sums=folder / f"sums-{parts}.parquet", **QUESTION)

    def before(folder: Path) -> None:
        sums, last = folder / f"sums-{parts}.parquet", folder / f"in-{parts}" / f"{parts - 1:03d}.parquet"
        sums.unlink(missing_ok=True)
        if update:
            aside = last.rename(folder / "aside")
            run(folder)
            aside.rename(last)

    run.before = before  # type: ignore[attr-defined]
    return run


def command(parts: int, *, update: bool) -> Callable[[Path], object]:
    """Return a case that does the same by the command, start-up included: CPU seconds of its process."""
    words = "analyze experiment in-{0} --action action --control none --outcome spend --segments segment"
    words += " --features none --sums sums-{0}.parquet --json"

    def run(folder: Path) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, "-c", "import alamo.cli.main as cli; cli.main()", *words.format(parts).split()]
        subprocess.run(line, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    run.before = kept(parts, update=update).before  # type: ignore[attr-defined]
    return run


def shrink(segments: int, covariates: int) -> Callable[[Path], object]:
    """Return a case of one Fay–Herriot posterior from segment sums."""
    rng = np.random.default_rng(1)
    direct, variance = rng.normal(size=segments), rng.uniform(0.5, 2.0, segments)
    z = rng.normal(size=(segments, covariates)) if covariates else None

    def run(folder: Path) -> object:
        del folder  # no rows are read
        return fay_herriot(direct, variance, z, scale=0.5)

    run.before = run  # type: ignore[attr-defined] # the first call of a process pays for the machine's libraries
    return run


CASES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "scan": (
        "SQL that reads the columns: max(action), max(segment), sum(spend)",
        scan("SELECT max(action), max(segment), sum(spend) FROM {rows}"),
    ),
    "group": (
        "SQL that groups them: count(*) by action and segment, sum(spend)",
        scan("SELECT action, segment, count(*), sum(spend) FROM {rows} GROUP BY action, segment"),
    ),
    "full": (
        "full run, one file",
        lambda folder: alamo.estimate_effects(folder / "all.parquet", **QUESTION),
    ),
    "rows": (
        "the same of a table in memory, reading included",
        lambda folder: alamo.estimate_effects(pq.read_table(folder / "all.parquet"), **QUESTION),
    ),
    "full-365": ("full run, 365 files, sums kept", kept(365, update=False)),
    "update-365": ("update by one more file of 365", kept(365, update=True)),
    "full-30": ("full run, 30 files, sums kept", kept(30, update=False)),
    "update-30": ("update by one more file of 30", kept(30, update=True)),
    "command-365": ("the whole command: full run, 365 files", command(365, update=False)),
    "command-update-365": ("the whole command: update by one more file of 365", command(365, update=True)),
    "shrink-68": ("Fay–Herriot, 68 segments × 11 covariates", shrink(68, 11)),
    "shrink-5000": ("Fay–Herriot, 5,000 segments × 11 covariates", shrink(5000, 11)),
}


def measure(folder: Path, name: str) -> None:
    """Run one case in this process and print what it cost, as JSON."""
    work = CASES[name][1]
    if hasattr(work, "before"):
        work.before(folder)
    alamo.estimate_effects(rows(2_000, 1), **QUESTION)  # imports
    start = time.process_time()
    answer = work(folder)
    cpu = answer if isinstance(answer, float) else time.process_time() - start
    print(json.dumps([cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def table(folder: Path, n: int, names: list[str]) -> None:
    """Run the cases in fresh processes and print the table."""
    packages = ", ".join(f"{package} {version(package)}" for package in ("duckdb", "numpy", "pyarrow"))
    print(f"{n:,} rows × {ACTIONS} actions × {SEGMENTS} segments. {platform.machine()}, Python ", end="")
    print(f"{platform.python_version()}, {packages}.\n")
    print("| what | CPU s | peak MB |\n|---|---|---|")
    for name in names:
        found = []
        for _ in range(REPEATS):
            words = [sys.executable, __file__, "--folder", str(folder), "--case", name]
            found.append(json.loads(subprocess.run(words, capture_output=True, check=True).stdout))
        print(f"| {CASES[name][0]} | {min(f[0] for f in found):.4f} | {max(f[1] for f in found):.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="Where the rows are, or are to be written (default: temporary).")
    parser.add_argument("--case", choices=CASES, help="Measure one, in this process.")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if given.case:
        measure(given.folder, given.case)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "all.parquet").exists():
            make(folder, given.rows)
        table(folder, given.rows, list(CASES))


if __name__ == "__main__":
    main()
