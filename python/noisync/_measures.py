"""Measures of the core, described by values of Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from noisync import _core
from noisync._angular import angular_series, chebyshev_series, gap_quotient
from noisync._linear_time import energy_series
from noisync._validate import FloatArray
from noisync.kernel import Kernel
from noisync.model import Model


def energy_measure(
    betas: Sequence[float], dim: int, n: int, method: str, *, scaled: bool
) -> _core.Measure:
    """Return the measure of E_β for every β, by the way that `method` leads to for n tokens."""
    series = energy_series(betas, dim, n, method, scaled=scaled)
    return _core.energy_measure(list(betas), scaled, [] if series is None else series.tolist(), dim)


def budget_measure(model: Model, beta: float, *, scaled: bool) -> _core.Measure:
    """Return the measure of the attention and the noise part of dE_β/dt."""
    attention = None if model.attention is None else model.attention._core_config()
    noise = () if model.noise is None else generator_series(model.kernel, beta).tolist()
    return _core.budget_measure(beta, scaled, attention, noise, model.dim)


@lru_cache(maxsize=64)
def generator_series(kernel: Kernel, beta: float) -> FloatArray:
    r"""Return the Chebyshev coefficients of :math:`\theta \mapsto G_\beta(u)/(1-u)`, u = cos θ.

    On [0, π], with :math:`D = (\kappa(1) - \kappa(u))/(1-u)`, so that nothing cancels as u → 1:

    .. math:: \frac{G_0}{1-u} = \kappa(1)(d-2-u) - D(d-2+u^2),\qquad
              \frac{G_1}{1-u} = (1-u^2)(\kappa(1) + uD)
    """
    d, one, series = kernel.dim, kernel.variance, angular_series(kernel)

    def function(theta: FloatArray) -> FloatArray:
        gap = 2 * np.sin(0.5 * theta) ** 2
        u = 1 - gap
        near = theta <= np.pi / 2
        quotient = np.empty_like(theta)
        quotient[near] = gap_quotient(kernel, theta[near])
        values = chebyshev.chebval(2 * theta[~near] / np.pi - 1, series)
        quotient[~near] = (one - values) / gap[~near]
        first = one * (d - 2 - u) - quotient * (d - 2 + u**2)
        return np.asarray(first + beta * (gap * (1 + u) * (one + u * quotient)))

    return chebyshev_series(function, np.pi)
