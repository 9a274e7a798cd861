"""Prediction: score every customer for every action in money, with its uncertainty."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from alamo.domain.action import Action
from alamo.domain.tables import CONTRACTS
from alamo.engine.carrier import ScoreCustomers
from alamo.engine.context import Context, ScoredCycle, StepOutcome, once, rewrite, versions
from alamo.engine.infer import observations_with_outcome, profiles_as_of, scores_so_far
from alamo.prediction import Correction, UpliftModel, corrected, fit_uplift_model, opening_scores

_LEAST_MONEY = 1.0


def predict(context: Context, cycle: int) -> StepOutcome:
    """Write the scores of `cycle`."""
    as_of = context.today()
    inputs = versions(context, "profiles", "dr_scores", "outcomes", "segments", "calibrated_effects") | {
        "as_of": as_of.isoformat(),
        "actions": [f"{action.id}={action.cost_money}" for action in context.actions],
        "outcome": str(context.settings.outcome),
        "salt": context.settings.salt,
    }
    return once(context, "predict", cycle, inputs, lambda: _predict(context, cycle, as_of))


def _predict(context: Context, cycle: int, as_of: datetime) -> dict[str, Any]:
    scored = (context.scorer or uplift_scorer)(context, cycle, as_of)
    corrections = _corrections(context, as_of)
    scores = CONTRACTS["scores"].check(corrected(scored.scores, corrections))
    day = as_of.date().isoformat()
    rewrite(context, "scores", scores, {"as_of_day": day})
    added = {"corrections": {name: one.money for name, one in corrections.items()}} if corrections else {}
    return {"scores": scores.num_rows, **scored.detail, **added}


def _corrections(context: Context, as_of: datetime) -> dict[str, Correction]:
    """Return what each action's values are corrected by today: what is kept of the correction of its effect.

    None where decisions do not follow calibrated effects, or chance explains the correction.
    A rival's rule scores by what it believes, so it is not corrected.
    """
    if not context.settings.outcome.act_on_calibrated or context.scorer is not None:
        return {}
    rows = context.history.query(
        "SELECT action_id, correction_money, correction_se FROM calibrated_effects "
        "WHERE as_of_day = $day AND label = 'calibrated' ORDER BY action_id",
        {"day": as_of.date().isoformat()},
    ).to_pylist()
    kept = {row["action_id"]: Correction(row["correction_money"], row["correction_se"]).kept for row in rows}
    return {name: one for name, one in kept.items() if one.money != 0.0}


def uplift_scorer(context: Context, cycle: int, as_of: datetime) -> ScoredCycle:
    """Score by the uplift model; before any decision has matured, by a nil effect with a wide uncertainty."""
    dr_scores = scores_so_far(context)
    if not dr_scores.num_rows:
        sd = _opening_sd(_margins(context, as_of), context.settings.outcome.window_days)
        scores = _scored(context, as_of, OpeningScorer(context.actions, as_of, sd))
        return ScoredCycle(scores, {"model": "opening", "sd_money": sd})
    model = fit_uplift_model(
        observations_with_outcome(context), dr_scores, actions=context.actions, salt=context.settings.salt
    )
    scores = _scored(context, as_of, ModelScorer(model, as_of))
    detail = {"model": "uplift", "model_version": model.version, "weights": model.weights, "dr_loss": model.dr_loss}
    return ScoredCycle(scores, detail)


@dataclass(frozen=True, slots=True)
class OpeningScorer:
    """Scores customers before anything is known; see `opening_scores`."""

    actions: tuple[Action, ...]
    as_of: datetime
    sd_money: float

    def __call__(self, profiles: pa.Table, segments: pa.Table) -> pa.Table:
        """Return SCORES of the customers of `profiles`."""
        del segments
        return opening_scores(profiles, self.actions, self.as_of, self.sd_money)


class ModelScorer:
    """Scores customers by an uplift model; sent elsewhere as the model's text, which gives the same bits."""

    def __init__(self, model: UpliftModel, as_of: datetime) -> None:
        self._model = model
        self._as_of = as_of

    def __call__(self, profiles: pa.Table, segments: pa.Table) -> pa.Table:
        """Return SCORES of the customers of `profiles`."""
        return self._model.score(profiles, segments, self._as_of)

    def __getstate__(self) -> tuple[str, datetime]:
        return json.dumps(self._model.to_dict()), self._as_of

    def __setstate__(self, state: tuple[str, datetime]) -> None:
        self._model = UpliftModel.from_dict(json.loads(state[0]))
        self._as_of = state[1]


def _scored(context: Context, as_of: datetime, scorer: ScoreCustomers) -> pa.Table:
    """Return the scores of the day's customers, made here or by the carrier."""
    if context.carrier is not None:
        return context.carrier.score(scorer, as_of)
    segments = context.history.query("SELECT * FROM segments WHERE as_of_day = $day", {"day": as_of.date().isoformat()})
    return scorer(profiles_as_of(context, as_of), segments)


def _margins(context: Context, as_of: datetime) -> pa.ChunkedArray:
    day = {"day": as_of.date().isoformat()}
    return context.history.query("SELECT margin_365d FROM profiles WHERE as_of_day = $day", day)["margin_365d"]


def _opening_sd(margin_365d: pa.ChunkedArray, window_days: int) -> float:
    """Before anything is known, an effect may well be a quarter of the mean margin of a window."""
    values = np.asarray(margin_365d.to_numpy(), dtype=np.float64)
    mean = float(values.mean()) if len(values) else 0.0
    return 0.25 * max(mean, _LEAST_MONEY) * window_days / 365.0
