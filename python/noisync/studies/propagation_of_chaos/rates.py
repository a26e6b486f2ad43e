"""What theory says of the rates in N."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from noisync.base.validate import FloatArray
from noisync.sphere.harmonics import harmonic_dimension


def theorem_rate(dim: int, n: npt.ArrayLike) -> FloatArray:
    """Return r_d(N) of the theorem's bound on E sup_t W_2², for any μ_0.

    References
    ----------
    arXiv:2604.26898, §3.
    """
    size = np.asarray(n, dtype=np.float64)
    if dim == 4:
        return np.asarray(size**-0.5 * np.log1p(size))
    return np.asarray(size ** -min(0.5, 2 / dim))


def smooth_rate(dim: int, n: npt.ArrayLike) -> FloatArray:
    """Return the rate of W_2² of independent tokens from a smooth law, bounded below.

    The sphere has dimension d − 1: N^{-1} for d = 2, N^{-1} log N for d = 3, else N^{-2/(d-1)}.
    """
    size = np.asarray(n, dtype=np.float64)
    if dim == 3:
        return np.asarray(np.log(size) / size)
    return np.asarray(size ** -min(1.0, 2 / (dim - 1)))


def growing_degree(dim: int, n: int) -> int:
    """Return p = N^{1/(d−1)}, rounded: the degree that N tokens resolve."""
    degree: int = round(float(n) ** (1 / (dim - 1)))
    return max(1, degree)


def growing_rate(dim: int, n: npt.ArrayLike) -> FloatArray:
    """Return (1/N) Σ_{1≤n≤p} N_{n,d}/(1 + n(n+d−2)), p = N^{1/(d−1)}: exact for uniform tokens."""
    return np.array(
        [_sampling_error(dim, size, 1.0, growing_degree(dim, size)) for size in np.asarray(n)]
    )


def _sampling_error(dim: int, n: int, order: float, degree: int) -> float:
    k = np.arange(1.0, degree + 1)
    counts = np.array([harmonic_dimension(each, dim) for each in range(1, degree + 1)])
    return float(counts @ (1 + k * (k + dim - 2)) ** -order) / n


def fitted_slope(n: npt.ArrayLike, rate: FloatArray) -> float:
    """Return the least-squares slope in logarithms of a rate on given sizes."""
    return float(np.polyfit(np.log(np.asarray(n, dtype=np.float64)), np.log(rate), 1)[0])
