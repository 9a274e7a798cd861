"""`alamo analyze policy-choice`: the best of several policies, valued on units that had no part in the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import pyarrow as pa

from alamo.domain.errors import UsageError
from alamo.domain.ports import OutcomeLearner
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.inference.estimate import Estimate
from alamo.inference.off_policy.context import choose_context
from alamo.inference.off_policy.log import LoggedDecisions, TargetPolicy, read_log, read_target, target_columns
from alamo.inference.off_policy.overlap import weights
from alamo.inference.off_policy.selection import Candidate, HalfChoice, select_policy
from alamo.inference.off_policy.spec import PolicyChoiceSpec, PolicySpec
from alamo.numerics.doubly_robust import mean_by_group


@dataclass(frozen=True, slots=True, repr=False)
class PolicyChoiceResult(Result):
    """The best of several policies, and what choosing like this is worth.

    Attributes
    ----------
    candidates
        Those the log says enough about, each valued on the whole log.
    policy
        The one that both halves of the units chose; None where they disagree or nothing could be chosen.
    value, gain
        Of the choice, from units that had no part in it; `gain` is the difference to the policy that runs.
    halves
        What each half chose.
    behaviour_value
        Mean outcome of the policy that runs.
    features
        Columns the outcome model looked at.
    refusals
        Policies and columns left out, and why.
    level
        Of the intervals.
    """

    schema: ClassVar[str] = "alamo.policy_choice/1"
    columns: ClassVar[tuple[str, ...]] = (
        *("policy", "value", "lower", "upper"),
        *("gain", "gain_se", "gain_lower", "gain_upper", "chosen"),
    )

    candidates: tuple[Candidate, ...]
    policy: str | None
    value: Estimate | None
    gain: Estimate | None
    halves: tuple[HalfChoice, ...]
    behaviour_value: float
    features: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    level: float

    def records(self) -> list[dict[str, Any]]:
        """Return one row per candidate; an interval is right for it alone, not for the best of them."""
        return [
            {
                **{"policy": item.policy, "value": item.value.mean, "lower": item.value.lower},
                **{"upper": item.value.upper, "gain": item.gain.mean, "gain_se": item.gain.se},
                **{"gain_lower": item.gain.lower, "gain_upper": item.gain.upper, "chosen": item.policy == self.policy},
            }
            for item in self.candidates
        ]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        names = ("refusals", "policy", "value", "gain", "behaviour_value", "features", "level")
        return {name: getattr(self, name) for name in names} | {"halves": [asdict(half) for half in self.halves]}


def analyze_policy_choice(table: pa.Table, spec: PolicyChoiceSpec, learner: OutcomeLearner) -> PolicyChoiceResult:
    """Choose among the policies that `spec` names and say what the choice is worth without the bias of choosing.

    Raises
    ------
    UsageError, InputError, NotIdentifiedError, InsufficientDataError
        As `read_log`, `read_target` and `select_policy`; also if an action of `always` was never drawn.

    Notes
    -----
    *Assumes* and *Not supported*: as `analyze_policy`.

    Source: Chernozhukov et al. (2018), Econometrics Journal 21(1), §3 (cross-fitting).
    """
    log = read_log(table, spec)
    policies, taken = _policies(table, spec, log)
    context = choose_context(table, spec, log, [weights(log, policy) for policy in policies.values()], taken)
    found = select_policy(log, policies, context.matrix, learner, level=spec.level)
    unsure = () if found.policy is not None or not found.halves else (_disagreement(found.halves),)
    return PolicyChoiceResult(
        candidates=found.candidates,
        policy=found.policy,
        value=found.value,
        gain=found.gain,
        halves=found.halves,
        behaviour_value=mean_by_group(log.outcome, log.unit).mean,
        features=context.names,
        refusals=(*unsure, *found.refusals, *context.refusals),
        level=spec.level,
    )


def _policies(
    table: pa.Table, spec: PolicyChoiceSpec, log: LoggedDecisions
) -> tuple[Mapping[str, TargetPolicy], set[str]]:
    """Return the candidates by name, and the columns that describe them."""
    policies: dict[str, TargetPolicy] = {}
    taken: set[str] = set()
    for name, prefix in spec.candidates.items():
        one = PolicySpec(spec.action, spec.propensity, spec.outcome, target_prefix=prefix)
        policies[name] = read_target(table, one, log)
        taken.update(target_columns(table, one))
    for action in spec.always:
        if action not in log.actions:
            raise UsageError(
                f"the log never drew {action!r}",
                hint=f"Actions: {', '.join(log.actions[:20])}. Name some of them: --always ACTION",
                code="policy.unknown_action",
                details={"action": action, "actions": list(log.actions[:50])},
            )
        policies[f"always {action}"] = TargetPolicy.always(log, log.actions.index(action))
    return policies, taken


def _disagreement(halves: tuple[HalfChoice, ...]) -> Refusal:
    return Refusal(
        what="the one best policy",
        reason=f"one half of the units chose {halves[0].policy!r}, the other {halves[1].policy!r}",
        cure="value and gain are those of choosing like this; log more decisions, or ask about fewer policies",
    )
