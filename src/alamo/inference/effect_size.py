"""The size of an effect as a person writes it: in the outcome's unit (``0.5``) or as a share of control (``10%``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from alamo.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class EffectSize:
    """How large an effect is; its sign does not matter.

    Attributes
    ----------
    amount
        Above 0, in the outcome's unit or as a share.
    relative
        Whether `amount` is a share of control's mean.
    """

    amount: float
    relative: bool

    @classmethod
    def read(cls, words: str | float) -> Self:
        """Read ``0.5``, ``"0.5"`` or ``"10%"``.

        Raises
        ------
        UsageError
            If the words are neither, or 0.
        """
        try:
            amount, relative = amount_or_share(str(words))
        except ValueError:
            amount, relative = 0.0, False
        if not 0.0 < abs(amount) < float("inf"):
            raise UsageError(
                f"{str(words).strip()!r} is no size of an effect",
                hint="Write it in the outcome's unit or as a share of control's mean: --detect spend=0.5 or spend=10%",
                code="usage.detect",
                details={"detect": str(words)},
            )
        return cls(abs(amount), relative)

    def against(self, baseline: float | None) -> float | None:
        """Return the size in the outcome's unit; None for a share of a mean that is 0 or not known."""
        if not self.relative:
            return self.amount
        return self.amount * abs(baseline) if baseline else None


def amount_or_share(words: str) -> tuple[float, bool]:
    """Return a number and whether it was written in per cent, as a share then; `ValueError` if it is no number."""
    text = words.strip()
    share = text.endswith("%")
    return float(text.removesuffix("%")) / (100.0 if share else 1.0), share
