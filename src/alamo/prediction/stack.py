"""One action's effect: candidates cross-fitted by unit and combined by causal Q-aggregation; its posterior spread.

Posterior variance of a customer's effect = variance of the segment's mean (Fay–Herriot, flat prior integrated out) plus
the spread of the mixture inside segments plus what some candidate demonstrably explains beyond the mixture. The last
two are a convention: variation that neither segments nor learners explain is not identified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from alamo.numerics.moments import sums_by
from alamo.numerics.q_aggregation import LossMoments, loss_moments, q_aggregate
from alamo.prediction.belief import LOOP, Belief
from alamo.prediction.candidates import (
    LOOP_LEARNERS,
    MONEY,
    ONE,
    ZERO,
    Candidate,
    ConstantEffect,
    Target,
    cross_fit_constant,
    cross_fit_learner,
    cross_fit_segments,
    explained_variance,
    in_money,
)
from alamo.prediction.inputs import EffectInputs
from alamo.prediction.learners import EffectLearner, learners_named
from alamo.prediction.level import EffectLevel, EffectParts
from alamo.prediction.rows import FOLDS, EffectRows
from alamo.prediction.segment_effects import SegmentCells, SegmentEffect

Floats = npt.NDArray[np.float64]

_ZERO = Candidate(ZERO, MONEY, ConstantEffect(0.0))
LEAST_DRAWN = 20
"""Draws of the action, and of none, before any effect but zero is considered."""


@dataclass(frozen=True, slots=True)
class EffectSpread:
    """Posterior standard deviation of effects.

    Attributes
    ----------
    relative
        Whether `segment` and `within` are in units of the money scale.
    segment
        Of a segment's mean; its last entry is for segments never seen.
    within
        Standard deviation inside segments: of the mixture, and of what it leaves to other candidates.
    lift
        Standard error of an effect in proportion to what a customer is expected to bring, as a share of it: what acts
        on every order is worth most with those who order most, and is seen last.
    """

    relative: bool
    segment: SegmentEffect
    within: float
    lift: float = 0.0

    def predict(self, inputs: EffectInputs) -> Floats:
        """Return the posterior standard deviation in money, shape (n,)."""
        sd = np.sqrt(self.segment.predict(inputs.segment) ** 2 + self.within**2)
        return np.hypot(sd * inputs.scale if self.relative else sd, self.of_lift(inputs))

    def of_lift(self, inputs: EffectInputs) -> Floats:
        """Return the part that grows with what a customer is expected to bring, money, shape (n,)."""
        return np.zeros(len(inputs)) if inputs.expected is None else self.lift * inputs.expected

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {"relative": self.relative, "segment": self.segment.to_dict(), "within": self.within, "lift": self.lift}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EffectSpread:
        """Return the spread that `to_dict` wrote."""
        segment = SegmentEffect.from_dict(values["segment"])
        return cls(bool(values["relative"]), segment, float(values["within"]), float(values["lift"]))


@dataclass(frozen=True, slots=True)
class EffectStack:
    """The fitted effect of one action.

    Attributes
    ----------
    candidates
        Those with a positive weight.
    shares
        Their weights; they sum to one.
    spread
        Posterior spread.
    weights, dr_loss
        By learner name, unused learners included: weight, and least cross-validated doubly robust loss of its variants.
    n, drawn, drawn_none
        Decisions used, and those among them that drew the action and none.
    level
        How far the mixture as a whole is borne out: the error that all customers share follows from it.
    parts
        The same for what is common to customers and for the differences between them; what is kept follows from it.
    lift
        What is added in proportion to what a customer is expected to bring: candidates that count every customer alike
        leave out a part of what acts on every order.
    """

    candidates: tuple[Candidate, ...]
    shares: tuple[float, ...]
    spread: EffectSpread
    weights: Mapping[str, float]
    dr_loss: Mapping[str, float]
    n: int
    drawn: int
    drawn_none: int
    level: EffectLevel = field(default_factory=EffectLevel)
    parts: EffectParts = field(default_factory=EffectParts)
    lift: float = 0.0

    @property
    def refused(self) -> bool:
        """Whether the rows were too few to try any effect but zero: then zero stands for "not known"."""
        return set(self.weights) == {ZERO}

    def predict(self, inputs: EffectInputs) -> Floats:
        """Return the gross effect in money, shape (n,)."""
        kept = self.parts.kept(self._mixture(inputs), inputs.scale)
        return kept if inputs.expected is None else kept + self.lift * inputs.expected

    def shared_sd(self, inputs: EffectInputs) -> Floats:
        """Return the part of the standard deviation that all customers share, in money, shape (n,).

        All effects may be wrong together by the same share of them, the error of the slope, or by the same share of
        what customers are expected to bring. The slope's error is the one measured, without the priors of `parts`:
        what ends an opening should rest on data. Where nothing was measured, the whole of it is shared.
        """
        whole = self.spread.predict(inputs)
        if self.level.slope_se <= 0.0:
            return whole
        slope = self.level.slope_se * self._mixture(inputs)
        return np.minimum(np.hypot(slope, self.spread.of_lift(inputs)), whole)

    def _mixture(self, inputs: EffectInputs) -> Floats:
        total = np.zeros(len(inputs))
        for share, candidate in zip(self.shares, self.candidates, strict=True):
            total = total + share * candidate.predict(inputs)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON-able values."""
        return {
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "shares": list(self.shares),
            "spread": self.spread.to_dict(),
            "weights": dict(self.weights),
            "dr_loss": dict(self.dr_loss),
            "n": self.n,
            "drawn": self.drawn,
            "drawn_none": self.drawn_none,
            "level": asdict(self.level),
            "parts": self.parts.to_dict(),
            "lift": self.lift,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EffectStack:
        """Return the stack that `to_dict` wrote."""
        return cls(
            candidates=tuple(Candidate.from_dict(candidate) for candidate in values["candidates"]),
            shares=tuple(float(share) for share in values["shares"]),
            spread=EffectSpread.from_dict(values["spread"]),
            weights=dict(values["weights"]),
            dr_loss=dict(values["dr_loss"]),
            n=int(values["n"]),
            drawn=int(values["drawn"]),
            drawn_none=int(values["drawn_none"]),
            level=EffectLevel(**values["level"]),
            parts=EffectParts.from_dict(values["parts"]),
            lift=float(values["lift"]),
        )


def fit_stack(
    rows: EffectRows,
    n_segments: int,
    *,
    scaled: bool,
    learners: Sequence[str] = LOOP_LEARNERS,
    belief: Belief = LOOP,
) -> EffectStack:
    """Fit the effect of one action; with too few draws it is zero with a wide spread.

    Parameters
    ----------
    rows
        See `EffectRows`.
    n_segments
        Number of segments known to the inputs.
    scaled
        Whether the inputs carry a money scale, so that relative candidates make sense.
    learners
        Names of the learners that are candidates beside zero, one effect and segments.
    belief
        What is held of candidates beforehand.

    Raises
    ------
    UsageError
        If there is no learner of a name.
    """
    found = {learner.name: learner for learner in learners_named(learners)}
    one_fold = not len(rows) or rows.folds.min() == rows.folds.max()
    if min(rows.drawn, rows.drawn_none) < LEAST_DRAWN or not rows.score.any() or one_fold:
        return _unknown(rows, scaled=scaled, n_segments=n_segments)
    targets = _targets(rows, scaled=scaled)
    main = targets[-1]
    cells = SegmentCells.of(rows.inputs, n_segments)
    held_out, candidates, prior = _candidates(rows, targets, cells, (found, belief))
    moments = loss_moments(held_out, rows.score, rows.weight)
    shares = q_aggregate(moments, prior / prior.sum(), temper=belief.temper(rows.score, rows.weight, rows.unit))
    promised = held_out @ shares
    level = EffectLevel.of(promised, rows.score, rows.weight, rows.unit)
    parts = _parts(rows, promised, belief)
    lift = _lift(rows, parts.kept(promised, rows.inputs.scale))
    effects = held_out / rows.inputs.scale[:, None]
    mixture = effects @ shares
    within = cells.spread_within(mixture, main.weight)
    beyond = max(0.0, float(explained_variance(effects, main).max() - explained_variance(mixture[:, None], main)[0]))
    spread = EffectSpread(
        scaled,
        cells.posterior_sd(main.score, main.weight, main.noise),
        float(np.hypot(within, np.sqrt(beyond))),
        lift.slope_se,
    )
    stack = _assemble(rows, candidates, shares, moments, spread)
    return replace(stack, level=level, parts=parts, lift=lift.beyond)


def _targets(rows: EffectRows, *, scaled: bool) -> tuple[Target, ...]:
    """Return the units in which candidates are fitted; the last is the one of levels, spreads and calibration."""
    money = Target.money(rows)
    if not scaled:
        return (money,)
    orders = () if rows.orders is None else (Target.ordering(rows.orders),)
    return (money, *orders, Target.relative(rows))


def _parts(rows: EffectRows, promised: Floats, belief: Belief) -> EffectParts:
    """Return how far what is common, and the differences, of the out-of-fold mixture (n,) are borne out."""
    if belief.within_folds:
        mass, total = (sums_by(rows.folds, values, FOLDS) for values in (rows.weight, rows.weight * promised))
        promised = promised + (total.sum() / mass.sum() - (total / np.maximum(mass, 1e-300))[rows.folds])
    parts = EffectParts.of(promised, rows.score, rows.weight, rows.unit, rows.inputs.scale)
    return replace(parts, contrast_prior=belief.contrast)


def _candidates(
    rows: EffectRows,
    targets: Sequence[Target],
    cells: SegmentCells,
    tried: tuple[Mapping[str, EffectLearner], Belief],
) -> tuple[Floats, list[Candidate], Floats]:
    """Return out-of-fold effects in money (n, k), the fitted candidates, and their prior weights (k,)."""
    learners, belief = tried
    held_out, candidates, prior = [np.zeros(len(rows))], [_ZERO], [0.0]
    for target in targets:
        priors = belief.weights(target, list(learners), scaled=len(targets) > 1)
        prior[0] = max(prior[0], priors.pop(ZERO, 0.0))
        for name, weight in priors.items():
            effect, candidate = _cross_fit(name, learners.get(name), (rows, target, cells))
            held_out.append(in_money(effect, target, rows.inputs.scale))
            candidates.append(candidate)
            prior.append(weight)
    return np.column_stack(held_out), candidates, np.asarray(prior)


def _lift(rows: EffectRows, kept: Floats) -> EffectLevel:
    """Return the slope on expected money of what the `kept` part of the out-of-fold mixture leaves; 0 unknown."""
    expected = rows.inputs.expected
    if expected is None:
        return EffectLevel()
    return EffectLevel.of(expected, rows.score - kept, rows.weight, rows.unit)


def _cross_fit(
    name: str, learner: EffectLearner | None, data: tuple[EffectRows, Target, SegmentCells]
) -> tuple[Floats, Candidate]:
    """Return the out-of-fold effects of a candidate, in its target's unit, and the candidate."""
    rows, target, cells = data
    if learner is not None:
        held_out, model = cross_fit_learner(learner, rows, target)
        return held_out, Candidate(name, target.unit, model, target.worth, learner.view)
    if name == ONE:
        constant, everybody = cross_fit_constant(target, rows.folds)
        return constant, Candidate(name, target.unit, everybody, target.worth)
    by_segment, effects = cross_fit_segments(rows, target, cells)
    return by_segment, Candidate(name, target.unit, effects, target.worth)


def _assemble(
    rows: EffectRows, candidates: Sequence[Candidate], shares: Floats, moments: LossMoments, spread: EffectSpread
) -> EffectStack:
    weights: dict[str, float] = {}
    losses: dict[str, float] = {}
    for candidate, share, loss in zip(candidates, shares.tolist(), moments.losses.tolist(), strict=True):
        weights[candidate.learner] = weights.get(candidate.learner, 0.0) + share
        losses[candidate.learner] = min(losses.get(candidate.learner, np.inf), loss)
    used = np.flatnonzero(shares > 0.0).tolist()
    return EffectStack(
        candidates=tuple(candidates[j] for j in used),
        shares=tuple(shares[used].tolist()),
        spread=spread,
        weights=weights,
        dr_loss=losses,
        n=len(rows),
        drawn=rows.drawn,
        drawn_none=rows.drawn_none,
    )


def _unknown(rows: EffectRows, *, scaled: bool, n_segments: int) -> EffectStack:
    """Zero, with the uncertainty that the least number of draws would leave."""
    variance = rows.relative_variance if scaled else rows.outcome_variance
    sd = float(np.sqrt(2.0 * variance / LEAST_DRAWN))
    loss = float(rows.weight @ rows.score**2 / rows.weight.sum()) if len(rows) else 0.0
    return EffectStack(
        candidates=(_ZERO,),
        shares=(1.0,),
        spread=EffectSpread(scaled, SegmentEffect((sd,) * (n_segments + 1)), 0.0),
        weights={ZERO: 1.0},
        dr_loss={ZERO: loss},
        n=len(rows),
        drawn=rows.drawn,
        drawn_none=rows.drawn_none,
    )
