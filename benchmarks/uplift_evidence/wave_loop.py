"""Row 16, Alamo's part: the loop's own scores and uplift model explore the waves, beside the prototype."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.hillstrom_worlds import FEATURES, EmailWorld, email_world
from benchmarks.uplift_evidence import waves
from benchmarks.uplift_evidence.draws import ENVIRONMENT, Rivals
from benchmarks.uplift_evidence.record import Record
from benchmarks.uplift_evidence.waves import Explorer, Seen

from alamo.domain.action import NO_ACTION, Action
from alamo.inference import cycle_dr_scores
from alamo.prediction import fit_uplift_model
from alamo.prediction.candidates import LOOP_LEARNERS
from alamo.prediction.learners import boosted_outcome

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
PART, WORLD, FIRST_SEED = "loop", "visit mixed", 5000
FLOORS = (0.005, 0.02)
SPREADS = {"Thompson": "value_sd_money", "Thompson, shared": "shared_sd_money", "greedy": "value_sd_money"}
"""What an explorer draws effects with: all that is not known of a customer, what is not known of all alike, nothing."""
START = datetime(2024, 1, 1, tzinfo=UTC)
ACTIONS = (Action("mens", "mens", "email", "upsell", 0.0), Action("womens", "womens", "email", "upsell", 0.0))
NAMES = pa.array([NO_ACTION, *(action.id for action in ACTIONS)])


class Learning:
    """The loop's own part: scores by cycle from earlier cycles, then the uplift model on all of them."""

    def __init__(self, real: EmailWorld, learners: Sequence[str], salt: str, spread: str) -> None:
        self.table = real.covariates.select(list(FEATURES))
        self.segment = real.covariates["cell"]
        self.learners, self.salt, self.spread = learners, salt, spread
        self.scores: list[pa.Table] = []

    def __call__(self, seen: Seen, rows: Integers) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of each action's value at `rows`, (n, 2) each."""
        log = self._observations(seen)
        last = int(seen.wave.max())
        self.scores.append(cycle_dr_scores(log, last, boosted_outcome(), salt=self.salt))
        model = fit_uplift_model(
            log, pa.concat_tables(self.scores), actions=ACTIONS, salt=self.salt, learners=self.learners
        )
        at = pa.array(rows)
        names = pa.array([f"c{row}" for row in rows])
        profiles = self.table.take(at).append_column("customer_id", names)
        scored = model.score(profiles, pa.table({"customer_id": names, "segment": self.segment.take(at)}), START)
        mean, sd = (
            np.asarray(scored[name]).reshape(2, len(rows)).T for name in ("value_mean_money", SPREADS[self.spread])
        )
        return mean, np.zeros_like(sd) if self.spread == "greedy" else sd

    def _observations(self, seen: Seen) -> pa.Table:
        at, n = pa.array(seen.rows), len(seen.rows)
        every = np.tile(np.arange(3), n)
        columns = {
            "decision_id": pa.array([f"d{row}" for row in seen.rows]),
            "unit_id": pa.array([f"c{row}" for row in seen.rows]),
            "cycle": pa.array(seen.wave),
            "decided_at": pa.array(
                [START + timedelta(days=int(wave)) for wave in seen.wave], pa.timestamp("us", "UTC")
            ),
            "action_id": NAMES.take(pa.array(seen.arm)),
            "p_action": pa.array(seen.p[np.arange(n), seen.arm]),
            "eligible": pa.ListArray.from_arrays(pa.array(np.arange(0, 3 * n + 1, 3), pa.int32()), NAMES.take(every)),
            "p": pa.ListArray.from_arrays(pa.array(np.arange(0, 3 * n + 1, 3), pa.int32()), pa.array(seen.p.ravel())),
            "universal_control": pa.array(np.zeros(n, dtype=bool)),
            "segment": self.segment.take(at),
            "outcome_money": pa.array(seen.outcome),
        }
        table = self.table.take(at)
        for name, values in columns.items():
            table = table.append_column(name, values)
        return table


def measure(record: Record, folder: Path, seed: int, where: Rivals, *, most: int) -> None:
    """Play the first `most` explorers on one world; those with the learners of the loop cost a minute and more."""
    known = record.known(PART, WORLD, seed)
    real = email_world(folder, *WORLD.split(), seed)
    cell = np.unique(np.asarray(real.covariates["cell"]).astype(str), return_inverse=True)[1]
    cells = int(cell.max()) + 1
    if "uniform" not in known:
        alone = {"uniform": (waves.uniform_explorer, 1.0 / 3.0)}
        for floor in FLOORS:
            alone[f"Thompson without shrinkage, floor {floor:g}"] = (waves.segment_means(cell, cells), floor)
        for name, (explorer, floor) in alone.items():
            record.add(PART, WORLD, seed, {name: _played(real, explorer, floor, seed)})
    if f"prototype, floor {FLOORS[0]:g}" not in known:
        record.add(PART, WORLD, seed, _prototype(real, cell, seed, where))
    for name, floor, learners, spread in islice(_explorers(), most):
        if name not in known:
            explorer = Learning(real, learners, f"w{seed}", spread)
            record.add(PART, WORLD, seed, {name: _played(real, explorer, floor, seed)})
            print(seed, name, record.kept["draws"][PART][WORLD][str(seed)][name], flush=True)


def _explorers() -> Iterator[tuple[str, float, tuple[str, ...], str]]:
    """Yield name, floor, learners and spread."""
    low, high = FLOORS
    yield f"alamo segments, greedy, floor {low:g}", low, (), "greedy"
    yield f"alamo, greedy, floor {low:g}", low, LOOP_LEARNERS, "greedy"
    yield f"alamo, greedy, floor {high:g}", high, LOOP_LEARNERS, "greedy"
    for spread in ("Thompson", "Thompson, shared"):
        yield f"alamo segments, {spread}, floor {low:g}", low, (), spread
    yield f"alamo, Thompson, floor {low:g}", low, LOOP_LEARNERS, "Thompson"


def _played(real: EmailWorld, explorer: Explorer, floor: float, seed: int) -> dict[str, float]:
    start = time.process_time()
    regret = waves.play(real.probability, explorer, floor, seed)
    return {"regret": regret, "cpu": time.process_time() - start}


def _prototype(real: EmailWorld, cell: Integers, seed: int, where: Rivals) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "world.npz", Path(folder) / "regret.npz"
        np.savez(
            source, chance=real.probability, cell=cell, cells=cell.max() + 1, seed=seed, floors=np.array(FLOORS),
            prototype=np.array(str(where.prototype)),
        )  # fmt: skip
        words = [where.python, waves.__file__, str(source), str(target)]
        subprocess.run(words, check=True, env=ENVIRONMENT)
        with np.load(target) as file:
            return {
                f"prototype, floor {floor}": {"regret": float(file[floor][0]), "cpu": float(file[floor][1])}
                for floor in file.files
            }
