"""How often guardrails pause an action that does harm, how soon, and how often one that does none.

The loop turns with its default settings of `[guardrail]` in the scenarios ``harmful`` (one action helps, one drives
orders and permissions away) and ``harmless`` (its twin, in which nothing changes anything), with fewer customers than
the scenarios have: that is less evidence in every cycle, so pauses come later and normal approximations are worse.

A loop takes seconds, and 200 of them tell a rate of 5 % from one of 8 %. So the same bounds at the same levels are also
put to logs that are drawn directly, thousands of them, with events that happen to everybody and an adaptive policy.

    python -m benchmarks.guardrail [--world harmful] [--seeds 200] [--first 1] [--logs 2000] [--table]

Every seed is written to ``results/guardrail.json`` as it ends, so an interrupted benchmark goes on where it stopped;
`--table` writes ``results/guardrail.md`` from it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.versions import measured_with

from alamo.domain.settings import GuardrailSettings
from alamo.engine.context import Context
from alamo.engine.guard import paused
from alamo.engine.infer import infer
from alamo.engine.loop import pass_gate, turn
from alamo.engine.measure import measure
from alamo.inference.effect_sums import CycleSums
from alamo.inference.harm import EVENTS, METRIC_SHARES, OUTCOME, outcome_harm, wave_share
from alamo.numerics.harm_bound import LARGEST_WEIGHT, harm_lower_bound, log_wealth
from alamo.numerics.ratio_check import TILT_FACTORS
from alamo.prediction.learners import boosted_outcome
from alamo.simulation.builtin import builtin_scenario
from alamo.simulation.run import SYNTHETIC_START, Equipment, build_world, engine_context
from alamo.store import memory_stores

CYCLES = 6
CUSTOMERS = {"harmful": 2000, "harmless": 1000}
HARMFUL = "pushy-text"
SEEDS = 200
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


BASE_RATES = {"unsubscribes": 0.003, "complaints": 0.0005, "returns": 0.05}
"""Chance of each event in a window, whatever is drawn."""
LOG_CYCLES, LOG_CUSTOMERS, ORDER_CHANCE = 8, 2000, 0.3
LOG_KINDS = {"nil": 0.0, "at the edge": 1.0}
"""How much of what is tolerated the actions do: nothing, or all of it in every event."""


def false_pause(seed: int, edge: float) -> str:
    """Draw the log of two actions over all cycles; return the first metric that pauses one, or nothing."""
    rng, settings = np.random.default_rng([seed, int(edge)]), GuardrailSettings()
    share = settings.error_rate * wave_share(1, 2)
    sums: list[list[dict[str, Any]]] = [[], []]
    wealth = {(a, metric): np.zeros(1) for a in range(2) for metric in EVENTS}
    lean, weight = np.zeros(2), 0.0
    for cycle in range(1, LOG_CYCLES + 1):
        best = rng.random((LOG_CUSTOMERS, 2)) * 0.2 + 0.8 * (lean == lean.max()) * (cycle > 1)
        p = 0.05 + 0.65 * best / (best.sum(axis=1, keepdims=True) + 1.0)
        u = rng.random(LOG_CUSTOMERS)
        arm = np.where(u < p[:, 0], 0, np.where(u < p.sum(axis=1), 1, 2))
        p_none = 1.0 - p.sum(axis=1)
        y = np.where(rng.random(LOG_CUSTOMERS) < ORDER_CHANCE, rng.lognormal(3.0, 0.8, LOG_CUSTOMERS), 0.0)
        weight += float(np.minimum(p_none, LARGEST_WEIGHT).sum())
        for metric, rate in BASE_RATES.items():
            chance = rate + edge * float(getattr(settings, metric)) * (arm < 2)
            happened = 1.0 * (rng.random(LOG_CUSTOMERS) < chance)
            for a in range(2):
                drew = (1.0 * (arm == a), 1.0 * (arm == 2))
                wealth[a, metric] = wealth[a, metric] + log_wealth(happened, *drew, p[:, a], p_none)
                bound = harm_lower_bound(wealth[a, metric], weight, share * METRIC_SHARES[metric])
                if bound > float(getattr(settings, metric)):
                    return metric
        for a in range(2):
            sums[a].append(_cycle_sums(cycle, y, (arm == a, arm == 2), (p[:, a], p_none)))
            harm = outcome_harm(
                CycleSums(
                    decided_at=(SYNTHETIC_START,) * cycle,
                    **{name: np.array([one[name] for one in sums[a]]) for name in sums[a][0]},
                ),
                "a",
                cost_money=0.0,
                tolerated=0.0,
                alpha=share * METRIC_SHARES[OUTCOME],
                n_opt=float(LOG_CYCLES * LOG_CUSTOMERS),
            )
            if harm.crossed:
                return OUTCOME
            lean[a] += sums[a][-1]["score"]
    return ""


def _cycle_sums(cycle: int, y: Any, drew: tuple[Any, Any], p: tuple[Any, Any]) -> dict[str, Any]:
    mu = ORDER_CHANCE * math.exp(3.0 + 0.32)
    score = drew[0] * (y - mu) / p[0] - drew[1] * (y - mu) / p[1]
    compared, weight = drew[0] | drew[1], 1.0 / (p[0] + p[1])
    residual = (y - mu) ** 2 * (1.0 / p[0] + 1.0 / p[1]) * weight
    tilts = [np.array([np.log1p(q * factor).sum() for factor in TILT_FACTORS]) for q in p]
    return {
        "cycle": cycle, "n": float(len(y)), "n_action": float(drew[0].sum()), "n_control": float(drew[1].sum()),
        "nonzero_action": float((drew[0] & (y > 0)).sum()), "nonzero_control": float((drew[1] & (y > 0)).sum()),
        "score": score.sum(), "squares": (score**2).sum(), "gamma_none": 0.0, "residual": residual[compared].sum(),
        "weight": weight[compared].sum(), "expected": p[0].sum(), "least_chance": min(p[0].min(), p[1].min()),
        "tilt_action": tilts[0], "tilt_control": tilts[1],
    }  # fmt: skip


def _log_rows(logs: dict[str, dict[str, int]]) -> list[str]:
    rate, rows = GuardrailSettings().error_rate, []
    for kind, found in logs.items():
        n = sum(found.values())
        by = ", ".join(f"{metric} {times}" for metric, times in sorted(found.items()) if metric) or "none"
        allowed = rate + 2.0 * math.sqrt(rate * (1.0 - rate) / n)
        rows.append(
            f"| drawn logs, {kind}, {LOG_CYCLES} cycles of {LOG_CUSTOMERS:,}: any pause | ≤ {allowed:.3f} of logs "
            f"| {n - found.get('', 0)} of {n:,} ({by}) |"
        )
    return rows


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
        f"| `harmful`: the helpful mail paused until then | ≤ {rate:.0%} of seeds | {wrong} of {len(harmful)} |",
        f"| `harmless`, {CUSTOMERS['harmless']:,} customers: any pause in {CYCLES} cycles "
        f"| ≤ {allowed:.3f} of seeds | {false} of {len(harmless)} |",
    ]
    rows += _log_rows(kept.get("logs", {}))
    when = ", ".join(f"cycle {cycle}: {n}" for cycle, n in zip(range(2, CYCLES + 1), by_cycle, strict=True))
    seconds = [sum(run["seconds"] for run in runs) / 60.0 for runs in (harmful, harmless)]
    notes = [
        f"Paused by the turn of {when} of {len(harmful)} seeds. The rail that was crossed: {rails or 'none'}.",
        f"A run ends with its first pause, so the helpful mail is watched no longer than that. {seconds[0]:.0f} and "
        f"{seconds[1]:.0f} CPU-minutes, one process, one thread. {measured_with()}",
    ]
    if min(len(harmful), len(harmless)) < SEEDS:
        notes.append(f"Fewer than {SEEDS} seeds so far; it goes on where it stopped: `python -m benchmarks.guardrail`.")
    return "\n".join([head, "", "| what | to reach | found |", "|---|---|---|", *rows, "", *notes, ""])


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--world", choices=sorted(CUSTOMERS), action="append")
    arguments.add_argument("--seeds", type=int, default=SEEDS)
    arguments.add_argument("--first", type=int, default=1)
    arguments.add_argument("--logs", type=int, default=2000, help="logs of each kind that are drawn")
    arguments.add_argument("--table", action="store_true", help="only write the page")
    given = arguments.parse_args()
    kept: dict[str, dict[str, Any]] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    if not given.table and "logs" not in kept:
        kept["logs"] = {
            kind: dict(Counter(false_pause(seed, edge) for seed in range(given.logs)))
            for kind, edge in LOG_KINDS.items()
        }
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
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
