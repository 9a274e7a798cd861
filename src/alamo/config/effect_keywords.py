"""Keywords of `alamo.estimate_effects`: those of every trial, and the options of the command beside them."""

from __future__ import annotations

from collections.abc import Mapping

from alamo.config.keyword_values import field, names, number, perhaps, text, whole
from alamo.config.keywords import TRIAL, Keywords, TrialKeywords
from alamo.inference import ExperimentSpec, Guardrail, guardrails_of


class EffectKeywords(TrialKeywords, total=False):
    """Keywords of `alamo.estimate_effects`."""

    planned: int | None
    fdr: float | None
    guardrail: Mapping[str, str | Guardrail]
    detect: Mapping[str, str | float]
    winsorise: float | None
    aa: int
    over_time: str | None


EXPERIMENT = Keywords(
    "estimate_effects",
    ExperimentSpec,
    {
        **TRIAL,
        "outcome": field("outcomes", names),
        "planned": field("planned", perhaps(whole)),
        "fdr": field("fdr", perhaps(number)),
        "guardrail": field("guardrails", guardrails_of),
        "detect": field("detect", dict),
        "winsorise": field("winsorise", perhaps(number)),
        "aa": field("aa", whole),
        "over_time": field("over_time", perhaps(text)),
    },
    {},
)
