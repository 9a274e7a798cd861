"""How often checks of model health alarm where nothing is wrong, how often where something is, and what they cost.

A small synthetic market is turned for several cycles and judged at its end. In the world ``null`` an action changes
nothing or what it always does, and customers stay as they are; in the others something breaks before the last cycle.

    python -m benchmarks.model_health [--world null] [--seeds 200] [--first 1] [--customers 800] [--folder FOLDER]

Every seed is kept in FOLDER as JSON, so an interrupted benchmark goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from alamo.domain.health_table import ALARMS, CHECKS
from alamo.domain.settings import ExplorationSettings
from alamo.engine.context import Context
from alamo.engine.health import judge_health
from alamo.engine.infer import infer
from alamo.engine.loop import pass_gate, turn
from alamo.engine.measure import measure
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.run import Equipment, build_world, engine_context
from alamo.simulation.scenario import Effect, PurchaseSpec, Scenario, SimulatedAction
from alamo.simulation.world import World
from alamo.store import memory_stores

CYCLES = 4
WORLDS = {
    "nil": (0.0, 0.0),
    "null": (0.08, 0.08),
    "turned round": (0.12, -0.12),
}
"""World → mean effect of the mail on conversion before, and in the last cycle."""


def scenario(effect: float, customers: int) -> Scenario:
    """Return the market: two actions, one of which does nothing."""
    mail = SimulatedAction(id="mail", channel="email", cost=0.1, effect=Effect(mean=effect, on="conversion"))
    letter = SimulatedAction(id="letter", channel="post", cost=0.5, effect=Effect(mean=0.0))
    return Scenario(
        name="health",
        actions=(mail, letter),
        customers=customers,
        cycles=CYCLES,
        consent={"email": 1.0, "post": 1.0},
        purchase=PurchaseSpec(rate_per_year=6.0),
        exploration=ExplorationSettings(opening_share=0.5, floor_minimum=0.2),
    )


def play(world_name: str, seed: int, customers: int) -> tuple[Context, float]:
    """Turn the loop over all cycles and return it with the CPU seconds of a turn."""
    before, last = WORLDS[world_name]
    world = build_world(scenario(before, customers), None, seed)
    stores = memory_stores()
    equipment = Equipment(stores.history, stores.state, stores.shelf, boosted_outcome())
    context = engine_context(world, equipment, "engine")
    seconds = 0.0
    for cycle in range(1, CYCLES + 1):
        if cycle == CYCLES and last != before:
            _change(world, build_world(scenario(last, customers), None, seed))
        began = time.process_time()
        turned = turn(context)
        pass_gate(context, turned.plan.plan_id, by="benchmark")
        seconds += time.process_time() - began
        world.advance()
    measure(context, CYCLES + 1)
    infer(context, CYCLES + 1)
    return context, seconds / CYCLES


def _change(world: World, other: World) -> None:
    """Let actions work from now on as they do in another market of the same customers."""
    world._responses = other._responses
    world._view = None


def judge(world_name: str, seed: int, customers: int) -> dict[str, Any]:
    """Return what the checks of one market came to, and what they cost."""
    context, cycle_seconds = play(world_name, seed, customers)
    calls = []
    for _ in range(2):
        began = time.process_time()
        judge_health(context)
        calls.append(time.process_time() - began)
    rows = context.history.query(
        "SELECT cycle, aspect, subject, value, lower, upper, threshold, p_value, verdict FROM health"
    ).to_pylist()
    return {"seed": seed, "cycle_seconds": cycle_seconds, "first": calls[0], "second": calls[1], "rows": rows}


def tally(runs: list[dict[str, Any]]) -> list[list[str]]:
    """Return a line per check: how many were tested, misses of their own 95 % interval, alarms after adjustment.

    A value forecast is asked only whether it is off by more than its tolerance, so its interval is not counted.
    """
    lines = []
    for check in CHECKS:
        for last in (False, True):
            rows = [
                row
                for run in runs
                for row in run["rows"]
                if row["aspect"] == check and row["verdict"] != "refused" and (row["cycle"] == CYCLES) == last
            ]
            judged = [row for row in rows if row["lower"] is not None and check != "value forecast"]
            missed = sum(not row["lower"] <= row["threshold"] <= row["upper"] for row in judged)
            alarms = sum(row["verdict"] in ALARMS for row in rows)
            lines.append(
                [
                    check,
                    f"{CYCLES}" if last else f"1–{CYCLES - 1}",
                    str(len(rows)),
                    f"{missed / len(judged):.3f}" if judged else "–",
                    f"{alarms / len(rows):.3f}" if rows else "–",
                ]
            )
    return lines


def any_alarm(runs: list[dict[str, Any]], *, features: bool) -> tuple[int, int]:
    """Return in how many of how many finished cycles any check failed, features counted or not."""
    cycles = [
        any(
            row["verdict"] in ALARMS and row["cycle"] == cycle and (features or row["aspect"] != "feature drift")
            for row in run["rows"]
        )
        for run in runs
        for cycle in range(2, CYCLES + 1)
    ]
    return sum(cycles), len(cycles)


def main() -> None:
    """Play what is asked for, keeping every seed, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", default="null", choices=list(WORLDS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--customers", type=int, default=800)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "alamo-model-health")
    options = parser.parse_args()
    kept = options.folder / f"{options.world}-{options.customers}".replace(" ", "-")
    kept.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first, options.first + options.seeds):
        file = kept / f"{seed}.json"
        if not file.exists():
            draft = file.with_suffix(".draft")
            draft.write_text(json.dumps(judge(options.world, seed, options.customers)))
            draft.rename(file)
    runs = [json.loads(file.read_text()) for file in sorted(kept.glob("*.json"))]
    print(f"## {options.world}: {len(runs)} markets of {options.customers} customers, {CYCLES} cycles\n")
    print("| check | cycles | tested | 95 % interval misses | alarms |\n| --- | --- | --- | --- | --- |")
    for line in tally(runs):
        print(f"| {' | '.join(line)} |")
    for features in (False, True):
        alarms, cycles = any_alarm(runs, features=features)
        print(f"\nAny check{'' if features else ' but features'} fails in {alarms} of {cycles} finished cycles.")
    parts = {key: sum(run[key] for run in runs) / len(runs) for key in ("cycle_seconds", "first", "second")}
    print(
        f"\nCPU: a turn {parts['cycle_seconds']:.2f} s; health of {CYCLES} cycles {parts['first']:.2f} s, "
        f"asked again {parts['second']:.3f} s."
    )


if __name__ == "__main__":
    main()
