"""Lays out what was measured: one summary line per row of the figures to reach, then the cells behind it."""

from __future__ import annotations

import numpy as np
from benchmarks.uplift_evidence import draws, policy_logs, scoring, wave_loop
from benchmarks.uplift_evidence.record import Record, mean_se
from benchmarks.uplift_evidence.verdicts import Verdict, verdicts

HEAD = """\
# Uplift: figures to reach

Made by `python -m benchmarks.evidence_uplift`: fresh seeds, Alamo by the functions its users call, the prototype and
named rivals on the same draws in the same run. Worlds: real covariates of Hillstrom's e-mail experiment, known effects
(`benchmarks/hillstrom_worlds.py`), about 32,000 customers to fit and 32,000 to judge. ± is one standard error over
draws; *n* draws. Every draw's figures are in `evidence_uplift.json`, and a run with more seeds adds to them."""
RIVALS = (
    "alamo", "alamo, belief of the loop", "alamo, all learners", "prototype", "one effect", "econml LinearDR",
    "econml CausalForestDML", "causalml X", "causalml DR", "metalearners X", "LightGBM T",
)  # fmt: skip
ALONE = ("prototype: segments", "prototype: S-boost", "prototype: DR-ridge", "prototype: DR-boost")


def write(record: Record) -> None:
    """Write the table beside the JSON."""
    lines = [
        HEAD,
        "",
        "| # | what | to reach | Alamo | prototype | rivals | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_line(verdict) for verdict in verdicts(record)]
    lines += [*_effects(record), *_policies(record), *_loops(record), *_scoring(record), *_about(record)]
    record.file.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _line(verdict: Verdict) -> str:
    cells = (verdict.number, verdict.what, verdict.to_reach, verdict.alamo, verdict.prototype, verdict.rivals)
    return f"| {' | '.join(cells)} | {verdict.words} |"


def shown(values: list[float], places: int = 1) -> str:
    """Write mean ± standard error."""
    mean, se = mean_se(values)
    return f"{mean:.{places}f}" if np.isnan(se) else f"{mean:.{places}f} ± {se:.{places}f}"


def _effects(record: Record) -> list[str]:
    lines = []
    for world in draws.WORLDS:
        seeds = record.seeds(draws.PART, world, ("alamo",))
        if not seeds:
            continue
        oracle = record.of(draws.PART, world, "oracle", "gain", seeds)
        lines += [
            "",
            f"## Effects: {world}",
            "",
            f"Seeds {seeds[0]} to {seeds[-1]}; the oracle gains {shown(oracle)} %.",
            "",
            "| method | n | rmse per 1,000 | gain % (worst) | covered, 90 % | width per 1,000 | CPU s |",
            "|---|---|---|---|---|---|---|",
        ]
        for method in (*RIVALS, *ALONE):
            found = record.seeds(draws.PART, world, (method,))
            if found:
                lines.append(_method(record, world, method, found))
    return lines


def _method(record: Record, world: str, method: str, seeds: list[int]) -> str:
    def of(figure: str) -> list[float]:
        return record.of(draws.PART, world, method, figure, seeds)

    first = record.kept["draws"][draws.PART][world][str(seeds[0])][method]
    gain = of("gain")
    covered, width = (shown(of("covered"), 2), shown(of("width"), 0)) if "covered" in first else ("", "")
    cpu = f"{np.mean(of('cpu')):.1f}" if "cpu" in first else ""
    return (
        f"| {method} | {len(seeds)} | {shown(of('rmse'))} | {shown(gain, 2)} ({min(gain):+.1f}) "
        f"| {covered} | {width} | {cpu} |"
    )


def _policies(record: Record) -> list[str]:
    lines = [
        "",
        "## Value of a policy",
        "",
        f"Logs of {policy_logs.ROWS:,} rows of the world *visit mixed*; the truth is that of all 64,000 customers.",
        f"Fixed: newcomers are mailed more. Adaptive: {policy_logs.BATCHES} batches, what looks best for newcomers and",
        "others so far is drawn with 80 %. z: mean of (value − truth)/se, ± its standard error.",
        "",
        "| log | estimator | n | covered, 95 % | at any time | z | width | effective rows |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in ("fixed", "adaptive"):
        for method in ("alamo dr", "alamo switch-dr", "alamo snips", "alamo ips", "prototype"):
            seeds = record.seeds(policy_logs.PART, kind, (method,))
            if not seeds:
                continue

            def of(figure: str, method: str = method, kind: str = kind, seeds: list[int] = seeds) -> list[float]:
                return record.of(policy_logs.PART, kind, method, figure, seeds)

            ours = method != "prototype"
            always = shown(of("covered at any time"), 3) if ours else ""
            ess = f"{min(of('ess')):,.0f} … {max(of('ess')):,.0f}" if ours else ""
            lines.append(
                f"| {kind} | {method} | {len(seeds)} | {shown(of('covered'), 3)} | {always} | {shown(of('z'), 2)} "
                f"| {np.mean(of('width')):.4f} | {ess} |"
            )
    return lines


def _loops(record: Record) -> list[str]:
    found = record.kept.get("draws", {}).get(wave_loop.PART, {}).get(wave_loop.WORLD, {})
    methods = sorted({method for figures in found.values() for method in figures})
    lines = [
        "",
        "## Regret of twenty waves",
        "",
        "World *visit mixed*, 64,000 customers once each, 3,200 a wave; regret per 1,000 customers over all",
        "waves, the first drawn evenly. Thompson: an arm's probability is that of being best under the posterior, at",
        "least the floor; greedy: the posterior's mean alone; shared: only the uncertainty that all customers share.",
        "Alamo: the loop's own scores by cycle and `fit_uplift_model`; *segments* without further learners.",
        "",
        "| explorer | n | regret | CPU s |",
        "|---|---|---|---|",
    ]
    for method in methods:
        seeds = record.seeds(wave_loop.PART, wave_loop.WORLD, (method,))
        regret, cpu = (record.of(wave_loop.PART, wave_loop.WORLD, method, name, seeds) for name in ("regret", "cpu"))
        lines.append(f"| {method} | {len(seeds)} | {shown(regret)} | {np.mean(cpu):.1f} |")
    return lines


def _scoring(record: Record) -> list[str]:
    seeds = record.seeds(scoring.PART, scoring.WORLD)
    if not seeds:
        return []
    lines = [
        "",
        "## Scoring",
        "",
        f"{scoring.TIMES * 64_000:,} rows, two e-mails, mean and sd. From a table: text is encoded too; encoded: from",
        "what the model looks at.",
        "",
        "| model | rows per CPU-s from a table | encoded | one row, CPU ms | one row = batch, share of rows |",
        "|---|---|---|---|---|",
    ]
    for method, figures in record.kept["draws"][scoring.PART][scoring.WORLD][str(seeds[0])].items():
        lines.append(
            f"| {method} | {figures['rows_per_cpu_second']:,.0f} | {figures['encoded_rows_per_cpu_second']:,.0f} "
            f"| {figures['one_row_cpu_ms']:.2f} | {figures['same_bits']:.3f} |"
        )
    for method in RIVALS:
        known = record.seeds(draws.PART, "visit mixed", (method,))
        rate = [
            record.kept["draws"][draws.PART]["visit mixed"][str(seed)][method].get("rows_per_cpu_second")
            for seed in known
        ]
        rates = [value for value in rate if value]
        if rates:
            lines.append(f"| {method} | | {np.mean(rates):,.0f} | | |")
    return lines


def _about(record: Record) -> list[str]:
    words = [f"{name} {number}" for name, number in record.kept.get("versions", {}).items()]
    theirs = [f"{name} {number}" for name, number in record.kept.get("rival versions", {}).items()]
    failed = [f"{name}: {why}" for name, why in record.kept.get("failed", {}).items()]
    lines = ["", "## Versions", "", ", ".join(words) + ".", "", "Rivals: " + ", ".join(theirs) + ", one thread."]
    return [*lines, "", "Not run: " + "; ".join(failed) + "."] if failed else lines
