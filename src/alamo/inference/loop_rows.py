"""The loop's log as arrays: observations in the order of time, and the scores of one action beside those of none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import NO_ACTION
from alamo.inference.outcomes import column
from alamo.inference.segment_effects import SegmentScores
from alamo.numerics.confidence_sequence import LEAST_CHANCE
from alamo.numerics.doubly_robust import variance_by_level
from alamo.numerics.encoding import FeatureEncoder

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_COVARIATES = ("recency_days", "tenure_days", "purchase_days", "money", "margin_90d", "contacts_28d", "answered_last")
"""Features that segment effects are regressed on."""


@dataclass(frozen=True, slots=True)
class ActionRows:
    """The decisions at which one action had a chance, in the order of time; shapes (n,).

    Attributes
    ----------
    score
        Γ(a) − Γ(none).
    gamma_none
        Γ(none).
    mu_action, mu_none
        Outcome model at the action and at none.
    p_action, p_none
        Logged probabilities.
    drew_action, drew_none
        What was drawn.
    place
        Row of the log.
    n_left_out
        Decisions left out, because an arm had next to no chance in them.
    """

    score: Floats
    gamma_none: Floats
    mu_action: Floats
    mu_none: Floats
    p_action: Floats
    p_none: Floats
    drew_action: Bools
    drew_none: Bools
    place: Integers
    n_left_out: int = 0


@dataclass(frozen=True, slots=True)
class LoopLog:
    """Observations with their scores, rows in the order of time.

    Attributes
    ----------
    outcome, cycle, unit, responded
        Of each observation: outcome (money), cycle, code of the unit, whether an order came in the window; (n,).
    segment, segment_names
        Code of the segment as of the decision, and the names.
    covariates
        Features for segment effects, shape (n, d).
    drawn
        Action drawn.
    """

    outcome: Floats
    cycle: Integers
    unit: Integers
    responded: Bools
    segment: Integers
    segment_names: tuple[str, ...]
    covariates: Floats
    drawn: pa.ChunkedArray
    _scores: dict[str, tuple[Integers, Floats, Floats, Floats]]

    @classmethod
    def of(cls, dr_scores: pa.Table, observations: pa.Table) -> LoopLog:
        """Bring DR_SCORES and OBSERVATIONS (with ``outcome_money`` and ``segment``) together."""
        ordered = observations.sort_by([("decided_at", "ascending"), ("decision_id", "ascending")])
        names = pc.dictionary_encode(pc.fill_null(ordered["segment"], "unknown").combine_chunks())
        units = pc.dictionary_encode(ordered["unit_id"].combine_chunks())
        return cls(
            outcome=column(ordered, "outcome_money"),
            cycle=np.asarray(ordered["cycle"], dtype=np.int64),
            unit=np.asarray(units.indices, dtype=np.int64),
            responded=np.asarray(pc.greater(ordered["orders_window"], 0)),
            segment=np.asarray(names.indices, dtype=np.int64),
            segment_names=tuple(names.dictionary.to_pylist()),
            covariates=feature_matrix(ordered),
            drawn=ordered["action_id"],
            _scores=_by_action(dr_scores, ordered["decision_id"]),
        )

    def action(self, action_id: str) -> ActionRows | None:
        """Return the rows of one action, or None if it never had a chance beside none.

        A row with a chance below `LEAST_CHANCE` of either is left out: it was as good as decided, and what it hides has
        no bound. The chance is known before the draw, so leaving it out biases nothing.
        """
        if action_id not in self._scores or NO_ACTION not in self._scores:
            return None
        place, p_action, mu_action, gamma_action = self._scores[action_id]
        none_place, *none_columns = self._scores[NO_ACTION]
        of_none = np.full((3, len(self.outcome)), np.nan)
        of_none[:, none_place] = none_columns
        beside = ~np.isnan(of_none[0, place])
        both = beside & (p_action >= LEAST_CHANCE) & (of_none[0, place] >= LEAST_CHANCE)
        place, p_action, mu_action, gamma_action = (part[both] for part in (place, p_action, mu_action, gamma_action))
        p_none, mu_none, gamma_none = of_none[:, place]
        drawn = self.drawn.take(pa.array(place))
        return ActionRows(
            score=gamma_action - gamma_none,
            gamma_none=gamma_none,
            mu_action=mu_action,
            mu_none=mu_none,
            p_action=p_action,
            p_none=p_none,
            drew_action=np.asarray(pc.equal(drawn, action_id)),
            drew_none=np.asarray(pc.equal(drawn, NO_ACTION)),
            place=place,
            n_left_out=int(beside.sum() - both.sum()),
        )


def segment_scores(log: LoopLog, data: ActionRows) -> SegmentScores:
    """Return the scores of one action by the segments of `log`, their variance read off the predicted outcome."""
    compared = data.drew_action | data.drew_none
    residual = log.outcome[data.place] - np.where(data.drew_action, data.mu_action, data.mu_none)
    expected = variance_by_level(
        data.mu_none[compared],
        np.asarray(residual**2)[compared],
        1.0 / (data.p_action[compared] + data.p_none[compared]),
        at=data.mu_none,
    )
    p_action, p_none = (np.maximum(p, LEAST_CHANCE) for p in (data.p_action, data.p_none))
    return SegmentScores(
        score=data.score,
        variance=expected * (1.0 / p_action + 1.0 / p_none),
        segment=log.segment[data.place],
        names=log.segment_names,
        in_action=data.drew_action,
        in_control=data.drew_none,
        covariates=log.covariates[data.place],
    )


def feature_matrix(observations: pa.Table) -> Floats:
    """Return the features that segment effects are regressed on, standardised, shape (n, d); d may be 0."""
    present = [name for name in _COVARIATES if name in observations.column_names]
    return FeatureEncoder.fit(observations, present, linear=True).transform(observations)


def _by_action(
    dr_scores: pa.Table, decision_ids: pa.ChunkedArray
) -> dict[str, tuple[Integers, Floats, Floats, Floats]]:
    """Return action → (row of the log, p, mu, gamma), in the order of the log."""
    index = pc.index_in(dr_scores["decision_id"], value_set=decision_ids.combine_chunks())
    place = np.asarray(pc.fill_null(index, -1), dtype=np.int64)
    actions = pc.dictionary_encode(dr_scores["action_id"].combine_chunks())
    code = np.asarray(actions.indices, dtype=np.int64)
    parts = [column(dr_scores, name) for name in ("p", "mu_money", "gamma_money")]
    return {name: _ordered(rows, place, parts) for name, rows in _rows_of(actions.dictionary, code, place)}


def _rows_of(names: pa.Array, code: Integers, place: Integers) -> Iterator[tuple[str, Integers]]:
    for at, name in enumerate(names.to_pylist()):
        yield name, np.flatnonzero((code == at) & (place >= 0))


def _ordered(rows: Integers, place: Integers, parts: list[Floats]) -> tuple[Integers, Floats, Floats, Floats]:
    rows = rows[np.argsort(place[rows], kind="stable")]
    p, mu, gamma = (part[rows] for part in parts)
    return place[rows], p, mu, gamma
