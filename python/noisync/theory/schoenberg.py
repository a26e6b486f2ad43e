"""Coefficients c_n of an isotropic kernel on the sphere: κ = Σ c_n P_{n,d}, in two ways.

By orthogonality, c_n = N_{n,d} E[κ(u) P_{n,d}(u)] with u the cosine to a uniform point: accurate
while N_{n,d}, the number of harmonics, times rounding is small. By Mehler's formula,
κ = Σ_k a_k² ρ^k with a_k the Hermite coefficients of φ and ρ affine in u: all terms are
non-negative, so nothing cancels, but k is cut where a kinked φ still has a tail. Each way knows its
error; per degree the better one counts.
"""

from __future__ import annotations

import warnings

import numpy as np

from noisync.base.validate import FloatArray
from noisync.errors import KernelAccuracyWarning
from noisync.sphere.harmonics import gegenbauer, harmonic_dimension
from noisync.theory.activations import PROMISED, Function
from noisync.theory.quadrature import cosine_rule, legendre

_HERMITE_DEGREES = 1024


def schoenberg(
    degree: int,
    dim: int,
    phi: Function,
    input_variance: float,
    bias_variance: float,
    pair_mean: Function,
    power: float,
) -> FloatArray:
    """Return c_0..c_degree of u ↦ E φ(Z)φ(Z'), variance q_0 + σ_U², covariance u q_0 + σ_U².

    Parameters
    ----------
    degree, dim : int
    phi : callable
        φ.
    input_variance, bias_variance : float
        q_0 and σ_U².
    pair_mean : callable
        u ↦ E φ(Z)φ(Z').
    power : float
        Its value at 1.
    """
    # Beyond 1e250 the count only says that projection is useless there.
    counts = np.minimum([harmonic_dimension(n, dim) for n in range(degree + 1)], 1e250)
    projected, projected_error = _by_projection(counts, dim, pair_mean, power)
    summed, summed_error = _by_mehler(counts, dim, phi, input_variance, bias_variance, power)
    result = np.where(projected_error < summed_error, projected, summed)
    error = np.minimum(projected_error, summed_error)
    if np.any(error > PROMISED * power):
        first = int(np.flatnonzero(error > PROMISED * power)[0])
        warnings.warn(
            f"Schoenberg coefficients from degree {first} on are only good to "
            f"{error[first:].max() / power:.1e} of kappa(1)",
            KernelAccuracyWarning,
            stacklevel=5,
        )
    return np.asarray(np.maximum(result, 0.0))


def _by_projection(
    counts: FloatArray, dim: int, pair_mean: Function, power: float
) -> tuple[FloatArray, FloatArray]:
    """Return c_n by orthogonality, and its error."""
    degree = counts.size - 1
    u, weight = cosine_rule(max(96, degree + dim // 2 + 64), dim)
    moments = gegenbauer(degree, dim, u) @ (weight * pair_mean(u))
    return counts * moments, counts * 1e-14 * power


def _by_mehler(
    counts: FloatArray,
    dim: int,
    phi: Function,
    input_variance: float,
    bias_variance: float,
    power: float,
) -> tuple[FloatArray, FloatArray]:
    """Sum Σ a_k² ρ^k by Horner's scheme in the basis P_n.

    There ρ = s u + t multiplies by u P_n = [(n+d−2) P_{n+1} + n P_{n−1}] / (2n+d−2).
    """
    variance = input_variance + bias_variance
    s, t = input_variance / variance, bias_variance / variance
    squares = hermite_coefficients(phi, variance, _HERMITE_DEGREES) ** 2
    size = max(counts.size, squares.size) + 1
    n = np.arange(size)
    up = (n + dim - 2.0) / np.maximum(2 * n + dim - 2.0, 1.0)
    up[0] = 1.0  # u P_0 = P_1, also for d = 2 where the general formula is 0/0
    down = n / np.maximum(2 * n + dim - 2.0, 1.0)
    c = np.zeros(size)
    for square in squares[::-1]:
        raised = t * c
        raised[1:] += s * (up * c)[:-1]
        raised[:-1] += s * (down * c)[1:]
        raised[0] += square
        c = raised
    # What the cut leaves out of c_n is at most N_n E|ρ|^K times the variance left out.
    left_out = max(power - float(squares.sum()), 0.0) + 4 * np.finfo(float).eps * power
    u, weight = cosine_rule(256, dim)
    reach = float(weight @ np.abs(s * u + t) ** squares.size)
    rounding = 1e-13 * c[: counts.size]
    return c[: counts.size], np.minimum(counts * reach, 1.0) * left_out + rounding


def hermite_coefficients(phi: Function, variance: float, count: int) -> FloatArray:
    """Return a_k = E[φ(√q ξ) h_k(ξ)], k < count, h_k the orthonormal Hermite polynomials."""
    # h_k e^{−ξ²/4} stays bounded, so the other e^{−ξ²/4} cuts the range.
    node, weight = legendre(1024)
    half = 6.5 * (node + 1)
    xi = np.concatenate([-half[::-1], half])
    mass = 6.5 * np.concatenate([weight[::-1], weight]) * np.exp(-0.25 * xi**2)
    values = mass * phi(np.sqrt(variance) * xi) / np.sqrt(2 * np.pi)
    previous = np.zeros_like(xi)
    current = np.exp(-0.25 * xi**2)
    result = np.empty(count)
    for k in range(count):
        result[k] = values @ current
        following = (xi * current - np.sqrt(k) * previous) / np.sqrt(k + 1)
        previous, current = current, following
    return result
