"""Effects against the figures they have to reach; writes benchmarks/results/evidence_effects.{md,json}.

    python -m benchmarks.evidence_effects --prototype FILE [--data FOLDER] [--rival-python PYTHON] [--rows 1,2,…]

FOLDER holds ``hillstrom/`` (default: ``ALAMO_TEST_DATA``). `--prototype` is the prototype's file, `--rival-python` an
interpreter that has `econml`; without them nothing is compared and nothing written. A row measured again replaces the
one that is kept, the others stay; of rows 6 and 7 each draw is kept, and a run measures those that are missing.
`--runs` scales the number of draws (1: as published).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks import prototype
from benchmarks.evidence import (
    cost,
    false_alarms,
    nil,
    ratio,
    segments,
    shrinkage,
)  # after the number of threads is set
from benchmarks.evidence.record import Evidence, keep


@dataclass(frozen=True)
class Setting:
    """Where data, prototype and rivals are, and by how much the number of draws is scaled."""

    folder: Path
    prototype: ModuleType
    rival_python: str
    scale: float

    def draws(self, number: int) -> int:
        """Return the scaled number of draws."""
        return max(round(number * self.scale), 1)


def measured(row: str, setting: Setting) -> Iterable[Evidence]:
    """Measure one row; rows 1 and 3 come from the same runs."""
    work: dict[str, Callable[[], Iterable[Evidence]]] = {
        "1": lambda: false_alarms.false_alarms(setting.folder, setting.prototype, setting.draws(500)),
        "2": lambda: [false_alarms.misses(setting.folder, setting.prototype, setting.draws(300))],
        "2c": lambda: [false_alarms.clusters(setting.folder, setting.prototype, setting.draws(300))],
        "4": lambda: [ratio.ratio(setting.prototype, setting.draws(600))],
        "5": lambda: [shrinkage.shrinkage(setting.folder, setting.prototype, setting.draws(150))],
        "6": lambda: segments.coverage(
            setting.folder, setting.prototype, setting.rival_python, setting.draws(20), setting.draws(3)
        ),
        "7": lambda: nil.nil(setting.folder, setting.draws(300), setting.draws(300), setting.draws(12)),
        "11": lambda: [cost.fitting(setting.folder, setting.prototype, setting.rival_python, 3)],
        "12": lambda: [cost.posterior(setting.prototype, 20)],
    }
    return work[row]()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("ALAMO_TEST_DATA"))
    parser.add_argument("--prototype", type=Path)
    parser.add_argument("--rival-python")
    parser.add_argument("--rows", default="12,4,5,1,2,2c,11,6,7")
    parser.add_argument("--runs", type=float, default=1.0)
    words = parser.parse_args()
    if words.data is None or words.prototype is None or words.rival_python is None:
        print("nothing to compare: name --data (or ALAMO_TEST_DATA), --prototype, and --rival-python that has econml")
        return
    setting = Setting(Path(words.data), prototype.load(words.prototype), words.rival_python, words.runs)
    for row in words.rows.split(","):
        start = time.process_time()
        for evidence in measured(row, setting):
            keep(replace(evidence, cpu_seconds=time.process_time() - start))


if __name__ == "__main__":
    main()
