"""Row 4: false alarms of the sample-ratio check over a thousand looks, and rows until it sees what was lost."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import numpy.typing as npt
from benchmarks.evidence.record import Evidence
from scipy.stats import chi2

from alamo.numerics.ratio_check import (
    MISMATCH,
    mixture_log_e,
    multinomial_log_e,
    p_value,
    tilted_log_likelihoods,
)

Floats = npt.NDArray[np.float64]

FIRST_SEED, LOOKS, STEP = 7_400, 1_000, 250
SHARES = {"50/50": 0.5, "90/10": 0.9}
EVENT = np.log(1.0 / MISMATCH)


def ratio(prototype: ModuleType, runs: int) -> Evidence:
    """Return row 4."""
    lines = [
        f"{LOOKS:,} looks, one every {STEP} rows, mismatch declared at {MISMATCH}. *Shares*: the check of `--shares`; "
        "*logged*: that of a column of propensities; beside them the prototype's `srm_log_e` and a chi-square test at "
        "every look. *Sees*: median rows until a loss of 5 % (2 %) of the larger arm's rows is declared.\n",
        "| design | false alarms: shares | logged | prototype | chi-square | sees 5 %: shares | logged | prototype "
        "| sees 2 %: shares | logged | prototype |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    alarms, sees, theirs = [], {}, {}
    for design, share in SHARES.items():
        nil = [_looks(share, 0.0, seed) for seed in range(FIRST_SEED, FIRST_SEED + runs)]
        kinds = ("shares", "logged", "prototype", "chi-square")
        false = {kind: float(np.mean([_first(kind, one, share, prototype) < np.inf for one in nil])) for kind in kinds}
        alarms += [false["shares"], false["logged"]]
        found = {}
        for loss in (0.05, 0.02):
            lost = [_looks(share, loss, seed) for seed in range(FIRST_SEED, FIRST_SEED + max(runs // 3, 2))]
            for kind in kinds[:3]:
                found[loss, kind] = float(np.median([_first(kind, one, share, prototype) for one in lost]))
        sees[design], theirs[design] = found[0.05, "shares"], found[0.05, "prototype"]
        lines.append(
            f"| {design} | "
            + " | ".join(f"{false[kind]:.3f}" for kind in kinds)
            + " | "
            + " | ".join(_rows(found[loss, kind]) for loss in (0.05, 0.02) for kind in kinds[:3])
            + " |"
        )
    return Evidence(
        number="4",
        what="sample-ratio check: false alarms at .01, rows until 5 % are missed at 50/50",
        to_reach="≤ .015; ≤ 19,000",
        measured=f"≤ {max(alarms):.3f}; {sees['50/50']:,.0f}",
        prototype=f"{theirs['50/50']:,.0f}",
        rival="chi-square at every look: see below",
        reached=max(alarms) <= 0.015 and sees["50/50"] <= 19_000,
        seeds=FIRST_SEED,
        replications=f"{runs} runs without and {max(runs // 3, 2)} with a loss: standard error of a share of .01 is "
        f"{np.sqrt(0.01 * 0.99 / runs):.3f}",
        lines=lines,
    )


def _looks(share: float, loss: float, seed: int) -> Floats:
    """Return the counts of both arms at every look, (LOOKS, 2); `loss` of the first arm's rows never arrive."""
    rng = np.random.default_rng(seed)
    kept = share * (1.0 - loss)
    first = np.cumsum(rng.binomial(STEP, kept / (kept + 1.0 - share), LOOKS))
    return np.column_stack([first, STEP * np.arange(1, LOOKS + 1) - first]).astype(np.float64)


def _first(kind: str, counts: Floats, share: float, prototype: ModuleType) -> float:
    """Return the row at which the check of this kind declares a mismatch; infinity if never."""
    design = np.array([share, 1.0 - share])
    if kind == "shares":
        declared = multinomial_log_e(counts, design) >= EVENT
    elif kind == "prototype":
        declared = prototype.srm_log_e(counts, design) >= EVENT
    elif kind == "chi-square":
        expected = counts.sum(axis=1, keepdims=True) * design
        declared = chi2.sf(((counts - expected) ** 2 / expected).sum(axis=1), 1) < MISMATCH
    else:
        return _first_logged(counts, share)
    return float(STEP * (1 + int(declared.argmax()))) if declared.any() else np.inf


def _first_logged(counts: Floats, share: float) -> float:
    """Likewise for logged probabilities: the sums of each look added up, one e-value per arm, Bonferroni."""
    worst, total = 0.0, np.zeros((2, len(tilted_log_likelihoods(np.zeros(1, dtype=bool), np.full(1, 0.5)))))
    steps = np.diff(counts, axis=0, prepend=0.0)
    base = [[_one(True, p), _one(False, p)] for p in (share, 1.0 - share)]
    for look, step in enumerate(steps):
        for arm in (0, 1):
            total[arm] += step[arm] * base[arm][0] + step[1 - arm] * base[arm][1]
            worst = max(worst, mixture_log_e(total[arm]))
        if 2.0 * p_value(worst) <= MISMATCH:
            return float(STEP * (look + 1))
    return np.inf


def _one(drawn: bool, p: float) -> Floats:
    """Return the log-likelihood ratios of one row."""
    return tilted_log_likelihoods(np.array([drawn]), np.array([p]))


def _rows(median: float) -> str:
    return f"{median:,.0f}" if np.isfinite(median) else f"> {LOOKS * STEP:,}"
