"""The kernel as a function of the angle, in which it is smooth for kinked activations too."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from noisync import _quadrature
from noisync._validate import FloatArray
from noisync.errors import KernelAccuracyWarning

if TYPE_CHECKING:
    from noisync.kernel import Kernel

#: Degrees tried in turn; the nodes of one are every second node of the next.
_DEGREES = (32, 64, 128, 256, 512, 1024)

#: Coefficients below this, relative to the function, are rounding.
_ROUNDING = 1e-15


@lru_cache(maxsize=64)
def angular_series(kernel: Kernel) -> FloatArray:
    r"""Return the Chebyshev coefficients of :math:`\theta \mapsto \kappa(\cos\theta)` on [0, π].

    .. math:: \kappa(\cos\theta) = \sum_n a_n T_n(2\theta/\pi - 1)

    In u = cos θ a kinked activation gives κ a term :math:`(1-u)^{3/2}`, which is smooth in
    θ. What is left are singularities beyond θ = π, where the correlation would reach −1:
    sin(θ/2) = √(1 + dσ_U²); a small σ_U > 0 brings them near, and needs a few hundred coefficients.

    Returns
    -------
    (n,) ndarray
        Read-only. The series is accurate to about 1e-14 κ(1).

    Warns
    -----
    KernelAccuracyWarning
        Where 1025 coefficients do not suffice.
    """
    return chebyshev_series(lambda theta: kernel(np.cos(theta)), np.pi)


@lru_cache(maxsize=64)
def angular_slope_series(kernel: Kernel) -> FloatArray:
    r"""Return the Chebyshev coefficients of :math:`\theta \mapsto \kappa'(\cos\theta)` on [0, π/2].

    .. math:: \kappa'(\cos\theta) = \sum_n b_n T_n(4\theta/\pi - 1)

    Its integral gives κ(1) − κ(cos θ) near θ = 0 with small relative error.

    Returns
    -------
    (n,) ndarray
        Read-only. The series is accurate to about 1e-13 κ'(1).
    """
    accuracy = kernel._phi.derivative_accuracy
    rounding = 5 * _ROUNDING if accuracy <= _quadrature.TARGET else 10 * accuracy
    return chebyshev_series(lambda theta: kernel.derivative(np.cos(theta)), np.pi / 2, rounding)


def gap_quotient(kernel: Kernel, theta: FloatArray) -> FloatArray:
    """Return D = (κ(1) − κ(cos θ))/(1 − cos θ) on [0, π/2], as ∫ κ'(cos s) sin s ds/(1 − cos θ)."""
    node, weight = _quadrature.legendre(32)
    fraction, slopes = 0.5 * (node + 1), angular_slope_series(kernel)
    points = theta[..., None] * fraction
    values = np.polynomial.chebyshev.chebval(4 * points / np.pi - 1, slopes)
    # sin(θx)/θ and (1 − cos θ)/θ², finite at θ = 0
    sines = fraction * np.sinc(points / np.pi)
    return np.asarray((values * sines) @ (0.5 * weight) / (0.5 * np.sinc(theta / 2 / np.pi) ** 2))


def chebyshev_series(
    function: Callable[[FloatArray], FloatArray], end: float, rounding: float = _ROUNDING
) -> FloatArray:
    """Interpolate on [0, `end`] at Chebyshev points, doubled until the coefficients fall off."""
    values = function(_nodes(_DEGREES[0], end))
    for degree in _DEGREES:
        if values.size <= degree:
            finer = np.empty(degree + 1)
            finer[::2] = values
            finer[1::2] = function(_nodes(degree, end)[1::2])
            values = finer
        # Nodes run from θ = 0, so x from −1: the type-I cosine transform gives (−1)^n a_n.
        coefficients = np.asarray(fft.dct(values, type=1)) / degree
        coefficients[[0, -1]] /= 2
        coefficients[1::2] *= -1
        limit = rounding * float(np.abs(values).max())
        tail = float(np.abs(coefficients[-degree // 8 :]).max())
        if tail <= limit:
            break
    else:
        warnings.warn(
            f"the kernel as a function of the angle was resolved to a relative accuracy of "
            f"{tail / limit * rounding:.1e} only, by {degree} Chebyshev coefficients",
            KernelAccuracyWarning,
            stacklevel=4,
        )
    kept = int(np.flatnonzero(np.abs(coefficients) > limit).max(initial=0))
    result: FloatArray = coefficients[: kept + 1].copy()
    result.setflags(write=False)
    return result


def _nodes(degree: int, end: float) -> FloatArray:
    # end (1 − cos(πj/n))/2, without cancellation near zero.
    fraction = np.arange(degree + 1, dtype=np.float64) / degree
    return np.asarray(end * np.sin(0.5 * np.pi * fraction) ** 2)
