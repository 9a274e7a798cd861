"""Scores on real tables beside LightGBM and logistic regression as they come out of the box, on the same folds.

Run: ``python -m benchmarks.scores [--data DIR] [--seeds 5]``. `--data` is the folder that holds ``uci_bank_marketing/``
(default: ``ALAMO_TEST_DATA``). Folds are those of `analyze_scores`; rivals get the same columns: numbers as they are,
text one-hot, missing numbers as the median. CPU seconds of five folds, one thread; ours include the search for leaks
and calibration.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from alamo.connectors.sources import read_table
from alamo.numerics.encoding import FeatureEncoder
from alamo.prediction.scores import ScoreSpec, analyze_scores
from alamo.prediction.scores.figures import Figures, figures

RESULTS = Path(__file__).parent / "results" / "scores.md"
NAMES = ("auc", "log_loss", "top_decile_lift", "ece")


@dataclass(frozen=True)
class Task:
    title: str
    file: str
    spec: ScoreSpec


TASKS = (
    Task(
        "Bank marketing without `duration`",
        "uci_bank_marketing/bank-additional-full.csv.gz",
        ScoreSpec("y", drop=("duration",)),
    ),
    Task(
        "iFood, answer to the sixth campaign", "ifood_campaign/ml_project1_data.csv.gz", ScoreSpec("Response", id="ID")
    ),
    Task(
        "Hillstrom, visit",
        "hillstrom/hillstrom.csv.gz",
        ScoreSpec("visit", drop=("conversion", "spend")),
    ),
)


def rival_scores(make, table: pa.Table, spec: ScoreSpec, target: np.ndarray, fold: np.ndarray) -> np.ndarray:
    names = [name for name in table.column_names if name not in spec.reserved]
    encoder = FeatureEncoder.fit(table, names, linear=True)
    plain = FeatureEncoder(encoder.columns)
    matrix = plain._filled(table)
    out = np.empty(len(target))
    for k in np.unique(fold):
        model = make().fit(matrix[fold != k], target[fold != k])
        out[fold == k] = model.predict_proba(matrix[fold == k])[:, 1]
    p = np.clip(out, 1e-12, 1 - 1e-12)
    return np.log(p / (1 - p))


RIVALS = {
    "LightGBM, default": lambda: lightgbm.LGBMClassifier(n_jobs=1, verbosity=-1),
    "logistic regression, default": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
}


def measured(task: Task, table: pa.Table, seed: int) -> dict[str, tuple[Figures, float]]:
    spec = ScoreSpec(task.spec.target, id=task.spec.id, drop=task.spec.drop, seed=seed)
    start = time.process_time()
    result = analyze_scores(table, spec)
    found = {"alamo": (result.validation.pooled, time.process_time() - start)}
    assert not [leak for leak in result.suspected_leaks if leak.kind != "identifier"], result.suspected_leaks
    fold = result.scores.fold
    target = np.asarray([str(value) == result.positive for value in table[spec.target].to_pylist()], dtype=float)
    for name, make in RIVALS.items():
        start = time.process_time()
        log_odds = rival_scores(make, table, spec, target, fold)
        found[name] = (figures(log_odds, target), time.process_time() - start)
    return found


def report(task: Task, table: pa.Table, seeds: int) -> list[str]:
    runs = [measured(task, table, seed) for seed in range(seeds)]
    lines = [
        f"## {task.title}, {table.num_rows:,} rows",
        "",
        "| | AUC | log-loss | top-decile lift | ECE | CPU-s |",
        "|---|---|---|---|---|---|",
    ]
    for name in runs[0]:
        cells = []
        for figure in NAMES:
            values = np.array([getattr(run[name][0], figure) for run in runs])
            digits = 2 if figure == "top_decile_lift" else 4
            cells.append(f"{values.mean():.{digits}f} ({values.min():.{digits}f}–{values.max():.{digits}f})")
        seconds = np.mean([run[name][1] for run in runs])
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds:.1f} |")
    return [*lines, ""]


def in_time(folder: Path) -> list[str]:
    table = read_table(folder / TASKS[0].file)
    table = table.append_column("row", pa.array(np.arange(table.num_rows)))
    result = analyze_scores(table, ScoreSpec("y", time="row"))
    random, forward, drift = result.validation.pooled, result.forward.pooled, result.drift
    leaks = ", ".join(f"`{leak.column}`" for leak in result.suspected_leaks)
    lines = [
        "## Bank marketing in the order of its rows (by date), `duration` left in the file",
        "",
        f"Suspected leaks: {leaks}. Pooled AUC with it {result.with_suspects.auc:.3f}, "
        f"without it {result.without_suspects.auc:.3f}.",
        "",
        "| folds | AUC | log-loss | top-decile lift | ECE |",
        "|---|---|---|---|---|",
    ]
    for name, found in (("random", random), ("forward", forward)):
        lines.append(
            f"| {name} | {found.auc:.4f} | {found.log_loss:.4f} | {found.top_decile_lift:.2f} | {found.ece:.4f} |"
        )
    return [*lines, "", f"Drift warning: {'yes' if drift.warning else 'no'}.", *(f"- {m}" for m in drift.messages), ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=os.environ.get("ALAMO_TEST_DATA"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if options.data is None:
        print("nothing to measure: name --data (or ALAMO_TEST_DATA), the folder that holds the data sets")
        return
    folder = Path(options.data)
    lines = [
        "# Scores",
        "",
        f"One run of `python -m benchmarks.scores` on {platform.machine()}, one thread, Python "
        f"{platform.python_version()}, LightGBM {lightgbm.__version__}, scikit-learn {sklearn.__version__}. Stratified "
        f"random 5 folds, pooled out-of-fold scores; mean (least–largest) over seeds 0–{options.seeds - 1}.",
        "",
    ]
    for task in TASKS:
        lines += report(task, read_table(folder / task.file), options.seeds)
    text = "\n".join([*lines, *in_time(folder)])
    RESULTS.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
