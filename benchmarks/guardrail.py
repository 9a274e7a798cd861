"""How often guardrails pause an action that does harm, how soon, and how often one that does none.

The loop turns with its default settings of `[guardrail]` in the scenarios ``harmful`` (one action helps, one drives
orders and permissions away) and ``harmless`` (its twin, in which nothing changes anything), with fewer customers than
the scenarios have: that is less evidence in every cycle, so pauses come later and normal approximations are worse.

    python -m benchmarks.guardrail [--world harmful] [--seeds 200] [--first 1] [--table]

Every seed is written to ``results/guardrail.json`` as it ends, so an interrupted benchmark goes on where it stopped;
`--table` writes ``results/guardrail.md`` from it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from alamo.domain.settings import GuardrailSettings
from alamo.engine.context import Context
from alamo.engine.guard import paused
from alamo.engine.infer import infer
from alamo.engine.loop import pass_gate, turn
from alamo.engine.measure import measure
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.run import Equipment, build_world, engine_context
from alamo.simulation.scenario_reading import builtin_scenario
from alamo.store import memory_stores

CYCLES = 6
CUSTOMERS = {"harmful": 2000, "harmless": 1000}
HARMFUL = "pushy-text"
RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "guardrail.json"


def play(world_name: str, seed: int) -> dict[str, Any]:
    """Turn the loop until something is paused, or until all cycles have matured; say what was paused, when and why.

    A pause of cycle c is made in its turn, after c − 1 cycles have matured and before anybody is decided about.
    """
    scenario = builtin_scenario(world_name)
    scenario = replace(
        scenario,
        customers=CUSTOMERS[world_name],
        cycles=CYCLES,
        inference=replace(scenario.inference, planned_cycles=CYCLES),
    )
    world = build_world(scenario, None, seed)
    stores = memory_stores()
    context = engine_context(
        world, Equipment(stores.history, stores.state, stores.shelf, boosted_outcome()), policy="engine"
    )
    began = time.process_time()
    pauses: dict[str, list[Any]] = {}
    for cycle in range(1, CYCLES + 2):
        measure(context, cycle)
        infer(context, cycle)
        pauses = _pauses(context)
        if pauses or cycle > CYCLES:
            break
        pass_gate(context, turn(context).plan.plan_id, by="benchmark")
        world.advance()
    return {"seed": seed, "pauses": pauses, "seconds": round(time.process_time() - began, 2)}


def _pauses(context: Context) -> dict[str, list[Any]]:
    return {name: [one.cycle, (one.evidence or {}).get("metric")] for name, one in paused(context).items()}


def table(kept: dict[str, dict[str, Any]]) -> str:
    """Return the page of results."""
    rate = GuardrailSettings().error_rate
    harmful, harmless = (list(kept.get(world, {}).values()) for world in ("harmful", "harmless"))
    caught = [run for run in harmful if HARMFUL in run["pauses"]]
    wrong = sum(any(name != HARMFUL for name in run["pauses"]) for run in harmful)
    false = sum(bool(run["pauses"]) for run in harmless)
    allowed = rate + 2.0 * math.sqrt(rate * (1.0 - rate) / max(len(harmless), 1))
    by_cycle = [sum(run["pauses"][HARMFUL][0] <= cycle for run in caught) for cycle in range(2, CYCLES + 1)]
    metrics = sorted({run["pauses"][HARMFUL][1] for run in caught})
    rails = ", ".join(f"{name} {sum(run['pauses'][HARMFUL][1] == name for run in caught)}" for name in metrics)
    head = "# Guardrails: pauses of actions that do harm, and of actions that do none"
    rows = [
        f"| `harmful`, {CUSTOMERS['harmful']:,} customers: `{HARMFUL}` paused within {CYCLES} cycles "
        f"| ≥ 180 of 200 | {by_cycle[-1] if by_cycle else 0} of {len(harmful)} |",
        f"| `harmful`: the helpful mail paused | ≤ {rate:.0%} of seeds | {wrong} of {len(harmful)} |",
        f"| `harmless`, {CUSTOMERS['harmless']:,} customers: any pause in {CYCLES} cycles "
        f"| ≤ {allowed:.3f} of seeds | {false} of {len(harmless)} |",
    ]
    when = ", ".join(f"cycle {cycle}: {n}" for cycle, n in zip(range(2, CYCLES + 1), by_cycle, strict=True))
    seconds = [sum(run["seconds"] for run in runs) / 60.0 for runs in (harmful, harmless)]
    notes = [
        f"Paused by the turn of {when} of {len(harmful)} seeds. The rail that was crossed: {rails or 'none'}.",
        f"A run ends with its first pause. {seconds[0]:.0f} and {seconds[1]:.0f} CPU-minutes, one process, one thread.",
    ]
    return "\n".join([head, "", "| what | to reach | found |", "|---|---|---|", *rows, "", *notes, ""])


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--world", choices=sorted(CUSTOMERS), action="append")
    arguments.add_argument("--seeds", type=int, default=200)
    arguments.add_argument("--first", type=int, default=1)
    arguments.add_argument("--table", action="store_true", help="only write the page")
    given = arguments.parse_args()
    kept: dict[str, dict[str, Any]] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    worlds = () if given.table else given.world or sorted(CUSTOMERS)
    for seed in range(given.first, given.first + given.seeds):
        for world_name in worlds:
            runs = kept.setdefault(world_name, {})
            if str(seed) not in runs:
                runs[str(seed)] = play(world_name, seed)
                KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
                print(world_name, runs[str(seed)], flush=True)
    (RESULTS / "guardrail.md").write_text(table(kept), "utf-8")


if __name__ == "__main__":
    main()
