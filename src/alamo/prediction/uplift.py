"""The uplift model of the loop: what each action adds for each customer, in money, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action
from alamo.domain.contracts import TIME
from alamo.domain.features import feature_columns
from alamo.domain.tables import SCORES
from alamo.domain.time import utc
from alamo.numerics.hashing import content_hash
from alamo.prediction.candidates import LOOP_LEARNERS
from alamo.prediction.inputs import EffectInputs, InputEncoder
from alamo.prediction.rows import DecisionLog, decision_folds
from alamo.prediction.stack import EffectStack, fit_stack

Floats = npt.NDArray[np.float64]

MOST_DECISIONS = 600_000
"""Decisions used for one fit; beyond them the newest are taken."""
_SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class ActionUplift:
    """The effect of one action and what it costs."""

    action_id: str
    cost_money: float
    stack: EffectStack

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"action_id": self.action_id, "cost_money": self.cost_money, "stack": self.stack.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ActionUplift:
        """Return what `to_dict` wrote."""
        stack = EffectStack.from_dict(values["stack"])
        return cls(str(values["action_id"]), float(values["cost_money"]), stack)


@dataclass(frozen=True)  # no slots: the version is computed once and kept
class UpliftModel:
    """A fitted uplift model; immutable, named by the hash of its content.

    Attributes
    ----------
    encoder
        From profiles to what the candidates look at.
    actions
        One entry per action.
    """

    encoder: InputEncoder
    actions: tuple[ActionUplift, ...]

    @cached_property
    def version(self) -> str:
        """Content hash of the state."""
        return content_hash(self.to_dict())

    @property
    def weights(self) -> dict[str, dict[str, float]]:
        """Action → learner → weight; the weights of an action sum to one."""
        return {action.action_id: dict(action.stack.weights) for action in self.actions}

    @property
    def dr_loss(self) -> dict[str, dict[str, float]]:
        """Action → learner → cross-validated doubly robust loss (money², precision-weighted)."""
        return {action.action_id: dict(action.stack.dr_loss) for action in self.actions}

    def score(self, profiles: pa.Table, segments: pa.Table, as_of: datetime) -> pa.Table:
        """Return SCORES of every customer of `profiles` for every action.

        A customer gets the same bits alone as in a batch.

        Parameters
        ----------
        profiles
            PROFILES as of `as_of`.
        segments
            SEGMENTS; a customer without one is scored as of a segment never seen.
        as_of
            Stamped on the rows.
        """
        place = pc.index_in(profiles.column("customer_id"), value_set=segments.column("customer_id"))
        features = profiles.select([name for name in profiles.column_names if name != _SEGMENT])
        table = features.append_column(_SEGMENT, segments.column("segment").take(place))
        inputs = self.encoder.transform(table, _SEGMENT)
        blocks = [_block(action, inputs) for action in self.actions]
        return _scores_table(profiles, blocks, as_of, self.version)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"encoder": self.encoder.to_dict(), "actions": [action.to_dict() for action in self.actions]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> UpliftModel:
        """Return the model that `to_dict` wrote."""
        actions = tuple(ActionUplift.from_dict(action) for action in values["actions"])
        return cls(InputEncoder.from_dict(values["encoder"]), actions)


def fit_uplift_model(
    observations_with_outcome: pa.Table,
    dr_scores: pa.Table,
    *,
    actions: Sequence[Action],
    salt: str,
    learners: Sequence[str] = LOOP_LEARNERS,
) -> UpliftModel:
    """Fit the effect of every action against no action on the decisions matured so far.

    Parameters
    ----------
    observations_with_outcome
        OBSERVATIONS with features as of the decision and a column ``segment``; only decisions with scores are used.
    dr_scores
        DR_SCORES. Outcomes in them are net of the action's cost, which is known and therefore added back exactly here
        and subtracted again from the score.
    actions
        What to score; an action without decisions gets a zero effect with a wide uncertainty.
    salt
        Of the folds by unit.
    learners
        Names of the learners that are candidates beside zero, one effect and segments.
    """
    scored = pc.is_in(observations_with_outcome.column("decision_id"), value_set=dr_scores.column("decision_id"))
    decisions = observations_with_outcome.filter(scored)
    in_time = pc.sort_indices(decisions, sort_keys=[("decided_at", "ascending"), ("decision_id", "ascending")])
    decisions = decisions.take(in_time[max(len(in_time) - MOST_DECISIONS, 0) :])
    features = feature_columns(decisions)
    encoder = InputEncoder.fit(decisions, features, _SEGMENT, scaled=True)
    folds = decision_folds(decisions, salt)
    inputs = encoder.held_out(decisions, encoder.transform(decisions, _SEGMENT), folds)
    log = DecisionLog.of(decisions, dr_scores, inputs, folds)
    scaled = encoder.scale is not None
    fitted = []
    for action in actions:
        rows = log.rows_of(action.id, action.cost_money)
        stack = fit_stack(rows, len(encoder.segments), scaled=scaled, learners=learners)
        fitted.append(ActionUplift(action.id, action.cost_money, stack))
    return UpliftModel(encoder, tuple(fitted))


@dataclass(frozen=True, slots=True)
class _Block:
    """One action's scores: value net of cost, its standard deviation, and the part of that which is shared."""

    action_id: str
    cost_money: float
    mean: Floats
    sd: Floats
    shared_sd: Floats


def _block(action: ActionUplift, inputs: EffectInputs) -> _Block:
    effect, sd = action.stack.predict(inputs), action.stack.spread.predict(inputs)
    shared = action.stack.shared_sd(inputs)
    return _Block(action.action_id, action.cost_money, effect - action.cost_money, sd, shared)


def opening_scores(profiles: pa.Table, actions: Sequence[Action], as_of: datetime, sd_money: float) -> pa.Table:
    """Return SCORES before anything is known: gross effect 0, so the value is minus the cost, with sd `sd_money`."""
    n = profiles.num_rows
    sd = np.full(n, sd_money)
    blocks = [_Block(action.id, action.cost_money, np.full(n, -action.cost_money), sd, sd) for action in actions]
    version = content_hash({"opening": sd_money, "costs": {action.id: action.cost_money for action in actions}})
    return _scores_table(profiles, blocks, as_of, version)


def _scores_table(profiles: pa.Table, blocks: Sequence[_Block], as_of: datetime, version: str) -> pa.Table:
    """Lay the actions' blocks below each other as one SCORES table."""
    n, moment = profiles.num_rows, utc(as_of)
    customers = profiles.column("customer_id").cast(pa.string())
    parts = [
        pa.table(
            {
                "customer_id": customers,
                "action_id": pa.repeat(block.action_id, n),
                "as_of": pa.repeat(pa.scalar(moment, TIME), n),
                "as_of_day": pa.repeat(moment.date().isoformat(), n),
                "value_mean_money": pa.array(block.mean),
                "value_sd_money": pa.array(block.sd),
                "shared_sd_money": pa.array(block.shared_sd),
                "cost_money": pa.repeat(block.cost_money, n),
                "model_version": pa.repeat(version, n),
            },
            schema=SCORES.schema,
        )
        for block in blocks
    ]
    return pa.concat_tables(parts) if parts else SCORES.empty()
