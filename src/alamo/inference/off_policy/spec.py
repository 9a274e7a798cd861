"""What a log of decisions is asked about a policy that has not run yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from alamo.domain.errors import UsageError

Choice = Literal["auto", "none"] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """Which columns of a log are what.

    Attributes
    ----------
    action, propensity, outcome
        Columns of the action drawn, its logged probability in (0, 1], and a numeric or 0/1 outcome.
    target
        Column with the probability that the new policy gives to the action drawn; instead of `target_prefix`.
    target_prefix
        Prefix of one column per action with the probability that the new policy gives to it (``P_mail``).
    features
        Context known before the draw: ``"auto"``, ``"none"`` or columns; no columns are ``"none"``.
    position
        Column of the place in a slate; context, and the weights are checked at each place.
    unit
        Column of the unit; rows of one unit may depend on each other. None: every row stands alone.
    level
        Of the intervals.
    planned
        Units at the planned end, the same at every look: there the always-valid intervals are tightest. None: those of
        the log, which is right for one look at a finished log.

    Raises
    ------
    UsageError
        Unless exactly one of `target` and `target_prefix` is given, `level` lies between 0 and 1, and `planned` is at
        least 1.
    """

    action: str
    propensity: str
    outcome: str
    target: str | None = None
    target_prefix: str | None = None
    features: Choice = "auto"
    position: str | None = None
    unit: str | None = None
    level: float = 0.95
    planned: int | None = None

    def __post_init__(self) -> None:
        if self.planned is not None and self.planned < 1:
            raise UsageError(
                f"{self.planned} planned units are none",
                hint="Give the number of units at the planned end of the log: --planned N",
                code="usage.planned",
            )
        if (self.target is None) == (self.target_prefix is None):
            both = "both the target and the prefix of targets are" if self.target else "no target is"
            raise UsageError(
                f"{both} given; the new policy is described by one of them",
                hint="Give --target COL (probability of the action drawn) or --target-prefix P_ (of each action)",
                code="policy.target_choice",
            )
        _require_level(self.level)

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns that have a part of their own and are no features."""
        return _named(self.action, self.propensity, self.outcome, self.target, self.position, self.unit)


@dataclass(frozen=True, slots=True)
class PolicyChoiceSpec:
    """Which of several policies is best, and which columns of the log are what.

    Attributes
    ----------
    candidates
        Name of a policy → prefix of its columns, one per action, as `PolicySpec.target_prefix`.
    always
        Actions; for each there is a further candidate that always takes it.
    action, propensity, outcome, features, position, unit, level
        As in `PolicySpec`.

    Raises
    ------
    UsageError
        With fewer than two candidates, or if `level` does not lie between 0 and 1.
    """

    action: str
    propensity: str
    outcome: str
    candidates: Mapping[str, str] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    features: Choice = "auto"
    position: str | None = None
    unit: str | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        if len(self.candidates) + len(self.always) < 2:
            raise UsageError(
                f"{len(self.candidates) + len(self.always)} policies leave nothing to choose",
                hint="Name at least two: --candidate idea=P_ --candidate other=Q_ or --always mail",
                code="policy.nothing_to_choose",
            )
        _require_level(self.level)

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns that have a part of their own and are no features."""
        return _named(self.action, self.propensity, self.outcome, self.position, self.unit)


@dataclass(frozen=True, slots=True)
class PolicyTreeSpec:
    """A policy to be grown that a person can read, and which columns of the log are what.

    Attributes
    ----------
    control
        The action that leaves are compared with; None: the one drawn most often.
    costs
        Action → what taking it once costs, in the unit of the outcome.
    depth
        Most cuts on the way to a leaf; the best tree is found up to 2, beyond it is grown step by step.
    least_leaf
        Least rows of a leaf, of those it is grown on.
    seed
        Of the split into units that grow and units that judge.
    action, propensity, outcome, features, unit, level
        As in `PolicySpec`.

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    action: str
    propensity: str
    outcome: str
    control: str | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    features: Choice = "auto"
    unit: str | None = None
    depth: int = 2
    least_leaf: int = 500
    seed: int = 1
    level: float = 0.95

    def __post_init__(self) -> None:
        for name, least, most in (("depth", 0, 6), ("least_leaf", 1, None)):
            given = getattr(self, name)
            if given < least or (most is not None and given > most):
                raise UsageError(
                    f"{name.replace('_', '-')} is {given}, not a whole number {_range(least, most)}",
                    hint=f"For example: --{name.replace('_', '-')} {2 if most else 500}",
                    code="policy.tree_option",
                )
        _require_level(self.level)

    @property
    def position(self) -> str | None:
        """A tree chooses one action a row: there are no places."""
        return None

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns that have a part of their own and are no features."""
        return _named(self.action, self.propensity, self.outcome, self.unit)


LogSpec: TypeAlias = PolicySpec | PolicyChoiceSpec | PolicyTreeSpec
"""Whatever is asked about a log, it says which columns are what."""


def _named(*columns: str | None) -> tuple[str, ...]:
    return tuple(name for name in columns if name)


def _range(least: int, most: int | None) -> str:
    return f"of at least {least}" if most is None else f"from {least} to {most}"


def _require_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise UsageError(
            f"level is {level:g}; it must lie between 0 and 1",
            hint="For 95 % intervals: --level 0.95",
            code="usage.level",
        )
