"""Policies valued from the Open Bandit log (men) beside `obp`: the same rows, weights and bootstrap samples.

Run: ``python -m benchmarks.off_policy [--data DIR] [--rival-python PYTHON] [--samples 200]``. `--data` is the folder
that holds ``open_bandit_men/`` (default: ``ALAMO_TEST_DATA``); `--rival-python` an interpreter that has `obp`
(it wants an older Python than alamo; its neural learners are not used, so PyTorch need not be there). Without it
nothing is compared and nothing written.

Two policies are judged from the log of the other: the uniform one from the Thompson log, and Thompson sampling with the
publisher's priors (obp's own `BernoulliTS`) from the uniform log. The truth is the mean of the policy's own log.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from alamo.inference.off_policy import PolicySpec, TargetPolicy, score_policy, weights
from alamo.inference.off_policy.context import choose_context
from alamo.inference.off_policy.log import LoggedDecisions, read_log, target_columns
from alamo.prediction.learners import boosted_outcome

RESULTS = Path(__file__).parent / "results" / "off_policy.md"
ACTIONS, PLACES, SEED = 34, 3, 20_240_611
CONTEXT = tuple(f"user_feature_{j}" for j in range(4))  # what obp's own loader takes for context
SPEC = PolicySpec("item_id", "propensity_score", "click", target_prefix="P_", features=CONTEXT, position="position")
ESTIMATORS = ("ips", "snips", "dr", "switch-dr")

RIVAL = """
import json, sys, time, types, warnings
warnings.simplefilter("ignore")


class Absent(types.ModuleType):  # what obp imports for its neural learners, which are not used here
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules.get(f"{self.__name__}.{name}", type(name, (), {}))


for name in ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils", "torch.utils.data"):
    sys.modules[name] = Absent(name)
import numpy as np, obp, pandas as pd, sklearn
from obp.ope import DoublyRobust, InverseProbabilityWeighting, RegressionModel, SwitchDoublyRobustTuning
from obp.ope import SelfNormalizedInverseProbabilityWeighting
from obp.policy import BernoulliTS
from sklearn.linear_model import LogisticRegression

job = np.load(sys.argv[1], allow_pickle=True)
if "samples" not in job:
    policy = BernoulliTS(n_actions=34, len_list=3, is_zozotown_prior=True, campaign="men", random_state=12345)
    print(json.dumps(policy.compute_batch_action_dist(n_rounds=1, n_sim=100_000)[0].tolist()))
    sys.exit()
users = pd.get_dummies(pd.DataFrame(job["users"]), drop_first=True).values.astype(float)
action, place, reward, p = job["action"], job["place"], job["reward"], job["p"]
bases = {
    "logistic regression": LogisticRegression(max_iter=1000, random_state=12345),
}
out, seconds = [], {name: 0.0 for name in bases}
for rows in job["samples"]:
    n = len(rows)
    dist = np.tile(job["target"], (n, 1, 1))
    log = dict(action=action[rows], reward=reward[rows], pscore=p[rows], position=place[rows])
    found = {
        "ips": InverseProbabilityWeighting().estimate_policy_value(action_dist=dist, **log),
        "snips": SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(action_dist=dist, **log),
    }
    for name, base in bases.items():
        start = time.process_time()
        model = RegressionModel(n_actions=34, len_list=3, base_model=base)
        q = model.fit_predict(
            context=users[rows], action=log["action"], reward=log["reward"], pscore=log["pscore"],
            position=log["position"], action_dist=dist, n_folds=3, random_state=12345,
        )
        found["dr, " + name] = DoublyRobust().estimate_policy_value(
            action_dist=dist, estimated_rewards_by_reg_model=q, **log
        )
        seconds[name] += time.process_time() - start
        tuned = SwitchDoublyRobustTuning(lambdas=[10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0, np.inf])
        found["switch-dr, " + name] = tuned.estimate_policy_value(
            action_dist=dist, estimated_rewards_by_reg_model=q, **log
        )
    out.append(found)
version = f"obp {obp.__version__} (NumPy {np.__version__}, scikit-learn {sklearn.__version__})"
print(json.dumps({"values": out, "seconds": {k: v / len(out) for k, v in seconds.items()}, "version": version}))
"""


@dataclass(frozen=True)
class Case:
    """A policy judged from the log of another one.

    Attributes
    ----------
    name
        Log → policy.
    table, log
        The log.
    target
        Probability of each action at each place, shape (34, 3).
    truth, truth_se
        Mean of the policy's own log and its standard error.
    """

    name: str
    table: pa.Table
    log: LoggedDecisions
    target: np.ndarray
    truth: float
    truth_se: float


def read(folder: Path, name: str) -> pa.Table:
    """Return a log, its items as text."""
    text = pa_csv.ConvertOptions(column_types={"item_id": pa.string()})
    return pa_csv.read_csv(folder / "open_bandit_men" / f"{name}_men.csv.gz", convert_options=text)


def cases(folder: Path, thompson: np.ndarray) -> list[Case]:
    """Return both directions."""
    tables = {name: read(folder, name) for name in ("random", "bts")}
    logs = {name: read_log(table, SPEC) for name, table in tables.items()}
    uniform = np.full((ACTIONS, PLACES), 1.0 / ACTIONS)
    found = []
    for own, other, target in (("bts", "random", uniform), ("random", "bts", thompson)):
        clicks = logs[other].outcome
        se = float(clicks.std() / np.sqrt(len(clicks)))
        found.append(Case(f"{own} → {other}", tables[own], logs[own], target, float(clicks.mean()), se))
    return found


def policy_of(case: Case) -> TargetPolicy:
    """Return the policy on the rows of the case's log."""
    every = case.target[np.array([int(name) for name in case.log.actions])][:, case.log.position].T
    return TargetPolicy(every[np.arange(len(case.log)), case.log.drawn], every)


def ours(case: Case, samples: np.ndarray) -> tuple[list[dict[str, float]], float]:
    """Return the estimates of each sample and the CPU seconds of one; copies of a row share a fold."""
    policy = policy_of(case)
    context = choose_context(case.table, SPEC, case.log, [weights(case.log, policy)], target_columns(case.table, SPEC))
    found, start = [], time.process_time()
    for rows in samples:
        log = replace(case.log.take(rows), unit=rows)
        scores = score_policy(log, policy.take(rows), context.matrix[rows], boosted_outcome())
        found.append({name: float(part.score.mean()) for name, part in scores.items()})
    return found, (time.process_time() - start) / len(samples)


def ask(python: str, **job: np.ndarray) -> Any:
    """Run the rival on a job and return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.npz"
        np.savez(path, **job)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        words = [python, "-c", RIVAL, str(path)]
        run = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    return json.loads(run.stdout.splitlines()[-1])


def theirs(python: str, case: Case, samples: np.ndarray) -> dict[str, Any]:
    """Return the rival's estimates of the same samples."""
    users = np.column_stack([case.table[name].to_numpy(zero_copy_only=False) for name in CONTEXT])
    action = np.array([int(name) for name in case.log.actions])[case.log.drawn]
    log = case.log
    return ask(
        python, users=users.astype(str), action=action, place=log.position, reward=log.outcome, p=log.p_drawn,
        target=case.target, samples=samples,
    )  # fmt: skip


def compared(case: Case, python: str, n_samples: int) -> tuple[list[str], str]:
    """Return the lines of one case's table, and the rival's version."""
    n = len(case.log)
    rng = np.random.default_rng(SEED)
    samples = np.vstack([np.arange(n), rng.integers(0, n, (n_samples, n))])
    mine, seconds = ours(case, samples)
    rival = theirs(python, case, samples)
    worst = {
        name: max(abs(a[name] - b[name]) for a, b in zip(mine, rival["values"], strict=True))
        for name in ("ips", "snips")
    }
    weight = weights(case.log, policy_of(case))
    ess = weight.sum() ** 2 / (weight @ weight)
    lines = [
        f"## {case.name}",
        f"Truth {case.truth:.5f} ± {1.96 * case.truth_se:.5f}; mean of the log {case.log.outcome.mean():.5f}; "
        f"effective rows {ess:,.0f} of {n:,}, largest weight {weight.max():.1f}. IPS and SNIPS differ from "
        f"obp's by at most {worst['ips']:.0e} and {worst['snips']:.0e} over {len(samples)} samples.",
        "| estimator | on the log | sd over samples | mean relative error | its standard error | more than alamo's, "
        "paired | worse than alamo's in | CPU-s |\n|---|---|---|---|---|---|---|---|",
    ]
    rows = [
        ("alamo", name, [sample[name] for sample in mine], seconds if name == "dr" else None) for name in ESTIMATORS
    ]
    rows += [
        (
            "obp",
            name,
            [sample[name] for sample in rival["values"]],
            rival["seconds"].get(name.partition(", ")[2]) if name.startswith("dr") else None,
        )
        for name in rival["values"][0]
    ]
    errors = {(who, name): np.abs(np.array(values[1:]) / case.truth - 1.0) for who, name, values, _ in rows}
    for who, name, values, cpu in rows:
        error, own = errors[who, name], errors["alamo", name.partition(",")[0]]
        se, gap = error.std() / np.sqrt(len(error)), error - own
        paired = f"{gap.mean():+.4f} ± {gap.std() / np.sqrt(len(gap)):.4f} | {(error > own).mean():.0%}"
        took = "" if cpu is None else f"{cpu:.2f}"
        lines[-1] += (
            f"\n| {who} {name} | {values[0]:.5f} | {np.std(values[1:]):.5f} | {error.mean():.4f} | {se:.4f} | "
            f"{' | ' if who == 'alamo' else paired} | {took} |"
        )
    return lines, rival["version"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("ALAMO_TEST_DATA"))
    parser.add_argument("--rival-python")
    parser.add_argument("--samples", type=int, default=200)
    words = parser.parse_args()
    if words.data is None or words.rival_python is None:
        print("nothing to compare: name --data (or ALAMO_TEST_DATA) and --rival-python, an interpreter that has obp")
        return
    thompson = np.array(ask(words.rival_python, policy=np.zeros(0)))
    parts, version = [], ""
    for case in cases(Path(words.data), thompson):
        lines, version = compared(case, words.rival_python, words.samples)
        parts += lines
    head = [
        "# Policies before launch",
        f"One run of `python -m benchmarks.off_policy --samples {words.samples}` on {platform.machine()}, one thread, "
        f"Python {platform.python_version()}, NumPy {np.__version__}; {version}. Errors are those of {words.samples} "
        "bootstrap samples of the log against the mean of the policy's own log, which is itself only known within the "
        "interval given (so whoever errs upwards from a log that lies below it seems better); ± are standard errors "
        "over samples. Both sides see the same context, the four user features. obp's outcome model is that of its "
        "first example, three folds; alamo's is the booster of `alamo analyze policy`, five folds, no row in the same "
        "fold as its copy.",
    ]
    RESULTS.write_text("\n\n".join([*head, *parts]) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
