"""A guardrail: an outcome that must not get worse (unsubscribes, complaints, returns), and by how much it may.

Source: Schuirmann (1987) and CONSORT non-inferiority (Piaggio et al. 2012): the interval of the harm is compared with a
margin that was fixed beforehand. That all guardrails must hold needs no correction for their number (Berger 1982,
intersection–union); that *some* harm is seen by chance becomes likelier with every one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from alamo.domain.errors import UsageError
from alamo.inference.effect_size import amount_or_share

Worse = Literal["up", "down"]
Verdict = Literal["harm", "harm within margin", "no harm beyond margin", "cannot say"]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """Which direction of an outcome is harm, and how much of it is accepted.

    Attributes
    ----------
    worse
        ``"up"``: more of the outcome is worse (unsubscribes); ``"down"``: less is (margin).
    margin
        Harm per unit that is still accepted, ≥ 0: in the outcome's own unit, or as a share of control's mean.
    relative
        Whether `margin` is a share of control's mean.
    """

    worse: Worse
    margin: float = 0.0
    relative: bool = False

    def __post_init__(self) -> None:
        if self.worse not in ("up", "down") or not 0.0 <= self.margin < float("inf"):
            raise _unreadable(f"{self.worse}:{self.margin}")

    @classmethod
    def read(cls, words: str) -> Self:
        """Read ``up``, ``down``, ``up:0.005`` or ``up:10%``.

        Raises
        ------
        UsageError
            If the words are none of these.
        """
        worse, _, margin = words.strip().partition(":")
        try:
            amount, relative = amount_or_share(margin) if margin else (0.0, False)
        except ValueError:
            raise _unreadable(words) from None
        if worse not in ("up", "down"):
            raise _unreadable(words)
        return cls(worse, amount, relative)  # type: ignore[arg-type]  # mypy does not narrow by `in`

    @property
    def sign(self) -> float:
        """Sign that turns an effect into harm."""
        return 1.0 if self.worse == "up" else -1.0


def guardrails_of(given: Mapping[str, str | Guardrail]) -> dict[str, Guardrail]:
    """Return guardrails by column from words such as ``{"unsubscribed": "up:0.002"}``, or as they are.

    Raises
    ------
    UsageError
        If the words cannot be read.
    """
    return {
        str(name): words if isinstance(words, Guardrail) else Guardrail.read(words) for name, words in given.items()
    }


def verdict_of(harm: tuple[float, float], beyond: tuple[float, float]) -> Verdict:
    """Return what an interval of the harm, and one of the harm less the margin, say.

    ``harm``: it is above 0, and may be over the margin. ``harm within margin``: above 0 and under the margin. ``no harm
    beyond margin``: under the margin. Else the data cannot say.
    """
    seen, acceptable = harm[0] > 0.0, beyond[1] <= 0.0
    if acceptable:
        return "harm within margin" if seen else "no harm beyond margin"
    return "harm" if seen else "cannot say"


def _unreadable(words: str) -> UsageError:
    return UsageError(
        f"{words!r} does not say which way a guardrail gets worse, or by how much it may",
        hint="Write the column, what is worse and the margin: --guardrail unsubscribed=up:0.002 or returns=up:10%",
        code="usage.guardrail",
        details={"guardrail": words},
    )
