"""Rivals in the four markets: a T-learner's argmax, LinUCB and linear Thompson sampling (mabwiser), vowpalwabbit.

Each is a `Contender` of the simulator: it gets the matured observations, returns what every action is worth to every
customer net of cost, and the engine applies eligibility, limits, control and the draw. All open as the loop does (the
first cycle is the loop's own opening), see the same columns, and learn from every observation, those of the control and
of the universal control included. Rewards are outcomes in money net of cost, standardised by the first cycle's.
Settings were tuned on a seed that is not judged (`python -m benchmarks.market --tune`).

Source: Künzel et al. (2019), PNAS 116(10), §"T-learner"; Li et al. (2010), WWW, alg. 1 (LinUCB, disjoint); Agrawal &
Goyal (2013), ICML, alg. 1 (linear Thompson); Bietti, Agarwal & Langford (2021), JMLR 22(133), §3 (softmax exploration,
multi-task regression).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.market_features import Encoder

from alamo.domain.settings import ExplorationSettings, Settings
from alamo.engine.context import Context, ScoredCycle
from alamo.engine.infer import observations_with_outcome, profiles_as_of
from alamo.engine.predict import uplift_scorer
from alamo.simulation.rivals import LEARNING_CYCLES, LEAST_FLOOR, Contender, plain_scores

Floats = npt.NDArray[np.float64]
NONE = "none"
NAMES = ("t-learner", "linucb", "thompson", "vowpalwabbit")


@dataclass
class Log:
    """What a rival learns from: features (m, d), arm drawn by name (m,), reward (m,), chance of the arm (m,)."""

    features: Floats
    arm: npt.NDArray[np.str_]
    reward: Floats
    chance: Floats
    customer: list[str]
    cycle: npt.NDArray[np.int64]


@dataclass
class Bandit(ABC):
    """A contender that learns: opens as the loop does, then scores by what `learn` and `gains` say.

    Attributes
    ----------
    seed
        Of its own randomness.
    floor
        Least share that the rule spreads over all actions.
    """

    seed: int
    name: str = ""
    floor: float = LEAST_FLOOR
    arms: tuple[str, ...] = ()
    centre: float = 0.0
    scale: float = 1.0
    encoder: Encoder | None = None
    learnt_to: int = 0

    def settings(self, cycle: int, settings: Settings) -> Settings:
        if cycle <= LEARNING_CYCLES:
            return settings
        return replace(settings, exploration=ExplorationSettings(0.0, 0.0, self.floor))

    def __call__(self, context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
        profiles = profiles_as_of(context, as_of)
        if self.encoder is None:
            self.encoder = Encoder.of(profiles)
            self.arms = (NONE, *(action.id for action in context.actions))
        if cycle <= LEARNING_CYCLES:
            return uplift_scorer(context, cycle, as_of)
        log = self._log(observations_with_outcome(context))
        self.learn(log, log.cycle > self.learnt_to)
        self.learnt_to = int(log.cycle.max())
        customers = profiles["customer_id"]
        value = self.scale * self.gains(self.encoder.matrix(profiles), customers.to_pylist(), cycle)
        return plain_scores(context, self.name, customers, value, as_of)

    def _log(self, observed: pa.Table) -> Log:
        assert self.encoder is not None
        outcome = observed["outcome_money"].to_numpy()
        cycle = observed["cycle"].to_numpy()
        if not self.learnt_to:
            self.centre, self.scale = float(outcome.mean()), float(outcome.std()) or 1.0
        return Log(
            self.encoder.matrix(observed),
            np.array(observed["action_id"].to_pylist()),
            (outcome - self.centre) / self.scale,
            observed["p_action"].to_numpy(),
            observed["customer_id"].to_pylist(),
            cycle,
        )

    @abstractmethod
    def learn(self, log: Log, fresh: npt.NDArray[np.bool_]) -> None:
        """Learn from the log, of which `fresh` rows are new."""

    @abstractmethod
    def gains(self, features: Floats, customers: Sequence[str], cycle: int) -> Floats:
        """Return reward of each action less that of none, shape (n, n_actions)."""


@dataclass
class TLearner(Bandit):
    """One LightGBM per arm on all observations, a floor for exploration; the argmax of the differences is played.

    The trees are small and slow, as befits arms with a few hundred rows and noisy outcomes.
    """

    name: str = "t-learner"
    floor: float = 0.03
    trees: int = 30
    models: dict[str, Any] = field(default_factory=dict)

    def learn(self, log: Log, fresh: npt.NDArray[np.bool_]) -> None:
        options = {
            "objective": "regression", "num_leaves": 6, "learning_rate": 0.06, "min_data_in_leaf": 40,
            "lambda_l2": 5.0, "feature_fraction": 0.7, "bagging_fraction": 0.8, "bagging_freq": 1,
            "num_threads": 1, "verbosity": -1, "seed": self.seed,
        }  # fmt: skip
        for arm in self.arms:
            rows = log.arm == arm
            if rows.sum() >= 2 * options["min_data_in_leaf"]:
                data = lightgbm.Dataset(log.features[rows, 1:], log.reward[rows])
                self.models[arm] = lightgbm.train(options, data, self.trees)

    def gains(self, features: Floats, customers: Sequence[str], cycle: int) -> Floats:
        none = self.models[NONE].predict(features[:, 1:])
        nothing = np.full(len(features), -1.0)
        return np.column_stack(
            [self.models[a].predict(features[:, 1:]) - none if a in self.models else nothing for a in self.arms[1:]]
        )


@dataclass
class MabWiser(Bandit):
    """mabwiser's linear policies, one ridge regression per arm, updated with each cycle's observations."""

    kind: Literal["linucb", "thompson"] = "linucb"
    alpha: float = 0.1
    ridge: float = 100.0
    model: Any = None

    def __post_init__(self) -> None:
        self.name = self.kind

    def learn(self, log: Log, fresh: npt.NDArray[np.bool_]) -> None:
        from mabwiser.mab import MAB, LearningPolicy  # noqa: PLC0415 - the package is needed by this rival only

        first = self.model is None
        if first:
            policy = LearningPolicy.LinUCB if self.kind == "linucb" else LearningPolicy.LinTS
            self.model = MAB(list(self.arms), policy(alpha=self.alpha, l2_lambda=self.ridge), seed=self.seed)
        teach = self.model.fit if first else self.model.partial_fit
        teach(log.arm[fresh], log.reward[fresh], log.features[fresh])

    def gains(self, features: Floats, customers: Sequence[str], cycle: int) -> Floats:
        expected = self.model.predict_expectations(features)
        table = np.array([[row[arm] for arm in self.arms] for row in expected])
        return np.asarray(table[:, 1:] - table[:, :1], dtype=np.float64)


@dataclass
class VowpalWabbit(Bandit):
    """vowpalwabbit's contextual bandit (``cb_explore_adf``): multi-task regression, softmax exploration.

    An arm is drawn from its probabilities; the arm drawn is offered for what the model says it gains (the log odds
    against none over λ), and at least a little, so that exploration draws are made as long as limits leave room for
    them. It learns from each cycle once, with the probability of the draw times that of the rule.
    """

    name: str = "vowpalwabbit"
    sharpness: float = 20.0
    rate: float = 0.02
    passes: int = 2
    model: Any = None
    chances: dict[int, dict[str, Floats]] = field(default_factory=dict)

    def learn(self, log: Log, fresh: npt.NDArray[np.bool_]) -> None:
        from vowpalwabbit import Workspace  # noqa: PLC0415 - the package is needed by this rival only

        if self.model is None:
            self.model = Workspace(
                f"--cb_explore_adf --softmax --lambda {self.sharpness} --cb_type mtr -q ca --ignore_linear c "
                f"--learning_rate {self.rate} --power_t 0.5 --l2 1e-7 --random_seed {self.seed} --quiet"
            )
        rng = np.random.default_rng([self.seed, int(log.cycle.max())])
        places = np.flatnonzero(fresh)
        contexts = dict(zip(places.tolist(), _contexts(log.features[places]), strict=True))
        for _ in range(self.passes):
            for row in rng.permutation(places).tolist():
                self.model.learn(self._lines(contexts[row], log, row))

    def _lines(self, context: str, log: Log, row: int) -> list[str]:
        arm = self.arms.index(log.arm[row])
        own = self.chances.get(int(log.cycle[row]), {}).get(log.customer[row])
        chance = float(log.chance[row])
        if own is not None:  # the rule saw one arm only, and played it or none
            chance = float(own[arm]) * chance if arm else float(own[0] + (1.0 - own[0]) * min(chance, 0.1))
        label = f"{arm}:{-log.reward[row]:.5f}:{max(chance, 0.02):.5f} "
        return [context, *(f"{label if k == arm else ''}|a {name}" for k, name in enumerate(self.arms))]

    def gains(self, features: Floats, customers: Sequence[str], cycle: int) -> Floats:
        tail = [f"|a {name}" for name in self.arms]
        chance = np.array([self.model.predict([context, *tail]) for context in _contexts(features)])
        chance = np.maximum(chance, 1e-12) / np.maximum(chance, 1e-12).sum(axis=1, keepdims=True)
        self.chances[cycle] = dict(zip(customers, chance, strict=True))
        rng = np.random.default_rng([self.seed, cycle, 1])
        drawn = (rng.random(len(chance))[:, None] > np.cumsum(chance, axis=1)).sum(axis=1)
        drawn = np.minimum(drawn, len(self.arms) - 1)
        gained = np.log(chance[:, 1:] / chance[:, :1]) / self.sharpness
        offered = drawn[:, None] == np.arange(1, len(self.arms))
        return np.where(offered, np.maximum(gained, 0.02), -1.0)


def _contexts(features: Floats) -> list[str]:
    """Write features as the shared line of vowpalwabbit's text format."""
    return ["shared |c " + " ".join(f"{k}:{v:.3f}" for k, v in enumerate(row) if v != 0.0) for row in features]


def rival(name: str, seed: int, **options: Any) -> Contender:
    """Return a fresh rival by name."""
    logging.getLogger("lightgbm").setLevel(logging.ERROR)
    kinds: dict[str, Any] = {
        "t-learner": TLearner,
        "linucb": partial(MabWiser, kind="linucb", alpha=0.3),
        "thompson": partial(MabWiser, kind="thompson", alpha=0.1),
        "vowpalwabbit": VowpalWabbit,
    }
    found: Contender = kinds[name](seed, **options)
    return found
