"""The tables of the evidence of allocation: each kind of case, below what has to be reached."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from benchmarks.allocation_numbers import ROUNDING, numbers, tiny_kept, tiny_losses

Case = dict[str, Any]


def table(kept: list[Case]) -> str:
    """Return the summary and the table of every kind of case."""
    by_row = {row: [case["found"] | case for case in kept if case["row"] == row] for row in TABLES}
    lines = [
        "# Allocation: the numbers to reach",
        "",
        "Customers × 50 actions × 56 limits of every kind (`benchmarks/allocation_worlds.py`). The cases below are on",
        "seeds from 700 on, which no setting was chosen on; [speed](allocation.md) names its seeds. Value and excess",
        "are counted from the raw cells by the same code for everybody. CPU seconds of one thread on machines shared",
        "with other work, which inflates all of them: only ratios inside one run count.",
        _made(kept),
        "",
        *numbers(by_row),
    ]
    for row, made in TABLES.items():
        if by_row[row]:
            lines += ["", *made(by_row[row])]
    return "\n".join([*lines, ""])


def _made(kept: list[Case]) -> str:
    days, codes = sorted({case["day"] for case in kept}), sorted({case["code"] for case in kept})
    packages = {f"{name} {version}" for case in kept for name, version in case["versions"].items()}
    used = ", ".join(sorted(word for word in packages if word.split()[0] in ("Python", "numpy", "highspy")))
    return f"Cases below: {days[0]} to {days[-1]}; code {', '.join(codes)}; {used}." if kept else ""


def _feasible(cases: list[Case]) -> list[str]:
    lines = [
        "## Strict feasibility",
        "",
        "Excess relative to the bound, from correctly rounded sums: up to 1e-12, the rounding of a plan's own sums, is",
        "kept. Minima are fair shares, too.",
        "",
        "| customers | maxima × | seeds | kept | worst maximum | worst minimum | full to 0.1 %, median | worst gap |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (n, tight), group in _groups(cases, "n", "tight"):
        kept = sum(max(case["excess_maxima"], case["excess_minima"]) <= ROUNDING for case in group)
        lines.append(
            f"| {n:,} | {tight:g} | {len(group)} | {kept} | {_worst(group, 'excess_maxima'):.1e} | "
            f"{_worst(group, 'excess_minima'):.1e} | {np.median([case['rows_full'] for case in group]):.0f} | "
            f"{_worst(group, 'gap'):.1e} |"
        )
    return lines


def _bound(cases: list[Case]) -> list[str]:
    lines = [
        "## The bound beside HiGHS, 3,000 customers",
        "",
        "The optimum of the linear programme by HiGHS' simplex at its default tolerances.",
        "",
        "| maxima × | seeds | bound ÷ optimum − 1, lowest | highest | HiGHS CPU-s, median |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for (tight,), group in _groups(cases, "tight"):
        above = [case["above"] for case in group]
        cpu = np.median([case["highs_cpu"] for case in group])
        lines.append(f"| {tight:g} | {len(group)} | {min(above):+.1e} | {max(above):+.1e} | {cpu:.1f} |")
    return lines


def _tiny(cases: list[Case]) -> list[str]:
    impossible = [case for case in cases if case["status"] == "Infeasible"]
    refused = sum(case["excess"] > 0 for case in impossible)
    lines = [
        "## 8 to 60 customers beside the exact integer optimum",
        "",
        f"{len(cases)} instances of 10, 25 or 50 actions; HiGHS proved that {len(impossible)} have no plan, and Alamo",
        f"found none in {refused} of them. Up to 1,500 cells Alamo searches exactly as well, by HiGHS in SciPy; the",
        "second line is what prices and switches alone do, which is how larger problems are planned.",
        "",
        "| | kept where a plan exists | optimum proved | exact | median loss | 90 % lose at most | worst |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for title, name in (("as planned", ""), ("prices and switches alone", "_switching")):
        kept, possible = tiny_kept(cases, name)
        loss = tiny_losses(cases, name)
        lines.append(
            f"| {title} | {kept} of {possible} | {len(loss)} | {100 * (loss == 0).mean():.0f} % | "
            f"{100 * np.median(loss):.2f} % | {100 * np.quantile(loss, 0.9):.2f} % | {100 * loss.max():.2f} % |"
        )
    return lines


def _infeasible(cases: list[Case]) -> list[str]:
    lines = [
        "## Limits that clash",
        "",
        "All minimum volumes times a factor. The shortage is the least sum of the shares of their bounds that limits",
        "have to give, by HiGHS' elastic linear programme up to 10,000 customers; above that it is not solved here.",
        "A plan with: limits give way by what is told and 1, 5 or 20 % of it more, until a plan of whole customers",
        "keeps all of them; together, and each alone that is said to be enough. At 3,000 customers what each gives",
        "alone stands beside HiGHS, three a clash.",
        "",
        "| customers | minima × | said | HiGHS: shortage | proven | told together | a plan with | one alone | alone: "
        "told ÷ HiGHS | CPU-s | HiGHS CPU-s |",
        "| ---: | ---: | --- | ---: | ---: | ---: | --- | --- | --- | ---: | ---: |",
    ]
    for case in sorted(cases, key=lambda case: (case["n"], case["times"])):
        highs = f"{case['highs']:.4f}" if "highs" in case else ""
        start = f"| {case['n']:,} | {case['times']:g} | {'clash' if case['clash'] else 'a plan'} | {highs} | "
        end = f" | {case['cpu']:.1f} | {case['highs_cpu']:.1f} |" if "highs" in case else f" | {case['cpu']:.1f} | |"
        if not case["clash"]:
            lines.append(f"{start}| | {'kept' if case['feasible'] else '**broken**'} | | {end}")
            continue
        lines.append(
            f"{start}{case['proven']:.4f} | {case['together_share']:.4f} | {_room(case['together_room'])} | "
            f"{_alone(case)} | {_beside(case)}{end}"
        )
    return lines


def _alone(case: Case) -> str:
    told = [single for single in case["singles"] if single["alone"]]
    return ", ".join(_room(single["room"]) for single in told) or "none is enough"


def _beside(case: Case) -> str:
    """Return told ÷ HiGHS of each limit that is said to be enough, and how many rightly are not."""
    judged = [single for single in case["singles"] if "highs_status" in single]
    told = [f"{single['share'] / single['highs_share']:.4f}" for single in judged if single["alone"]]
    others = [single["highs_share"] is None for single in judged if not single["alone"]]
    return ", ".join(told) + (f"; {sum(others)} of {len(others)} rightly not enough" if others else "")


def _room(room: float | None) -> str:
    return "**none**" if room is None else f"+{100 * room:.0f} %"


def _worst(cases: list[Case], name: str) -> float:
    return max(case[name] for case in cases)


def _groups(cases: list[Case], *names: str) -> list[tuple[tuple[Any, ...], list[Case]]]:
    def key(case: Case) -> tuple[Any, ...]:
        return tuple(case[name] for name in names)

    return [(value, list(group)) for value, group in groupby(sorted(cases, key=key), key)]


TABLES = {"feasible": _feasible, "bound": _bound, "tiny": _tiny, "infeasible": _infeasible}
