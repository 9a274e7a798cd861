"""`alamo analyze policy-tree`: a policy that a person can read, judged on units that did not grow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import NotIdentifiedError, UsageError
from alamo.domain.ports import OutcomeLearner
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.estimate import Estimate
from alamo.inference.off_policy.context import choose_context
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy, read_log
from alamo.inference.off_policy.outcome_model import cross_fit_every
from alamo.inference.off_policy.overlap import overlap_of, refusals_of, weights
from alamo.inference.off_policy.spec import PolicyTreeSpec
from alamo.inference.off_policy.tree import Leaf, PolicyTree, TreeScores, TreeSettings, fit_policy_tree
from alamo.inference.off_policy.tree_model import PolicyTreeModel, plain_columns
from alamo.numerics.doubly_robust import scores

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class PolicyTreeResult(Result):
    """A policy in words, with its value on units that did not grow it.

    Attributes
    ----------
    leaves
        One per group of rows, from left to right.
    control
        The action that leaves are compared with.
    value
        Of the tree, per row, net of costs.
    gain_over_running, gain_over_single
        Difference to the policy that runs, and to always taking `single`, the best single action of the growing part.
    features
        Columns it could cut.
    n_growing, n_judging
        Rows of the two parts.
    refusals
        Actions and columns left out, and why.
    model
        To choose for other tables; into a file by ``to_dict()``.
    choices
        The action of every row of the log, and who it is.
    level
        Of the intervals.
    out, model_file
        Where the command wrote choices and model.
    """

    schema: ClassVar[str] = "alamo.policy_tree/1"
    columns: ClassVar[tuple[str, ...]] = ("who", "action", "share", "mean", "se", "lower", "upper")

    leaves: tuple[Leaf, ...]
    control: str
    value: Estimate
    gain_over_running: Estimate | None
    gain_over_single: Estimate
    single: str
    features: tuple[str, ...]
    n_growing: int
    n_judging: int
    refusals: tuple[Refusal, ...]
    model: PolicyTreeModel
    choices: pa.Table
    level: float
    out: str | None = None
    model_file: str | None = None

    def records(self) -> list[dict[str, Any]]:
        """Return one row per leaf: who, what they get, and what that brings per row of theirs against control."""
        return [
            {"who": leaf.words, "action": leaf.action, "share": leaf.share}
            | ({} if leaf.gain is None else leaf.gain.to_dict())
            for leaf in self.leaves
        ]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        values = ("refusals", "control", "value", "gain_over_running", "gain_over_single", "single", "features")
        others = ("n_growing", "n_judging", "level", "model_file", "out")
        return {name: getattr(self, name) for name in (*values, *others)}

    def choices_table(self) -> pa.Table:
        """Return one row per row of the log: its number from 1, the tree's ``action`` and ``who`` it is."""
        return self.choices


def analyze_policy_tree(table: pa.Table, spec: PolicyTreeSpec, learner: OutcomeLearner) -> PolicyTreeResult:
    """Grow a policy on one part of the units of a log and value it on the other.

    Parameters
    ----------
    table
        One row per decision.
    spec
        Which columns are what, and how the tree is grown.
    learner
        Fits the outcome model behind the doubly robust scores.

    Raises
    ------
    UsageError, InputError, NotIdentifiedError, InsufficientDataError
        As `read_log` and `fit_policy_tree`; also if `control` or an action of `costs` was never drawn, and if the log
        covers fewer than two actions.

    Notes
    -----
    *Assumes* logged propensities, every action possible for everybody, and features known before the draw: an action
    whose weights do not average 1 was not, and is left out by name, as is a feature that the draw moved.
    *Not supported*: slates, effects of one decision on later ones.

    Source: Athey & Wager (2021), Econometrica 89(1); Zhou, Athey & Wager (2023), Operations Research 71(1).
    """
    log = read_log(table, spec)
    control = _control(log, spec)
    cost = _costs(log, spec)
    covered, refusals = _covered(log)
    if control not in covered or len(covered) < 2:
        raise NotIdentifiedError(
            f"the log covers {'no two actions' if control in covered else f'too little of {log.actions[control]!r}'}: "
            f"{refusals[0].reason if refusals else 'one action only'}",
            hint=f"{refusals[0].cure if refusals else 'log more actions'}; or compare with another: --control ACTION",
            code="policy.tree_uncovered",
        )
    order = [control, *(action for action in covered if action != control)]
    weight = [weights(log, TargetPolicy.always(log, action)) for action in covered]
    context = choose_context(table, spec, log, weight)
    mu = cross_fit_every(log, context.matrix, learner)
    gamma = scores(mu, log.drawn, log.outcome, log.p_drawn) - cost
    features, names = plain_columns(context.encoder, context.matrix)
    data = TreeScores(
        features=features,
        names=names,
        gamma=gamma[:, order],
        actions=tuple(log.actions[action] for action in order),
        groups=log.unit,
        running=log.outcome - cost[log.drawn],
    )
    settings = TreeSettings(depth=spec.depth, least_leaf=spec.least_leaf, level=spec.level, salt=f"tree/{spec.seed}")
    grown = fit_policy_tree(data, settings=settings)
    model = PolicyTreeModel(context.encoder, grown.columns, grown.tree, data.actions)
    return _result(grown, model, table, spec, (context.names, (*refusals, *context.refusals)))


def _result(
    grown: PolicyTree,
    model: PolicyTreeModel,
    table: pa.Table,
    spec: PolicyTreeSpec,
    context: tuple[tuple[str, ...], tuple[Refusal, ...]],
) -> PolicyTreeResult:
    features, refusals = context
    choices = model.choose(table)
    return PolicyTreeResult(
        leaves=grown.leaves,
        control=grown.actions[0],
        value=grown.value,
        gain_over_running=grown.gain_over_running,
        gain_over_single=grown.gain_over_single,
        single=grown.single,
        features=features,
        n_growing=grown.n_growing,
        n_judging=grown.n_judging,
        refusals=refusals,
        model=model,
        choices=choices.add_column(0, "row", pa.array(np.arange(1, table.num_rows + 1))),
        level=spec.level,
    )


def _control(log: LoggedDecisions, spec: PolicyTreeSpec) -> int:
    if spec.control is None:
        return int(np.bincount(log.drawn).argmax())
    return _index(log, spec.control, "control")


def _costs(log: LoggedDecisions, spec: PolicyTreeSpec) -> Floats:
    cost = np.zeros(len(log.actions))
    for name, money in spec.costs.items():
        cost[_index(log, name, "cost")] = money
    return cost


def _index(log: LoggedDecisions, name: str, option: str) -> int:
    if name not in log.actions:
        raise UsageError(
            f"the log never drew {name!r}",
            hint=f"Actions: {', '.join(log.actions[:20])}. Name one of them: --{option}",
            code="policy.unknown_action",
            details={"action": name, "actions": list(log.actions[:50])},
        )
    return log.actions.index(name)


def _covered(log: LoggedDecisions) -> tuple[list[int], tuple[Refusal, ...]]:
    """Return the actions that the log says enough about, and why the others are left out."""
    covered, refusals = [], []
    for action, name in enumerate(log.actions):
        found = refusals_of(overlap_of(log, TargetPolicy.always(log, action)))
        if found:
            refusals.append(Refusal(f"action {name!r}", f"left out: {found[0].reason}", found[0].cure))
        else:
            covered.append(action)
    return covered, tuple(refusals)
