"""Customers with a contract: a discrete-time hazard of leaving that knows covariates.

Each age has a log-odds of leaving of its own, and covariates shift it.

Source: Singer & Willett (1993), "It's about time: using discrete-time survival analysis to study duration and the
timing of events", Journal of Educational Statistics 18(2), 155–195.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from alamo.domain.errors import InsufficientDataError, UsageError
from alamo.inference.lifetime_value.contract_rows import contract_rows, covariate_rows, whole_numbers
from alamo.numerics.newton import minimise

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_LEAST_LEAVERS = 10
_COLLINEAR = 1e-6  # share of a covariate's deviation that those before it do not explain
_MOST_LOG_ODDS = 20.0  # between the ends of a covariate; beyond it the likelihood rises for ever


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """A fitted discrete-time hazard.

    Attributes
    ----------
    baseline
        Log-odds of leaving at each renewal for average covariates, shape (n_ages,); the last one goes on. −∞ at ages
        before anybody left, such as those of a minimum term; equal ones where an age had to share.
    names, effects, standard_errors
        Of the covariates: change of the log-odds per unit, shape (d,).
    centre
        Mean of the covariates, shape (d,).
    """

    baseline: Floats
    names: tuple[str, ...]
    effects: Floats
    standard_errors: Floats
    centre: Floats
    log_likelihood: float
    converged: bool
    n_customers: int

    def p_leaves(self, age: npt.ArrayLike, covariates: Floats) -> Floats:
        """Return P(leaves at the next renewal | renewed `age` times), shape (n,); covariates (n, d)."""
        ages = np.minimum(whole_numbers(age, "age", least=0), len(self.baseline) - 1)
        return np.asarray(expit(self.baseline[ages] + (covariates - self.centre) @ self.effects))

    def survival_from(self, age: npt.ArrayLike, covariates: Floats, horizon: int) -> Floats:
        """Return P(renews 1, …, horizon more times), shape (n, horizon), for covariates that stay as they are."""
        ages, steps = whole_numbers(age, "age", least=0), int(whole_numbers(horizon, "horizon", least=1))
        stays = [1.0 - self.p_leaves(ages + i, covariates) for i in range(steps)]
        return np.asarray(np.cumprod(np.stack(stays, axis=1), axis=1), dtype=np.float64)


def fit_hazard(
    periods: npt.ArrayLike, left: npt.ArrayLike, covariates: npt.ArrayLike, names: Sequence[str], *, n_ages: int = 12
) -> Hazard:
    """Fit log-odds per age and linear effects by maximum likelihood (Newton, on ages × customers at risk).

    Parameters
    ----------
    periods, left
        As in `fit_shifted_beta_geometric`.
    covariates
        Known at the start of each customer, shape (n, d), finite.
    names
        Of the covariates, d of them.
    n_ages
        Ages with log-odds of their own; later ones share the last. An age at which nobody left, or nobody stayed,
        shares those of its neighbour; before the first leaver the chance to leave is 0.

    Not supported: covariates that change with time.

    Raises
    ------
    InsufficientDataError
        With fewer than ten leavers and ten per covariate, or nobody who renewed.
    UsageError
        If a covariate is constant, not finite, made up of those before it, or tells leavers from stayers without fail;
        if there is not a row per customer and a column per name.
    InputError
        See `contract_rows`.
    """
    seen, gone = contract_rows(periods, left)
    most, covariates = int(whole_numbers(n_ages, "n_ages", least=1)), covariate_rows(covariates, names, len(seen))
    _refuse_too_few(seen, gone, len(names))
    centre, scale = covariates.mean(axis=0), covariates.std(axis=0)
    standard = _standardised(covariates, centre, scale, names)
    rows = np.repeat(np.arange(len(seen)), seen)
    age = np.arange(len(rows)) - np.repeat(np.cumsum(seen) - seen, seen)
    leaves = (age == seen[rows] - 1) & gone[rows]
    group = _groups(age, leaves, most)
    free = group[np.minimum(age, len(group) - 1)]
    rows, leaves, free = rows[free >= 0], leaves[free >= 0], free[free >= 0]
    k = int(free.max()) + 1
    _refuse_separation(standard[rows], leaves, names)

    def objective(theta: Floats) -> tuple[float, Floats, Floats]:
        return _logistic(theta, free, standard[rows], leaves, len(seen))

    share = float(leaves.mean())
    start = np.concatenate([np.full(k, np.log(share / (1.0 - share))), np.zeros(len(scale))])
    fit = minimise(objective, start)
    reach = np.abs(fit.parameters[k:]) * np.ptp(standard, axis=0)
    if reach.max(initial=0.0) > _MOST_LOG_ODDS:
        raise _separating(names[int(np.argmax(reach))])
    errors = np.sqrt(np.maximum(np.diag(np.linalg.pinv(len(seen) * fit.hessian, hermitian=True)), 0.0))
    return Hazard(
        baseline=np.where(group < 0, -np.inf, fit.parameters[np.maximum(group, 0)]),
        names=tuple(names),
        effects=fit.parameters[k:] / scale,
        standard_errors=errors[k:] / scale,
        centre=centre,
        log_likelihood=-len(seen) * fit.value,
        converged=fit.converged,
        n_customers=len(seen),
    )


def _refuse_too_few(seen: Codes, gone: npt.NDArray[np.bool_], n_covariates: int) -> None:
    if gone.sum() < _LEAST_LEAVERS * (1 + n_covariates):
        raise InsufficientDataError(
            f"{gone.sum()} customers left, too few for {n_covariates} covariates",
            hint=f"Use at least {_LEAST_LEAVERS} leavers per covariate: fewer covariates or a longer history.",
            code="lifetime.too_few_leavers",
        )
    if seen.sum() == gone.sum():
        raise InsufficientDataError(
            "nobody renewed: every customer left at the first renewal",
            hint="Bring customers who stayed as well: left is False for whoever is still with you.",
            code="lifetime.nobody_renewed",
        )


def _standardised(covariates: Floats, centre: Floats, scale: Floats, names: Sequence[str]) -> Floats:
    """Return covariates of mean 0 and deviation 1, shape (n, d), each of which adds to those before it."""
    bad = [name for name, spread in zip(names, scale, strict=True) if not spread > 0.0]
    if bad:
        raise UsageError(
            f"covariate {bad[0]!r} is constant or holds values that are not finite",
            hint=f"Leave it out: {', '.join(name for name in names if name not in bad) or 'no covariate is left'}.",
            code="lifetime.bad_covariate",
        )
    standard = (covariates - centre) / scale
    own = np.abs(np.diag(np.linalg.qr(standard, mode="r"))) / np.sqrt(len(standard))
    if own.min(initial=1.0) < _COLLINEAR:
        name = names[int(np.argmax(own < _COLLINEAR))]
        raise UsageError(
            f"covariate {name!r} is made up of those before it",
            hint=f"Leave {name!r} out and fit again; of the columns of one category leave out one.",
            code="lifetime.collinear_covariate",
        )
    return standard


def _refuse_separation(standard: Floats, leaves: npt.NDArray[np.bool_], names: Sequence[str]) -> None:
    """Refuse a covariate no value of which, but one, is shared by renewals made and refused."""
    for name, column in zip(names, standard.T, strict=True):
        left, stayed = column[leaves], column[~leaves]
        if left.max() <= stayed.min() or stayed.max() <= left.min():
            raise _separating(name)


def _separating(name: str) -> UsageError:
    return UsageError(
        f"covariate {name!r} tells leavers from stayers without fail, so its effect has no finite estimate",
        hint=f"Leave {name!r} out if it is known only after the fact; else join its rare values to others.",
        code="lifetime.separating_covariate",
    )


def _groups(age: Codes, leaves: npt.NDArray[np.bool_], most: int) -> Codes:
    """Return which log-odds each of the first ages has, shape (at most `most`,), or −1 where nobody leaves.

    Ages before the first leaver, such as a minimum term, have no chance to leave. A later age without leavers, or
    without stayers, shares the log-odds of the one before it, and one at the start those of the one after it.
    """
    capped = np.minimum(age, most - 1)
    at_risk = np.bincount(capped)
    left = np.bincount(capped[leaves], minlength=len(at_risk))
    both = (left > 0) & (left < at_risk)
    group = np.maximum(np.cumsum(both) - 1, 0)
    group[: int(np.argmax(left > 0))] = -1
    return group


def _logistic(
    theta: Floats, age: npt.NDArray[np.int64], standard: Floats, leaves: npt.NDArray[np.bool_], n: int
) -> tuple[float, Floats, Floats]:
    """Negative mean log-likelihood of leaving, over customers × ages; d + k parameters."""
    k = len(theta) - standard.shape[1]
    score = theta[age] + standard @ theta[k:]
    value = np.logaddexp(0.0, score).sum() - score[leaves].sum()
    p = expit(score)
    error, curve = p - leaves, p * (1.0 - p)
    gradient = np.concatenate([np.bincount(age, weights=error, minlength=k), standard.T @ error])
    hessian = np.zeros((len(theta), len(theta)))
    hessian[np.arange(k), np.arange(k)] = np.bincount(age, weights=curve, minlength=k)
    for i in range(standard.shape[1]):
        hessian[:k, k + i] = np.bincount(age, weights=curve * standard[:, i], minlength=k)
    hessian[k:, :k] = hessian[:k, k:].T
    hessian[k:, k:] = standard.T @ (standard * curve[:, None])
    return float(value) / n, gradient / n, hessian / n
