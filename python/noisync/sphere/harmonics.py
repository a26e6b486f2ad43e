"""Spherical harmonics, degree by degree: how many there are, and their zonal polynomials."""

from __future__ import annotations

import numpy as np
from scipy import special

from noisync.base.validate import FloatArray


def harmonic_dimension(degree: int, dim: int) -> float:
    """Return N_{n,d}, the dimension of the spherical harmonics of degree n on S^{d−1}."""
    if degree == 0:
        return 1.0
    return (2 * degree + dim - 2) / degree * float(special.binom(degree + dim - 3, degree - 1))


def gegenbauer(degree: int, dim: int, u: FloatArray) -> FloatArray:
    """Return P_{n,d}(u) for n = 0..degree, normalised to P_{n,d}(1) = 1: shape (degree+1, ...)."""
    p = np.empty((degree + 1, *u.shape))
    p[0] = 1.0
    if degree > 0:
        p[1] = u
    for n in range(1, degree):
        p[n + 1] = ((2 * n + dim - 2) * u * p[n] - n * p[n - 1]) / (n + dim - 2)
    return p
