r"""The generator of a pair's cosine u, without cancellation as the two tokens merge.

.. math:: G_0(u) = \kappa(u)(d-2+u^2) - \kappa(1)(d-1)u,\qquad
          G_1(u) = (1-u^2)(\kappa(1) - u\kappa(u))

With :math:`D = (\kappa(1) - \kappa(u))/(1-u)`, which tends to κ'(1),

.. math:: \frac{G_0}{1-u} = \kappa(1)(d-2-u) - D(d-2+u^2),\qquad
          \frac{G_1}{(1-u)^2} = (1+u)(\kappa(1) + uD).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from noisync.base.validate import FloatArray
from noisync.sphere.harmonics import gegenbauer, harmonic_dimension
from noisync.theory.chebyshev import chebyshev_series
from noisync.theory.covariance import Covariance

#: Below this angle D comes from κ', above from κ itself.
_NEAR = 0.3


class Reduced(NamedTuple):
    """At angles θ: 1 − u, G_0/(1−u) and G_1/(1−u)²."""

    gap: FloatArray
    drift: FloatArray
    diffusion: FloatArray


def reduced(kernel: Covariance, theta: FloatArray) -> Reduced:
    """Return the generator's coefficients at angles in [0, π]."""
    gap = 2 * np.sin(0.5 * theta) ** 2
    near = theta < _NEAR
    quotient = np.empty_like(theta)
    quotient[near] = kernel.gap_quotient(theta[near])
    quotient[~near] = (kernel.variance - kernel.at_angle(theta[~near])) / gap[~near]
    return from_quotient(kernel, gap, quotient)


def from_quotient(kernel: Covariance, gap: FloatArray, quotient: FloatArray) -> Reduced:
    """Return the coefficients where 1 − u and D are known."""
    d, one, u = kernel.dim, kernel.variance, 1 - gap
    drift = one * (d - 2 - u) - quotient * (d - 2 + u**2)
    return Reduced(gap, drift, (1 + u) * (one + u * quotient))


@lru_cache(maxsize=64)
def generator_series(kernel: Covariance, beta: float) -> FloatArray:
    r"""Return the Chebyshev coefficients of θ ↦ G_β(cos θ)/(1 − cos θ) on [0, π]."""

    def function(theta: FloatArray) -> FloatArray:
        gap, drift, diffusion = reduced(kernel, theta)
        return np.asarray(drift + beta * gap * diffusion)

    return chebyshev_series(function, np.pi)


@lru_cache(maxsize=64)
def generator_harmonics(kernel: Covariance, beta: float) -> FloatArray | None:
    r"""Return f_0, f_1, ... of :math:`e^{\beta(u-1)} G_\beta(u) = \sum_n f_n P_{n,d}(u)`.

    By orthogonality; up to where they are below 1e-14 of the function, or rounding, which grows
    with their number. None where that is not reached by degree 250, or rounding is above 3e-13:
    kinked activations, many dimensions.
    """
    d, most = kernel.dim, 250
    node, weight = special.roots_jacobi(most + 50, 0.5 * (d - 3), 0.5 * (d - 3))
    gap, drift, diffusion = reduced(kernel, np.arccos(node))
    values = gap * np.exp(-beta * gap) * (drift + beta * gap * diffusion)
    counts = np.array([harmonic_dimension(k, d) for k in range(most + 1)])
    projected = gegenbauer(most, d, node) @ (weight / weight.sum() * values)
    coefficients = counts * projected
    small = np.abs(coefficients) <= (1e-14 + 1e-16 * counts) * np.abs(values).max()
    cut = np.flatnonzero(small[:-2] & small[1:-1] & small[2:])
    if cut.size == 0 or counts[cut[0]] > 3000:
        return None
    return np.asarray(coefficients[: cut[0] + 1])


@lru_cache(maxsize=64)
def _on_grid(kernel: Covariance) -> tuple[FloatArray, Reduced]:
    theta = np.linspace(0, np.pi, 513)
    return theta, reduced(kernel, theta)


def coercivity(kernel: Covariance) -> float:
    """Return λ̄ = (d−1)κ'(1) − (d−3)κ(1)."""
    d = kernel.dim
    return (d - 1) * kernel.slope - (d - 3) * kernel.variance


def lyapunov_exponent(kernel: Covariance) -> float:
    """Return λ_1 = ½[(d−3)κ'(1) − (d−1)κ(1)]."""
    d = kernel.dim
    return 0.5 * ((d - 3) * kernel.slope - (d - 1) * kernel.variance)


def dissipation_rate(kernel: Covariance, beta: float) -> float:
    """Return −inf over u of β e^{βu} G_β(u)/(e^β − e^{βu}): see ``Kernel.dissipation_rate``."""

    def rate(at: Reduced) -> FloatArray:
        # Everything divided by 1 − u; (e^β − e^{βu})/(βe^β(1−u)) is 1 at u = 1.
        # Beyond βg = 1000, e^{−βg} is zero: the product need not overflow for that.
        power = np.minimum(beta, 1e3 / np.maximum(at.gap, 1e-300)) * at.gap
        gap = np.maximum(power, 1e-300)
        loss = -np.expm1(-gap) / gap
        return -np.exp(-gap) * (at.drift + power * at.diffusion) / loss

    theta, values = _on_grid(kernel)
    rates = rate(values)
    best = int(np.argmax(rates))
    peak = optimize.minimize_scalar(
        lambda t: -float(rate(reduced(kernel, np.array([t])))[0]),
        bounds=(theta[max(best - 1, 0)], theta[min(best + 1, theta.size - 1)]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return max(float(rates[best]), -float(peak.fun), coercivity(kernel))  # its limit u → 1
