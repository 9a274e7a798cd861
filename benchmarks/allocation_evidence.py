"""The numbers that allocation has to reach; writes benchmarks/results/allocation_evidence.{md,json}.

    python -m benchmarks.allocation_evidence [--rows feasible,bound,tiny,infeasible] [--again]

Each case is kept as soon as it is measured, with the version of the code that did, so an interrupted benchmark goes on
where it stopped; `--again` measures what an older version did. `--rows ""` makes the table of what is kept. Speed
against the solvers is `benchmarks.allocation`. Seeds are from 700 on: no setting was chosen on them. Needs `highspy`.
"""

from __future__ import annotations

import argparse
import json
import os
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from benchmarks.allocation_cases import ROWS
from benchmarks.allocation_evidence_table import table
from benchmarks.allocation_infeasible import judged, with_minima
from benchmarks.allocation_worlds import world
from benchmarks.versions import code_version, made_by

RESULTS = Path(__file__).parent / "results"
SEEDS = (701, 702, 703)
TIGHT = (0.6, 1.0, 1.5)
TIMES = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
CASES: dict[str, list[dict[str, Any]]] = {
    "feasible": [
        {"n": n, "tight": tight, "seed": seed} for n, tight, seed in product((2_000, 20_000, 200_000), TIGHT, SEEDS)
    ],
    "bound": [{"n": 3_000, "tight": tight, "seed": seed} for tight, seed in product(TIGHT, SEEDS)],
    "tiny": [{"seed": seed} for seed in range(1_000, 1_120)],
    "infeasible": [
        {"n": n, "times": times, "seed": seed}
        for n, seed in ((3_000, 701), (10_000, 702), (100_000, 703), (1_000_000, 704))
        for times in TIMES
    ],
}


def key(case: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells a case from the others: its row and the arguments."""
    return (case["row"], case["seed"], case.get("n"), case.get("tight"), case.get("times"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(CASES))
    parser.add_argument("--most", type=int, default=10**9, help="customers of the largest case")
    parser.add_argument("--again", action="store_true", help="measure anew what another version of the code did")
    words = parser.parse_args()
    path = RESULTS / "allocation_evidence.json"
    kept = {key(case): case for case in (json.loads(path.read_text()) if path.exists() else [])}
    rows = list(filter(None, words.rows.split(",")))
    for warm in (1.0, 4.0) if rows else ():  # kernels are compiled before the clock starts
        judged(*with_minima(*world(300, seed=1), warm))
    for row in rows:
        for case in CASES[row]:
            asked = {"row": row, **case}
            old = kept.get(key(asked))
            if case.get("n", 0) > words.most or (old and not (words.again and old["code"] != code_version())):
                continue
            kept[key(asked)] = asked | made_by("highspy") | {"found": ROWS[row](**case)}
            path.write_text(json.dumps(list(kept.values()), indent=1) + "\n")
            print(kept[key(asked)], flush=True)
    (RESULTS / "allocation_evidence.md").write_text(table(list(kept.values())))


if __name__ == "__main__":
    main()
