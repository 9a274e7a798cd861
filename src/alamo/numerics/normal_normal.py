"""Normal–normal with correlated errors: shrink a few noisy numbers towards their common mean.

d = θ + ε with ε ~ N(0, Σ), Σ known; θ_k ~ N(m, τ²), flat prior on m. The spread is integrated out with a flat prior on
τ², as in `fay_herriot`, whose segments have independent errors; here the errors may share a control group.

Source: Morris (1983), "Parametric empirical Bayes inference", JASA 78, §1; Morris & Tang (2011), "Estimating random
effects via adjustment for density maximization", Statistical Science 26, §2.8 for the flat prior on τ²; Lindley & Smith
(1972), JRSS B 34, §2 for correlated errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_TOGETHER = 4
"""With fewer numbers and a flat prior on τ² the posterior of the spread is no distribution: nothing is shrunk."""

_LOG_RATIOS = np.linspace(-8.0, 16.0, 97)
"""ln τ²/typical variance, where the spread is integrated."""


@dataclass(frozen=True, slots=True)
class Together:
    """Posterior of the numbers.

    Attributes
    ----------
    mean
        Shape (k,).
    covariance
        Shape (k, k), the spread's own uncertainty included.
    """

    mean: Floats
    covariance: Floats


def shrink_together(direct: Floats, covariance: Floats) -> Together:
    """Return the posterior of the numbers behind `direct`, shape (k,), with known error `covariance`, shape (k, k).

    Fewer than `LEAST_TOGETHER` numbers come back as they are, with their own error.

    Raises
    ------
    ValueError
        If a variance is not positive.
    """
    k = len(direct)
    variance = np.diag(covariance)
    if not (variance > 0.0).all():
        raise ValueError("sampling variances must be positive")
    if k < LEAST_TOGETHER:
        return Together(direct.copy(), covariance.copy())
    typical = k / float((1.0 / variance).sum())
    fits = [_posterior(direct, covariance, float(tau_squared)) for tau_squared in typical * np.exp(_LOG_RATIOS)]
    log_weight = np.array([fit[0] for fit in fits]) + _LOG_RATIOS  # flat in τ²: dτ² = τ² d ln τ²
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    means = np.array([fit[1] for fit in fits])
    mean = weight @ means
    apart = means - mean
    within = np.einsum("g,gij->ij", weight, np.array([fit[2] for fit in fits]))
    return Together(mean, within + np.einsum("g,gi,gj->ij", weight, apart, apart))


def _posterior(direct: Floats, covariance: Floats, tau_squared: float) -> tuple[float, Floats, Floats]:
    """Return restricted log-likelihood, posterior mean and covariance at one τ²."""
    k = len(direct)
    precision = np.linalg.inv(covariance + tau_squared * np.eye(k))
    information = float(precision.sum())
    common = float(precision.sum(axis=0) @ direct) / information
    left = direct - common
    log_likelihood = 0.5 * float(np.linalg.slogdet(precision)[1] - np.log(information) - left @ precision @ left)
    pull = np.eye(k) - tau_squared * precision  # how much of the common mean each number takes
    mean = direct - pull @ left
    of_common = pull.sum(axis=1)
    posterior = tau_squared * np.eye(k) - tau_squared**2 * precision + np.outer(of_common, of_common) / information
    return log_likelihood, mean, posterior
