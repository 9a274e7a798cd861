"""Plain keywords → specs of the analyses: what a notebook types is what ``alamo analyze`` takes as options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Generic, TypedDict, TypeVar

from alamo.config.limits import LimitsFile, load_limits
from alamo.config.reading import near
from alamo.domain.action import Limit
from alamo.domain.errors import AlamoError, UsageError
from alamo.inference import ExperimentSpec
from alamo.inference.lifetime_value import LifetimeValueSpec
from alamo.inference.off_policy import PolicySpec
from alamo.prediction import NextProductSpec, ScoreSpec, UpliftSpec
from alamo.steering import AllocationSpec

Spec = TypeVar(
    "Spec",
    ExperimentSpec,
    UpliftSpec,
    PolicySpec,
    LifetimeValueSpec,
    AllocationSpec,
    ScoreSpec,
    NextProductSpec,
)
Read = Callable[[Any], Mapping[str, Any]]


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


def _field(name: str, read: Callable[[Any], Any]) -> Read:
    return lambda value: {name: read(value)}


def _as_is(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return str(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError("it is no number")
    return float(value)


def _perhaps(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != float(value):
        raise ValueError("it must be a whole number")
    return int(value)


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def _one_name(value: Any) -> str:
    names = _names(value)
    if len(names) != 1:
        raise ValueError("it must be one column")
    return names[0]


def _choice(value: Any) -> Any:
    return "none" if value is None else value if value in ("auto", "none") else _names(value)


def _by_arm(value: Mapping[Any, Any]) -> dict[str, float]:
    return {str(arm): _number(amount) for arm, amount in value.items()}


def _chance(value: Any) -> float | str:
    return value if isinstance(value, str) else _number(value)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def _limits(value: Any) -> dict[str, Any]:
    if isinstance(value, str | Path):
        return {"limits": load_limits(Path(value)).limits, "limits_file": str(value)}
    limits = value.limits if isinstance(value, LimitsFile) else tuple(value)
    if not all(isinstance(limit, Limit) for limit in limits):
        raise TypeError("it must be the path of a file of limits, or a list of Limit")
    return {"limits": limits, "limits_file": None}


_TRIAL: dict[str, Read] = {
    "action": _field("action", _text),
    "control": _field("control", _text),
    "unit": _field("unit", _perhaps(_text)),
    "time": _field("time", _perhaps(_text)),
    "propensity": _field("propensity", _perhaps(_chance)),
    "cluster": _field("cluster", _perhaps(_text)),
    "cost": _field("costs", _by_arm),
    "shares": _field("shares", _by_arm),
    "features": _field("features", _choice),
    "segments": _field("segments", _choice),
    "level": _field("level", _number),
}
EXPERIMENT = Keywords("estimate_effects", ExperimentSpec, {**_TRIAL, "outcome": _field("outcomes", _names)}, {})
UPLIFT = Keywords(
    "fit_uplift",
    UpliftSpec,
    {
        **_TRIAL,
        "outcome": _field("outcome", _one_name),
        "holdout": _field("holdout", _number),
        "seed": _field("seed", int),
        "learners": _field("learners", _names),
        "explain": _field("explain", _whole),
        "what_if": _field("what_if", lambda value: _names(value or ())),
    },
    {"segments": "none"},
)
POLICY = Keywords(
    "evaluate_policy",
    PolicySpec,
    {
        "action": _field("action", _text),
        "propensity": _field("propensity", _text),
        "outcome": _field("outcome", _one_name),
        "target": _field("target", _perhaps(_text)),
        "target_prefix": _field("target_prefix", _perhaps(_text)),
        "features": _field("features", _choice),
        "position": _field("position", _perhaps(_text)),
        "unit": _field("unit", _perhaps(_text)),
        "level": _field("level", _number),
    },
    {},
)
LIFETIME_VALUE = Keywords(
    "fit_lifetime_value",
    LifetimeValueSpec,
    {
        "customer": _field("customer", _text),
        "time": _field("time", _text),
        "amount": _field("amount", _perhaps(_text)),
        "time_format": _field("time_format", _perhaps(_text)),
        "unit": _field("unit", _as_is),
        "calibrate_until": _field("calibrate_until", _perhaps(_day)),
        "horizon": _field("horizon", _perhaps(_number)),
        "model": _field("model", _as_is),
        "stages": _field("stages", _perhaps(_whole)),
        "recalibrate": _field("recalibrate", _as_is),
        "level": _field("level", _number),
        "cohorts": _field("cohorts", _perhaps(_text)),
        "margin": _field("margin", _number),
        "discount_rate": _field("discount_rate", _number),
    },
    {},
)
SCORES = Keywords(
    "analyze.fit_scores",
    ScoreSpec,
    {
        "target": _field("target", _text),
        "positive": _field("positive", _perhaps(_text)),
        "id": _field("id", _perhaps(_text)),
        "time": _field("time", _perhaps(_text)),
        "drop": _field("drop", lambda value: _names(value or ())),
        "keep": _field("keep", lambda value: _names(value or ())),
        "folds": _field("folds", int),
        "seed": _field("seed", int),
        "purpose": _field("purpose", _as_is),
        "level": _field("level", _number),
    },
    {},
)
NEXT_PRODUCT = Keywords(
    "analyze.fit_next_product",
    NextProductSpec,
    {
        "customer": _field("customer", _text),
        "time": _field("time", _text),
        "product": _field("product", _text),
        "within": _field("within_days", _number),
        "top": _field("top", int),
        "seed": _field("seed", int),
    },
    {},
)
ALLOCATION = Keywords(
    "allocate",
    AllocationSpec,
    {
        "customer": _field("customer", _text),
        "action": _field("action", _text),
        "value": _field("value", _text),
        "use": _field("uses", lambda value: _names(value or ())),
        "limits": _limits,
        "temperature": _field("temperature_money", _perhaps(_number)),
        "gap": _field("gap", _number),
    },
    {},
)
