"""Implicit Runge–Kutta steps for stiff linear equations, with the solution at any time."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev, legendre
from scipy import special
from scipy.linalg import blas, lapack

from noisync.base.validate import FloatArray

ComplexArray = npt.NDArray[np.complex128]

#: Stages of the method, an even number: its eigenvalues are then complex pairs.
_STAGES = 6

#: Size of the last Legendre coefficient in time, relative to the solution, that a step may have.
_TOLERANCE = 4e-11

_MOST_STEPS = 4000


class _Method(NamedTuple):
    eigenvalues: ComplexArray  # (s/2,) of the Runge–Kutta matrix, one of each pair
    stages: ComplexArray  # (s, s/2): Y_i = F + 2 Re Σ_j stages_ij (E/(τλ_j) − M)^{-1} M F
    legendre: FloatArray  # (s+1, s+1): values at 0 and the nodes to Legendre coefficients


def evolve(
    mass: FloatArray,
    bands: FloatArray,
    initial: FloatArray,
    times: FloatArray,
    step: float,
    floor: float,
) -> FloatArray:
    r"""Solve :math:`E F' = M F`, F(0) = `initial`, E = diag(`mass`), M banded, at rising `times`.

    Rows with mass 0 are constraints. Radau IIA collocation with 6 stages, A- and L-stable: F is a
    polynomial in time over each step, and its last Legendre coefficient says how good that is. Step
    lengths are `step` times powers of two, so their factorisations serve again.

    Parameters
    ----------
    mass : (n,) ndarray
    bands : (2b+1, n) ndarray
        M_ij in row b + i − j, column j.
    initial : (n,) ndarray
    times : (k,) ndarray
        Non-negative and rising.
    step : float
        First length tried.
    floor : float
        Errors are relative to the solution's size while that is above `floor` times the initial
        one, and to that below.

    Returns
    -------
    (k, n) ndarray
        NaN at times that were not reached.
    """
    method = _method()
    factors: dict[int, list[tuple[ComplexArray, npt.NDArray[np.int32]]]] = {}
    values = np.zeros((times.size, initial.size))
    largest, done, now = float(np.abs(initial).max()), int(np.sum(times <= 0)), 0.0
    state, level = initial, 0
    tolerance, refused = _TOLERANCE, np.inf  # and estimate of a longer step just refused
    waiting = patience = 1  # steps before a longer one is tried, and after it was refused
    values[:done] = initial
    for _ in range(_MOST_STEPS):
        size = float(np.abs(state).max())
        if done == times.size or size <= 1e-60 * largest:  # what is left is zero
            return values
        length = step * 2.0**level
        if level not in factors:
            factors[level] = _factorise(mass, bands, length, method.eigenvalues)
        path = _step(factors[level], method, mass, bands, state)
        estimate = float(np.abs(path[-1]).max()) / max(size, floor * largest)
        if tolerance < estimate < 0.5 * refused:
            patience = min(2 * patience, 64)
            level, waiting, refused = level - 1, patience, estimate
            continue
        # Where half the length did not help, the rest is rounding, or an initial value with kinks.
        tolerance = max(_TOLERANCE, 0.8 * tolerance, 4 * estimate if estimate > tolerance else 0.0)
        refused, waiting = np.inf, waiting - 1
        upto = int(np.searchsorted(times, now + length, side="right"))
        inside = 2 * (times[done:upto] - now) / length - 1
        values[done:upto] = legendre.legvander(inside, _STAGES) @ path
        state, now, done = path.sum(axis=0), now + length, upto
        if waiting <= 0:
            level, waiting = level + 1, 1
    values[done:] = np.nan  # never agrees with another result
    return values


def _step(
    factors: list[tuple[ComplexArray, npt.NDArray[np.int32]]],
    method: _Method,
    mass: FloatArray,
    bands: FloatArray,
    state: FloatArray,
) -> FloatArray:
    """Return the Legendre coefficients in time of one step: (stages + 1, n)."""
    width = bands.shape[0] // 2
    # The increments: small numbers, and so are the rounding errors of their solution.
    change = blas.dgbmv(mass.size, mass.size, width, width, 1.0, bands, state)
    right = change.astype(np.complex128)
    solved = [lapack.zgbtrs(lu, width, width, right, pivots)[0] for lu, pivots in factors]
    stages = state + 2 * (method.stages @ np.array(solved)).real
    return np.asarray(method.legendre @ np.vstack([state, stages]))


def _factorise(
    mass: FloatArray, bands: FloatArray, length: float, eigenvalues: ComplexArray
) -> list[tuple[ComplexArray, npt.NDArray[np.int32]]]:
    width = bands.shape[0] // 2
    result = []
    for eigenvalue in eigenvalues:
        matrix = np.zeros((3 * width + 1, mass.size), dtype=np.complex128)
        # (E/(τλ) − M) Z = M F, of which the constraints, M (F + Z) = 0, keep their scale.
        matrix[width:] = -bands
        matrix[2 * width] += mass / (length * eigenvalue)
        lu, pivots, _ = lapack.zgbtrf(matrix, width, width)
        result.append((lu, pivots))
    return result


@lru_cache(maxsize=1)
def _method() -> _Method:
    # Radau IIA: the inner nodes are the zeros of the Jacobi polynomial P^{(1,0)}, the last is 1.
    inner, _ = special.roots_jacobi(_STAGES - 1, 1.0, 0.0)
    x = np.append(inner, 1.0)
    degrees = np.eye(_STAGES)
    integrals = [chebyshev.chebval(x, chebyshev.chebint(row, lbnd=-1)) for row in degrees]
    # A_ij = ∫_0^{c_i} ℓ_j, c = (1 + x)/2
    matrix = 0.5 * np.array(integrals).T @ np.linalg.inv(chebyshev.chebvander(x, _STAGES - 1))
    eigenvalues, vectors = np.linalg.eig(matrix)
    weights = np.linalg.solve(vectors, np.ones(_STAGES))
    upper = eigenvalues.imag > 0
    times = np.append(-1.0, x)
    return _Method(
        eigenvalues[upper],
        (vectors * weights)[:, upper],
        np.linalg.inv(legendre.legvander(times, _STAGES)),
    )
