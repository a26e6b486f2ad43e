r"""The exact law of the cosine u of two tokens under the noise alone.

It solves :math:`du = G_0(u)\,dt + \sqrt{2 G_1(u)}\,dB` (arXiv:2604.26898, §4), whatever the other
tokens do: expectations of functions of u solve a partial differential equation in one dimension.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError, ArgumentTypeError
from noisync.theory.activations import Function
from noisync.theory.covariance import Covariance
from noisync.theory.pair import points
from noisync.theory.pair.mesh import Mesh, mesh
from noisync.theory.pair.solver import DEGREES, decay_power, nearest_angle, propagate, refined

#: Below this part of their bound, energies are absolutely, not relatively accurate.
_FLOOR = 1e-30


def expectation(kernel: Covariance, f: Function, u0: FloatArray, time: npt.ArrayLike) -> FloatArray:
    """Return E[f(u_t) | u_0]: see ``Kernel.pair_expectation``."""
    times = _times(time)
    shape = np.shape(time) + u0.shape
    at_one = float(_values(f, np.ones(1))[0])
    initial = _values(f, u0.ravel())
    largest = float(np.abs(initial).max(initial=abs(at_one)))

    def solve(elements: Mesh, step: float) -> FloatArray:
        nonlocal largest
        start = _values(f, 1 - elements.gaps())
        largest = max(largest, float(np.abs(start).max()))
        # u = 1 absorbs: what is left, f − f(1), vanishes there.
        nodal = propagate(kernel, elements, 0.0, start - at_one, rising, step, floor=1.0)
        return at_one + points.evaluate(elements, nodal, u0.ravel())

    rising, place = np.unique(times, return_inverse=True)
    if rising.size == 0 or u0.size == 0:
        return np.empty(shape)
    nearest = nearest_angle(kernel, 0.0, float(rising[-1]))
    result = refined(kernel, nearest, solve, lambda fine: np.full(fine.shape, largest))
    result[rising == 0] = initial
    return result[place.ravel()].reshape(shape)


def mean_energy(
    kernel: Covariance,
    beta: float,
    time: npt.ArrayLike,
    u0: FloatArray | None,
    weights: npt.ArrayLike | None,
) -> FloatArray:
    """Return the mean energy: see ``Kernel.mean_energy``.

    K = (e^β − E e^{βu})/(1−u)^α is propagated, with the α in [0, 1] for which (1−u)^α decays
    fastest near u = 1. The result then keeps its relative accuracy while the energy decays.
    """
    beta, times = validate.energy_beta(beta), _times(time)
    rising, place = np.unique(times, return_inverse=True)
    mass = _pair_weights(u0, weights)
    if rising.size == 0:
        return np.empty(np.shape(time))
    power = decay_power(kernel)
    nearest = nearest_angle(kernel, power, float(rising[-1]))
    elements = mesh(kernel, nearest, DEGREES[1])
    if u0 is None:
        u0, mass = points.independent(elements, kernel.dim)
    cosines = u0.ravel()
    moments = points.moments(elements, cosines, mass, power)

    def solve(elements: Mesh, step: float) -> FloatArray:
        nonlocal moments
        if moments.shape[1] <= elements.degree:
            moments = points.moments(elements, cosines, mass, power)
        gap = elements.gaps()
        start = np.full(gap.shape, beta if power == 1 else 0.0)  # the limit where u = 1
        apart = gap > 0
        start[apart] = -np.expm1(-beta * gap[apart]) / gap[apart] ** power
        nodal = propagate(kernel, elements, power, start, rising, step, floor=_FLOOR)
        return np.asarray(nodal @ points.functional(elements, moments))

    result = refined(kernel, nearest, solve, lambda fine: np.maximum(np.abs(fine), _FLOOR))
    energy = 0.5 * np.exp(beta) * np.maximum(result, 0.0)
    return np.asarray(energy[place.ravel()].reshape(np.shape(time)))


def _times(time: npt.ArrayLike) -> FloatArray:
    times = np.asarray(validate.finite_array("time", time), dtype=np.float64).ravel()
    if np.any(times < 0):
        raise ArgumentError(f"time must be non-negative, got {times[times < 0][0]:g}")
    return times


def _pair_weights(u0: FloatArray | None, weights: npt.ArrayLike | None) -> FloatArray:
    """Return one weight for each pair, (m,): uniform for None."""
    if u0 is None:
        if weights is not None:
            raise ArgumentError("weights belong to the cosines u0, got weights without u0")
        return np.empty(0)
    if u0.size == 0:
        raise ArgumentError(f"u0 must hold at least one cosine, got shape {u0.shape}")
    if weights is None:
        return np.broadcast_to(1.0 / u0.size, u0.size)
    mass = validate.finite_array("weights", weights)
    if mass.shape != u0.shape:
        raise ArgumentError(f"weights must have shape {u0.shape} like u0, got shape {mass.shape}")
    return validate.weights(mass.ravel(), mass.size)


def _values(f: Function, u: FloatArray) -> FloatArray:
    """Return f(u), checked."""
    if not callable(f):
        raise ArgumentTypeError(f"f must be a function of an array of cosines, got {f!r}")
    result = np.asarray(validate.finite_array("f(u)", f(u.copy())), dtype=np.float64)
    if result.shape != u.shape:
        raise ArgumentError(
            f"f must map an array to an array of the same shape, got {result.shape} from {u.shape}"
        )
    return result
