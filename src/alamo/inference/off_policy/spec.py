"""What a log of decisions is asked about a policy that has not run yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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

    Raises
    ------
    UsageError
        Unless exactly one of `target` and `target_prefix` is given, and `level` lies between 0 and 1.
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

    def __post_init__(self) -> None:
        if (self.target is None) == (self.target_prefix is None):
            both = "both the target and the prefix of targets are" if self.target else "no target is"
            raise UsageError(
                f"{both} given; the new policy is described by one of them",
                hint="Give --target COL (probability of the action drawn) or --target-prefix P_ (of each action)",
                code="policy.target_choice",
            )
        if not 0.0 < self.level < 1.0:
            raise UsageError(
                f"level is {self.level:g}; it must lie between 0 and 1",
                hint="For 95 % intervals: --level 0.95",
                code="usage.level",
            )

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns that have a part of their own and are no features."""
        named = (self.action, self.propensity, self.outcome, self.target, self.position, self.unit)
        return tuple(name for name in named if name)
