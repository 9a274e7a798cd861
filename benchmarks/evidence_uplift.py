"""Uplift against the figures it has to reach; writes benchmarks/results/evidence_uplift.{md,json}.

    python -m benchmarks.evidence_uplift --prototype FILE --rival-python PYTHON [--data FOLDER] [--seeds N] [--parts …]

FOLDER holds ``hillstrom/`` (default: ``ALAMO_TEST_DATA``). `--prototype` is the prototype's file, `--rival-python` an
interpreter that has `econml`, `causalml` and `metalearners`; without them nothing is compared and nothing written.
What was measured stays: a second run with more seeds measures the new ones alone. `--parts` names what to measure
(effects, learners, scoring, policy, loop); ``none`` writes the table anew.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.uplift_evidence import draws, policy_logs, scoring, tables, wave_loop  # after the number of threads
from benchmarks.uplift_evidence.record import Record

RIVALS = {
    "econml LinearDR": 20,
    "causalml X": 20,
    "prototype": 4,
    "causalml DR": 1,
    "metalearners X": 0,  # version 0.13 does not run with the scikit-learn that econml and causalml need: see the table
    "LightGBM T": 1,
    "econml CausalForestDML": 4,
}
"""Draws of each judged world by rival: the causal forest and the prototype take longest, and three are not targets."""
LOGS = 50
"""Logs of each kind valued per seed, so that three seeds make 300."""
PROTOTYPE_LOGS = 20
"""Of these, those that the prototype values too."""
LOOPS, EXPLORERS = 20, 2
"""Worlds the loop explores, and with how many of the explorers after the first three worlds."""
MIXTURES = 3
"""Draws on which mixtures are compared."""


def effects(record: Record, folder: Path, where: draws.Rivals, i: int) -> None:
    """Rows 8 to 10 and 14: all worlds of one seed."""
    for world in draws.WORLDS:
        names: tuple[str, ...] = ()
        if world in draws.JUDGED:
            names = tuple(name for name, most in RIVALS.items() if i < most)
        draws.measure(record, folder, world, draws.FIRST_SEED + i, where, names)


def learners(record: Record, folder: Path, i: int) -> None:
    """Mixtures of other learners, and under the belief of the loop, beside the default one."""
    for world in draws.JUDGED:
        draws.measure_learners(record, folder, world, draws.FIRST_SEED + i)


def policy(record: Record, folder: Path, where: draws.Rivals, i: int) -> None:
    """Row 15: some logs of each kind."""
    seeds = range(policy_logs.FIRST_SEED + LOGS * i, policy_logs.FIRST_SEED + LOGS * (i + 1))
    for kind in ("fixed", "adaptive"):
        for seed in seeds:
            policy_logs.measure(record, folder, kind, seed)
        policy_logs.measure_prototype(record, folder, kind, seeds[:PROTOTYPE_LOGS], where)


def loop(record: Record, folder: Path, where: draws.Rivals, i: int) -> None:
    """Row 16: one world."""
    if i < LOOPS:
        wave_loop.measure(record, folder, wave_loop.FIRST_SEED + i, where, most=EXPLORERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("ALAMO_TEST_DATA"))
    parser.add_argument("--prototype", type=Path)
    parser.add_argument("--rival-python")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--parts", default="effects,learners,scoring,policy,loop")
    words = parser.parse_args()
    if words.data is None or words.prototype is None or words.rival_python is None:
        print("nothing to compare: name --data (or ALAMO_TEST_DATA), --prototype, and --rival-python with the rivals")
        return
    record, folder = Record(), Path(words.data)
    where = draws.Rivals(words.rival_python, words.prototype)
    parts = {
        "scoring": lambda i: scoring.measure(record, folder, draws.FIRST_SEED + i) if i < 1 else None,
        "effects": lambda i: effects(record, folder, where, i),
        "policy": lambda i: policy(record, folder, where, i),
        "loop": lambda i: loop(record, folder, where, i),
        "learners": lambda i: learners(record, folder, i) if i < MIXTURES else None,
    }
    chosen = words.parts.split(",")
    for i in range(words.seeds):
        for name in (name for name in parts if name in chosen):
            parts[name](i)
            print(i, name, flush=True)
            tables.write(record)
    tables.write(record)


if __name__ == "__main__":
    main()
