"""What allocation has to reach, what was measured and what the best rival did: one line each, from all results.

Figures of other benchmarks are read from what they keep; nothing is measured twice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
OURS, BLOCKS = "Alamo, integer plan", "Alamo, in blocks"
ROUNDING = 1e-12
"""Share of a limit in money that floating point may put a plan over it, as in its certificate."""
_EVIDENCE = "`allocation_evidence --rows {}`"

Case = dict[str, Any]
Speed = dict[tuple[int, str], Case]


def numbers(by_row: dict[str, list[Case]]) -> list[str]:
    """Return the table of everything to reach; `by_row` are the cases of the evidence."""
    path = RESULTS / "allocation.json"
    kept = json.loads(path.read_text()) if path.exists() else []
    speed = {(case["n"], case["solver"]): case for case in kept}
    lines = [
        "| what | to reach | measured | rival | command: `python -m benchmarks.` … |",
        "| --- | --- | --- | --- | --- |",
        _feasible(by_row["feasible"]),
        _gaps(speed),
        _bound(by_row["bound"]),
        _tiny(by_row["tiny"]),
        _ratio(speed, 10_000, "HiGHS dual simplex", 25),
        _ratio(speed, 10_000, "HiGHS PDLP, 1e-4", 15),
        _ratio(speed, 10_000, "OR-Tools PDLP, 1e-4", 15),
        _ratio(speed, 100_000, "OR-Tools PDLP, 1e-4", 100),
        _cost(speed, 1_000_000, (3.0, 0.8, 1e-5)),
        _cost(speed, 10_000_000, (10.0, 3.0, 5e-6)),
        _warm(speed),
        _infeasible(by_row["infeasible"]),
        *_elsewhere(),
    ]
    return lines


def _line(what: str, reach: str, measured: str, rival: str, command: str) -> str:
    return f"| {what} | {reach} | {measured or 'not measured'} | {rival} | {command} |"


def _feasible(cases: list[Case]) -> str:
    kept = sum(max(case["excess_maxima"], case["excess_minima"]) <= ROUNDING for case in cases)
    worst = max((max(case["excess_maxima"], case["excess_minima"]) for case in cases), default=0.0)
    sizes = ", ".join(f"{n:,}" for n in sorted({case["n"] for case in cases}))
    measured = f"{kept} of {len(cases)} ({sizes} customers); worst excess {worst:.0e}" if cases else ""
    return _line("strict feasibility, maxima and minima", "27 of 27", measured, "", _EVIDENCE.format("feasible"))


def _gaps(speed: Speed) -> str:
    measured = [f"{speed[n, OURS]['gap']:.1e}" for n in (10_000, 100_000, 1_000_000) if (n, OURS) in speed]
    rival = ""
    pdlp = speed.get((10_000, "OR-Tools PDLP, 1e-4"), {})
    if "excess" in pdlp:
        rival = f"OR-Tools PDLP: a limit over by {pdlp['excess']:.0e}, a customer by {pdlp['customer_excess']:.0e}"
    return _line(
        "certified gap at 10⁴ / 10⁵ / 10⁶", "≤ 6e-4 / 6e-5 / 1e-5", " / ".join(measured), rival, "`allocation`"
    )


def _bound(cases: list[Case]) -> str:
    above = [case["above"] for case in cases]
    measured = f"{min(above):+.0e} to {max(above):+.0e} in {len(above)} instances" if cases else ""
    return _line(
        "bound ÷ optimum by HiGHS − 1, 3,000 customers", "0 to 1e-5", measured, "HiGHS", _EVIDENCE.format("bound")
    )


def _tiny(cases: list[Case]) -> str:
    if not cases:
        return _line("8 to 60 customers", "", "", "", _EVIDENCE.format("tiny"))
    kept, possible = tiny_kept(cases, "")
    loss = tiny_losses(cases, "")
    measured = f"{kept} of {possible}; {100 * (loss == 0).mean():.0f} % exact, median {100 * np.median(loss):.1f} %, "
    measured += f"worst {100 * loss.max():.1f} %"
    reach = "feasible whenever the integer programme is; median loss 0"
    return _line("8 to 60 customers", reach, measured, "HiGHS' exact search", _EVIDENCE.format("tiny"))


def tiny_losses(cases: list[Case], name: str) -> np.ndarray:
    """Return what plans that keep every limit lose of the exact optimum, where HiGHS proved one."""
    proved = [case for case in cases if case["status"] == "Optimal" and case[f"excess{name}"] <= 0]
    loss = np.array([1.0 - case[f"value{name}"] / case["optimum"] for case in proved])
    return np.where(loss > 1e-9, loss, 0.0)


def tiny_kept(cases: list[Case], name: str) -> tuple[int, int]:
    """Return how many plans keep every limit, of those instances in which HiGHS found a plan that does."""
    possible = [case for case in cases if "optimum" in case and case["excess_optimum"] <= 0]
    return sum(case[f"excess{name}"] <= 0 for case in possible), len(possible)


def _ratio(speed: Speed, n: int, rival: str, reach: float) -> str:
    ours, theirs = speed.get((n, OURS)), speed.get((n, rival))
    measured = told = ""
    if ours and theirs:
        more = "> " if "unfinished" in theirs else ""
        seconds = theirs.get("cpu", theirs.get("unfinished", 0.0))
        measured = f"{more}{seconds / ours['cpu']:.0f} ({ours['cpu']:.2f} CPU-s)"
        told = f"{rival}: {'unfinished after ' if more else ''}{seconds:.0f} CPU-s"
    return _line(f"speed at {n:,}: {rival} ÷ ours", f"≥ {reach:g}", measured, told, "`allocation`")


def _cost(speed: Speed, n: int, reach: tuple[float, float, float]) -> str:
    cpu, peak, gap = reach
    found = [(name, speed[n, solver]) for name, solver in (("", OURS), ("in blocks ", BLOCKS)) if (n, solver) in speed]
    measured = "; ".join(
        f"{name}{case['cpu']:.1f} CPU-s, {case['peak']:.2f} GiB ({case['peak'] / case['data']:.2f} × data), "
        f"gap {case['gap']:.0e}"
        for name, case in found
    )
    asked = f"≤ {cpu:g} CPU-s, ≤ {peak:g} GiB, gap ≤ {gap:.0e}"
    return _line(
        f"{n:,} × 50 × 56, cold, with repair and certificate",
        asked,
        measured,
        "none tried: unfinished at 100,000",
        "`allocation`",
    )


def _warm(speed: Speed) -> str:
    found = [
        f"{case['warm_dual'] / case['cold_dual']:.2f} at {n:,}"
        for (n, _), case in sorted(speed.items())
        if "warm_dual" in case
    ]
    return _line("warm start of the dual, 5 % new customers", "≤ 0.4 × cold", ", ".join(found), "", "`allocation`")


def _infeasible(cases: list[Case]) -> str:
    alarms = sum(case["clash"] and case.get("highs", 1.0) <= 1e-9 for case in cases)
    missed = sum(not case["clash"] and case.get("highs", 0.0) > 1e-9 for case in cases)
    shares = [case["proven"] / case["highs"] for case in cases if case["clash"] and "highs" in case]
    measured = ""
    if cases and shares:
        most = max(cases, key=lambda case: case["cpu"])
        measured = (
            f"{alarms} false alarms, {missed} missed in {len(cases)} instances up to {max(c['n'] for c in cases):,}; "
        )
        measured += f"{100 * min(shares):.1f} %; at most {most['cpu']:.1f} CPU-s"
    reach = "no false alarm; proof ≥ 98 % of HiGHS' shortage; ≤ 4 CPU-s"
    highs = [case["highs_cpu"] for case in cases if "highs_cpu" in case and case["n"] == 10_000]
    rival = f"HiGHS, elastic, 10,000: up to {max(highs):.0f} CPU-s" if highs else ""
    return _line("limits that clash", reach, measured, rival, _EVIDENCE.format("infeasible"))


def _elsewhere() -> list[str]:
    paced, link = _paced(), "`paced_draws` ([table](paced_draws.md))"
    spark = "equal bit for bit: [table](spark.md); other partitions: tests of `tests/integration/spark`"
    return [
        _line(
            "soft prices, 10⁵ / 10⁶",
            "excess ≤ 1e-6, ≤ 1 / 8 CPU-s, warm ≤ 0.4 × cold",
            "; ".join(paced["prices"]),
            "",
            link,
        ),
        _line(
            "paced draws",
            "capacity 0 of 100; minimums ≤ 1 of 100; lost ≤ 0.2 % at 10⁵, ≤ 0.1 % at 10⁶",
            "; ".join(paced["draws"]),
            "",
            link,
        ),
        _line("Spark = local", "the same partitions: equal bits; others: bound within 1e-10", spark, "", "`spark`"),
    ]


def _paced() -> dict[str, list[str]]:
    """Return in words what the table of paced draws says; its columns are found by their names."""
    found: dict[str, list[str]] = {"prices": [], "draws": []}
    for row in _rows_of(RESULTS / "paced_draws.md"):
        if row.get("how", "").startswith("paced"):
            broken = f"{row['draws over a maximum']} and {row['draws under a minimum']} of {row['draws']}"
            found["draws"].append(f"{row['customers']}: {broken}, lost {row['value lost']}")
        if "prices cold" in row:
            warm = next(words for name, words in row.items() if name.startswith("prices warm"))
            found["prices"].append(
                f"{row['customers']}: {row['prices cold']} CPU-s, excess {row['expected excess']}, warm {warm}"
            )
    return found


def _rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of all tables of a Markdown file, by column; of columns of the same name the first."""
    rows: list[dict[str, str]] = []
    header: list[str] = []
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells
        elif set(line) - set("|-: "):
            rows.append(dict(reversed(list(zip(header, cells, strict=False)))))
    return rows
