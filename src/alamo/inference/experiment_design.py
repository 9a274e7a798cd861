"""How the arms of an experiment file were drawn: the probability of each, and whether the counts agree with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from alamo.domain.errors import UsageError
from alamo.domain.reasons import Refusal
from alamo.inference.experiment_spec import ExperimentSpec
from alamo.inference.experiment_table import ExperimentRows
from alamo.numerics.ratio_check import MISMATCH

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Propensities:
    """Probabilities of the arms.

    Attributes
    ----------
    drawn
        Of the arm drawn, shape (n,).
    every
        Of every arm, shape (n, k); None where the log holds only that of the arm drawn and more than two arms.
    estimated
        Whether they are the arms' shares in the file.
    """

    drawn: Floats
    every: Floats | None
    estimated: bool

    def where(self, keep: Bools, arm: Integers, n_arms: int) -> Propensities:
        """Return the probabilities of the rows `keep` marks; shares are taken anew. `arm` holds the kept rows' arms."""
        if self.estimated:
            return _shares(arm, n_arms)
        return replace(self, drawn=self.drawn[keep], every=None if self.every is None else self.every[keep])


def propensities(rows: ExperimentRows, spec: ExperimentSpec) -> Propensities:
    """Return the probability of each arm for every row.

    Raises
    ------
    UsageError
        If a given probability leaves nothing for control, or shares do not fit the arms.
    """
    n_arms = len(rows.arms)
    if isinstance(spec.propensity, str):
        return _logged(rows)
    if spec.propensity is not None:
        constant = constant_chances(n_arms, spec.propensity)
        return Propensities(constant[rows.arm], np.tile(constant, (len(rows), 1)), estimated=False)
    return _shares(rows.arm, n_arms)


def constant_chances(n_arms: int, propensity: float) -> Floats:
    """Return the chance of every arm where each action has `propensity` and control has the rest, shape (n_arms,).

    Raises
    ------
    UsageError
        If nothing is left for control.
    """
    control = 1.0 - (n_arms - 1) * propensity
    if not 0.0 < propensity < 1.0 or control <= 0.0:
        raise UsageError(
            f"a propensity of {propensity:g} for each of {n_arms - 1} actions leaves {control:g} for control",
            hint="Give the probability of a single action, or a column: --propensity NUM|COL",
            code="usage.propensity",
        )
    return np.array([control, *[propensity] * (n_arms - 1)])


def design_shares(arms: tuple[str, ...], spec: ExperimentSpec) -> Floats:
    """Return the design shares in the order of the arms, scaled to add up to one.

    Raises
    ------
    UsageError
        If they do not name exactly the arms of the file, or one is not positive.
    """
    if set(spec.shares) != set(arms) or min(spec.shares.values()) <= 0.0:
        raise UsageError(
            f"--shares names {sorted(spec.shares)}, the file has the arms {sorted(arms)}",
            hint="Give one positive share for every arm, control included: --shares ACTION=NUM",
            code="usage.shares",
        )
    values = np.array([spec.shares[arm] for arm in arms], dtype=np.float64)
    shares: Floats = values / values.sum()
    return shares


def blocking_refusal(counts: Mapping[str, int], action: str, p_value: float | None, since: str = "") -> Refusal | None:
    """Return the reason why `counts` by arm of the column `action` allow no effect at all, or None.

    `since` says, after a comma, when the ratio check first failed.
    """
    if not sum(counts.values()):
        return Refusal("all effects", "no usable row is left", "see the other refusals")
    arms = [name for name, count in counts.items() if count]
    if len(arms) < 2:
        return Refusal(
            "all effects",
            f"column {action!r} has one arm only, {arms[0]!r}: there is nothing to compare with",
            "keep a control group, and name it: --control VALUE",
        )
    if p_value is not None and p_value <= MISMATCH:
        shown = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        return Refusal(
            "all effects",
            f"the arms were not drawn as designed (sample-ratio mismatch, p = {p_value:.1e}{since}): {shown}",
            "find out which units were lost or assigned wrongly; or correct --shares / --propensity",
        )
    return None


def arm_counts(rows: ExperimentRows) -> dict[str, int]:
    """Return the units of each arm (a unit with several arms counts in each)."""
    return {
        name: len(np.unique(rows.unit[rows.arm == place])) if (rows.arm == place).any() else 0
        for place, name in enumerate(rows.arms)
    }


def _shares(arm: Integers, n_arms: int) -> Propensities:
    shares = np.bincount(arm, minlength=n_arms) / max(len(arm), 1)
    return Propensities(shares[arm], np.tile(shares, (len(arm), 1)), estimated=True)


def _logged(rows: ExperimentRows) -> Propensities:
    """Fill in the probabilities of the arms not drawn where they follow: two arms, or one constant for each arm."""
    n_arms, p = len(rows.arms), rows.p_logged
    if n_arms == 2:
        action = np.where(rows.arm == 1, p, 1.0 - p)
        return Propensities(p, np.column_stack([1.0 - action, action]), estimated=False)
    constant = np.array([p[rows.arm == arm].mean() if (rows.arm == arm).any() else 0.0 for arm in range(n_arms)])
    fits = np.allclose(p, constant[rows.arm], rtol=0.0, atol=1e-9) and abs(constant.sum() - 1.0) < 1e-6
    return Propensities(p, np.tile(constant, (len(rows), 1)) if fits else None, estimated=False)
