r"""Sums over all pairs in linear time: when, with how many harmonics, and with what error.

.. math:: e^{\beta u} = \sum_n \lambda_n P_{n,d}(u),\quad
          \lambda_n = N_{n,d}\,\Gamma(d/2)\,(2/\beta)^{d/2-1}\, I_{n+d/2-1}(\beta)

falls faster than any geometric series: :math:`\sum_j w_j e^{\beta\langle x,x_j\rangle} x_j` needs
few harmonics, and a cut at degree p changes it by at most :math:`\sum_{n>p}|\lambda_n|`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special

from noisync import _core
from noisync.attention.law import Attention
from noisync.attention.sum import AttentionSum
from noisync.base import validate
from noisync.base.validate import FloatArray
from noisync.errors import ArgumentError
from noisync.sphere.harmonics import harmonic_dimension
from noisync.theory.quadrature import HARMONIC_DIM

METHODS = ("auto", "direct", "harmonic")

#: Largest degree and number of harmonics.
_DEGREE, _COUNT = 400, 50_000

#: Nanoseconds, relative to one another: a pair of tokens in the direct sum, as a function of d, and
#: a token, a harmonic and one of the d + 1 columns in the other (where it is slow: few harmonics).
_PAIR, _PAIR_COORDINATE, _HARMONIC_COLUMN = 0.4, 0.15, 0.2


class Series(NamedTuple):
    """λ_0..λ_p of e^{βu − |β|}, the number of their harmonics, and Σ_{n>p} |λ_n|."""

    coefficients: tuple[float, ...]
    size: float
    tail: float


@lru_cache(maxsize=256)
def exponential_series(beta: float, dim: int, tail: float) -> Series | None:
    """Return the shortest series that leaves out at most `tail`, or None beyond the limits."""
    if dim > HARMONIC_DIM:
        return None
    coefficients = _coefficients(beta, dim)
    left_out = np.append(np.cumsum(np.abs(coefficients)[::-1])[::-1][1:], 0.0)
    degree = int(np.argmax(left_out <= tail))
    count = _core.harmonics_up_to(degree, dim)
    if left_out[degree] > tail or count > _COUNT:
        return None
    return Series(tuple(coefficients[: degree + 1].tolist()), count, float(left_out[degree]))


def _coefficients(beta: float, dim: int) -> FloatArray:
    size, order = abs(beta), 0.5 * dim - 1
    n = np.arange(_DEGREE + 1)
    counts = np.array([harmonic_dimension(int(k), dim) for k in n])
    if size < 1:  # I_ν(β) = (β/2)^ν/Γ(ν+1) 0F1(ν+1; β²/4): no quotient of tiny numbers
        power = special.xlogy(n, 0.5 * size) + special.gammaln(order + 1)
        factor = np.exp(power - special.gammaln(n + order + 1) - size)
        values = factor * special.hyp0f1(n + order + 1, 0.25 * size**2)
    else:
        factor = np.exp(special.gammaln(order + 1) + order * np.log(2 / size))
        values = factor * special.ive(n + order, size)  # e^{−|β|} I
    return np.asarray(counts * values * np.where(beta < 0, -1.0, 1.0) ** n)


def summation(attention: Attention, dim: int, n: int, method: str, tol: float) -> _core.Summation:
    """Return how the attention of n tokens is summed, in linear time or directly.

    Raises
    ------
    ArgumentError
        If "harmonic" is asked for and cannot serve.
    """
    validate.choice("method", method, METHODS)
    tol = validate.positive("tol", tol)
    direct = _core.Summation()
    if method == "direct" or (method == "auto" and dim > HARMONIC_DIM):
        return direct
    beta = attention.rotation_scale
    if beta is None:
        if method == "harmonic":
            raise ArgumentError(f"method: 'harmonic' {attention.linear_time_rule}")
        return direct
    # |a/b − a'/b'| <= 2 tail/b', b' no smaller than this; below rounding nothing is gained.
    least = attention.least_mass(beta)
    series = exponential_series(beta, dim, max(tol * least / 4, 1e-17))
    if series is None and method == "harmonic":
        raise ArgumentError(
            f"method: 'harmonic' serves dim of at most {HARMONIC_DIM} and {_COUNT} harmonics; "
            f"dim = {dim} with beta = {beta:g} and tol = {tol:g} needs more; use 'direct'"
        )
    if series is None or (method == "auto" and not is_faster(series.size, dim, n)):
        return direct
    return _core.Summation(
        beta=beta, harmonics=series.coefficients, tail=series.tail, tolerance=tol
    )


def summed(
    attention: Attention, dim: int, n: int, method: str, tol: float
) -> _core.SummedAttention:
    """Return the attention of n tokens for the core, each part summed as `method` says."""
    if isinstance(attention, AttentionSum):
        parts = [summed(part, dim, n, method, tol) for part in attention.parts]
        return _core.SummedAttention(_core.attention_sum(parts), _core.Summation())
    return _core.SummedAttention(attention.law(), summation(attention, dim, n, method, tol))


def stretch(attention: Attention | None, dim: int, n: int, method: str, tol: float) -> int:
    """Return into how many tokens each the linear-time sums over n tokens are cut, in all parts.

    1 where all sums are direct: they are cut nowhere.
    """
    if attention is None:
        return 1
    if isinstance(attention, AttentionSum):
        return math.lcm(*(stretch(part, dim, n, method, tol) for part in attention.parts))
    degree = summation(attention, dim, n, method, tol).degree
    return 1 if degree < 0 else _core.harmonic_stretch(degree, dim, n)


def energy_series(
    betas: Sequence[float], dim: int, n: int, method: str, *, scaled: bool = False
) -> FloatArray | None:
    r"""Return λ_0..λ_p of every β, (betas, p+1), for the energy, or None for the direct sum.

    With `scaled`, times e^{−β}.

    As :math:`1-P_n(u) \le \frac{n(n+d-2)}{d-1}(1-u)` and
    :math:`e^\beta-e^{\beta u} \ge \sinh(\beta)(1-u)`, what is cut is at most 1e-13 of any energy.

    Raises
    ------
    ArgumentError
        If "harmonic" is asked for and cannot serve.
    """
    validate.choice("method", method, METHODS)
    if method == "direct" or not betas:
        return None
    degree = 0
    for beta in betas if dim <= HARMONIC_DIM else ():
        growth = np.arange(_DEGREE + 1) * (np.arange(_DEGREE + 1) + dim - 2.0) / (dim - 1)
        terms = growth * _coefficients(beta, dim)
        left_out = np.append(np.cumsum(terms[::-1])[::-1][1:], 0.0)
        degree = max(degree, int(np.argmax(left_out <= 0.5e-13 * -np.expm1(-2 * beta))))
    served = dim <= HARMONIC_DIM and degree < _DEGREE
    count = _core.harmonics_up_to(degree, dim) if served else np.inf
    if count > _COUNT or (method == "auto" and not is_faster(count, dim, n)):
        if method == "harmonic":
            raise ArgumentError(
                f"method: 'harmonic' serves dim of at most {HARMONIC_DIM} and {_COUNT} harmonics; "
                f"an energy with dim = {dim}, beta = {max(betas):g} needs more; use 'direct'"
            )
        return None
    scales = [1.0 if scaled else np.exp(beta) for beta in betas]
    series = [_coefficients(beta, dim)[: degree + 1] for beta in betas]
    return np.array([s * c for s, c in zip(scales, series, strict=True)])


def is_faster(count: float, dim: int, n: int) -> bool:
    """Whether so many harmonics are faster than the direct sum over pairs."""
    direct = 0.5 * n * (_PAIR + _PAIR_COORDINATE * dim)
    return bool(_HARMONIC_COLUMN * (dim + 1) * count < direct)
