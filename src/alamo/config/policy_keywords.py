"""Keywords of the analyses of a log of decisions → their specs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from alamo.config.keyword_values import (
    Read,
    by_arm,
    choice,
    field,
    name_pairs,
    names,
    number,
    one_name,
    perhaps,
    text,
    whole,
)
from alamo.config.keywords import Keywords
from alamo.inference.off_policy import PolicyChoiceSpec, PolicySpec, PolicyTreeSpec


class PolicyKeywords(TypedDict, total=False):
    """Keywords of `alamo.evaluate_policy`."""

    action: str
    propensity: str
    outcome: str
    target: str | None
    target_prefix: str | None
    features: str | Sequence[str]
    position: str | None
    unit: str | None
    level: float
    planned: int | None


class PolicyChoiceKeywords(TypedDict, total=False):
    """Keywords of `alamo.analyze.choose_policy`."""

    action: str
    propensity: str
    outcome: str
    candidate: Mapping[str, str]
    always: str | Sequence[str]
    features: str | Sequence[str]
    position: str | None
    unit: str | None
    level: float


class PolicyTreeKeywords(TypedDict, total=False):
    """Keywords of `alamo.analyze.grow_policy`."""

    action: str
    propensity: str
    outcome: str
    control: str | float | bool | None
    cost: Mapping[Any, float]
    features: str | Sequence[str]
    unit: str | None
    depth: int
    least_leaf: int
    seed: int
    level: float


_LOG: dict[str, Read] = {
    "action": field("action", text),
    "propensity": field("propensity", text),
    "outcome": field("outcome", one_name),
    "features": field("features", choice),
    "unit": field("unit", perhaps(text)),
    "level": field("level", number),
}
POLICY = Keywords(
    "evaluate_policy",
    PolicySpec,
    {
        **_LOG,
        "target": field("target", perhaps(text)),
        "target_prefix": field("target_prefix", perhaps(text)),
        "position": field("position", perhaps(text)),
        "planned": field("planned", perhaps(whole)),
    },
    {},
)
POLICY_CHOICE = Keywords(
    "analyze.choose_policy",
    PolicyChoiceSpec,
    {
        **_LOG,
        "candidate": field("candidates", name_pairs),
        "always": field("always", names),
        "position": field("position", perhaps(text)),
    },
    {},
)
POLICY_TREE = Keywords(
    "analyze.grow_policy",
    PolicyTreeSpec,
    {
        **_LOG,
        "control": field("control", perhaps(text)),
        "cost": field("costs", by_arm),
        "depth": field("depth", whole),
        "least_leaf": field("least_leaf", whole),
        "seed": field("seed", whole),
    },
    {},
)
