"""Allocation against the solvers; writes benchmarks/results/allocation.{md,json}.

    python -m benchmarks.allocation [--sizes 10000,…] [--solvers NAME;…] [--seed S] [--folder FOLDER] [--limit CPU_S]

Customers × 50 actions × 56 limits, each solver in a process of its own, one after the other, one thread, the data
loaded before the clock starts. A measurement made again replaces the one that is kept, the others of its seed stay.
Rivals need the `bench` extra. What was tried of their settings stands in `allocation_solvers.SOLVERS`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.allocation_solvers import SOLVERS
from benchmarks.allocation_worlds import write_world
from benchmarks.versions import made_by

RESULTS = Path(__file__).parent / "results"
OURS, BLOCKS = "Alamo, integer plan", "Alamo, in blocks"
RIVALS = tuple(name for name in SOLVERS if name not in (OURS, BLOCKS))
BLOCKS_FROM = 1_000_000
JUDGED_SEED = 707
"""Customers that no setting was chosen on."""
TO_REACH = {10_000: (6e-4, None, None), 100_000: (6e-5, None, None), 1_000_000: (1e-5, 3.0, 0.8)}
TO_REACH[10_000_000] = (5e-6, 10.0, 3.0)
RIVALS_UP_TO = 100_000


def measure(solver: str, folder: Path, limit: float) -> dict[str, Any]:
    """Return what a process that runs `solver` says, or that it was not done within `limit` CPU seconds."""
    words = [sys.executable, "-m", "benchmarks.allocation_solvers", solver, str(folder), str(limit)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    answer = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    lines = [line for line in answer.stdout.splitlines() if line.startswith("{")]
    if lines:
        return json.loads(lines[-1])
    if answer.returncode < 0:
        return {"unfinished": limit}
    raise RuntimeError(answer.stderr[-2000:])


def keep(found: dict[str, Any]) -> None:
    """Put a measurement beside those that are kept, and write the table anew."""
    path = RESULTS / "allocation.json"
    kept = json.loads(path.read_text()) if path.exists() else []
    kept = [
        other
        for other in kept
        if other["n"] != found["n"] or (other["seed"] == found["seed"] and other["solver"] != found["solver"])
    ] + [found]
    kept.sort(key=lambda other: (other["n"], other["solver"] != OURS, other["solver"]))
    path.write_text(json.dumps(kept, indent=1) + "\n")
    (RESULTS / "allocation.md").write_text(table(kept))


def table(kept: list[dict[str, Any]]) -> str:
    """Return the table of all measurements."""
    lines = [
        "# Allocation: customers × 50 actions × 56 limits",
        "",
        f"`python -m benchmarks.allocation` on {platform.machine()}, one thread, a process each, the data loaded",
        "before the clock starts; value and excess counted from the raw cells by the same code for everybody. A busy",
        "machine inflates all CPU seconds: only ratios inside one run count. The value of a solver is that of a linear",
        "programme, which may split customers; ours is a plan of whole customers.",
    ]
    for n in sorted({found["n"] for found in kept}):
        here = [found for found in kept if found["n"] == n]
        seeds = " and ".join(str(seed) for seed in sorted({found["seed"] for found in here}))
        lines += ["", f"## {n:,} customers, seed {seeds}", "", *_size(here)]
    return "\n".join([*lines, ""])


def _size(kept: list[dict[str, Any]]) -> list[str]:
    ours = next((found for found in kept if found["solver"] == OURS), None)
    lines = [
        "| solver | CPU-s | ÷ ours | value | worst row excess | customers over | split cells | peak GiB | code |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for found in kept:
        ratio = (
            "" if ours is None or found is ours else f"{found.get('cpu', found.get('unfinished', 0)) / ours['cpu']:.0f}"
        )
        if "unfinished" in found:
            lines.append(f"| {found['solver']} | unfinished after {found['unfinished']:.0f} | > {ratio} | | | | | | |")
            continue
        lines.append(
            f"| {found['solver']} | {found['cpu']:.2f} | {ratio} | {found['value']:,.4f} | {found['excess']:.1e} | "
            f"{found['customer_excess']:.1e} | {found['split']} | {found['peak']:.2f} | {found['code']} |"
        )
    return lines if ours is None else [*lines, "", *_ours(ours)]


def _ours(found: dict[str, Any]) -> list[str]:
    gap, cpu, peak = TO_REACH.get(found["n"], (None, None, None))
    words = [f"Ours: dual bound {found['bound']:,.4f}, certified gap {found['gap']:.1e}"]
    words += [] if gap is None else [f"to reach {gap:.0e}"]
    words += [] if cpu is None else [f"CPU-s to reach {cpu:g}", f"peak to reach {peak:g} GiB"]
    words += [f"data {found['data']:.2f} GiB"]
    if "warm_dual" in found:
        words += [
            f"dual of the next day (5 % other customers) cold {found['cold_dual']:.2f}, warm {found['warm_dual']:.2f}"
        ]
        words += [f"ratio {found['warm_dual'] / found['cold_dual']:.2f} (to reach 0.4)"]
    return ["; ".join(words) + "."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000,10000000")
    parser.add_argument("--solvers", default=";".join((OURS, BLOCKS, *RIVALS)), help="separated by semicolons")
    parser.add_argument("--seed", type=int, default=JUDGED_SEED)
    parser.add_argument("--folder", type=Path, help="where worlds are kept; a temporary folder otherwise")
    parser.add_argument("--limit", type=float, default=200.0, help="CPU seconds after which a solver is unfinished")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for n in (int(float(size)) for size in words.sizes.split(",")):
            folder = (words.folder or Path(temporary)) / f"{n}-{words.seed}"
            if not (folder / "about.json").exists():
                write_world(folder, n, seed=words.seed)
            data = sum(path.stat().st_size for path in folder.iterdir()) / 2**30
            for solver in words.solvers.split(";"):
                if n <= RIVALS_UP_TO if solver in RIVALS else solver == OURS or n >= BLOCKS_FROM:
                    found = measure(solver, folder, words.limit)
                    if "unavailable" in found:
                        print(n, solver, found["unavailable"], flush=True)
                        continue
                    about = {
                        "solver": solver,
                        "n": n,
                        "seed": words.seed,
                        "data": data,
                        **made_by("highspy", "ortools"),
                    }
                    keep(about | found)
                    print(n, solver, found, flush=True)


if __name__ == "__main__":
    main()
