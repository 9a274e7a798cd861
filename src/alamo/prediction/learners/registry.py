"""Learners by name: our own, and those that installed packages offer under the entry point ``alamo.learners``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, get_args

from alamo.domain.errors import UsageError
from alamo.prediction.learners.boosting import BoostedEffectLearner
from alamo.prediction.learners.forest import ForestEffectLearner
from alamo.prediction.learners.network import NetworkEffectLearner
from alamo.prediction.learners.protocol import EffectLearner, View
from alamo.prediction.learners.ridge import RidgeEffectLearner
from alamo.prediction.learners.tree import TreeEffectLearner

GROUP = "alamo.learners"
BUILT_IN: Mapping[str, Callable[[], EffectLearner]] = {
    "ridge": RidgeEffectLearner,
    "tree": TreeEffectLearner,
    "forest": ForestEffectLearner,
    "boosting": BoostedEffectLearner,
    "network": NetworkEffectLearner,
}
"""Our own learners; a package cannot take one of their names."""
ALWAYS = ("zero", "one effect", "segments")
"""Candidates that always take part and are no learners; a package cannot take one of their names either."""
_PARTS = ("name", "view", "fit", "cross_fit", "read")


def learner_names() -> tuple[str, ...]:
    """Return the names of all learners that can be asked for: our own first, then those of installed packages."""
    offered = {point.name for point in entry_points(group=GROUP)}
    return (*BUILT_IN, *sorted(offered - {*BUILT_IN, *ALWAYS}))


def learner_named(name: str) -> EffectLearner:
    """Return the learner called `name`.

    An entry point names a class, or a function, that gives the learner when it is called without arguments.

    Raises
    ------
    UsageError
        If there is none of that name (with the near ones), or if what a package offers is no learner or takes the
        name of a candidate that always takes part.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]()
    for point in entry_points(group=GROUP, name=name):
        if name in ALWAYS:
            raise unusable_learner(name, "its name is that of a candidate that always takes part")
        try:
            learner = point.load()()
        except Exception as error:  # a package's own code may fail in any way
            raise unusable_learner(name, f"{type(error).__name__}: {error}") from error
        return _checked(name, learner)
    known = learner_names()
    near = difflib.get_close_matches(name, known, n=2)
    raise UsageError(
        f"there is no learner {name!r}",
        hint=(f"Did you mean {' or '.join(near)}? " if near else "")
        + f"Learners: {', '.join(known)}; or install the package that brings it.",
        code="uplift.unknown_learner",
        details={"learner": name, "known": list(known)},
    )


def learners_named(names: Iterable[str]) -> tuple[EffectLearner, ...]:
    """Return the learners of `names`, each once, in the order of their first mention."""
    return tuple(learner_named(name) for name in dict.fromkeys(names))


def _checked(name: str, learner: Any) -> EffectLearner:
    missing = [part for part in _PARTS if not hasattr(learner, part)]
    if missing:
        raise unusable_learner(name, f"it lacks {', '.join(missing)}")
    if learner.name != name:
        raise unusable_learner(name, f"it calls itself {learner.name!r}")
    if learner.view not in get_args(View):
        raise unusable_learner(name, f"its view is {learner.view!r}, not one of {', '.join(get_args(View))}")
    checked: EffectLearner = learner
    return checked


def unusable_learner(name: str, why: str) -> UsageError:
    """Return what is raised where the learner `name` of another package does not do what a learner does."""
    return UsageError(
        f"the learner {name!r} of another package cannot be used: {why}",
        hint="Mend it with the suite alamo.testing.LearnerSuite, or leave it out: --learners ridge,boosting",
        code="uplift.unusable_learner",
        details={"learner": name, "reason": why},
    )
