"""The table of `benchmarks/market.py`: targets and what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

SCENARIOS = ("smooth", "mixed", "homogeneous", "nil")
TARGETS = {"smooth": 0.5, "mixed": 0.5, "homogeneous": 1.1}
LOOKS = (8, 20)
ENGINE = "engine"

Kept = dict[str, dict[str, dict[str, Any]]]


def table(kept: Kept) -> list[str]:
    """Lay out what is kept: scenario → seed → policy → run; only seeds that every policy has played count."""
    whole = _whole(kept, LOOKS[0])
    ends = _whole(kept, LOOKS[-1])
    lines = [
        "# The loop against contextual bandits in four markets",
        "",
        "4,000 customers, 20 cycles of 28 days; same customers, luck, first wide look, limits, control and costs.",
        f"Seeds played: {_counts(whole)} for 8 cycles, {_counts(ends) or 'none'} for all 20.",
        "The targets are meant for 20 seeds a market; more are added by running it again.",
        "",
        "| what | to reach | measured |",
        "| --- | --- | --- |",
        _misses(whole),
    ]
    for name, target in TARGETS.items():
        lines += [_ratio(_whole(kept, look)[name], name, target, look) for look in LOOKS if name in _whole(kept, look)]
    lines += _nil(whole.get("nil", {}))
    lines += [f"| limits, caps or consents broken | 0 | {_broken(whole)} |", ""]
    for look in LOOKS:
        lines += [*_regrets(_whole(kept, look), look), ""] if _whole(kept, look) else []
    return lines[:-1]


def _whole(kept: Kept, cycles: int) -> Kept:
    """Return the seeds that every policy of the scenario has played for at least `cycles`."""
    found: Kept = {}
    for name in SCENARIOS:
        seeds = kept.get(name, {})
        policies = {policy for runs in seeds.values() for policy in runs}
        for seed, runs in sorted(seeds.items(), key=lambda item: int(item[0])):
            if set(runs) == policies and min(len(run["regret"]) for run in runs.values()) >= cycles:
                found.setdefault(name, {})[seed] = runs
    return found


def _counts(whole: Kept) -> str:
    return ", ".join(f"{name} {len(seeds)}" for name, seeds in whole.items())


def regret(seeds: dict[str, dict[str, Any]], policy: str, look: int) -> Any:
    """Return the regret up to a cycle, one number per seed."""
    return np.array([sum(runs[policy]["regret"][:look]) for runs in seeds.values()])


def _rivals(seeds: dict[str, dict[str, Any]]) -> list[str]:
    return [policy for policy in next(iter(seeds.values())) if policy != ENGINE]


def _ratio(seeds: dict[str, dict[str, Any]], name: str, target: float, look: int) -> str:
    ours = regret(seeds, ENGINE, look)
    best = min(_rivals(seeds), key=lambda policy: regret(seeds, policy, look).mean())
    theirs = regret(seeds, best, look)
    within = int((ours <= target * theirs).sum())
    return (
        f"| {name}: regret after {look} cycles over that of the best rival | ≤ {target} × "
        f"| {ours.mean() / theirs.mean():.2f} × (`{best}`; within in {within} of {len(seeds)} seeds) |"
    )


def _misses(whole: Kept) -> str:
    found = [runs[ENGINE]["coverage"] for seeds in whole.values() for runs in seeds.values()]
    pairs = sum(one["pairs"] for one in found)
    missed = sum(one["missed"] + one["without_interval"] for one in found)
    allowed = 0.05 + 2 * np.sqrt(0.05 * 0.95 / max(pairs, 1))
    share = f"{missed / pairs:.3f}" if pairs else "–"
    return (
        f"| misses of the always-valid interval at any look, or none given | ≤ {allowed:.3f} "
        f"| {share} ({missed} of {pairs}) |"
    )


def _nil(seeds: dict[str, dict[str, Any]]) -> list[str]:
    """Compare the spend of cycle 8 with the floor in force and with the least floor of the settings."""
    if not seeds:
        return []
    lines = []
    for key, said in (("spend_least", "of `floor_minimum`"), ("spend_floor", "in force")):
        ratios = [runs[ENGINE]["spend"][7] / max(runs[ENGINE][key][7], 1e-9) for runs in seeds.values()]
        lines.append(
            f"| nil: spend in cycle 8 ≤ 1.1 × that of the floor {said} | ≥ 19 of 20 "
            f"| {sum(ratio <= 1.1 for ratio in ratios)} of {len(ratios)}, median {np.median(ratios):.2f} × |"
        )
    return lines


def _broken(whole: Kept) -> int:
    return sum(run["broken"] for seeds in whole.values() for runs in seeds.values() for run in runs.values())


def _regrets(whole: Kept, look: int) -> list[str]:
    policies = [ENGINE, *sorted({policy for seeds in whole.values() for policy in _rivals(seeds)})]
    lines = [f"Regret after {look} cycles, mean over seeds (standard error); what the oracle would have earned.", ""]
    lines += [f"| market | {' | '.join(policies)} | oracle |", "| --- |" + " --- |" * (len(policies) + 1)]
    for name, seeds in whole.items():
        cells = []
        for policy in policies:
            if any(policy not in runs for runs in seeds.values()):
                cells.append("–")
                continue
            values = regret(seeds, policy, look)
            error = f" ({values.std(ddof=1) / np.sqrt(len(values)):.0f})" if len(values) > 1 else ""
            cells.append(f"{values.mean():.0f}{error}")
        runs = [run[ENGINE] for run in seeds.values()]
        oracle = np.mean([sum(one["regret"][:look]) + sum(one["profit_true"][:look]) for one in runs])
        lines.append(f"| {name} | {' | '.join(cells)} | {oracle:.0f} |")
    return lines
