"""What has been measured, draw by draw: kept as JSON, so that draws can be added to those that are there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.versions import code_version, versions

RESULTS = Path(__file__).parents[1] / "results" / "evidence_uplift.json"
CODE = "alamo (trees of the draws)"
Figures = dict[str, dict[str, float]]
"""Method → figure → number."""


class Record:
    """The figures of every draw, by part and world and seed."""

    def __init__(self, file: Path = RESULTS) -> None:
        self.file = file
        self.kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def known(self, part: str, world: str, seed: int) -> set[str]:
        """Return the methods that were measured on a draw."""
        return set(self.kept.get("draws", {}).get(part, {}).get(world, {}).get(str(seed), {}))

    def add(self, part: str, world: str, seed: int, figures: Mapping[str, Mapping[str, float]]) -> None:
        """Keep the figures of a draw beside those that are there, and write the file."""
        seeds = self.kept.setdefault("draws", {}).setdefault(part, {}).setdefault(world, {})
        mine = seeds.setdefault(str(seed), {})
        for method, found in figures.items():
            mine[method] = {name: float(f"{number:.6g}") for name, number in found.items()}
        self._made_by(code_version())
        self.write()

    def told(self, what: str, words: Mapping[str, str]) -> None:
        """Keep versions or the words of a rival that failed."""
        self.kept.setdefault(what, {}).update(words)
        self.write()

    def _made_by(self, code: str) -> None:
        """Add a version of the code to those that measured what is kept."""
        made = self.kept.setdefault("versions", {})
        trees = made.get(CODE, "").split()
        made[CODE] = " ".join([*trees, *(() if code in trees else (code,))])

    def write(self) -> None:
        """Write the file."""
        self.kept.setdefault("versions", {}).update(versions())
        text = json.dumps(self.kept, indent=1, ensure_ascii=False, sort_keys=True)
        self.file.write_text(text + "\n", encoding="utf-8")

    def seeds(self, part: str, world: str, methods: Iterable[str] = ()) -> list[int]:
        """Return the seeds at which all `methods` were measured."""
        found = self.kept.get("draws", {}).get(part, {}).get(world, {})
        return sorted(int(seed) for seed, figures in found.items() if set(methods) <= set(figures))

    def of(self, part: str, world: str, method: str, figure: str, seeds: Iterable[int]) -> list[float]:
        """Return one figure by seed."""
        found = self.kept.get("draws", {}).get(part, {}).get(world, {})
        return [found[str(seed)][method][figure] for seed in seeds]


def mean_se(values: list[float]) -> tuple[float, float]:
    """Return the mean and its standard error, NaN with fewer than two."""
    se = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return float(np.mean(values)) if values else float("nan"), se
