"""Each row of the figures to reach: the figure, what it has to be, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from benchmarks.uplift_evidence import draws, policy_logs, scoring, wave_loop
from benchmarks.uplift_evidence.record import Record, mean_se

VISITS, CONVERSIONS = ("visit mixed", "visit smooth"), ("conversion mixed", "conversion smooth")
ALONE = ("prototype: segments", "prototype: S-boost", "prototype: DR-ridge", "prototype: DR-boost")
UNSHRUNK = "Thompson without shrinkage"
NAMED = ("econml LinearDR", "econml CausalForestDML", "causalml X")


@dataclass(frozen=True)
class Verdict:
    """One line of the summary."""

    number: str
    what: str
    to_reach: str
    alamo: str
    prototype: str
    rivals: str
    reached: bool | None

    @property
    def words(self) -> str:
        """The verdict in words."""
        return "not measured" if self.reached is None else "reached" if self.reached else "falls short"


def verdicts(record: Record) -> list[Verdict]:
    """Return the lines of what has been measured."""
    found: list[Verdict] = []
    if any(record.seeds(draws.PART, world, ("alamo",)) for world in draws.WORLDS):
        found += [*_errors(record), *_gains(record), *_against(record), *_coverage(record)]
    if record.seeds(scoring.PART, scoring.WORLD):
        found += _speed(record)
    if record.seeds(policy_logs.PART, "fixed"):
        found.append(_policy(record))
    if record.seeds(wave_loop.PART, wave_loop.WORLD, ("uniform",)):
        found += _loop(record)
    return sorted(found, key=lambda verdict: int(verdict.number))


def ratio(record: Record, world: str, method: str, base: str) -> tuple[float, float, int]:
    """Return the mean ratio of rmse over the draws that both have, its standard error, and their number."""
    seeds = record.seeds(draws.PART, world, (method, base))
    pairs = (record.of(draws.PART, world, name, "rmse", seeds) for name in (method, base))
    values = [a / b for a, b in zip(*pairs, strict=True)]
    return *mean_se(values), len(values)


def _shown(mean: float, se: float, n: int, places: int = 2) -> str:
    return f"{mean:.{places}f} (n = {n})" if np.isnan(se) else f"{mean:.{places}f} ± {se:.{places}f}"


def _errors(record: Record) -> list[Verdict]:
    found = []
    for world, most in (("visit mixed", 0.73), ("visit smooth", 0.80), *((world, 1.02) for world in CONVERSIONS)):
        if not record.seeds(draws.PART, world, ("alamo",)):
            continue
        mine, theirs = (ratio(record, world, name, "one effect") for name in ("alamo", "prototype"))
        rivals = {name: ratio(record, world, name, "one effect") for name in NAMED}
        best = min((value for value in rivals.items() if value[1][2]), key=lambda item: item[1][0], default=None)
        found.append(
            Verdict(
                "8",
                f"rmse over that of one effect, {world}",
                f"≤ {most}",
                _shown(*mine),
                _shown(*theirs),
                "" if best is None else f"{best[0]} {_shown(*best[1])}",
                mine[0] <= most,
            )
        )
    return found


def _gains(record: Record) -> list[Verdict]:
    found = [_share_of_oracle(record), _smooth(record)]
    gains = {}
    for world in draws.WORLDS:
        seeds = record.seeds(draws.PART, world, ("alamo",))
        gains[world] = record.of(draws.PART, world, "alamo", "gain", seeds) if seeds else []
    known = {world: values for world, values in gains.items() if values}
    mean = min(known.items(), key=lambda item: np.mean(item[1]))
    worst = min(known.items(), key=lambda item: min(item[1]))
    found.append(
        Verdict(
            "9",
            "mean gain in the worst world",
            "≥ −.2 %",
            f"{np.mean(mean[1]):+.2f} % ({mean[0]})",
            "",
            "",
            float(np.mean(mean[1])) >= -0.2,
        )
    )
    found.append(
        Verdict(
            "9",
            "gain in the worst draw of any world",
            "≥ −2 %",
            f"{min(worst[1]):+.1f} % ({worst[0]})",
            "",
            "",
            min(worst[1]) >= -2.0,
        )
    )
    return found


def _share_of_oracle(record: Record) -> Verdict:
    world = "visit mixed"
    shares: dict[str, float] = {}
    for method in ("alamo", "prototype", *NAMED):
        seeds = record.seeds(draws.PART, world, (method,))
        if seeds:
            pair = [record.of(draws.PART, world, name, "gain", seeds) for name in (method, "oracle")]
            shares[method] = float(np.sum(pair[0]) / np.sum(pair[1]))
    rivals = {name: shares[name] for name in NAMED if name in shares}
    best = max(rivals.items(), key=lambda item: item[1], default=("", float("nan")))
    n = len(record.seeds(draws.PART, world, (best[0],)))
    return Verdict(
        "9",
        "gain, share of the oracle's, visit mixed",
        "≥ .45",
        f"{shares['alamo']:.2f}",
        f"{shares.get('prototype', float('nan')):.2f}",
        f"{best[0]} {best[1]:.2f} (n = {n})",
        shares["alamo"] >= 0.45,
    )


def _smooth(record: Record) -> Verdict:
    world = "visit smooth"
    seeds = record.seeds(draws.PART, world, ("alamo", *ALONE))
    mine = record.of(draws.PART, world, "alamo", "gain", seeds)
    alone = {name: float(np.mean(record.of(draws.PART, world, name, "gain", seeds))) for name in ALONE} if seeds else {}
    best = max(alone.items(), key=lambda item: item[1], default=("", float("nan")))
    theirs = record.of(draws.PART, world, "prototype", "gain", seeds)
    return Verdict(
        "9",
        "gain over that of the best single candidate, visit smooth",
        "≥ .8",
        f"{np.mean(mine) / best[1]:.2f}" if seeds else "",
        f"{np.mean(theirs) / best[1]:.2f}" if seeds else "",
        f"{best[0]} gains {best[1]:.1f} %",
        bool(np.mean(mine) >= 0.8 * best[1]) if seeds else None,
    )


def _against(record: Record) -> list[Verdict]:
    found = []
    for world, most in (*((world, 0.9) for world in VISITS), *((world, 0.65) for world in CONVERSIONS)):
        rivals = {name: ratio(record, world, "alamo", name) for name in NAMED}
        known = {name: value for name, value in rivals.items() if value[2]}
        if not known:
            continue
        name, value = max(known.items(), key=lambda item: item[1][0])
        prototype = ratio(record, world, "alamo", "prototype")
        found.append(
            Verdict(
                "10",
                f"rmse over the best rival's, {world}",
                f"≤ {most}",
                _shown(*value),
                f"over the prototype's {_shown(*prototype)}",
                name,
                value[0] <= most,
            )
        )
    return found


def _coverage(record: Record) -> list[Verdict]:
    found = []
    for world, least in (("visit mixed", 0.87), ("visit smooth", 0.85)):
        cells = {}
        for method in ("alamo", "prototype", "econml CausalForestDML", "econml LinearDR"):
            seeds = record.seeds(draws.PART, world, (method,))
            cells[method] = (
                mean_se(record.of(draws.PART, world, method, "covered", seeds)) if seeds else (np.nan, np.nan)
            )
        rivals = ", ".join(f"{name} {cells[name][0]:.2f}" for name in ("econml CausalForestDML", "econml LinearDR"))
        n = len(record.seeds(draws.PART, world, ("alamo",)))
        found.append(
            Verdict(
                "14",
                f"coverage of own effects, 90 %, {world}",
                f"≥ {least}",
                _shown(*cells["alamo"], n),
                f"{cells['prototype'][0]:.2f}",
                rivals,
                cells["alamo"][0] >= least,
            )
        )
    return found


def _speed(record: Record) -> list[Verdict]:
    seed = record.seeds(scoring.PART, scoring.WORLD)[0]
    figures = record.kept["draws"][scoring.PART][scoring.WORLD][str(seed)]
    rivals = {}
    for method in ("prototype", *NAMED):
        known = record.seeds(draws.PART, "visit mixed", (method,))
        rate = [
            record.kept["draws"][draws.PART]["visit mixed"][str(s)][method].get("rows_per_cpu_second") for s in known
        ]
        rivals[method] = float(np.mean([value for value in rate if value])) / 1e6 if any(rate) else float("nan")
    others = ", ".join(f"{name} {rivals[name]:.2f}" for name in NAMED)
    found = []
    for name, words, least in (
        ("alamo, segments only", "M rows per CPU-s, segments only, encoded", 10.0),
        ("alamo, ridge and boosting", "M rows per CPU-s, the mixture, encoded", 0.15),
    ):
        rate = figures[name]["encoded_rows_per_cpu_second"] / 1e6
        found.append(
            Verdict(
                "13",
                words,
                f"≥ {least}",
                f"{rate:.2f}",
                f"{rivals['prototype']:.3f}",
                others,
                rate >= least,
            )
        )
    same = min(each["same_bits"] for each in figures.values())
    found.append(Verdict("13", "rows with the same bits alone as in a batch", "1", f"{same:.3f}", "", "", same == 1.0))
    return found


def _policy(record: Record) -> Verdict:
    covered, ess = [], []
    for kind in ("fixed", "adaptive"):
        seeds = record.seeds(policy_logs.PART, kind, ("alamo dr",))
        covered += record.of(policy_logs.PART, kind, "alamo dr", "covered", seeds)
        ess += record.of(policy_logs.PART, kind, "alamo dr", "ess", seeds)
    theirs = []
    for kind in ("fixed", "adaptive"):
        seeds = record.seeds(policy_logs.PART, kind, ("prototype",))
        theirs += record.of(policy_logs.PART, kind, "prototype", "covered", seeds)
    mean, se = mean_se(covered)
    return Verdict(
        "15",
        f"95 % interval of a policy's value holds the truth, {len(covered)} logs, half adaptive",
        ".93 … .97",
        f"{mean:.3f} ± {se:.3f}; effective rows {min(ess):,.0f} … {max(ess):,.0f}",
        f"{mean_se(theirs)[0]:.3f}",
        "",
        0.93 <= mean <= 0.97,
    )


def _loop(record: Record) -> list[Verdict]:
    found = []
    part, world = wave_loop.PART, wave_loop.WORLD

    def of(name: str, seeds: list[int]) -> tuple[float, float, int]:
        return (*mean_se(record.of(part, world, name, "regret", seeds)), len(seeds))

    methods = [(learnt, explorer) for learnt in ("alamo", "alamo segments") for explorer in ("greedy", "Thompson")]
    for (floor, most), (learnt, explorer) in product(((0.005, 6.5), (0.02, 8.5)), methods):
        trio = [f"{name}, floor {floor:g}" for name in (f"{learnt}, {explorer}", "prototype", UNSHRUNK)]
        seeds = record.seeds(part, world, trio)
        if not seeds:
            continue
        mine, theirs, raw = (of(name, seeds) for name in trio)
        what = f"regret per 1,000, 20 waves, n = {len(seeds)}, {trio[0]}"
        rival = f"{UNSHRUNK} {_shown(*raw, 1)}"
        found.append(Verdict("16", what, f"≤ {most}", _shown(*mine, 1), _shown(*theirs, 1), rival, mine[0] <= most))
        if floor == 0.005:
            shares = f"{mine[0] / raw[0]:.2f}", f"{theirs[0] / raw[0]:.2f}"
            what = f"the same over {UNSHRUNK}"
            found.append(Verdict("16", what, "≤ .5", *shares, "", mine[0] <= 0.5 * raw[0]))
    return found
