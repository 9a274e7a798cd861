"""Plain keywords → specs of the analyses: what a notebook types is what ``alamo analyze`` takes as options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar

from alamo.config.keyword_values import (
    Read,
    as_is,
    by_arm,
    chance,
    choice,
    day,
    field,
    limits,
    names,
    number,
    one_name,
    perhaps,
    text,
    whole,
)
from alamo.config.limits import LimitsFile
from alamo.config.reading import near
from alamo.domain.action import Limit
from alamo.domain.errors import AlamoError, UsageError
from alamo.inference import ExperimentSpec
from alamo.inference.lifetime_value import ContractSpec, LifetimeValueSpec
from alamo.inference.micro_segments import SegmentSpec
from alamo.inference.off_policy import PolicyChoiceSpec, PolicySpec, PolicyTreeSpec
from alamo.prediction import NextProductSpec, ScoreSpec, UpliftSpec
from alamo.steering import AllocationSpec

Spec = TypeVar(
    "Spec",
    ExperimentSpec,
    UpliftSpec,
    PolicySpec,
    PolicyChoiceSpec,
    PolicyTreeSpec,
    LifetimeValueSpec,
    ContractSpec,
    AllocationSpec,
    ScoreSpec,
    NextProductSpec,
    SegmentSpec,
)


class TrialKeywords(TypedDict, total=False):
    """What `alamo.estimate_effects` and `alamo.fit_uplift` share."""

    action: str
    control: str | float | bool
    outcome: str | Sequence[str]
    unit: str | None
    time: str | None
    propensity: float | str | None
    cluster: str | None
    cost: Mapping[Any, float]
    shares: Mapping[Any, float]
    features: str | Sequence[str]
    segments: str | Sequence[str]
    level: float


class UpliftKeywords(TrialKeywords, total=False):
    """Keywords of `alamo.fit_uplift`."""

    holdout: float
    seed: int
    learners: str | Sequence[str]
    explain: int
    what_if: str | Sequence[str] | None


class LifetimeValueKeywords(TypedDict, total=False):
    """Keywords of `alamo.fit_lifetime_value`."""

    customer: str
    time: str
    amount: str | None
    time_format: str | None
    unit: str
    calibrate_until: date | str | None
    horizon: float | None
    model: str
    stages: int | None
    recalibrate: str
    level: float
    cohorts: str | None
    margin: float
    discount_rate: float


class ScoreKeywords(TypedDict, total=False):
    """Keywords of `alamo.analyze.fit_scores`."""

    target: str
    positive: str | float | bool | None
    id: str | None
    time: str | None
    drop: str | Sequence[str] | None
    keep: str | Sequence[str] | None
    folds: int
    seed: int
    purpose: str
    level: float


class NextProductKeywords(TypedDict, total=False):
    """Keywords of `alamo.analyze.fit_next_product` and `alamo.analyze.readiness_table`."""

    customer: str
    time: str
    product: str
    within: float
    top: int
    seed: int


class AllocationKeywords(TypedDict, total=False):
    """Keywords of `alamo.allocate`."""

    customer: str
    action: str
    value: str
    use: str | Sequence[str] | None
    limits: str | Path | LimitsFile | Sequence[Limit]
    temperature: float | None
    gap: float
    advice: bool


@dataclass(frozen=True, slots=True)
class Keywords(Generic[Spec]):
    """How the keywords of one function become its spec.

    Attributes
    ----------
    function
        Its name, for messages.
    kind
        Class of the spec.
    read
        Keyword → function from its value to fields of the spec.
    defaults
        Fields whose default is another than the spec's own, because the command line's is.
    """

    function: str
    kind: type[Spec]
    read: Mapping[str, Read]
    defaults: Mapping[str, Any]

    def spec(self, given: Spec | None, words: Mapping[str, Any]) -> Spec:
        """Return `given` with what the keywords change, or a spec made of the keywords alone.

        Raises
        ------
        UsageError
            For an unknown keyword (with the near ones), a missing one, or a value that cannot be read.
        """
        found: dict[str, Any] = {}
        for word, value in words.items():
            if word not in self.read:
                raise self._unknown(word)
            try:
                found |= self.read[word](value)
            except AlamoError:
                raise
            except (TypeError, ValueError, AttributeError) as error:
                raise self._unreadable(word, value, error) from None
        if given is not None:
            return replace(given, **found)
        found = {**self.defaults, **found}
        missing = [word for word, name in self._required().items() if name not in found]
        if missing:
            raise self._missing(missing)
        return self.kind(**found)

    def _required(self) -> dict[str, str]:
        """Return keyword → field of what has no default."""
        bare = [field.name for field in fields(self.kind) if field.default is field.default_factory is MISSING]
        return {_WORDS.get(name, name) if _WORDS.get(name) in self.read else name: name for name in bare}

    def _unknown(self, word: str) -> UsageError:
        known = list(self.read)
        return UsageError(
            f"{self.function}() has no keyword {word!r}{near(word, known)}",
            hint=f"Keywords: {', '.join(known)}. See: help(alamo.{self.function})",
            code="usage.unknown_keyword",
            details={"keyword": word, "keywords": known},
        )

    def _missing(self, words: Sequence[str]) -> UsageError:
        example = ", ".join(f'{word}="…"' for word in words)
        return UsageError(
            f"{self.function}() needs {', '.join(words)}",
            hint=f"Name them: alamo.{self.function}(table, {example})",
            code="usage.missing_keyword",
            details={"keywords": list(words)},
        )

    def _unreadable(self, word: str, value: object, error: Exception) -> UsageError:
        return UsageError(
            f"{self.function}(): {word}={value!r} cannot be used: {error}",
            hint=f"See what it takes: help(alamo.{self.function})",
            code="usage.keyword_value",
            details={"keyword": word},
        )


_WORDS = {"outcomes": "outcome", "costs": "cost", "uses": "use", "temperature_money": "temperature"}
"""Fields that a keyword calls otherwise."""


TRIAL: dict[str, Read] = {
    "action": field("action", text),
    "control": field("control", text),
    "unit": field("unit", perhaps(text)),
    "time": field("time", perhaps(text)),
    "propensity": field("propensity", perhaps(chance)),
    "cluster": field("cluster", perhaps(text)),
    "cost": field("costs", by_arm),
    "shares": field("shares", by_arm),
    "features": field("features", choice),
    "segments": field("segments", choice),
    "level": field("level", number),
}
UPLIFT = Keywords(
    "fit_uplift",
    UpliftSpec,
    {
        **TRIAL,
        "outcome": field("outcome", one_name),
        "holdout": field("holdout", number),
        "seed": field("seed", int),
        "learners": field("learners", names),
        "explain": field("explain", whole),
        "what_if": field("what_if", lambda value: names(value or ())),
    },
    {"segments": "none"},
)
LIFETIME_VALUE = Keywords(
    "fit_lifetime_value",
    LifetimeValueSpec,
    {
        "customer": field("customer", text),
        "time": field("time", text),
        "amount": field("amount", perhaps(text)),
        "time_format": field("time_format", perhaps(text)),
        "unit": field("unit", as_is),
        "calibrate_until": field("calibrate_until", perhaps(day)),
        "horizon": field("horizon", perhaps(number)),
        "model": field("model", as_is),
        "stages": field("stages", perhaps(whole)),
        "recalibrate": field("recalibrate", as_is),
        "level": field("level", number),
        "cohorts": field("cohorts", perhaps(text)),
        "margin": field("margin", number),
        "discount_rate": field("discount_rate", number),
    },
    {},
)
SCORES = Keywords(
    "analyze.fit_scores",
    ScoreSpec,
    {
        "target": field("target", text),
        "positive": field("positive", perhaps(text)),
        "id": field("id", perhaps(text)),
        "time": field("time", perhaps(text)),
        "drop": field("drop", lambda value: names(value or ())),
        "keep": field("keep", lambda value: names(value or ())),
        "folds": field("folds", int),
        "seed": field("seed", int),
        "purpose": field("purpose", as_is),
        "level": field("level", number),
    },
    {},
)
NEXT_PRODUCT = Keywords(
    "analyze.fit_next_product",
    NextProductSpec,
    {
        "customer": field("customer", text),
        "time": field("time", text),
        "product": field("product", text),
        "within": field("within_days", number),
        "top": field("top", int),
        "seed": field("seed", int),
    },
    {},
)
ALLOCATION = Keywords(
    "allocate",
    AllocationSpec,
    {
        "customer": field("customer", text),
        "action": field("action", text),
        "value": field("value", text),
        "use": field("uses", lambda value: names(value or ())),
        "limits": limits,
        "temperature": field("temperature_money", perhaps(number)),
        "gap": field("gap", number),
        "advice": field("advice", as_is),
    },
    {},
)
