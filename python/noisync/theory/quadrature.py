"""Expectations of functions of one or two Gaussian variables, and means over the sphere."""

from __future__ import annotations

import warnings
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import integrate, special

from noisync.base.validate import FloatArray
from noisync.errors import KernelAccuracyWarning
from noisync.theory.activations import PROMISED, Function

#: Relative accuracy that the quadratures aim at.
TARGET = 1e-13

#: Radius beyond which a standard normal has mass below 1e-31.
RADIUS = 12.0

#: Largest dimension in which sums and noise are made of spherical harmonics.
HARMONIC_DIM = 16

#: Nodes in each direction of each sector: doubled until two results agree.
_SIZES = (24, 48, 96, 192, 384, 768)


def gaussian_mean(f: Function, variance: float) -> float:
    r"""Return :math:`E f(\sqrt{q}\,\xi)`, ξ standard normal, q the variance.

    Adaptive, so kinks anywhere are found; the origin, where the named activations have theirs, is
    always an end of an interval.
    """
    scale = np.sqrt(variance)

    def integrand(points: FloatArray) -> FloatArray:
        xi = points[:, 0]
        return np.asarray(f(scale * xi) * np.exp(-0.5 * xi**2) / np.sqrt(2 * np.pi))

    # Where q is large, φ varies on |z| of order 1 only: give that stretch intervals of its own.
    inner = [edge / scale for edge in (1.0, 8.0) if edge / scale < RADIUS / 2] if scale > 1 else []
    edges = [-RADIUS, *(-np.array(inner[::-1])), 0.0, *inner, RADIUS]
    parts = [
        integrate.cubature(integrand, [low], [high], rtol=TARGET, atol=0.0, max_subdivisions=500)
        for low, high in pairwise(edges)
    ]
    magnitude = sum(abs(float(part.estimate)) for part in parts)
    cut = float(np.abs(integrand(np.array([[-RADIUS], [RADIUS]]))).max())
    _check(sum(float(part.error) for part in parts) + cut, magnitude)
    return sum(float(part.estimate) for part in parts)


def gaussian_pair_mean(
    f: Function, variance: float, correlation: FloatArray, accuracy: float = TARGET
) -> FloatArray:
    r"""Return :math:`E f(Z) f(Z')` for centred Gaussian pairs of equal variance q.

    With (Z, Z') = √q r (cos θ, cos(θ − α)), cos α = correlation, a kink of f at the origin lies on
    the four rays θ = ±π/2, α ± π/2: between them the integrand is smooth, and Gauss–Legendre rules
    in r and θ converge spectrally. Nodes are doubled until two results agree to
    the relative `accuracy`.
    """
    angles = np.arccos(np.clip(np.ravel(correlation), -1.0, 1.0))
    result = np.empty_like(angles)
    pending = np.arange(angles.size)
    coarse = _sector_rule(f, variance, angles, _SIZES[0])[0]
    for size in _SIZES[1:]:
        fine, magnitude = _sector_rule(f, variance, angles[pending], size)
        result[pending] = fine
        difference = np.abs(fine - coarse)
        unsettled = ~(difference <= accuracy * magnitude)
        worst = float(np.max(difference / np.maximum(magnitude, 1e-300)))
        pending, coarse = pending[unsettled], fine[unsettled]
        if pending.size == 0:
            break
    else:
        _check(worst, 1.0)
    return result.reshape(np.shape(correlation))


def _check(error: float, magnitude: float) -> None:
    if not error <= PROMISED * max(magnitude, 1e-300):  # NaN too
        warnings.warn(
            f"an expectation over the activation reached a relative accuracy of "
            f"{error / max(magnitude, 1e-300):.1e} only; {PROMISED:g} is promised for functions "
            "that are smooth on both sides of zero",
            KernelAccuracyWarning,
            stacklevel=6,
        )


def _sector_rule(
    f: Function, variance: float, angles: FloatArray, size: int
) -> tuple[FloatArray, FloatArray]:
    """Return the integral and the integral of the absolute value, by `size`² nodes a sector."""
    node, weight = legendre(size)
    radius = 0.5 * RADIUS * (node + 1)
    radial = 0.5 * RADIUS * weight * radius * np.exp(-0.5 * radius**2) / (2 * np.pi)
    scaled = np.sqrt(variance) * radius
    value = np.zeros_like(angles)
    magnitude = np.zeros_like(angles)
    for k, alpha in enumerate(angles):
        # Rays where cos θ or cos(θ − α) vanish; the integrand is the same at θ and α − θ, so the
        # two wide and two narrow sectors between them cover the circle.
        rays = np.array([alpha - np.pi / 2, np.pi / 2, alpha + np.pi / 2, 3 * np.pi / 2])
        ends = np.append(rays, rays[0] + 2 * np.pi)
        for low, high in pairwise(ends):
            half = 0.5 * (high - low)
            if half <= 0:
                continue
            theta = low + half * (node + 1)
            first = f(np.outer(scaled, np.cos(theta)))
            second = f(np.outer(scaled, np.cos(theta - alpha)))
            product = first * second
            value[k] += half * float(radial @ product @ weight)
            magnitude[k] += half * float(radial @ np.abs(product) @ weight)
    return value, magnitude


@lru_cache(maxsize=32)
def legendre(size: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss–Legendre nodes and weights on [−1, 1]."""
    node, weight = special.roots_legendre(size)
    return np.asarray(node), np.asarray(weight)


def angle_density(theta: FloatArray, dim: int, weight: FloatArray | float = 1.0) -> FloatArray:
    """Return `weight` times the density of the angle of two independent uniform points."""
    return np.asarray(weight * np.sin(theta) ** (dim - 2) / special.beta((dim - 1) / 2, 0.5))


def cosine_rule(size: int, dim: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights for means over the cosine of two independent uniform points.

    Gauss–Legendre in the angle, where kernels are smooth up to the ends even at a kink.
    """
    node, weight = legendre(size)
    theta = 0.5 * np.pi * (node + 1)
    return np.cos(theta), angle_density(theta, dim, 0.5 * np.pi * weight)
