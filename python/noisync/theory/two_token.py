r"""Two tokens under random value matrices: where they end, exactly.

With softmax weights p = 1/(1+e^{−β(1−u)}), q = 1−p and the cosine u of the two tokens, the averages
A_i of :class:`noisync.ValueNoise` have :math:`1-|A|^2 = 2pq(1-u)` and
:math:`\langle A_1, A_2\rangle = u + 2pq(1-u)`, whence

.. math:: du = s^2 G_1(u)\left[\frac{(d-2)/\cosh\beta(1-u) - u}{1-u^2}\,dt\right]
          + s\sqrt{2G_1(u)}\,dB,\qquad
          G_1(u) = \frac{(1-u^2)^2\cosh\beta(1-u)}{1+\cosh\beta(1-u)}.

Where the tokens end does not depend on G_1, a change of time, nor on s. With
:math:`u = -\tanh y` the density of the scale function is

.. math:: f(y) = \operatorname{sech} y\,
          \exp\Bigl((d-2)\int_0^y \frac{dr}{\cosh\beta(1+\tanh r)}\Bigr),\qquad
          P(\text{antipodal} \mid y_0) = \int_{-\infty}^{y_0} f \Big/ \int_{-\infty}^{\infty} f.

References
----------
arXiv:2601.21942, whose drift and diffusion these are; the form above is derived from them here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate, special

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError

__all__ = ["antipodal_probability", "critical_beta"]

#: So far beyond all starting points f is an exponential to rounding.
_FAR = 20.0


def critical_beta(dim: int) -> float:
    r"""Return the β above which two tokens may end as antipodes.

    .. math:: \beta_c = \tfrac12 \operatorname{arccosh}(d-2)

    Above it the antipodal pair attracts with positive probability, at and below it almost all pairs
    meet. 0 for dim = 2, where this happens for every β, and for dim = 3.

    Parameters
    ----------
    dim : int
        d, at least 2.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For dim below 2.

    Examples
    --------
    >>> import noisync as ns
    >>> round(ns.two_token.critical_beta(8), 4)
    1.2389

    References
    ----------
    arXiv:2601.21942.
    """
    dim = validate.integer("dim", dim, minimum=2)
    return float(0.5 * np.arccosh(max(dim - 2.0, 1.0)))


def antipodal_probability(dim: int, beta: float, u0: npt.ArrayLike = 0.0) -> Any:
    """Return the probability that two tokens of cosine u0 end as antipodes, not at one point.

    Under ``ValueNoise(beta)`` of any scale, in the limit of infinite depth, without attention.

    Parameters
    ----------
    dim : int
        d, at least 2.
    beta : float
        Inverse temperature of the noise; only its size matters.
    u0 : float or array_like
        Cosines of the two tokens at the start, in [−1, 1].

    Returns
    -------
    float or ndarray
        Of the shape of u0; accurate to 1e-9. At u0 = −1 it is 1: antipodes stay.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        For arguments out of range.

    Examples
    --------
    >>> import noisync as ns
    >>> round(ns.two_token.antipodal_probability(3, 1.0), 4)
    0.2224

    References
    ----------
    arXiv:2601.21942.
    """
    dim = validate.integer("dim", dim, minimum=2)
    beta = abs(validate.real("beta", beta))
    cosines = np.asarray(validate.finite_array("u0", u0), dtype=np.float64)
    if np.any(np.abs(cosines) > 1):
        worst = cosines.ravel()[np.argmax(np.abs(cosines))]
        raise ArgumentError(f"u0 must lie in [-1, 1], got {worst:g}")
    result = np.where(cosines == -1, 1.0, 0.0)
    inside = np.abs(cosines) < 1
    if inside.any() and (dim == 2 or beta > critical_beta(dim)):
        result[inside] = _probability(dim, beta, np.arctanh(-cosines[inside]))
    return float(result) if result.ndim == 0 else result


def _probability(dim: int, beta: float, y: FloatArray) -> FloatArray:
    """Return P at inner points, from l = log ∫_{−∞}^y f / f(y) and r = log ∫_y^∞ f / f(y).

    With σ = (log f)', l' = e^{−l} − σ and r' = −e^{−r} − σ.
    """

    def slope(at: float) -> float:
        # 1/cosh without overflow, 1 + tanh without cancellation
        decay = np.exp(-beta * 2 / (1 + np.exp(-2 * at)))
        return float((dim - 2) * 2 * decay / (1 + decay**2) - np.tanh(at))

    points, place = np.unique(y, return_inverse=True)
    far = float(np.abs(points).max()) + _FAR
    left = _solved(lambda at, v: np.exp(-v) - slope(at), -far, slope(-far), points)
    right = _solved(lambda at, v: -np.exp(-v) - slope(at), far, -slope(far), points[::-1])[::-1]
    return np.asarray(special.expit(left - right)[place.ravel()])


def _solved(
    derivative: Callable[[float, FloatArray], FloatArray],
    start: float,
    rate: float,
    points: FloatArray,
) -> FloatArray:
    """Return the solution at points in order; it starts as −log(rate)."""
    solution = integrate.solve_ivp(
        derivative,
        (start, float(points[-1])),
        [-np.log(rate)],
        t_eval=points,
        method="LSODA",
        rtol=1e-12,
        atol=1e-12,
    )
    return np.asarray(solution.y[0])
