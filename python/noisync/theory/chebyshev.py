"""Chebyshev series of functions of an angle, as long as they need to be."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import fft

from noisync.base.validate import FloatArray
from noisync.errors import KernelAccuracyWarning

#: Degrees tried in turn; the nodes of one are every second node of the next.
_DEGREES = (32, 64, 128, 256, 512, 1024)

#: Coefficients below this, relative to the function, are rounding.
ROUNDING = 1e-15


def evaluate(series: FloatArray, angle: FloatArray, end: float) -> FloatArray:
    r"""Return :math:`\sum_n a_n T_n(2\theta/e - 1)` at angles θ in [0, e], e = `end`."""
    return np.asarray(np.polynomial.chebyshev.chebval(2 * angle / end - 1, series))


def chebyshev_series(
    function: Callable[[FloatArray], FloatArray], end: float, rounding: float = ROUNDING
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
